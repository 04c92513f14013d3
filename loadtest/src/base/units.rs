//! Reads and writes counts (`10k`), rates (`2k/s`, `60/m`), sizes (`256B`, `4KiB`), shares (`5%`) and latencies (`1.9ms`).

use std::time::Duration;

/// Parses a count: a number with an optional `k` or `m` (`500`, `1.5k`).
pub(crate) fn parse_count(text: &str) -> Result<u32, String> {
    let value = parse_scaled(text)?;
    if value.fract() != 0.0 || value < 0.0 || value > f64::from(u32::MAX) {
        return Err(format!("`{text}` is not a whole number"));
    }
    Ok(value as u32)
}

/// Parses a rate into events per second: a count with `/s` (the default), `/m` or `/h`.
pub(crate) fn parse_rate(text: &str) -> Result<f64, String> {
    let (number, seconds) = match text.rsplit_once('/') {
        None | Some((_, "s")) => (text.trim_end_matches("/s"), 1.0),
        Some((number, "m")) => (number, 60.0),
        Some((number, "h")) => (number, 3600.0),
        Some(_) => return Err(format!("`{text}`: the unit of a rate is /s, /m or /h")),
    };
    let rate = parse_scaled(number)? / seconds;
    if rate > 0.0 && rate <= 10_000_000.0 {
        Ok(rate)
    } else {
        Err(format!("`{text}` must be above 0 and at most 10m/s"))
    }
}

/// Parses a size into bytes: `256`, `256B`, `4KiB`, `1MiB` (and `KB`, `MB`, which are powers of 1000).
pub(crate) fn parse_size(text: &str) -> Result<u32, String> {
    let split = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1000,
        "k" | "kib" => 1024,
        "mb" => 1_000_000,
        "m" | "mib" => 1024 * 1024,
        _ => return Err(format!("`{text}`: the unit of a size is B, KiB or MiB")),
    };
    number
        .parse::<u32>()
        .ok()
        .and_then(|n| n.checked_mul(factor))
        .filter(|&bytes| bytes <= 1024 * 1024)
        .ok_or_else(|| format!("`{text}` is not a size of 1MiB or less"))
}

/// Parses a share into a fraction of 1: `5%` or `0.05`.
pub(crate) fn parse_share(text: &str) -> Result<f64, String> {
    let (number, scale) = match text.strip_suffix('%') {
        Some(number) => (number, 100.0),
        None => (text, 1.0),
    };
    let share = parse_scaled(number)? / scale;
    if (0.0..=1.0).contains(&share) {
        Ok(share)
    } else {
        Err(format!("`{text}` must be between 0% and 100%"))
    }
}

/// Parses a size, with an optional `/s`, into bytes per second.
pub(crate) fn parse_byte_rate(text: &str) -> Result<u32, String> {
    parse_size(text.strip_suffix("/s").unwrap_or(text))
}

fn parse_scaled(text: &str) -> Result<f64, String> {
    let lower = text.trim().to_ascii_lowercase();
    let (digits, factor) = match lower.as_bytes().last() {
        Some(b'k') => (&lower[..lower.len() - 1], 1e3),
        Some(b'm') => (&lower[..lower.len() - 1], 1e6),
        _ => (lower.as_str(), 1.0),
    };
    let value: f64 = digits
        .parse()
        .map_err(|_| format!("`{text}` is not a number (examples: 500, 2k, 1.5m)"))?;
    if value.is_finite() {
        Ok((value * factor * 1e6).round() / 1e6)
    } else {
        Err(format!("`{text}` is not a number"))
    }
}

/// Formats milliseconds since 1970 as a date: `2026-11-26`, in UTC.
pub(crate) fn date(unix_ms: u64) -> String {
    // The civil calendar, in years that begin with March.
    let days = unix_ms / 86_400_000 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = era * 400 + year + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Formats `1234567` as `1,234,567`.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats microseconds as `640us`, `1.9ms` or `2.01s`. Rounds up, never down.
pub(crate) fn latency(us: u64) -> String {
    match us {
        0..1_000 => format!("{us}us"),
        1_000..100_000 => {
            let tenths = us.div_ceil(100);
            format!("{}.{}ms", tenths / 10, tenths % 10)
        }
        100_000..1_000_000 => format!("{}ms", us.div_ceil(1_000)),
        _ => {
            let hundredths = us.div_ceil(10_000);
            format!("{}.{:02}s", hundredths / 100, hundredths % 100)
        }
    }
}

/// Formats a duration as seconds with one decimal.
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.1}s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_people_type() {
        assert_eq!(parse_count("10k"), Ok(10_000));
        assert_eq!(parse_count("1.5k"), Ok(1500));
        assert_eq!(parse_rate("2k/s"), Ok(2000.0));
        assert_eq!(parse_rate("120/m"), Ok(2.0));
        assert_eq!(parse_rate("7"), Ok(7.0));
        assert_eq!(parse_size("4KiB"), Ok(4096));
        assert_eq!(parse_size("256B"), Ok(256));
        assert_eq!(parse_share("5%"), Ok(0.05));
        assert_eq!(parse_share("1"), Ok(1.0));
        assert!(parse_share("101%").is_err());
        assert_eq!(parse_byte_rate("1KiB/s"), Ok(1024));
        assert!(parse_count("ten").is_err());
        assert!(parse_rate("0/s").is_err());
        assert!(parse_size("1GiB").is_err());
    }

    #[test]
    fn writes_dates() {
        for (unix_ms, text) in [
            (0, "1970-01-01"),
            (951_782_400_000, "2000-02-29"),
            (1_767_225_599_999, "2025-12-31"),
            (1_767_225_600_000, "2026-01-01"),
        ] {
            assert_eq!(date(unix_ms), text);
        }
    }

    #[test]
    fn never_rounds_a_latency_down() {
        assert_eq!(latency(999), "999us");
        assert_eq!(latency(1_901), "2.0ms");
        assert_eq!(latency(100_001), "101ms");
        assert_eq!(latency(2_000_001), "2.01s");
        assert_eq!(grouped(29_999_800), "29,999,800");
    }
}
