//! What rows of keys and of static tokens have in common: secrets in files, and problems that name their row.

use std::path::Path;

use polysocket_config::Problem;

/// A secret as its file has it, without the line end that editors and `openssl rand` put after it.
pub(crate) fn read_secret_file(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = read_file(path)?;
    while bytes.last().is_some_and(|byte| b"\r\n".contains(byte)) {
        bytes.pop();
    }
    Ok(bytes)
}

/// The whole file; or what to tell of it.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// The same problem, its column put below the name of its row.
pub(crate) fn below(row: &str, problem: Problem) -> Problem {
    Problem { key: format!("{row}.{}", problem.key), ..problem }
}
