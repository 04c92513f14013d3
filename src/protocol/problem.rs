//! Problem details of the HTTP API (RFC 9457).

use super::json::push_string;

/// The media type of a problem.
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

/// Why a request was refused.
#[derive(Debug, Clone, Copy)]
pub struct Problem<'a> {
    /// The stable code.
    pub code: &'a str,
    /// A short summary of the code.
    pub title: &'a str,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong with this particular request.
    pub detail: &'a str,
}

impl Problem<'_> {
    /// Headers of a response with a problem: a browser that shows it takes it for nothing else, does
    /// not pass its address on, does not frame it, and does not keep it.
    pub const PROTECTION: [(&'static str, &'static str); 4] = [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        (
            "content-security-policy",
            "default-src 'none'; frame-ancestors 'none'",
        ),
        ("cache-control", "no-store"),
    ];

    /// Encodes the problem as JSON: the standard members and `code`.
    pub fn to_json(self) -> String {
        let mut text = String::from("{\"type\":");
        // Writing to a String cannot fail.
        let _ = push_string(&mut text, &format!("urn:wavecast:problem:{}", self.code));
        for (key, value) in [
            ("title", self.title),
            ("code", self.code),
            ("detail", self.detail),
        ] {
            text.push_str(",\"");
            text.push_str(key);
            text.push_str("\":");
            let _ = push_string(&mut text, value);
        }
        text.push_str(",\"status\":");
        text.push_str(&self.status.to_string());
        text.push('}');
        text
    }
}
