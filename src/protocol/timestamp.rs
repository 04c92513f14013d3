//! Timestamps of events.

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The length of a timestamp until the year 9999.
const LEN: usize = "2024-01-15T10:30:00.000Z".len();

thread_local! {
    /// The last timestamp's milliseconds since 1970, and its text.
    static LAST: Cell<(u128, [u8; LEN])> = const { Cell::new((u128::MAX, [0; LEN])) };
}

/// Formats a time as RFC 3339 in UTC with milliseconds. Each thread keeps the text of the
/// last millisecond, since many events are published in one.
pub fn timestamp(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).ok();
    let milliseconds = since.map(|since| since.as_millis());
    let (known, text) = LAST.get();
    if milliseconds == Some(known)
        && let Ok(text) = str::from_utf8(&text)
    {
        return text.to_owned();
    }
    let text = humantime::format_rfc3339_millis(at).to_string();
    if let (Some(milliseconds), Ok(bytes)) = (milliseconds, text.as_bytes().try_into()) {
        LAST.set((milliseconds, bytes));
    }
    text
}

/// The last second that RFC 3339 has a form for: the end of the year 9999.
const LAST_SECOND: Duration = Duration::from_secs(253_402_300_799);

/// Formats a time that somebody chose as RFC 3339 in UTC with seconds. A later time than the year
/// 9999 has no form, and becomes its end.
pub fn timestamp_seconds(at: SystemTime) -> String {
    let at = at.clamp(UNIX_EPOCH, UNIX_EPOCH + LAST_SECOND);
    humantime::format_rfc3339_seconds(at).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_has_no_form_becomes_the_last_that_has_one() {
        let far = UNIX_EPOCH + LAST_SECOND * 100;
        assert_eq!(timestamp_seconds(far), "9999-12-31T23:59:59Z");
        let at = UNIX_EPOCH + Duration::from_secs(1_767_225_600);
        assert_eq!(timestamp_seconds(at), "2026-01-01T00:00:00Z");
    }

    #[test]
    fn a_timestamp_is_that_of_its_own_millisecond() {
        let at = |milliseconds: u64| UNIX_EPOCH + Duration::from_micros(milliseconds * 1000 + 999);
        for (milliseconds, text) in [
            (1_705_314_600_000, "2024-01-15T10:30:00.000Z"),
            (1_705_314_600_000, "2024-01-15T10:30:00.000Z"),
            (1_705_314_600_001, "2024-01-15T10:30:00.001Z"),
            (1_705_314_600_000, "2024-01-15T10:30:00.000Z"),
            (0, "1970-01-01T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(timestamp(at(milliseconds)), text);
        }
    }

    #[test]
    fn each_thread_has_the_text_of_its_own_time() {
        let now = SystemTime::now();
        for ahead in 0..50 {
            let at = now + Duration::from_micros(ahead * 300);
            let expected = humantime::format_rfc3339_millis(at).to_string();
            assert_eq!(timestamp(at), expected);
            let other = std::thread::spawn(move || timestamp(at)).join().unwrap();
            assert_eq!(other, expected);
        }
    }
}
