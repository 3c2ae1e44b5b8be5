//! Child processes with captured output, ended by the test or with it.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// Lines kept of a process that talks much; the first ones go.
const LINES_MAX: usize = 20_000;
/// Lines shown where a test fails.
const LINES_SHOWN: usize = 40;

#[derive(Debug, Default)]
struct Output {
    lines: Mutex<Vec<String>>,
    changed: watch::Sender<u64>,
}

/// A running child; killed when it is dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    output: Arc<Output>,
}

impl Process {
    /// Starts a command. Its standard input is empty; its output is kept.
    pub fn spawn(name: impl Into<String>, command: &mut Command) -> io::Result<Self> {
        let name = name.into();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command
            .spawn()
            .map_err(|e| io::Error::new(e.kind(), format!("{name} cannot be started ({command:?}): {e}")))?;
        let output = Arc::<Output>::default();
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(capture(stdout, output.clone()));
        }
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(capture(stderr, output.clone()));
        }
        Ok(Self { name, child, output })
    }

    /// Waits until a line gives a value; lines that came before count too.
    pub async fn wait_for<T>(&mut self, limit: Duration, find: impl Fn(&str) -> Option<T>) -> io::Result<T> {
        let until = Instant::now() + limit;
        let mut changed = self.output.changed.subscribe();
        let mut seen = 0;
        loop {
            changed.borrow_and_update();
            {
                let lines = self.output.lines.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(found) = lines.iter().skip(seen).find_map(|line| find(line)) {
                    return Ok(found);
                }
                seen = lines.len();
            }
            let why = tokio::select! {
                more = timeout_at(until, changed.changed()) => match more {
                    Ok(_) => continue,
                    Err(_) => format!("said nothing of it within {limit:?}"),
                },
                status = self.child.wait() => format!("ended: {}", status?),
            };
            // What was said just before the end may still be in the pipe.
            if timeout_at(until.min(Instant::now() + Duration::from_millis(200)), changed.changed())
                .await
                .is_ok()
            {
                continue;
            }
            return Err(io::Error::other(format!("{} {why}\n{}", self.name, self.tail())));
        }
    }

    /// All that it wrote so far, on both outputs.
    pub fn log(&self) -> String {
        self.output.lines.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }

    /// The end of what it wrote.
    pub fn tail(&self) -> String {
        let lines = self.output.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n")
    }

    /// The process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// SIGKILL, and waits for the end.
    pub async fn kill(&mut self) -> io::Result<()> {
        self.child.kill().await
    }

    /// SIGTERM: asks it to stop in order.
    pub async fn terminate(&self) -> io::Result<()> {
        self.signal("TERM").await
    }

    /// Sends a signal by its name, such as `HUP` or `STOP`.
    pub async fn signal(&self, name: &str) -> io::Result<()> {
        let id = self.id().ok_or_else(|| io::Error::other(format!("{} has ended", self.name)))?;
        // The standard library has no call for it, and unsafe code is not allowed.
        let status = Command::new("kill").args([format!("-{name}"), id.to_string()]).status().await?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("kill -{name} {id}: {status}"))) }
    }

    /// Waits for its end.
    pub async fn wait(&mut self, limit: Duration) -> io::Result<ExitStatus> {
        timeout_at(Instant::now() + limit, self.child.wait()).await.map_err(|_| {
            io::Error::new(
                io::ErrorKind::TimedOut,
                format!("{} still runs after {limit:?}\n{}", self.name, self.tail()),
            )
        })?
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

async fn capture(from: impl AsyncRead + Unpin, output: Arc<Output>) {
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let mut kept = output.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= LINES_MAX {
            kept.drain(..LINES_MAX / 2);
        }
        kept.push(line);
        drop(kept);
        output.changed.send_modify(|count| *count += 1);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Process {
        Process::spawn("sh", Command::new("sh").args(["-c", script])).unwrap()
    }

    #[tokio::test]
    async fn a_line_is_waited_for_and_an_early_end_is_told_with_the_output() {
        let mut good = shell("echo port 7; exec sleep 60");
        let port = good.wait_for(Duration::from_secs(5), |line| line.strip_prefix("port ").map(String::from));
        assert_eq!(port.await.unwrap(), "7");
        good.terminate().await.unwrap();
        assert!(!good.wait(Duration::from_secs(5)).await.unwrap().success());
        let mut bad = shell("echo no luck >&2; exit 3");
        let error = bad.wait_for(Duration::from_secs(5), |_| None::<()>).await.unwrap_err().to_string();
        assert!(error.contains("no luck") && error.contains('3'), "{error}");
    }
}
