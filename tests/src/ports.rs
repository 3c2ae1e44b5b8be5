//! Free ports and temporary folders.

use std::io;
use std::net::TcpListener;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};

/// Below those that the system gives to outgoing connections, which would take one before its program has started.
const PORTS: Range<u16> = 20_000..32_000;

/// A port of the loopback that nobody listened on a moment ago, and that this process has not given to anybody.
///
/// For programs that must be told their port; whatever can bind port 0 itself should.
pub fn free_port() -> io::Result<u16> {
    // Test processes that run at the same time begin at different places.
    static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| AtomicU16::new(rand::random()));
    let count = PORTS.end - PORTS.start;
    let mut tried = (0..count).map(|_| PORTS.start + NEXT.fetch_add(1, Ordering::Relaxed) % count);
    let free = tried.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.ok_or_else(|| io::Error::other(format!("no port of {PORTS:?} is free")))
}

/// A folder of its own, removed when it is dropped.
#[derive(Debug)]
pub struct TempDir(PathBuf);

impl TempDir {
    /// Creates a folder under the system's temporary folder.
    pub fn new() -> io::Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("polysocket-tests-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own cleaning.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
