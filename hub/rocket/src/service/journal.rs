//! What a hub has to tell: in the log of the process, or in a file of the hub's own, as the original has it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Where the lines of a hub go.
#[derive(Debug)]
pub(super) struct Journal {
    hub: String,
    file: Option<Mutex<File>>,
}

/// Opens a log as the original does: it is made if need be and appended to.
pub(crate) fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

impl Journal {
    pub(super) fn open(hub: &str, path: Option<&Path>) -> io::Result<Self> {
        Ok(Self { hub: hub.to_owned(), file: path.map(append_to).transpose()?.map(Mutex::new) })
    }

    /// One line about one connection. Nothing of a client's is in it but the name of a user that is known.
    pub(super) fn tell(&self, connection: impl std::fmt::Display, what: &str) {
        let Some(file) = &self.file else {
            return tracing::debug!(hub = %self.hub, %connection, "{what}");
        };
        let now = httpdate::fmt_http_date(std::time::SystemTime::now());
        let line = format!("{now} {} #{connection} {what}\n", self.hub);
        // In one write, so that lines of several processes do not mix.
        let written = file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
        if let Err(error) = written {
            tracing::warn!(hub = %self.hub, %error, "the hub's log cannot be written");
        }
    }
}
