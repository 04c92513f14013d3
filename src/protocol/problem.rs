//! Problem details of the HTTP API (RFC 9457).

use super::json::push_string;

/// The media type of a problem.
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

/// One refused request.
#[derive(Debug, Clone, Copy)]
pub struct Problem<'a> {
    /// The stable code.
    pub code: &'a str,
    /// What the code means, in a few words.
    pub title: &'a str,
    /// The HTTP status.
    pub status: u16,
    /// What exactly was wrong with this request.
    pub detail: &'a str,
}

impl Problem<'_> {
    /// The problem as JSON, `code` beside the standard members.
    pub fn to_json(self) -> String {
        let mut text = String::from("{\"type\":");
        push_string(&mut text, &format!("urn:wavecast:problem:{}", self.code));
        for (key, value) in [
            ("title", self.title),
            ("code", self.code),
            ("detail", self.detail),
        ] {
            text.push_str(",\"");
            text.push_str(key);
            text.push_str("\":");
            push_string(&mut text, value);
        }
        text.push_str(",\"status\":");
        text.push_str(&self.status.to_string());
        text.push('}');
        text
    }
}
