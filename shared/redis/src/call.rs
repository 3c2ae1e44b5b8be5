//! Scripts, and calls of them.

use redis::{Cmd, ToRedisArgs, cmd};

/// A script in a file of its own, which runs as one step on the server.
///
/// Every script of this project gets two arguments before its own: `ARGV[1]`, the identity of the server that runs it
/// (see [`Redis`](crate::Redis)), and `ARGV[2]`, the command that publishes to subscribers of [`Redis::subscribe`]
/// (`SPUBLISH`, or `PUBLISH` on a server before Redis 7).
///
/// [`Redis::subscribe`]: crate::Redis::subscribe
pub struct Script {
    source: &'static str,
    sha1: String,
}

impl Script {
    /// Hashes it; so for a `static` behind a [`LazyLock`](std::sync::LazyLock).
    pub fn new(source: &'static str) -> Self {
        Self { source, sha1: redis::Script::new(source).get_hash().to_owned() }
    }
}

/// One call of a script.
#[derive(Clone)]
pub struct Call {
    script: &'static Script,
    keys: Vec<String>,
    args: Vec<Vec<u8>>,
}

impl Call {
    /// All `keys`, at least one, share a hash tag.
    pub fn new(script: &'static Script, keys: impl IntoIterator<Item = String>) -> Self {
        Self { script, keys: keys.into_iter().collect(), args: Vec::new() }
    }

    /// Adds an argument, or several.
    #[must_use]
    pub fn arg(mut self, arg: impl ToRedisArgs) -> Self {
        arg.write_redis_args(&mut self.args);
        self
    }

    pub(crate) fn key(&self) -> &[u8] {
        self.keys.first().map_or(b"", |key| key.as_bytes())
    }

    /// The command; with `whole` also for a server that does not have the script yet.
    pub(crate) fn command(&self, identity: &str, publish: &str, whole: bool) -> Cmd {
        let (name, script) =
            if whole { ("EVAL", self.script.source) } else { ("EVALSHA", &*self.script.sha1) };
        let mut command = cmd(name);
        command.arg(script).arg(self.keys.len());
        for key in &self.keys {
            command.arg(key);
        }
        command.arg(identity).arg(publish);
        for arg in &self.args {
            command.arg(arg);
        }
        command
    }
}
