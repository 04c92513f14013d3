//! Failures, counted by class.

use std::collections::BTreeMap;

/// Number of failures by class, such as `http 503`.
pub(crate) type Classes = BTreeMap<String, u64>;

/// Counts one more failure of a class.
pub(crate) fn count_class(classes: &mut Classes, class: impl Into<String>) {
    *classes.entry(class.into()).or_default() += 1;
}

/// The number of failures of all classes.
pub(crate) fn total(classes: &Classes) -> u64 {
    classes.values().sum()
}

/// All classes with their counts: `3 http 503, 1 upgrade: timeout`. Empty if there are none.
pub(crate) fn describe(classes: &Classes) -> String {
    let parts: Vec<String> = classes
        .iter()
        .map(|(class, count)| format!("{count} {class}"))
        .collect();
    parts.join(", ")
}

/// Adds the counts of `from` to `into`.
pub(super) fn merge_classes(into: &mut Classes, from: Classes) {
    for (class, count) in from {
        *into.entry(class).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_class() {
        let mut classes = Classes::default();
        assert_eq!((total(&classes), describe(&classes)), (0, String::new()));
        for class in ["upgrade: timeout", "http 503", "http 503"] {
            count_class(&mut classes, class);
        }
        assert_eq!(total(&classes), 3);
        assert_eq!(describe(&classes), "2 http 503, 1 upgrade: timeout");
    }
}
