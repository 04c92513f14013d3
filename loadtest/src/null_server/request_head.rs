//! Parses the head of an HTTP request.

/// The head of a request.
#[derive(Debug)]
pub(super) struct Head {
    /// Length of the head itself.
    pub(super) length: usize,
    pub(super) body_length: usize,
    /// `Sec-WebSocket-Key`.
    pub(super) key: Option<String>,
    pub(super) is_post: bool,
    pub(super) path: String,
}

/// The head at the start of `bytes`. `None` if it is incomplete.
pub(super) fn parse_head(bytes: &[u8]) -> Option<Head> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut headers);
    let Ok(httparse::Status::Complete(length)) = request.parse(bytes) else {
        return None;
    };
    let header = |name: &str| {
        let found = request
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))?;
        String::from_utf8(found.value.to_vec()).ok()
    };
    let body_length = header("content-length").and_then(|length| length.parse().ok());
    Some(Head {
        length,
        body_length: body_length.unwrap_or(0),
        key: header("sec-websocket-key"),
        is_post: request.method == Some("POST"),
        path: request.path.unwrap_or_default().to_owned(),
    })
}
