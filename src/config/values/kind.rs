//! Kinds of values: their syntax and their range.

use std::time::Duration;

use bytesize::ByteSize;

use super::log_filter;
use super::value::{Raw, Value, is_contents};
use super::web_origin;
use crate::config::validate::YEAR;
use crate::limits::{Rate, RateError};
use crate::protocol::{did_you_mean, nearest};
use crate::wire::{AllowedOrigins, TrustedProxies};

/// The kind of a setting's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// On or off.
    Switch,
    /// A whole number.
    Number { least: u64, most: u64 },
    /// A number of bytes, with or without a unit.
    Size { least: usize },
    /// A duration with its unit, at most a year.
    Time { least: Duration },
    /// An address to listen on.
    Address,
    /// The same, or nothing.
    OptionalAddress,
    /// A log level or a log filter.
    LogFilter,
    /// The path of a file. In the configuration file, a relative one begins at that file's folder.
    Path,
    /// The same, but never empty: without the setting, there is no file.
    NeededPath,
    /// Web origins: a list, or separated by commas in a flag or variable.
    WebOrigins,
    /// Texts: a list, or separated by commas in a flag or variable.
    Texts,
    /// Web origins whose pages may connect, in the same form; also `https://*.app.example` and `null`.
    AllowedOrigins,
    /// A number per second, minute or hour, or 0 for no limit.
    Rate,
    /// A number of bytes per second, minute or hour, or 0 for no limit.
    ByteRate,
    /// Networks or addresses: a list, or separated by commas in a variable.
    Networks,
    /// One of these words.
    Word(&'static [&'static str]),
}

impl Kind {
    /// Whether this is a single value, not a list.
    pub(crate) fn is_scalar(self) -> bool {
        !matches!(
            self,
            Self::WebOrigins | Self::AllowedOrigins | Self::Texts | Self::Networks
        )
    }

    /// The placeholder for the value in the description of a flag.
    pub(crate) fn placeholder(self) -> &'static str {
        match self {
            Self::Switch => "BOOLEAN",
            Self::Number { .. } => "NUMBER",
            Self::Size { .. } => "SIZE",
            Self::Time { .. } => "DURATION",
            Self::Address | Self::OptionalAddress => "ADDRESS",
            Self::LogFilter => "LEVEL",
            Self::Path | Self::NeededPath => "FILE",
            Self::WebOrigins | Self::AllowedOrigins => "ORIGIN",
            Self::Texts => "TEXT",
            Self::Rate | Self::ByteRate => "RATE",
            Self::Networks => "NETWORK",
            Self::Word(_) => "WORD",
        }
    }

    /// Parses a value. The error says what is wrong with it and how to write it.
    pub(crate) fn read(self, raw: &Raw) -> Result<Value, String> {
        match self {
            Self::Switch => switch(raw),
            Self::Number { least, most } => number(raw, least, most),
            Self::Size { least } => size(raw, least),
            Self::Time { least } => time(raw, least),
            Self::OptionalAddress if text(raw) == Some("") => Ok(Value::NoAddress),
            Self::Address | Self::OptionalAddress => {
                let listen = text(raw).and_then(|text| text.parse().ok());
                listen.map(Value::Address).ok_or_else(|| {
                    let how = "write 127.0.0.1:3000, 3000, :3000 or localhost:3000";
                    format!("{raw} is not an address to listen on; {how}")
                })
            }
            Self::LogFilter => match text(raw) {
                Some(filter) => log_filter::check(filter).map(|()| Value::Text(filter.to_owned())),
                None => Err(format!("{raw} is not a log level; write \"info\"")),
            },
            Self::Path | Self::NeededPath => match text(raw) {
                // Not echoed: it may be a private key.
                Some(path) if is_contents(path) => {
                    Err("needs a path, not the text of the file".to_owned())
                }
                Some("") if self == Self::NeededPath => Err("needs the path of a file".to_owned()),
                Some(path) => Ok(Value::Text(path.to_owned())),
                None => Err(format!("{raw} is not a path; write \"history.bin\"")),
            },
            Self::WebOrigins => web_origins(raw, "https://app.example", web_origin::normalize),
            Self::AllowedOrigins => {
                let how = "https://app.example, https://*.app.example, * or null";
                web_origins(raw, how, |text| {
                    let text = text.to_ascii_lowercase();
                    AllowedOrigins::new([text.as_str()]).ok().map(|_| text)
                })
            }
            Self::Texts => texts(raw),
            Self::Rate => rate(raw, "100/s, 20/m or 5/h", Rate::parse),
            Self::ByteRate => rate(raw, "256KiB/s or 1MiB/m", |text| {
                let bytes = |text: &str| text.parse().ok().map(|ByteSize(bytes)| bytes);
                Rate::parse_bytes(text, bytes)
            }),
            Self::Networks => networks(raw),
            Self::Word(words) => {
                let word = text(raw).unwrap_or_default();
                if words.contains(&word) {
                    return Ok(Value::Text(word.to_owned()));
                }
                // A number next to the one that was meant is not a misspelling of it.
                let is_name = word.contains(char::is_alphabetic);
                let near = nearest(word, words.iter().copied()).filter(|_| is_name);
                let end = did_you_mean(near);
                Err(format!("{raw} is not one of {}{end}", words.join(", ")))
            }
        }
    }
}

fn text(raw: &Raw) -> Option<&str> {
    match raw {
        Raw::Text(text) | Raw::String(text) => Some(text.trim()),
        _ => None,
    }
}

fn switch(raw: &Raw) -> Result<Value, String> {
    let on = match raw {
        Raw::Boolean(on) => Some(*on),
        Raw::Text(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        },
        _ => None,
    };
    on.map(Value::Switch)
        .ok_or_else(|| format!("{raw} is not a boolean; write true or false"))
}

fn number(raw: &Raw, least: u64, most: u64) -> Result<Value, String> {
    let number = match raw {
        Raw::Integer(number) => Some(*number),
        Raw::Text(text) => text.parse().ok(),
        _ => None,
    };
    let Some(number) = number else {
        let is_quoted = matches!(raw, Raw::String(text) if text.trim().parse::<i128>().is_ok());
        let hint = if is_quoted {
            "; write it without quotation marks"
        } else {
            ""
        };
        return Err(format!("{raw} is not a whole number{hint}"));
    };
    match u64::try_from(number) {
        Ok(number) if number < least => Err(format!("{number} must be at least {least}")),
        Ok(number) if number <= most => Ok(Value::Number(number)),
        Err(_) if number < 0 => Err(format!("{number} must be at least {least}")),
        _ => Err(format!("{number} must be at most {most}")),
    }
}

fn size(raw: &Raw, least: usize) -> Result<Value, String> {
    let bytes = match raw {
        Raw::Integer(number) => u64::try_from(*number).ok(),
        _ => text(raw)
            .and_then(|text| text.parse().ok())
            .map(|ByteSize(bytes)| bytes),
    };
    let Some(bytes) = bytes else {
        return Err(format!("{raw} is not a size; write 512B, 64KiB or 1MiB"));
    };
    // A size beyond what the machine can address amounts to no bound.
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    if bytes < least {
        return Err(format!("{} must be at least {least}B", raw.bare()));
    }
    Ok(Value::Size(bytes))
}

fn time(raw: &Raw, least: Duration) -> Result<Value, String> {
    let time = text(raw).and_then(|text| humantime::parse_duration(text).ok());
    let Some(time) = time else {
        return Err(format!("{raw} is not a duration; write 30s, 5m or 24h"));
    };
    if time < least {
        return Err(format!("{} must be at least {least:?}", raw.bare()));
    }
    if time > YEAR {
        return Err(format!("{} must be at most 365d", raw.bare()));
    }
    Ok(Value::Time(time))
}

fn web_origins(
    raw: &Raw,
    how: &str,
    read: impl Fn(&str) -> Option<String>,
) -> Result<Value, String> {
    let items: Vec<Raw> = match raw {
        Raw::Text(text) => text.split(',').map(Raw::text).collect(),
        Raw::List(items) => items.clone(),
        _ => {
            return Err(format!(
                "{raw} is not a list; write [\"https://app.example\"]"
            ));
        }
    };
    let mut origins = Vec::new();
    for item in &items {
        let refused = || format!("{item} is not a web origin; write it as {how}");
        let origin = text(item).ok_or_else(refused)?;
        // An extra comma is tolerated.
        if !origin.is_empty() {
            origins.push(read(origin).ok_or_else(refused)?);
        }
    }
    Ok(Value::List(origins))
}

/// A rate; `how` is how to write one.
fn rate(
    raw: &Raw,
    how: &str,
    parse: impl FnOnce(&str) -> Result<Rate, RateError>,
) -> Result<Value, String> {
    let refused = || format!("{raw} is not a rate; write {how}, or 0 for no limit");
    match (raw, text(raw)) {
        (Raw::Integer(0), _) | (_, Some("0")) => Ok(Value::Rate(None)),
        (_, Some(text)) => parse(text)
            .map(|rate| Value::Rate(Some(rate)))
            .map_err(|_| refused()),
        _ => Err(refused()),
    }
}

fn networks(raw: &Raw) -> Result<Value, String> {
    let Value::List(networks) = texts(raw)? else {
        return Err(format!("{raw} is not a list"));
    };
    match networks
        .iter()
        .find(|text| TrustedProxies::new([text.as_str()]).is_err())
    {
        Some(text) => Err(format!(
            "{text:?} is not a network; write 10.0.0.0/8, 192.0.2.1 or 2001:db8::/32"
        )),
        None => Ok(Value::List(networks)),
    }
}

fn texts(raw: &Raw) -> Result<Value, String> {
    let items: Vec<Raw> = match raw {
        Raw::Text(text) => text.split(',').map(Raw::text).collect(),
        Raw::List(items) => items.clone(),
        Raw::String(_) => return Err(format!("{raw} is not a list; write [{raw}]")),
        _ => return Err(format!("{raw} is not a list of texts")),
    };
    let mut texts = Vec::new();
    for item in &items {
        match (text(item), item) {
            // An extra comma is tolerated.
            (Some(""), Raw::Text(_)) => {}
            (Some(text), _) if !text.is_empty() => texts.push(text.to_owned()),
            _ => return Err(format!("{item} is not a text, or empty")),
        }
    }
    Ok(Value::List(texts))
}

#[cfg(test)]
mod tests;
