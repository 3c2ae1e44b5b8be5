//! The program itself, as a caller starts it. The Node relays and relayd have
//! their own quick run, since they need an install and a build.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_polysocket-load");

fn compare(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).arg("compare").args(arguments).output().unwrap()
}

#[test]
fn the_baseline_is_measured_without_an_error() {
    let output = compare(&["--quick", "--subjects", "baseline"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let row = text.lines().find(|line| line.starts_with("| baseline | ")).expect("a row of the report");
    assert!(row.ends_with("| 0 |"), "{row}");
    assert!(row.contains("| 1.00 |"), "its ratio to itself: {row}");
}

#[test]
fn a_subject_that_speaks_another_protocol_fails_the_run() {
    let arguments = ["--quick", "--subjects", "relayd", "--workloads", "echo", "--relayd", PROGRAM];
    let output = compare(&[&arguments[..], &["--relayd-args", "baseline --listen {listen}"]].concat());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(error.contains("the subject answered wrongly"), "{error}");
}

#[test]
fn a_missing_program_is_named_before_anything_starts() {
    let output = compare(&["--quick", "--subjects", "relayd", "--relayd", "/nonexistent/polysocket"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(error.contains("/nonexistent/polysocket") && error.contains("--relayd PATH"), "{error}");
}

#[test]
fn the_hub_is_measured_without_an_error() {
    let output = Command::new(PROGRAM).args(["fanout", "--quick", "--subjects", "hub"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.lines().any(|line| line.starts_with("| hub | ")), "{text}");
}

#[test]
fn a_hub_that_speaks_another_protocol_fails_the_run() {
    let arguments = ["fanout", "--quick", "--subjects", "hub", "--hub", "/bin/true"];
    let output = Command::new(PROGRAM).args(arguments).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(error.contains("a process ended before it listened"), "{error}");
}
