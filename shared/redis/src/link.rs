//! Two connections to one server: one for commands, one for what it pushes.
//!
//! They are two because the client attributes every confirmation to the oldest request under way: a subscription that
//! the server ends by itself (when its slot moves) would shift all later answers by one. On a connection that carries
//! nothing but subscriptions that costs no more than that connection.

use std::sync::Arc;

use bytes::Bytes;
use redis::aio::{AsyncPushSender, MultiplexedConnection, SendError};
use redis::{AsyncConnectionConfig, Client, PushInfo, PushKind, RedisResult, Value};
use tokio_util::sync::CancellationToken;

use crate::Listener;
use crate::subscriptions::{Confirmed, Subscriptions};

/// What commands need.
#[derive(Clone)]
pub(crate) struct Link {
    pub commands: MultiplexedConnection,
    pub server: Arc<Server>,
}

/// Both, and when one of them has gone.
pub(crate) struct Lines {
    pub link: Link,
    pub pushes: MultiplexedConnection,
    pub lost: CancellationToken,
}

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// Changes when the process, or what it is a primary of, does.
    pub identity: String,
    pub is_primary: bool,
    /// Whether it has sharded pub/sub (Redis 7, Valkey).
    pub sharded: bool,
}

impl Server {
    pub fn publish(&self) -> &'static str {
        if self.sharded { "SPUBLISH" } else { "PUBLISH" }
    }

    pub fn subscribe(&self) -> &'static str {
        if self.sharded { "SSUBSCRIBE" } else { "SUBSCRIBE" }
    }

    pub fn unsubscribe(&self) -> &'static str {
        if self.sharded { "SUNSUBSCRIBE" } else { "UNSUBSCRIBE" }
    }

    /// Asks it.
    pub async fn ask(connection: &mut MultiplexedConnection) -> RedisResult<Self> {
        let (server, replication): (String, String) = redis::pipe()
            .cmd("INFO")
            .arg("server")
            .cmd("INFO")
            .arg("replication")
            .query_async(connection)
            .await?;
        Ok(Self::read(&server, &replication))
    }

    fn read(server: &str, replication: &str) -> Self {
        let field = |text: &str, name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.unwrap_or_default().trim().to_owned()
        };
        // 64 random bits of each are enough to tell them apart; this goes with every call.
        let short = |text: String| text.chars().take(16).collect::<String>();
        let process = short(field(server, "run_id"));
        let history = short(field(replication, "master_replid"));
        let major = field(server, "redis_version").split('.').next().and_then(|major| major.parse().ok());
        Self {
            identity: format!("{process}-{history}"),
            is_primary: field(replication, "role") == "master",
            sharded: major.unwrap_or(0) >= 7,
        }
    }
}

/// Connects to one server; the caller sets the deadline.
pub(crate) async fn connect(
    client: &Client,
    subscriptions: &Arc<Subscriptions>,
    listener: &Arc<dyn Listener>,
) -> RedisResult<Lines> {
    let lost = CancellationToken::new();
    let config = |pushes| {
        // Callers bound both.
        AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_push_sender(pushes)
    };
    let silent = Pushes { to: None, lost: lost.clone() };
    let mut commands = client.get_multiplexed_async_connection_with_config(&config(silent)).await?;
    let to = Some((subscriptions.clone(), listener.clone()));
    let pushes = Pushes { to, lost: lost.clone() };
    let pushes = client.get_multiplexed_async_connection_with_config(&config(pushes)).await?;
    let server = Arc::new(Server::ask(&mut commands).await?);
    Ok(Lines { link: Link { commands, server }, pushes, lost })
}

/// Runs on a connection's reader, and so must not wait.
struct Pushes {
    to: Option<(Arc<Subscriptions>, Arc<dyn Listener>)>,
    lost: CancellationToken,
}

impl AsyncPushSender for Pushes {
    fn send(&self, push: PushInfo) -> Result<(), SendError> {
        let PushInfo { kind, data } = push;
        let mut data = data.into_iter();
        let Some((subscriptions, listener)) = &self.to else {
            if kind == PushKind::Disconnection {
                self.lost.cancel();
            }
            return Ok(());
        };
        match kind {
            PushKind::Disconnection => self.lost.cancel(),
            PushKind::SMessage | PushKind::Message => {
                if let (Some(Value::BulkString(channel)), Some(Value::BulkString(payload))) =
                    (data.next(), data.next())
                    && let Ok(channel) = str::from_utf8(&channel)
                {
                    listener.message(channel, Bytes::from(payload));
                }
            }
            PushKind::SSubscribe | PushKind::Subscribe => {
                if let Some(channel) = name(data.next())
                    && subscriptions.on(&channel) == Confirmed::Renewed
                {
                    listener.renewed(&channel);
                }
            }
            PushKind::SUnsubscribe | PushKind::Unsubscribe => {
                if let Some(channel) = name(data.next())
                    && subscriptions.off(&channel) == Confirmed::Lost
                {
                    // Its answers do not fit its requests any more, see above.
                    self.lost.cancel();
                }
            }
            _ => (),
        }
        Ok(())
    }
}

fn name(value: Option<Value>) -> Option<String> {
    match value {
        Some(Value::BulkString(name)) => String::from_utf8(name).ok(),
        Some(Value::SimpleString(name)) => Some(name),
        _ => None,
    }
}

impl Drop for Pushes {
    /// Goes with the reader, however that ends.
    fn drop(&mut self) {
        self.lost.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_a_server_says() {
        let server =
            "# Server\r\nredis_version:7.0.15\r\nrun_id:0123456789abcdef0123456789abcdef01234567\r\n";
        let replication = "# Replication\r\nrole:master\r\nmaster_replid:fedcba9876543210fedcba9876543210fedcba98\r\n\
                           master_replid2:0000000000000000000000000000000000000000\r\n";
        let read = Server::read(server, replication);
        assert_eq!(read.identity, "0123456789abcdef-fedcba9876543210");
        assert!(read.is_primary && read.sharded);
        let old = Server::read("redis_version:6.2.1\r\n", "role:slave\r\n");
        assert!(!old.is_primary && !old.sharded);
    }
}
