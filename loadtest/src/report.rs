//! The files of a run: one result, written in the forms that people and machines read.

mod csv;
mod escape;
mod hdr;
mod html;
pub(crate) mod json;
mod junit;
mod markdown;

pub(crate) use hdr::decode;

use crate::exit::Exit;
use crate::result::RunResult;
use clap::Args;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Where the result goes; `-` is standard output.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Outputs {
    /// Write the result as JSON (schema: loadtest.schema.json).
    #[arg(long, env = "LOADTEST_JSON", value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a report page: one file that needs no network.
    #[arg(long, env = "LOADTEST_HTML", value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the assertions as `JUnit` test cases.
    #[arg(long, env = "LOADTEST_JUNIT", value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write a summary as Markdown (for $`GITHUB_STEP_SUMMARY`).
    #[arg(long, env = "LOADTEST_MD", value_name = "FILE")]
    md: Option<PathBuf>,
    /// Write one row a second as CSV.
    #[arg(long, env = "LOADTEST_CSV", value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Write PREFIX.hlog and a PREFIX.NAME.hgrm for each distribution, for `HdrHistogram` plotters.
    #[arg(long, env = "LOADTEST_HDR", value_name = "PREFIX")]
    hdr: Option<PathBuf>,
}

/// Why a file was not written or read.
#[derive(Debug, Error)]
pub(crate) enum ReportError {
    #[error("{path} cannot be written: {source}", path = path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("{path} cannot be read: {source}", path = path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{path} is no result of loadtest: {cause}", path = path.display())]
    NotAResult { path: PathBuf, cause: String },
    #[error("the histogram of {name} cannot be read: {cause}")]
    Histogram { name: String, cause: String },
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

/// `loadtest report`: renders a result again that was written with `--json`.
pub(crate) fn rerender(from: &Path, outputs: &Outputs) -> Exit {
    if !outputs.any() {
        eprintln!("loadtest: nothing to write\n  fix: add --html, --md, --junit, --csv or --hdr");
        return Exit::Usage;
    }
    if let Err(error) = outputs.check() {
        eprintln!("loadtest: {error}");
        return Exit::Usage;
    }
    let result = match read(from) {
        Ok(result) => result,
        Err(error) => {
            eprintln!("loadtest: {error}");
            return Exit::Usage;
        }
    };
    if outputs.save(&result) {
        Exit::Pass
    } else {
        Exit::Setup
    }
}

/// Reads a result that was written with `--json`.
pub(crate) fn read(path: &Path) -> Result<RunResult, ReportError> {
    let text = fs::read_to_string(path).map_err(|source| ReportError::Read {
        path: path.to_owned(),
        source,
    })?;
    json::parse(&text).map_err(|cause| ReportError::NotAResult {
        path: path.to_owned(),
        cause,
    })
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

/// Metric names come from scenario files; a file name takes only their harmless part.
fn file_name(metric: &str) -> String {
    metric
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || ".-_".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect()
}

#[cfg(test)]
pub(crate) mod sample;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_all_files_and_renders_them_again_from_the_json() {
        let dir = std::env::temp_dir().join(format!("loadtest-report-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("a temporary directory");
        let outputs = Outputs {
            json: Some(dir.join("out.json")),
            html: Some(dir.join("r.html")),
            junit: Some(dir.join("j.xml")),
            md: Some(dir.join("r.md")),
            csv: Some(dir.join("r.csv")),
            hdr: Some(dir.join("out")),
        };
        let result = sample::failed();
        let (written, errors) = outputs.write(&result);
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(written.len(), 6 + result.histograms.len());
        assert!(dir.join("out.delivery.hgrm").is_file());
        let page = fs::read_to_string(dir.join("r.html")).expect("written");
        assert_eq!(read(&dir.join("out.json")).expect("readable"), result);
        assert_eq!(rerender(&dir.join("out.json"), &outputs), Exit::Pass);
        assert_eq!(
            fs::read_to_string(dir.join("r.html")).expect("written"),
            page
        );
        fs::remove_dir_all(&dir).expect("ours");
    }

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

    #[test]
    fn keeps_metric_names_from_leaving_the_directory() {
        assert_eq!(file_name("../web delivery"), ".._web_delivery");
    }
}
