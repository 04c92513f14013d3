//! Log filters: a level, or levels by target.

use crate::protocol::nearest;

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// Level names of other loggers, and the level they correspond to.
const SYNONYMS: [(&str, &str); 7] = [
    ("verbose", "debug"),
    ("all", "trace"),
    ("warning", "warn"),
    ("critical", "error"),
    ("fatal", "error"),
    ("quiet", "error"),
    ("none", "off"),
];

/// Checks a filter such as `info` or `warn,wavecast=debug`. A bare word that is not a level is
/// refused: it would be taken for the name of a target, and turn off the logs of all others.
pub(super) fn check(filter: &str) -> Result<(), String> {
    let directives = filter.split(',').map(str::trim);
    let is_empty = filter.trim().is_empty();
    for directive in directives.filter(|directive| is_empty || !directive.is_empty()) {
        let level = match directive.rsplit_once('=') {
            // The equals sign may belong to `[span{field=value}]`.
            Some((target, level)) if !target.is_empty() && !level.contains(['}', ']']) => level,
            _ => directive,
        };
        if !is_level(level) {
            let example = "or a filter such as wavecast=debug";
            return Err(match meant(level) {
                Some(meant) => format!("{level:?} is not a log level; did you mean `{meant}`?"),
                None => format!(
                    "{level:?} is not a log level; write {}, {example}",
                    LEVELS.join(", ")
                ),
            });
        }
    }
    Ok(())
}

fn is_level(word: &str) -> bool {
    LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word))
}

fn meant(word: &str) -> Option<&'static str> {
    let synonym = SYNONYMS
        .iter()
        .find(|(other, _)| other.eq_ignore_ascii_case(word));
    synonym
        .map(|&(_, level)| level)
        .or_else(|| nearest(word, LEVELS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_levels_per_target_are_accepted() {
        for filter in [
            "info",
            "OFF",
            "warn,wavecast=debug",
            "wavecast::http=trace, error",
            "wavecast[connection]=debug",
            "info,",
        ] {
            assert_eq!(check(filter), Ok(()), "{filter}");
        }
    }

    #[test]
    fn a_word_that_is_not_a_level_is_refused() {
        for (filter, end) in [
            ("inof", "did you mean `info`?"),
            ("verbose", "did you mean `debug`?"),
            ("warning", "did you mean `warn`?"),
            ("info,wavecast=dbug", "did you mean `debug`?"),
            ("wavecast=loud", "or a filter such as wavecast=debug"),
            ("wavecast", "or a filter such as wavecast=debug"),
            ("", "or a filter such as wavecast=debug"),
            ("=debug", "did you mean `debug`?"),
        ] {
            let message = check(filter).unwrap_err();
            assert!(message.ends_with(end), "{message}");
        }
    }
}
