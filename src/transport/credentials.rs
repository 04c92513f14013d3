//! Where a request's token is.

use axum::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use axum::http::{HeaderMap, Uri};

use crate::node::policy::TokenOptions;
use crate::protocol::{ErrorCode, Refusal, Token, percent_decoded};

/// The subprotocol of the native protocol.
pub(super) const SUBPROTOCOL: &str = "wavecast";
/// A token as a subprotocol, which is the only header that a page can set on a WebSocket.
const TOKEN_SUBPROTOCOL: &str = "wavecast.token.";

/// The token of a request, by what becomes of a refusal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Credentials {
    /// There is none.
    None,
    /// In the header: a refusal is the answer to the request.
    Header(Token),
    /// Where browsers have to put it. They cannot read why an upgrade failed, so a WebSocket is
    /// upgraded first and refused then.
    Browser(Token),
}

/// The tokens in the headers of a request.
#[derive(Debug, Default)]
pub(super) struct HeaderTokens {
    authorization: Vec<Token>,
    subprotocol: Vec<Token>,
    /// Whether the client offers the native protocol.
    pub(super) offers_native: bool,
}

impl HeaderTokens {
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let mut tokens = Self::default();
        for value in headers.get_all(AUTHORIZATION) {
            let value = String::from_utf8_lossy(value.as_bytes());
            let (scheme, token) = value.split_once(' ').unwrap_or((&value, ""));
            // Other schemes are not meant for this server.
            if scheme.eq_ignore_ascii_case("bearer") {
                tokens.authorization.push(Token::new(token.trim()));
            }
        }
        for line in headers.get_all(SEC_WEBSOCKET_PROTOCOL) {
            let line = String::from_utf8_lossy(line.as_bytes());
            for name in line.split(',').map(str::trim) {
                tokens.offers_native |= name == SUBPROTOCOL;
                if let Some(token) = name.strip_prefix(TOKEN_SUBPROTOCOL) {
                    tokens.subprotocol.push(Token::new(token));
                }
            }
        }
        tokens
    }

    /// Whether the client offers nothing that the answer could name: a browser would fail.
    pub(super) fn offers_only_a_token(&self) -> bool {
        !self.subprotocol.is_empty() && !self.offers_native
    }

    /// The only token of the request.
    ///
    /// Errors: `several_tokens`, and `token_in_query` where that is not allowed.
    pub(super) fn with_query(
        &self,
        uri: &Uri,
        options: &TokenOptions,
    ) -> Result<Credentials, Refusal> {
        let in_query = tokens_in(uri.query().unwrap_or_default());
        if !in_query.is_empty() && !options.allow_query {
            return Err(Refusal::new(ErrorCode::TokenInQuery).with_detail(
                "tokens in the query end up in logs; send it as `Authorization: Bearer`",
            ));
        }
        let count = self.authorization.len() + self.subprotocol.len() + in_query.len();
        if count > 1 {
            return Err(ErrorCode::SeveralTokens.into());
        }
        let browser = self.subprotocol.iter().chain(&in_query).next();
        Ok(match (self.authorization.first(), browser) {
            (Some(token), _) => Credentials::Header(token.clone()),
            (None, Some(token)) => Credentials::Browser(token.clone()),
            (None, None) => Credentials::None,
        })
    }
}

/// The values of `token` in a query.
fn tokens_in(query: &str) -> Vec<Token> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let tokens = pairs.filter(|(key, _)| *key == "token");
    tokens
        .map(|(_, value)| Token::new(&percent_decoded(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    fn credentials(
        headers: &[(HeaderName, &str)],
        uri: &str,
        allow_query: bool,
    ) -> Result<Credentials, ErrorCode> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.clone(), value.parse().unwrap());
        }
        let options = TokenOptions {
            allow_query,
            ..TokenOptions::default()
        };
        let tokens = HeaderTokens::read(&map);
        let found = tokens.with_query(&uri.parse().unwrap(), &options);
        found.map_err(|refusal| refusal.code)
    }

    #[test]
    fn a_token_is_found_wherever_it_may_be() {
        let header = |value| credentials(&[(AUTHORIZATION, value)], "/ws", false);
        let token = |text| Token::new(text);
        assert_eq!(
            header("Bearer a.b.c"),
            Ok(Credentials::Header(token("a.b.c")))
        );
        assert_eq!(header("bearer  a"), Ok(Credentials::Header(token("a"))));
        assert_eq!(header("Basic a"), Ok(Credentials::None));
        assert_eq!(header("Bearer"), Ok(Credentials::Header(token(""))));
        assert_eq!(header("é"), Ok(Credentials::None));
        let offered = "wavecast, wavecast.token.a.b";
        let subprotocol = credentials(&[(SEC_WEBSOCKET_PROTOCOL, offered)], "/ws", false);
        assert_eq!(subprotocol, Ok(Credentials::Browser(token("a.b"))));
        let query = credentials(&[], "/ws?x=1&token=a%2Eb&y", true);
        assert_eq!(query, Ok(Credentials::Browser(token("a.b"))));
        assert_eq!(
            credentials(&[], "/ws?tokens=a", false),
            Ok(Credentials::None)
        );
    }

    #[test]
    fn a_second_token_is_refused_wherever_it_is() {
        let header = (AUTHORIZATION, "Bearer a");
        let subprotocol = (SEC_WEBSOCKET_PROTOCOL, "wavecast, wavecast.token.b");
        for (headers, uri) in [
            (vec![header.clone(), header.clone()], "/"),
            (vec![header.clone(), subprotocol.clone()], "/"),
            (vec![subprotocol.clone(), subprotocol.clone()], "/"),
            (vec![header], "/?token=c"),
            (vec![subprotocol], "/?token=c"),
            (vec![], "/?token=c&token=c"),
        ] {
            let found = credentials(&headers, uri, true);
            assert_eq!(found, Err(ErrorCode::SeveralTokens), "{headers:?} {uri}");
        }
    }

    #[test]
    fn a_token_in_the_query_is_refused_unless_it_is_allowed() {
        let found = credentials(&[], "/ws?token=a", false);
        assert_eq!(found, Err(ErrorCode::TokenInQuery));
        assert_eq!(
            credentials(&[], "/ws?token=", false),
            Err(ErrorCode::TokenInQuery)
        );
    }
}
