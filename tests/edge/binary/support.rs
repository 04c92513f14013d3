//! Assertions that the tests of the configuration share.

use std::process::Output;

use crate::support::{run, run_with};

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// Expects exit code 2, nothing on standard output, and these problems, each a line with its
/// origin and all of them at once.
pub fn expect_problems(output: &Output, problems: &[&str]) {
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert_eq!(text(&output.stdout), "");
    let count = match problems.len() {
        1 => "1 problem".to_owned(),
        count => format!("{count} problems"),
    };
    let mut expected = format!("error: {count} in the configuration\n");
    for problem in problems {
        expected.push_str("  ");
        expected.push_str(problem);
        expected.push('\n');
    }
    assert_eq!(error, expected);
}

/// Expects that a start with these arguments has this one problem.
pub async fn expect_problem(arguments: &[&str], problem: &str) {
    expect_problems(&run(arguments).await, &[problem]);
}

/// Expects that a start with this variable has this one problem.
pub async fn expect_problem_of(name: &str, value: &str, problem: &str) {
    expect_problems(&run_with(&[], &[(name, value)]).await, &[problem]);
}

/// Expects that a start with these arguments and variables would work.
pub async fn expect_ok(arguments: &[&str], environment: &[(&str, &str)]) {
    let arguments = [&["config", "check"], arguments].concat();
    let output = run_with(&arguments, environment).await;
    assert_eq!(text(&output.stderr), "", "{arguments:?} {environment:?}");
    assert_eq!(output.status.code(), Some(0));
}
