//! Escapes text of a run for the format it is written to.

/// Escapes XML text and quoted attributes. Characters that XML 1.0 does not allow become U+FFFD.
pub(crate) fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            // https://www.w3.org/TR/xml/#charsets
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}

/// Escapes JSON in an inline script, so that it cannot end the element or start a comment.
pub(crate) fn json_in_script(json: &str) -> String {
    json.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}

/// Escapes one line of Markdown text, also in a table.
pub(crate) fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => out.push(' '),
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' | '@' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

/// A file name made from a metric name, which comes from a JSON file and may hold anything.
pub(crate) fn file_name(metric: &str) -> String {
    metric
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || ".-_".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_no_markup_in_any_format() {
        assert_eq!(xml("a<b>&\"\u{7}"), "a&lt;b&gt;&amp;&quot;\u{fffd}");
        assert_eq!(
            json_in_script("\"</script><!--\""),
            "\"\\u003c/script\\u003e\\u003c!--\""
        );
        assert_eq!(markdown("a|b\n<img> *x*"), "a\\|b &lt;img> \\*x\\*");
    }

    #[test]
    fn keeps_metric_names_from_leaving_the_directory() {
        assert_eq!(file_name("../web delivery"), ".._web_delivery");
    }
}
