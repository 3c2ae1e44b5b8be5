//! `polysocket-load-pogo`, as a caller starts it.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

fn measure(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_polysocket-load-pogo")).args(arguments).output().unwrap()
}

#[test]
fn binders_are_told_and_the_api_is_asked_once() {
    let hub = env!("CARGO_BIN_EXE_polysocket-load-hub");
    let output = measure(&["--quick", "--binders", "50", "--changes", "3", "--hub", hub]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("\n3 changes: 3 requests\n"), "{text}");
    assert_eq!(text.lines().filter(|line| line.contains(", ms |")).count(), 3, "{text}");
}

#[test]
fn a_missing_hub_is_named() {
    let output = measure(&["--quick", "--hub", "/nonexistent/polysocket-load-hub"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(error.contains("/nonexistent/polysocket-load-hub") && error.contains("--hub PATH"), "{error}");
}

#[test]
fn a_hub_that_is_none_fails_the_run() {
    let output = measure(&["--quick", "--hub", "/bin/true"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(error.contains("the hub ended before it listened"), "{error}");
}
