//! The files that a run writes.

use super::error::ReportError;
use super::escape::file_name;
use super::{csv, hdr, html, json, junit, markdown};
use crate::base::print;
use crate::result::run_result::RunResult;
use clap::Args;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// The files to write; `-` is standard output.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Reports")]
pub(crate) struct Outputs {
    /// Write the result as JSON (schema: loadtest.schema.json).
    #[arg(long, env = "LOADTEST_JSON", value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Write an HTML report: one file that works offline.
    #[arg(long, env = "LOADTEST_HTML", value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
    #[arg(
        help = "Write the assertions as JUnit test cases",
        long,
        env = "LOADTEST_JUNIT",
        value_name = "FILE"
    )]
    pub(super) junit: Option<PathBuf>,
    #[arg(
        help = "Write a Markdown summary, for example to $GITHUB_STEP_SUMMARY",
        long,
        env = "LOADTEST_MD",
        value_name = "FILE"
    )]
    pub(super) md: Option<PathBuf>,
    /// Write the time series as CSV, one row per second.
    #[arg(long, env = "LOADTEST_CSV", value_name = "FILE")]
    pub(super) csv: Option<PathBuf>,
    #[arg(
        help = "Write PREFIX.hlog, and PREFIX.NAME.hgrm per distribution, for HdrHistogram plotters",
        long,
        env = "LOADTEST_HDR",
        value_name = "PREFIX"
    )]
    pub(super) hdr: Option<PathBuf>,
}

impl Outputs {
    /// Whether any file is to be written.
    pub(crate) fn any(&self) -> bool {
        self.paths().next().is_some()
    }

    /// Checks that every directory exists and that no file is one, so that a long run does not fail at its end. At most
    /// one file can be standard output, on which nothing else is printed then.
    pub(crate) fn check(&self) -> Result<(), ReportError> {
        for path in self.paths() {
            let parent = path.parent().unwrap_or(Path::new(""));
            let refuse = |kind, why: &str| ReportError::Write {
                path: path.clone(),
                source: io::Error::new(kind, why),
            };
            if !parent.as_os_str().is_empty() && !parent.is_dir() {
                return Err(refuse(ErrorKind::NotFound, "there is no such folder"));
            }
            if path.is_dir() && Some(path) != self.hdr.as_ref() {
                return Err(refuse(ErrorKind::IsADirectory, "it is a folder"));
            }
        }
        match self.paths().filter(|path| is_stdout(path)).count() {
            0 => {}
            1 => print::take_stdout(),
            _ => {
                return Err(ReportError::Write {
                    path: "-".into(),
                    source: io::Error::other("only one report can be standard output"),
                });
            }
        }
        Ok(())
    }

    /// Writes the files and prints their names. Returns `false` if one could not be written.
    pub(crate) fn save(&self, result: &RunResult) -> bool {
        let (written, errors) = self.write(result);
        for path in written.iter().filter(|path| !is_stdout(path)) {
            print::err_line(&format!("wrote {}", path.display()));
        }
        for error in &errors {
            print::err_line(&format!("loadtest: {error}"));
        }
        errors.is_empty()
    }

    /// Writes the files. Returns the paths that were written, and the errors of the others.
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
    let written = if is_stdout(path) {
        print::try_out(text)
    } else {
        fs::write(path, text)
    };
    written.map_err(|source| ReportError::Write {
        path: path.to_owned(),
        source,
    })
}

fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
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
    fn reports_a_missing_directory_before_the_run() {
        let outputs = Outputs {
            html: Some("/nonexistent/r.html".into()),
            ..Outputs::default()
        };
        let error = outputs.check().expect_err("no such directory").to_string();
        assert!(
            error.starts_with("cannot write /nonexistent/r.html"),
            "{error}"
        );
    }

    #[test]
    fn refuses_a_folder_and_a_second_report_on_standard_output_before_the_run() {
        let folder = Outputs {
            html: Some(std::env::temp_dir()),
            ..Outputs::default()
        };
        let error = folder.check().expect_err("a folder").to_string();
        assert!(error.ends_with("it is a folder"), "{error}");
        let both = Outputs {
            json: Some("-".into()),
            md: Some("-".into()),
            ..Outputs::default()
        };
        let error = both.check().expect_err("two reports").to_string();
        assert!(error.contains("only one report"), "{error}");
    }
}
