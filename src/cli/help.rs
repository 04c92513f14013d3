//! Help texts of settings, for `--help` and `config init`.

use crate::config::{Kind, Setting};

/// Width of a help text, so that it fits into 80 columns when indented.
const WIDTH: usize = 68;

/// The text of `-h` about a setting.
pub(super) fn short(setting: &Setting) -> String {
    format!("{}\n{}", wrap(setting.help, WIDTH), sources(setting))
}

/// The text of `--help` about a setting.
pub(super) fn long(setting: &Setting) -> String {
    let help = wrap(setting.help, WIDTH);
    let repeated = match setting.kind {
        Kind::WebOrigins | Kind::AllowedOrigins => {
            " The flag may be repeated, and takes several separated by commas."
        }
        _ => "",
    };
    let more = wrap(&format!("{}{repeated}", setting.more), WIDTH);
    if more.is_empty() {
        return format!("{help}\n\n{}", sources(setting));
    }
    format!("{help}\n\n{more}\n\n{}", sources(setting))
}

fn sources(setting: &Setting) -> String {
    let variable = format!("[env: {}]", setting.variable());
    match setting.default {
        "" => variable,
        default => format!("{variable} [default: {default}]"),
    }
}

/// Breaks a text into lines of at most `width` characters, between words.
pub(super) fn wrap(text: &str, width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}
