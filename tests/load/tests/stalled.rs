//! `polysocket-load stalled`, as a caller starts it. Its quick run needs a build of the product.
#![allow(clippy::unwrap_used)]

use std::process::Command;

fn stalled(arguments: &[&str]) -> String {
    let program = env!("CARGO_BIN_EXE_polysocket-load");
    let output = Command::new(program).arg("stalled").args(arguments).output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_missing_program_is_named_before_anything_starts() {
    let error = stalled(&["--quick", "--hub", "/nonexistent/polysocket"]);
    assert!(error.contains("/nonexistent/polysocket") && error.contains("--hub PATH"), "{error}");
}

#[test]
fn a_program_that_is_no_hub_fails_the_run() {
    let error = stalled(&["--quick", "--hub", "/bin/true"]);
    assert!(error.contains("a process ended before it listened"), "{error}");
}
