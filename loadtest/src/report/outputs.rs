//! The files of a run: one result, written in the forms that people and machines read.

use super::error::ReportError;
use super::escape::file_name;
use super::{csv, hdr, html, json, junit, markdown};
use crate::result::run_result::RunResult;
use clap::Args;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where the result goes; `-` is standard output.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Outputs {
    /// Write the result as JSON (schema: loadtest.schema.json).
    #[arg(long, env = "LOADTEST_JSON", value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Write a report page: one file that needs no network.
    #[arg(long, env = "LOADTEST_HTML", value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
    /// Write the assertions as `JUnit` test cases.
    #[arg(long, env = "LOADTEST_JUNIT", value_name = "FILE")]
    pub(super) junit: Option<PathBuf>,
    /// Write a summary as Markdown (for $`GITHUB_STEP_SUMMARY`).
    #[arg(long, env = "LOADTEST_MD", value_name = "FILE")]
    pub(super) md: Option<PathBuf>,
    /// Write one row a second as CSV.
    #[arg(long, env = "LOADTEST_CSV", value_name = "FILE")]
    pub(super) csv: Option<PathBuf>,
    /// Write PREFIX.hlog and a PREFIX.NAME.hgrm for each distribution, for `HdrHistogram` plotters.
    #[arg(long, env = "LOADTEST_HDR", value_name = "PREFIX")]
    pub(super) hdr: Option<PathBuf>,
}

impl Outputs {
    /// Whether any file was asked for.
    pub(crate) fn any(&self) -> bool {
        self.paths().next().is_some()
    }

    /// Fails for a file in a directory that does not exist; a long run should not end with that.
    pub(crate) fn check(&self) -> Result<(), ReportError> {
        for path in self.paths() {
            let parent = path.parent().unwrap_or(Path::new(""));
            if !parent.as_os_str().is_empty() && !parent.is_dir() {
                return Err(ReportError::Write {
                    path: path.clone(),
                    source: io::ErrorKind::NotFound.into(),
                });
            }
        }
        Ok(())
    }

    /// Writes the files and says so; false when one could not be written.
    pub(crate) fn save(&self, result: &RunResult) -> bool {
        let (written, errors) = self.write(result);
        for path in written {
            eprintln!("wrote {}", path.display());
        }
        for error in &errors {
            eprintln!("loadtest: {error}");
        }
        errors.is_empty()
    }

    /// Writes every file that was asked for and returns their paths; one that fails does not keep the others back.
    pub(crate) fn write(&self, result: &RunResult) -> (Vec<PathBuf>, Vec<ReportError>) {
        let (mut written, mut errors) = (Vec::new(), Vec::new());
        let mut put = |path: PathBuf, text: Result<String, ReportError>| match text
            .and_then(|text| write_file(&path, &text))
        {
            Ok(()) => written.push(path),
            Err(error) => errors.push(error),
        };
        if let Some(path) = &self.json {
            put(path.clone(), Ok(json::render(result)));
        }
        if let Some(path) = &self.html {
            put(path.clone(), html::render(result));
        }
        if let Some(path) = &self.junit {
            put(path.clone(), Ok(junit::render(result)));
        }
        if let Some(path) = &self.md {
            put(path.clone(), Ok(markdown::render(result)));
        }
        if let Some(path) = &self.csv {
            put(path.clone(), Ok(csv::render(result)));
        }
        if let Some(prefix) = &self.hdr {
            put(with_suffix(prefix, "hlog"), hdr::log(result));
            for name in result.histograms.keys() {
                let path = with_suffix(prefix, &format!("{}.hgrm", file_name(name)));
                put(path, hdr::percentiles(result, name));
            }
        }
        (written, errors)
    }

    fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        [
            &self.json,
            &self.html,
            &self.junit,
            &self.md,
            &self.csv,
            &self.hdr,
        ]
        .into_iter()
        .flatten()
    }
}

fn write_file(path: &Path, text: &str) -> Result<(), ReportError> {
    let written = if path == Path::new("-") {
        io::stdout().write_all(text.as_bytes())
    } else {
        fs::write(path, text)
    };
    written.map_err(|source| ReportError::Write {
        path: path.to_owned(),
        source,
    })
}

fn with_suffix(prefix: &Path, suffix: &str) -> PathBuf {
    let mut path = prefix.as_os_str().to_owned();
    path.push(".");
    path.push(suffix);
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_before_the_run_that_a_directory_is_missing() {
        let outputs = Outputs {
            html: Some("/nonexistent/r.html".into()),
            ..Outputs::default()
        };
        let error = outputs.check().expect_err("no such directory").to_string();
        assert!(
            error.starts_with("/nonexistent/r.html cannot be written"),
            "{error}"
        );
    }
}
