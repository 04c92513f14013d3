//! `[[tls.certificates]]`: certificates for further names.

use toml::Spanned;
use toml::de::DeValue;

use super::document::{Document, in_order};
use super::origin::Origin;
use super::problem::Problem;
use super::table_reader::TableReader;
use crate::config::values::{Kind, Raw};
use crate::transport::tls::CertificateFiles;
use crate::wire::tls::Certificate;

/// The list in the section `tls`, beside its settings.
pub(super) const LIST: &str = "certificates";
const PATH: &str = "tls.certificates";
const KEYS: [&str; 2] = ["cert", "key"];

/// A certificate for further names, and its files.
pub(super) type Further = (CertificateFiles, Certificate);

/// Reads the list, and the files that it names. An entry with a problem is left out.
pub(super) fn read(
    document: &Document<'_>,
    value: &Spanned<DeValue<'_>>,
    problems: &mut Vec<Problem>,
) -> Vec<Further> {
    let mut reader = TableReader { document, problems };
    let DeValue::Array(entries) = value.get_ref() else {
        reader.not_a_list(value);
        return Vec::new();
    };
    entries
        .iter()
        .filter_map(|entry| reader.certificate(entry))
        .collect()
}

impl TableReader<'_, '_> {
    fn not_a_list(&mut self, value: &Spanned<DeValue<'_>>) {
        let origin = self.document.place(&value.span());
        let message = format!("`{PATH}` is a list; write each entry as [[{PATH}]]");
        self.problems.push(Problem::new(origin, message));
    }

    fn certificate(&mut self, entry: &Spanned<DeValue<'_>>) -> Option<Further> {
        let DeValue::Table(table) = entry.get_ref() else {
            self.not_a_list(entry);
            return None;
        };
        let problems = self.problems.len();
        let (mut cert, mut key) = (None, None);
        for (name, span, value) in in_order(table) {
            let (origin, path) = (self.document.place(&span), format!("{PATH}.{name}"));
            let file = match name {
                "cert" => &mut cert,
                "key" => &mut key,
                _ => {
                    self.unknown(origin, &path, name, &KEYS);
                    continue;
                }
            };
            match self.raw(value) {
                Raw::String(text) if !text.trim().is_empty() => {
                    let raw = Raw::String(self.document.beside(&text));
                    let found = self.value(origin.clone(), &path, Kind::NeededPath, &raw);
                    *file = found.map(|found| (found, origin));
                }
                raw => self.wrong(origin, &path, format!("{raw} is not the path of a file")),
            }
        }
        // A mistake above may be what is missing below.
        if self.problems.len() > problems {
            return None;
        }
        let (Some((cert, cert_origin)), Some((key, key_origin))) = (cert, key) else {
            let origin = self.document.place(&entry.span());
            self.wrong(origin, PATH, "an entry needs `cert` and `key`".to_owned());
            return None;
        };
        self.read_files(CertificateFiles { cert, key }, cert_origin, key_origin)
    }

    fn read_files(
        &mut self,
        files: CertificateFiles,
        cert_origin: Origin,
        key_origin: Origin,
    ) -> Option<Further> {
        match files.read() {
            Ok(certificate) => Some((files, certificate)),
            Err(problem) => {
                let (origin, name) = if problem.is_key {
                    (key_origin, "key")
                } else {
                    (cert_origin, "cert")
                };
                self.wrong(origin, &format!("{PATH}.{name}"), problem.message);
                None
            }
        }
    }
}
