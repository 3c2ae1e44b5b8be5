//! Keeps the connection, and what is subscribed on it.
//!
//! `redis::aio::ConnectionManager` reconnects too, but: it lets commands wait for it without a bound; it gives up
//! after some attempts until the next command, which a process that only listens never sends; it forgets
//! subscriptions that were not confirmed, and ignores when renewing one fails; and it never notices a peer that is
//! silent rather than closed. So this is a loop of its own over the plain multiplexed connection: connect,
//! subscribe to everything wanted, tell the others, watch, and begin again.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::{AsyncPushSender, MultiplexedConnection, SendError};
use ::redis::{AsyncConnectionConfig, Client, PushInfo, PushKind, RedisResult};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::connection::Connection;
use super::switchboard::Switchboard;

/// Name look-up, TCP, TLS, handshake and subscriptions together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Before the first attempt to reconnect; doubles up to the next.
const RECONNECT_DELAY_MIN: Duration = Duration::from_millis(50);
/// Between attempts while the server is away. A hundred processes then make some 300 attempts per second.
const RECONNECT_DELAY_MAX: Duration = Duration::from_millis(500);
/// Between signs of life.
const PING_EVERY: Duration = Duration::from_secs(1);
/// A single late answer may be a slow moment of the server; giving up costs every call in flight.
const PINGS_MISSED_MAX: u32 = 2;

pub(super) struct Keeper {
    pub client: Client,
    pub connection: Arc<Connection>,
    pub switchboard: Arc<Switchboard>,
    pub stop: CancellationToken,
}

impl Keeper {
    /// Until told to stop.
    pub async fn run(self) {
        self.stop.run_until_cancelled(self.keep()).await;
        self.connection.set_down("this process is stopping");
        self.switchboard.close();
    }

    async fn keep(&self) {
        let mut delay = RECONNECT_DELAY_MIN;
        let at = self.connection.at();
        loop {
            let why = match timeout(CONNECT_TIMEOUT, self.connect()).await {
                Ok(Ok(link)) => {
                    tracing::info!(at, "registry connected");
                    self.switchboard.counters.connects.add(1);
                    delay = RECONNECT_DELAY_MIN;
                    self.connection.set_up(link.connection.clone());
                    let why = self.watch(link).await;
                    tracing::warn!(at, why, "registry lost: no new sockets until it is back");
                    why
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no connection within {CONNECT_TIMEOUT:?}"),
            };
            // Also drops what is left of the connection, and with it every call in flight.
            self.connection.set_down(&why);
            self.switchboard.subscribed.send_replace(HashSet::new());
            tracing::debug!(at, why, "registry not connected");
            sleep(jittered(delay)).await;
            delay = (delay * 2).min(RECONNECT_DELAY_MAX);
        }
    }

    async fn connect(&self) -> RedisResult<Link> {
        let lost = CancellationToken::new();
        let pushes = Pushes { switchboard: self.switchboard.clone(), lost: lost.clone() };
        // Both are bounded by the callers of this.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_push_sender(pushes);
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        let mut link = Link { connection, lost };
        self.subscribe(&mut link).await?;
        Ok(link)
    }

    /// Until the connection is lost; says why.
    async fn watch(&self, mut link: Link) -> String {
        let mut ticks = interval(PING_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut missed = 0;
        let patience = self.connection.command_timeout();
        loop {
            tokio::select! {
                () = link.lost.cancelled() => return "the connection was closed".to_owned(),
                () = self.connection.becomes_a_replica() => return "it takes no writes: it is a replica".to_owned(),
                () = self.switchboard.changed.notified() => {
                    match timeout(patience, self.subscribe(&mut link)).await {
                        Ok(Ok(())) => (),
                        Ok(Err(error)) => return error.to_string(),
                        // The next connection subscribes to everything anew.
                        Err(_) => return format!("a subscription was not confirmed within {patience:?}"),
                    }
                }
                _ = ticks.tick() => {
                    let ping = ::redis::cmd("PING");
                    match timeout(patience, ping.query_async::<()>(&mut link.connection)).await {
                        Ok(Err(error)) if error.is_unrecoverable_error() => return error.to_string(),
                        // It lives, whatever it says; commands tell their callers.
                        Ok(_) => missed = 0,
                        Err(_) => missed += 1,
                    }
                    if missed >= PINGS_MISSED_MAX {
                        return format!("{missed} signs of life were not answered within {patience:?} each");
                    }
                }
            }
        }
    }

    /// Brings what is subscribed to what is wanted.
    async fn subscribe(&self, link: &mut Link) -> RedisResult<()> {
        let (wanted, subscribed) = self.switchboard.channels();
        let add: Vec<&String> = wanted.difference(&subscribed).collect();
        let remove: Vec<&String> = subscribed.difference(&wanted).collect();
        if !add.is_empty() {
            link.connection.subscribe(add).await?;
        }
        if !remove.is_empty() {
            link.connection.unsubscribe(remove).await?;
        }
        self.switchboard.subscribed.send_replace(wanted);
        Ok(())
    }
}

struct Link {
    connection: MultiplexedConnection,
    lost: CancellationToken,
}

/// What the connection's reader passes on.
struct Pushes {
    switchboard: Arc<Switchboard>,
    lost: CancellationToken,
}

impl AsyncPushSender for Pushes {
    fn send(&self, push: PushInfo) -> Result<(), SendError> {
        if push.kind == PushKind::Disconnection {
            self.lost.cancel();
        } else {
            self.switchboard.receive(push);
        }
        Ok(())
    }
}

impl Drop for Pushes {
    /// Goes with the reader, however that ends.
    fn drop(&mut self) {
        self.lost.cancel();
    }
}

/// Half to all of it, so that a hundred processes do not come back in one moment.
fn jittered(delay: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX);
    delay / 2 + delay.mul_f64(f64::from(random) / f64::from(u32::MAX) / 2.0)
}
