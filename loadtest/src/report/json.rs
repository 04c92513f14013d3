//! The result as JSON, as `loadtest.schema.json` describes it.

use crate::result::run_result::{RunResult, SCHEMA_VERSION};

/// An indented document with a final newline.
pub(crate) fn render(result: &RunResult) -> String {
    let mut text = serde_json::to_string_pretty(result).expect("a result has only string keys");
    text.push('\n');
    text
}

/// Parses what [`render`] wrote.
///
/// # Errors
///
/// The text is not a result, or its schema version is too new.
pub(crate) fn parse(text: &str) -> Result<RunResult, String> {
    let result: RunResult = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if result.schema_version > SCHEMA_VERSION {
        return Err(format!(
            "its schema version is {}, but this loadtest only knows {SCHEMA_VERSION}",
            result.schema_version
        ));
    }
    Ok(result)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::report::sample;

    const SCHEMA: &str = include_str!("../../loadtest.schema.json");

    /// The errors of a document by the published schema.
    pub(crate) fn schema_errors(document: &serde_json::Value) -> Vec<String> {
        let schema = serde_json::from_str(SCHEMA).expect("JSON");
        jsonschema::draft202012::meta::validate(&schema).expect("a schema");
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        validator
            .iter_errors(document)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect()
    }

    #[test]
    fn matches_the_published_schema() {
        let mut staged = sample::passed();
        staged.stages = sample::stages();
        for result in [sample::passed(), sample::failed(), sample::bare(), staged] {
            let document = serde_json::from_str(&render(&result)).expect("JSON");
            assert_eq!(schema_errors(&document), Vec::<String>::new());
        }
    }

    #[test]
    fn has_a_schema_that_notices_a_wrong_or_unknown_field() {
        let mut document: serde_json::Value =
            serde_json::from_str(&render(&sample::passed())).expect("JSON");
        document["valid"] = "yes".into();
        document["surprise"] = 1.into();
        document["metrics"]["delivery"]["p99"] = "fast".into();
        assert_eq!(schema_errors(&document).len(), 3);
    }

    #[test]
    fn reads_back_what_it_wrote_and_refuses_the_future() {
        let mut result = sample::failed();
        assert_eq!(parse(&render(&result)).as_ref(), Ok(&result));
        result.schema_version = SCHEMA_VERSION + 1;
        assert!(parse(&render(&result)).is_err());
        assert!(parse("{}").is_err());
    }
}
