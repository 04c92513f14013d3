//! "Did you mean …?"

use strsim::damerau_levenshtein;

/// A longer word is like none of ours. Comparing takes time and memory by the word's length.
const MAX_WORD_BYTES: usize = 64;

/// The candidate that was most likely meant: the edits between the two words are at most a third
/// of the longer one.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if word.len() > MAX_WORD_BYTES {
        return None;
    }
    let word = word.to_lowercase();
    let length = word.chars().count();
    candidates
        .into_iter()
        .map(|candidate| {
            let edits = damerau_levenshtein(&word, &candidate.to_lowercase());
            (edits, candidate)
        })
        .filter(|&(edits, candidate)| edits <= length.max(candidate.chars().count()) / 3)
        .min_by_key(|&(edits, _)| edits)
        .map(|(_, candidate)| candidate)
}

/// The end of a message about an unknown word: the suggestion, if there is one.
pub(crate) fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |word| format!("; did you mean `{word}`?"))
}

/// The end of a message about an unknown word: the suggestion, or else where all are listed.
#[cfg(feature = "auth")]
pub(crate) fn did_you_mean_or(suggestion: Option<&str>, list: &str) -> String {
    match suggestion {
        Some(_) => did_you_mean(suggestion),
        None => format!("; {list}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_suggested_within_a_third_of_its_length() {
        let keys = ["window", "timeout", "max_clients_per_room"];
        assert_eq!(nearest("windw", keys), Some("window"));
        assert_eq!(nearest("WINDOW", keys), Some("window"));
        assert_eq!(nearest("tiemotu", keys), Some("timeout"));
        assert_eq!(nearest("foo", ["log"]), None);
        assert_eq!(nearest("lgo", ["log"]), Some("log"));
        assert_eq!(nearest("idd", ["id"]), Some("id"));
        assert_eq!(nearest("ix", ["id"]), None);
        assert_eq!(nearest("tmieotus", keys), None);
        assert_eq!(
            nearest("max_users_per_room", keys),
            Some("max_clients_per_room")
        );
        assert_eq!(nearest("bogus", keys), None);
        assert_eq!(
            nearest(&"x".repeat(64), ["x".repeat(66).as_str()]),
            Some("x".repeat(66).as_str())
        );
        assert_eq!(nearest(&"x".repeat(65), ["x".repeat(66).as_str()]), None);
    }

    #[test]
    fn swapped_letters_are_one_edit() {
        assert_eq!(nearest("hisotry", ["history"]), Some("history"));
        assert_eq!(nearest("isd", ["ids", "max"]), Some("ids"));
    }
}
