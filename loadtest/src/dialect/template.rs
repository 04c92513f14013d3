//! Templates of frames, bodies and paths: text with `{{channel}}`, `{{payload}}` and so on.

/// What is put into a template.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Values<'a> {
    /// `{{channel}}`: the name of the channel.
    pub(crate) channel: &'a str,
    /// `{{payload}}`: a JSON object; `{{payload_text}}`: the same inside a JSON string, without its quotes;
    /// `{{payload_query}}`: the same as a value in a form; `{{size}}`: its number of bytes.
    pub(crate) payload: &'a [u8],
    /// `{{id}}`: a number that no other message of the connection has.
    pub(crate) id: u64,
    /// `{{token}}`: the value of `--token`.
    pub(crate) token: &'a str,
}

/// A template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Channel,
    Payload,
    PayloadText,
    PayloadQuery,
    Size,
    Id,
    Token,
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    /// It contains a name in braces that is not known.
    pub(crate) fn parse(mut text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        while let Some(start) = text.find("{{") {
            let Some(end) = text[start..].find("}}") else {
                break;
            };
            let part = match &text[start + 2..start + end] {
                "channel" => Part::Channel,
                "payload" => Part::Payload,
                "payload_text" => Part::PayloadText,
                "payload_query" => Part::PayloadQuery,
                "size" => Part::Size,
                "id" => Part::Id,
                "token" => Part::Token,
                other => {
                    return Err(format!(
                        "`{{{{{other}}}}}` is not known (known: channel, payload, payload_text, payload_query, size, id, token)"
                    ));
                }
            };
            parts.push(Part::Text(text[..start].to_owned()));
            parts.push(part);
            text = &text[start + end + 2..];
        }
        parts.push(Part::Text(text.to_owned()));
        parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        Ok(Self(parts))
    }

    /// Whether it contains `{{token}}`.
    pub(crate) fn names_a_token(&self) -> bool {
        self.0.contains(&Part::Token)
    }

    /// Appends the text with these values.
    pub(crate) fn fill(&self, values: &Values<'_>, out: &mut Vec<u8>) {
        for part in &self.0 {
            match part {
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                Part::Channel => out.extend_from_slice(values.channel.as_bytes()),
                Part::Payload => out.extend_from_slice(values.payload),
                Part::PayloadText => escape(values.payload, out),
                Part::PayloadQuery => percent_encode(values.payload, out),
                Part::Size => out.extend_from_slice(values.payload.len().to_string().as_bytes()),
                Part::Id => out.extend_from_slice(values.id.to_string().as_bytes()),
                Part::Token => out.extend_from_slice(values.token.as_bytes()),
            }
        }
    }

    /// The text with these values.
    pub(crate) fn text(&self, values: &Values<'_>) -> String {
        let mut out = Vec::new();
        self.fill(values, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// Escapes a payload for a JSON string. Payloads are printable ASCII.
fn escape(payload: &[u8], out: &mut Vec<u8>) {
    for &byte in payload {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
}

fn percent_encode(payload: &[u8], out: &mut Vec<u8>) {
    for &byte in payload {
        if byte.is_ascii_alphanumeric() {
            out.push(byte);
        } else {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_in_all_values() {
        let text = r#"{{channel}} {{size}} {"d":{{payload}},"t":"{{payload_text}}"} {{payload_query}} {{id}}{{token}}"#;
        let template = Template::parse(text).expect("valid");
        let values = Values {
            channel: "news",
            payload: br#"{"a":1}"#,
            id: 7,
            token: "secret",
        };
        assert_eq!(
            template.text(&values),
            r#"news 7 {"d":{"a":1},"t":"{\"a\":1}"} %7B%22a%22%3A1%7D 7secret"#
        );
        assert!(template.names_a_token());
        assert!(Template::parse("{{chanel}}").is_err());
        let plain = Template::parse("40{ }}").expect("valid");
        assert_eq!(plain.text(&values), "40{ }}");
        assert!(!plain.names_a_token());
    }
}
