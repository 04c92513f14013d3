//! A TOML document whose values know their line numbers.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::origin::Origin;
use super::problem::Problem;
use crate::config::values::Raw;

/// The text of a file, and the path that problems name it by.
#[derive(Debug)]
pub(super) struct Document<'a> {
    path: Arc<str>,
    text: &'a str,
    /// The offset at which each line begins, so that a place costs no search of the text.
    lines: Vec<usize>,
}

/// A key with its span, and its value.
pub(super) type Entry<'a, 'b> = (&'b str, Range<usize>, &'b Spanned<DeValue<'a>>);

impl<'a> Document<'a> {
    pub(super) fn new(path: &str, text: &'a str) -> Self {
        let after_newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            path: path.into(),
            text,
            lines: std::iter::once(0).chain(after_newlines).collect(),
        }
    }

    /// Parses the text. A text that is not TOML is one problem, with line and column.
    pub(super) fn parse(&self) -> Result<DeTable<'a>, Problem> {
        match DeTable::parse(self.text) {
            Ok(table) => Ok(table.into_inner()),
            Err(error) => {
                let offset = error.span().map_or(0, |span| span.start);
                let lines: Vec<&str> = error.message().lines().map(str::trim).collect();
                let message = format!("invalid TOML: {}", lines.join("; "));
                Err(Problem::new(self.exact_place(offset), message))
            }
        }
    }

    /// A path in the document, which is relative to the document's folder.
    pub(super) fn beside(&self, path: &str) -> String {
        let folder = Path::new(&*self.path).parent().unwrap_or(Path::new(""));
        match path.trim() {
            "" => String::new(),
            // Both are text, so nothing is lost.
            path => folder.join(path).to_string_lossy().into_owned(),
        }
    }

    /// The origin of a span: its line.
    pub(super) fn place(&self, span: &Range<usize>) -> Origin {
        self.origin(span.start, None)
    }

    fn exact_place(&self, offset: usize) -> Origin {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        self.origin(offset, Some(line.chars().count() + 1))
    }

    fn origin(&self, offset: usize, column: Option<usize>) -> Origin {
        Origin::File {
            path: self.path.clone(),
            line: self.lines.partition_point(|&start| start <= offset),
            column,
        }
    }

    /// A TOML value in the form that settings read.
    pub(super) fn raw(&self, value: &Spanned<DeValue<'_>>) -> Raw {
        let written = || self.text.get(value.span()).unwrap_or_default().to_owned();
        match value.get_ref() {
            DeValue::String(text) => Raw::String(text.to_string()),
            DeValue::Integer(integer) => {
                let number = i128::from_str_radix(integer.as_str(), integer.radix());
                number.map_or_else(|_| Raw::Other(written()), Raw::Integer)
            }
            DeValue::Boolean(on) => Raw::Boolean(*on),
            DeValue::Array(items) => Raw::List(items.iter().map(|item| self.raw(item)).collect()),
            DeValue::Table(_) => Raw::Other("a table".to_owned()),
            _ => Raw::Other(written()),
        }
    }
}

/// The entries of a table, in the order of the text.
pub(super) fn in_order<'a, 'b>(table: &'b DeTable<'a>) -> Vec<Entry<'a, 'b>> {
    let mut entries: Vec<Entry<'a, 'b>> = table
        .iter()
        .map(|(key, value)| (key.get_ref().as_ref(), key.span(), value))
        .collect();
    entries.sort_by_key(|(_, span, _)| span.start);
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_without_reading_the_text_again() {
        const LINES: usize = 200_000;
        let text = "k = 1\n".repeat(LINES);
        let document = Document::new("wavecast.toml", &text);
        for line in 1..=LINES {
            let start = (line - 1) * 6;
            let place = document.place(&(start..start + 1));
            assert!(matches!(place, Origin::File { line: found, .. } if found == line));
        }
        let end = document.exact_place(text.len());
        assert_eq!(end.to_string(), "wavecast.toml:200001:1");
    }
}
