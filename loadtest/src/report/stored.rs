//! Reads results that were written with `--json`, and renders them again.

use super::error::ReportError;
use super::json;
use super::outputs::Outputs;
use crate::base::exit::Exit;
use crate::base::print;
use crate::result::run_result::RunResult;
use std::fs;
use std::path::Path;

/// `loadtest report`: writes reports of a stored result.
pub(crate) fn rerender(from: &Path, outputs: &Outputs) -> Exit {
    if !outputs.any() {
        print::err_line(
            "loadtest: nothing to write\n  fix: add --html, --md, --junit, --csv or --hdr",
        );
        return Exit::Usage;
    }
    if let Err(error) = outputs.check() {
        print::err_line(&format!("loadtest: {error}"));
        return Exit::Usage;
    }
    let result = match read(from) {
        Ok(result) => result,
        Err(error) => {
            print::err_line(&format!("loadtest: {error}"));
            return Exit::Usage;
        }
    };
    if outputs.save(&result) {
        Exit::Pass
    } else {
        Exit::Setup
    }
}

/// Reads a stored result.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

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
}
