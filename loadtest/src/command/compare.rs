//! `loadtest compare`.

use crate::base::exit::Exit;
use crate::base::print;
use crate::compare::comparison::{Change, compare, newly_failed};
use crate::compare::table::render;
use crate::report::stored;
use std::path::Path;

/// Prints the comparison of two results. A `max_regress` of 0.1 allows a figure to be 10 % worse.
pub(crate) fn run(base: &Path, new: &Path, max_regress: f64) -> Exit {
    let (base, new) = match (stored::read(base), stored::read(new)) {
        (Ok(base), Ok(new)) => (base, new),
        (Err(error), _) | (_, Err(error)) => {
            print::err_line(&format!("loadtest: {error}"));
            return Exit::Usage;
        }
    };
    let lines = compare(&base, &new, max_regress);
    let broken = newly_failed(&base, &new);
    print::out(&render(&base, &new, max_regress, &lines, &broken));
    if lines.iter().any(|line| line.change == Change::Worse) || !broken.is_empty() {
        Exit::Fail
    } else {
        Exit::Pass
    }
}
