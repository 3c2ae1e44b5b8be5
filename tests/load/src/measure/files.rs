//! The limit of open files, which children inherit.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::error::{Error, Result};

/// Open files besides those of sessions: binaries, epoll, pipes, Node's own.
const SPARE_FILES: u64 = 200;

/// Raises the soft limit to the hard one, and checks that `needed` files of
/// sessions fit into one process.
pub fn raise_open_files(needed: usize) -> Result<u64> {
    let failed = |error| Error::Setup(format!("the limit of open files: {error}"));
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(failed)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_err(failed)?;
    let needed = needed as u64 + SPARE_FILES;
    if needed > hard {
        return Err(Error::Setup(format!(
            "the relay needs {needed} open files and the hard limit is {hard}: \
             ask for fewer sessions, or raise it (ulimit -Hn)"
        )));
    }
    Ok(hard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_limit_is_said_before_the_run() {
        let error = raise_open_files(usize::MAX / 2).expect_err("nobody has so many");
        assert!(error.to_string().contains("hard limit"), "{error}");
    }
}
