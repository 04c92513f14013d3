//! A page of paragraphs, tables and commands, as Markdown or as one HTML file.

use super::escape::{markdown, xml};
use std::fmt::Write;

/// A page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) title: String,
    pub(crate) blocks: Vec<Block>,
}

/// A part of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    Heading(String),
    Text(String),
    List(Vec<String>),
    /// The first row is the head; the first column is text, the others are figures.
    Table(Vec<Vec<String>>),
    Commands(Vec<String>),
}

impl Page {
    /// The page as Markdown.
    pub(crate) fn markdown(&self) -> String {
        let mut out = format!("# {}\n", markdown(&self.title));
        for block in &self.blocks {
            out.push('\n');
            match block {
                Block::Heading(text) => _ = writeln!(out, "## {}", markdown(text)),
                Block::Text(text) => _ = writeln!(out, "{}", markdown(text)),
                Block::List(items) => {
                    for item in items {
                        let _ = writeln!(out, "- {}", markdown(item));
                    }
                }
                Block::Table(rows) => {
                    for (nth, row) in rows.iter().enumerate() {
                        let cells: Vec<String> = row.iter().map(|cell| markdown(cell)).collect();
                        let _ = writeln!(out, "| {} |", cells.join(" | "));
                        if nth == 0 {
                            let _ = writeln!(out, "|---|{}", "---:|".repeat(row.len() - 1));
                        }
                    }
                }
                Block::Commands(lines) => {
                    let _ = writeln!(out, "```sh\n{}\n```", lines.join("\n"));
                }
            }
        }
        out
    }

    /// The page as one HTML file, which needs no network.
    pub(crate) fn html(&self) -> String {
        let title = xml(&self.title);
        let mut out = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{title}</title>\n\
             <style>{STYLE}</style></head><body><main>\n<h1>{title}</h1>\n"
        );
        for block in &self.blocks {
            match block {
                Block::Heading(text) => _ = writeln!(out, "<h2>{}</h2>", xml(text)),
                Block::Text(text) => _ = writeln!(out, "<p>{}</p>", xml(text)),
                Block::List(items) => {
                    out.push_str("<ul>");
                    for item in items {
                        let _ = write!(out, "<li>{}</li>", xml(item));
                    }
                    out.push_str(
                        "</ul>
",
                    );
                }
                Block::Table(rows) => {
                    out.push_str("<div class=\"scroll\" tabindex=\"0\"><table>\n");
                    for (nth, row) in rows.iter().enumerate() {
                        html_row(&mut out, row, nth == 0);
                    }
                    out.push_str("</table></div>\n");
                }
                Block::Commands(lines) => {
                    let _ = writeln!(out, "<pre>{}</pre>", xml(&lines.join("\n")));
                }
            }
        }
        out.push_str("</main></body></html>\n");
        out
    }
}

/// A row of a table. What a cell has in brackets at its end, such as a range, goes on a line of its own.
fn html_row(out: &mut String, row: &[String], is_head: bool) {
    out.push_str("<tr>");
    for (column, cell) in row.iter().enumerate() {
        let _ = match (is_head, column, cell.split_once(" (")) {
            (true, ..) => write!(out, "<th scope=\"col\">{}</th>", xml(cell)),
            (_, 0, _) => write!(out, "<th scope=\"row\">{}</th>", xml(cell)),
            (_, _, Some((value, range))) => write!(
                out,
                "<td>{}<small>{}</small></td>",
                xml(value),
                xml(&range.trim_end_matches(')').replace(" to ", "–"))
            ),
            (_, _, None) => write!(out, "<td>{}</td>", xml(cell)),
        };
    }
    out.push_str("</tr>\n");
}

const STYLE: &str = "
:root { color-scheme: light dark; --page: #fff; --text: #1c2024; --soft: #5b6470; --line: #d9dde2; --code: #f2f4f6; }
@media (prefers-color-scheme: dark) {
  :root { --page: #15181b; --text: #e6e9ec; --soft: #9aa4af; --line: #30363d; --code: #1e2327; }
}
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.55 system-ui, sans-serif; }
main { max-width: 900px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 26px; line-height: 1.25; overflow-wrap: anywhere; } h2 { font-size: 18px; margin: 32px 0 8px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 10px; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; vertical-align: top; }
th { font-weight: 600; }
tr > :first-child { position: sticky; left: 0; background: var(--page); text-align: left; padding-left: 0; white-space: normal; }
th[scope=row] { font-weight: 400; min-width: 9em; }
small { display: block; color: var(--soft); font-size: 12px; line-height: 1.3; }
@media (max-width: 560px) {
  main { padding: 20px 14px 48px; }
  th, td { padding: 6px; }
  th[scope=row] { min-width: 6.5em; }
}
pre { background: var(--code); padding: 12px 14px; border-radius: 8px; white-space: pre-wrap; overflow-wrap: anywhere; }
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_markdown_and_html() {
        let page = Page {
            title: "A & B".to_owned(),
            blocks: vec![
                Block::Table(vec![
                    vec![String::new(), "A".to_owned()],
                    vec!["lost".to_owned(), "1".to_owned()],
                    vec!["p50".to_owned(), "2.0 (1.0 to 3.0)".to_owned()],
                ]),
                Block::Commands(vec!["run '<x>'".to_owned()]),
            ],
        };
        assert_eq!(
            page.markdown(),
            "# A &amp; B\n\n|  | A |\n|---|---:|\n| lost | 1 |\n| p50 | 2.0 (1.0 to 3.0) |\n\n```sh\nrun '<x>'\n```\n"
        );
        let html = page.html();
        assert!(html.contains("<h1>A &amp; B</h1>"), "{html}");
        let row = "<tr><th scope=\"row\">lost</th><td>1</td></tr>";
        assert!(html.contains(row), "{html}");
        assert!(
            html.contains("<td>2.0<small>1.0–3.0</small></td>"),
            "{html}"
        );
        assert!(html.contains("<pre>run '&lt;x&gt;'</pre>"), "{html}");
    }
}
