//! Close frames and close codes.

use super::ProtocolError;

/// The payload of a Close frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloseFrame<'a> {
    /// The close code, for which [`is_close_code`] holds.
    pub code: u16,
    /// The reason, at most 123 bytes and often empty.
    pub reason: &'a str,
}

impl<'a> CloseFrame<'a> {
    /// Parses an unmasked payload; `None` if it is empty ([RFC 6455 §5.5.1](https://www.rfc-editor.org/rfc/rfc6455#section-5.5.1)).
    pub(super) fn parse(payload: &'a [u8]) -> Result<Option<Self>, ProtocolError> {
        let Some((code, reason)) = payload.split_first_chunk::<2>() else {
            return if payload.is_empty() {
                Ok(None)
            } else {
                Err(ProtocolError::CloseTooShort)
            };
        };
        let code = u16::from_be_bytes(*code);
        if !is_close_code(code) {
            return Err(ProtocolError::CloseCode(code));
        }
        let reason = str::from_utf8(reason).map_err(|_| ProtocolError::CloseReasonNotUtf8)?;
        Ok(Some(Self { code, reason }))
    }
}

/// Whether a peer may send this close code: one defined in
/// [RFC 6455 §7.4](https://www.rfc-editor.org/rfc/rfc6455#section-7.4) or in the IANA registry that is not reserved for
/// local use, or one in the ranges for libraries and applications.
pub fn is_close_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_which_codes_may_be_sent() {
        let allowed = [
            1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999,
            4000, 4999,
        ];
        let refused = [
            0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535,
        ];
        assert!(allowed.into_iter().all(is_close_code));
        assert!(!refused.into_iter().any(is_close_code));
    }

    #[test]
    fn parses_code_and_reason() {
        let close = |code, reason| Ok(Some(CloseFrame { code, reason }));
        assert_eq!(CloseFrame::parse(b""), Ok(None));
        assert_eq!(CloseFrame::parse(b"\x03\xe8"), close(1000, ""));
        assert_eq!(CloseFrame::parse(b"\x0f\xa1bye"), close(4001, "bye"));
    }

    #[test]
    fn rejects_invalid_payloads() {
        assert_eq!(
            CloseFrame::parse(b"\x03"),
            Err(ProtocolError::CloseTooShort)
        );
        assert_eq!(
            CloseFrame::parse(b"\x03\xed"),
            Err(ProtocolError::CloseCode(1005))
        );
        assert_eq!(
            CloseFrame::parse(b"\x03\xe8\xce\xba\xe1\xbd"),
            Err(ProtocolError::CloseReasonNotUtf8)
        );
    }
}
