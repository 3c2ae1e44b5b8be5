//! Where the programs of the subjects are, and how each is started.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use super::Subject;
use crate::error::{Error, Result, doing};

/// Stands for the address in the arguments of relayd.
const LISTEN: &str = "{listen}";

pub struct Install {
    own: PathBuf,
    load: PathBuf,
    relayd: PathBuf,
    relayd_args: Vec<String>,
}

impl Install {
    /// `relayd` is the product's program; by default the one that was built
    /// into the same folder as this one. Its arguments are separated by spaces.
    pub fn find(relayd: Option<PathBuf>, relayd_args: &str) -> Result<Self> {
        let own = std::env::current_exe().map_err(doing("find this program"))?;
        let relayd = relayd.unwrap_or_else(|| own.with_file_name("polysocket"));
        let load = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let relayd_args = relayd_args.split_whitespace().map(str::to_owned).collect();
        Ok(Self { own, load, relayd, relayd_args })
    }

    /// Says what to do when a subject's program is not there.
    pub fn check(&self, subject: Subject) -> Result<()> {
        let (missing, remedy) = match subject {
            Subject::Baseline => return Ok(()),
            Subject::Relayd => {
                (&self.relayd, "build it (cargo build --release -p polysocket), or give --relayd PATH")
            }
            Subject::Engineio | Subject::Sockjs => (&self.node_modules(), "run npm ci in tests/load"),
        };
        if missing.exists() {
            Ok(())
        } else {
            Err(Error::Setup(format!(
                "{} needs {}: {remedy}, or leave it out with --subjects",
                subject.name(),
                missing.display()
            )))
        }
    }

    pub fn node_modules(&self) -> PathBuf {
        self.load.join("node_modules")
    }

    /// The page with the results.
    pub fn document(&self) -> PathBuf {
        self.load.join("../../docs/PERFORMANCE.md")
    }

    pub(super) fn own(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.own);
        command.args(arguments);
        command
    }

    pub(super) fn relayd(&self, listen: SocketAddr) -> Command {
        let mut command = Command::new(&self.relayd);
        command.args(self.relayd_args.iter().map(|argument| argument.replace(LISTEN, &listen.to_string())));
        // One core, so one worker.
        command.env("TOKIO_WORKER_THREADS", "1");
        command
    }

    pub(super) fn node(&self, relay: &str, listen: SocketAddr, target: &str) -> Command {
        let mut command = Command::new("node");
        command.arg(self.load.join("relays").join(relay)).arg(listen.to_string()).arg(target);
        command.env("NODE_ENV", "production");
        command
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_address_goes_into_the_arguments() {
        let install = Install::find(Some("/p".into()), "dev --listen {listen} --quiet").unwrap();
        let command = install.relayd("127.0.0.1:8080".parse().unwrap());
        let arguments: Vec<_> = command.get_args().map(|argument| argument.to_str().unwrap()).collect();
        assert_eq!(arguments, ["dev", "--listen", "127.0.0.1:8080", "--quiet"]);
    }

    #[test]
    fn a_missing_program_is_named_with_the_remedy() {
        let install = Install::find(Some("/nonexistent/polysocket".into()), "").unwrap();
        let text = install.check(Subject::Relayd).unwrap_err().to_string();
        assert!(text.contains("/nonexistent/polysocket") && text.contains("--relayd PATH"), "{text}");
    }
}
