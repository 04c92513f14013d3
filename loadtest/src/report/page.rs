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
                    out.push_str("<div class=\"scroll\"><table>\n");
                    for (nth, row) in rows.iter().enumerate() {
                        let tag = if nth == 0 { "th" } else { "td" };
                        out.push_str("<tr>");
                        for cell in row {
                            let _ = write!(out, "<{tag}>{}</{tag}>", xml(cell));
                        }
                        out.push_str(
                            "</tr>
",
                        );
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

const STYLE: &str = "
:root { color-scheme: light dark; --line: #8884; --code: #8881; }
body { margin: 0; font: 15px/1.55 system-ui, sans-serif; }
main { max-width: 900px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 26px; } h2 { font-size: 18px; margin: 32px 0 8px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 10px; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
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
                ]),
                Block::Commands(vec!["run '<x>'".to_owned()]),
            ],
        };
        assert_eq!(
            page.markdown(),
            "# A &amp; B\n\n|  | A |\n|---|---:|\n| lost | 1 |\n\n```sh\nrun '<x>'\n```\n"
        );
        let html = page.html();
        assert!(html.contains("<h1>A &amp; B</h1>"), "{html}");
        assert!(html.contains("<tr><td>lost</td><td>1</td></tr>"), "{html}");
        assert!(html.contains("<pre>run '&lt;x&gt;'</pre>"), "{html}");
    }
}
