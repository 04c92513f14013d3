//! The members of a JSON object and the elements of a JSON array, each as its own text.
//!
//! Unlike deserializing into a map or a struct, this loses nothing: a repeated key is an error, and
//! a value of the wrong type is still there to be refused.

use super::json_scan::{WHITE_SPACE, scan_value};
use super::{JsonError, unescape};

/// Splits a text that has to be one JSON object into its keys and the texts of their values, in
/// order. A repeated key is an error, and so is one that is not text (half a surrogate pair).
pub(crate) fn members(text: &str) -> Result<Vec<(String, &str)>, JsonError> {
    let mut rest = after(text, '{').ok_or_else(|| JsonError::new(&"not an object"))?;
    let mut members: Vec<(String, &str)> = Vec::new();
    if let Some(rest) = after(rest, '}') {
        return end(rest, members);
    }
    loop {
        let (key, behind) = value(rest)?;
        let content = key.strip_prefix('"').and_then(|key| key.strip_suffix('"'));
        let key = content.and_then(unescape);
        let key = key.ok_or_else(|| JsonError::new(&"a key is not text"))?;
        rest = after(behind, ':').ok_or_else(|| JsonError::new(&"expected `:`"))?;
        let (text, behind) = value(rest)?;
        members.push((key, text));
        match (after(behind, ','), after(behind, '}')) {
            (Some(next), _) => rest = next,
            (None, Some(behind)) => break end(behind, members),
            (None, None) => break Err(JsonError::new(&"expected `,` or `}`")),
        }
    }
    .and_then(without_repeats)
}

/// Splits a text that has to be one JSON array into the texts of its elements, in order.
pub(crate) fn elements(text: &str) -> Result<Vec<&str>, JsonError> {
    let mut rest = after(text, '[').ok_or_else(|| JsonError::new(&"not an array"))?;
    let mut elements = Vec::new();
    if let Some(rest) = after(rest, ']') {
        return end(rest, elements);
    }
    loop {
        let (text, behind) = value(rest)?;
        elements.push(text);
        match (after(behind, ','), after(behind, ']')) {
            (Some(next), _) => rest = next,
            (None, Some(behind)) => return end(behind, elements),
            (None, None) => return Err(JsonError::new(&"expected `,` or `]`")),
        }
    }
}

/// The value at the beginning of `text`, without white space, and what follows it.
fn value(text: &str) -> Result<(&str, &str), JsonError> {
    let (len, _) = scan_value(text)?;
    let (value, rest) = text.split_at(len);
    Ok((value.trim_matches(WHITE_SPACE), rest))
}

/// What follows `mark`, if the text begins with it.
fn after(text: &str, mark: char) -> Option<&str> {
    text.trim_start_matches(WHITE_SPACE).strip_prefix(mark)
}

fn end<T>(rest: &str, parsed: T) -> Result<T, JsonError> {
    if rest.trim_start_matches(WHITE_SPACE).is_empty() {
        Ok(parsed)
    } else {
        Err(JsonError::new(&"trailing characters"))
    }
}

fn without_repeats(members: Vec<(String, &str)>) -> Result<Vec<(String, &str)>, JsonError> {
    let mut keys: Vec<&str> = members.iter().map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    let repeated = keys.windows(2).find(|pair| pair[0] == pair[1]);
    if repeated.is_some() {
        return Err(JsonError::new(&"a key is repeated"));
    }
    Ok(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_split_into_its_members() {
        let text = " {\"a\" : 1 , \"\\u0062\":{\"c\":[1, 2]},\"d\":\"x,\\\"}\" }\n";
        let expected = [("a", "1"), ("b", "{\"c\":[1, 2]}"), ("d", "\"x,\\\"}\"")];
        let expected = expected.map(|(key, text)| (key.to_owned(), text));
        assert_eq!(members(text).unwrap(), expected);
        assert_eq!(members("{}").unwrap(), []);
    }

    #[test]
    fn an_array_is_split_into_its_elements() {
        assert_eq!(
            elements("[1, [2,3] ,\"]\",{} ]").unwrap(),
            ["1", "[2,3]", "\"]\"", "{}"]
        );
        assert_eq!(elements(" [ ] ").unwrap(), [""; 0]);
    }

    #[test]
    fn a_key_that_is_repeated_or_not_text_is_refused() {
        for text in [
            "{\"a\":1,\"a\":1}",
            "{\"a\":1,\"b\":2,\"\\u0061\":3}",
            "{\"\\ud83d\":1}",
        ] {
            assert!(members(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_not_one_whole_object_or_array_is_refused() {
        for text in [
            "",
            "1",
            "[]",
            "{",
            "{,}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{\"a\":1}}",
            "{1:1}",
            "{\"a\":1 \"b\":1}",
            "{\"a\":1}{}",
            "{\"a\" 1}",
            "{[]:1}",
            "{\"a\":01}",
        ] {
            assert!(members(text).is_err(), "{text}");
        }
        for text in ["", "1", "{}", "[", "[,]", "[1,]", "[1 2]", "[1]]", "[1}"] {
            assert!(elements(text).is_err(), "{text}");
        }
    }
}
