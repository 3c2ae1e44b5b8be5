//! The limit on open files.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// A session has the page's connection, its target's, and for moments a third by which the page sends.
pub const FILES_PER_SESSION: u64 = 3;

/// Takes as many as the system lets this process have: the limit that it begins with is for programs that use `select`.
/// Warns when that is less than `wanted`.
pub fn raise(wanted: u64) {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    let now = match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(_) => soft,
    };
    if now < wanted {
        tracing::warn!(
            limit = now,
            wanted,
            "too few open files are allowed; raise the hard limit (LimitNOFILE of systemd)"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_there_are_can_be_used() {
        raise(0);
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
        assert_eq!(soft, hard);
    }
}
