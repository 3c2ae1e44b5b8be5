//! A table as the source of messages: what is committed there is delivered, by polling and so without a lock that all
//! writers would wait for, and can be replayed.
//!
//! The order is that of transaction ids, and a row is delivered when no transaction with a lower id runs any more: so
//! a position never leaves a row behind that is committed later.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use polysocket_service::Lifecycle;
use polysocket_socket::{Sender, SocketLimits, text_frame};
use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};

use crate::channels::{Channels, Source};
use crate::database::Address;
use crate::envelope;
use crate::error::DatabaseError;
use crate::inbox::Inbox;
use crate::link::Link;
use crate::metrics::PostgresMetrics;
use crate::retry::Retry;
use crate::state::State;

/// Rows read at a time.
const ROWS_MAX: i64 = 1_000;
/// Replays that may wait.
const REPLAYS_MAX: usize = 1_024;
/// A replay may have one in so many bytes of its client's queue. It is sent at once, so that all of it may have to
/// wait there. The queue counts 32 bytes for each frame beside its own, and no frame here has less than 64: with them,
/// half of the queue is at most three quarters. The rest is for gaps and for what came meanwhile.
const QUEUE_SHARE: usize = 2;

const NEWEST: &str = "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint";
/// What comes next, and in the same snapshot whether some of it is gone: rows without a channel come first, and say
/// from where on everything is there. That is after what was removed; and where a position is ahead of all
/// transactions, for the database is another one or was put back, at what is not committed yet.
const NEXT: &str = "with next as (
  select xid, id, channel, payload from polysocket_outbox
  where (xid, id) > ($1::bigint::text::xid8, $2::bigint) and xid < pg_snapshot_xmin(pg_current_snapshot())
  order by xid, id limit $3::bigint
), gone as (
  select xid, id from polysocket_outbox_trimmed where (xid, id) > ($1::bigint::text::xid8, $2::bigint)
  union all
  select pg_snapshot_xmin(pg_current_snapshot()), -1
  where $1::bigint::text::xid8 > pg_snapshot_xmax(pg_current_snapshot())
)
select xid::text::bigint as x, id, channel, payload, true as is_there from next
union all select xid::text::bigint, id, null, null, false from gone
order by is_there, x, id";
const REPLAY: &str = "with next as (
  select xid, id, channel, payload from polysocket_outbox
  where (xid, id) > ($1::bigint::text::xid8, $2::bigint) and (xid, id) <= ($3::bigint::text::xid8, $4::bigint)
   and channel = any($5::text[])
  order by xid, id limit $6::bigint
), gone as (
  select xid, id from polysocket_outbox_trimmed where (xid, id) > ($1::bigint::text::xid8, $2::bigint)
  union all
  select pg_snapshot_xmin(pg_current_snapshot()), -1
  where $1::bigint::text::xid8 >= pg_snapshot_xmax(pg_current_snapshot())
)
select xid::text::bigint as x, id, channel, payload, true as is_there from next
union all select xid::text::bigint, id, null, null, false from gone
order by is_there, x, id";
const TRIMMED: &str = "select xid::text::bigint, id from polysocket_outbox_trimmed";

/// Of a message in the outbox: `transaction-number`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    xid: i64,
    id: i64,
}

impl FromStr for Position {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (xid, id) = text.split_once('-')?;
            let position = Self { xid: xid.parse().ok()?, id: id.parse().ok()? };
            (position.xid >= 0 && position.id >= 0).then_some(position)
        };
        read().ok_or("since has to be the position of a message")
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.xid, self.id)
    }
}

/// A client that wants what came after a position. Its inbox is opened when it has it.
pub struct Replay {
    pub since: Position,
    pub channels: Vec<Arc<str>>,
    pub inbox: Arc<Inbox>,
    pub sender: Sender,
}

/// Where replays are asked for.
#[derive(Clone)]
pub struct Replays(mpsc::Sender<Replay>);

impl Replays {
    pub fn channel() -> (Self, mpsc::Receiver<Replay>) {
        let (sender, receiver) = mpsc::channel(REPLAYS_MAX);
        (Self(sender), receiver)
    }

    /// Asks. Where too many wait, the client is asked to come back.
    pub fn hand_in(&self, replay: Replay) {
        let sender = replay.sender.clone();
        if self.0.try_send(replay).is_err() {
            sender.close(1013, "too many replays wait; try again later");
        }
    }
}

/// Bytes that one client is replayed at most.
pub fn replay_bytes_max(limits: &SocketLimits) -> usize {
    limits.queue_bytes_max.as_usize() / QUEUE_SHARE
}

/// What it is made of.
pub struct Outbox {
    pub address: Address,
    pub channels: Arc<Channels>,
    pub replays: mpsc::Receiver<Replay>,
    pub poll_every: Duration,
    pub replay_max: usize,
    pub replay_bytes_max: usize,
    pub gap_events: bool,
    pub connect_within: Duration,
    pub statement_within: Duration,
    pub state: watch::Sender<State>,
    pub metrics: PostgresMetrics,
}

/// A message as clients get it.
#[derive(Serialize)]
struct Shown<'a> {
    event: &'static str,
    channel: &'a str,
    payload: &'a str,
    position: String,
}

struct Entry {
    at: Position,
    channel: String,
    frame: String,
}

impl Entry {
    /// None: the row says from where on everything is there.
    fn of(row: &Row) -> Option<Self> {
        let at = position(row);
        let (channel, payload): (Option<String>, Option<&str>) = (row.get(2), row.get(3));
        let (channel, payload) = (channel?, payload?);
        let shown = Shown { event: "OutboxMessage", channel: &channel, payload, position: at.to_string() };
        let frame = serde_json::to_string(&shown).unwrap_or_default();
        Some(Self { at, channel, frame })
    }
}

fn position(row: &Row) -> Position {
    Position { xid: row.get(0), id: row.get(1) }
}

impl Outbox {
    /// Runs until the process stops. What is written while the database is away is delivered when it is back.
    pub async fn run(mut self, mut retry: Retry, life: Lifecycle) {
        let mut position = None;
        loop {
            let error = tokio::select! {
                error = self.session(&mut position, &mut retry) => error,
                () = life.stopping() => return,
            };
            self.metrics.lost.with_label_values(&["outbox"]).inc();
            let pause = retry.pause();
            tracing::warn!(host = self.address.hosts(), %error, ?pause, "the connection to the outbox is lost");
            self.state.send_replace(State::Down(error.to_string()));
            tokio::select! {
                () = sleep(pause) => {}
                () = life.stopping() => return,
            }
        }
    }

    async fn session(&mut self, position: &mut Option<Position>, retry: &mut Retry) -> DatabaseError {
        let (client, mut link) = match self.address.connect("outbox", self.connect_within).await {
            Ok(connected) => connected,
            Err(error) => return error,
        };
        let mut at = match self.begin(&client, &mut link, *position).await {
            Ok(at) => at,
            Err(error) => return error,
        };
        *position = Some(at);
        retry.reset();
        self.state.send_replace(State::Up);
        let mut next = Instant::now();
        loop {
            let done = tokio::select! {
                replay = self.replays.recv() => match replay {
                    Some(replay) => self.replay(&client, &mut link, &replay, at).await,
                    None => return DatabaseError::Closed,
                },
                () = sleep_until(next) => {
                    let read = self.poll(&client, &mut link, &mut at).await;
                    *position = Some(at);
                    let full = read.as_ref().is_ok_and(|read| *read == ROWS_MAX);
                    next = Instant::now() + if full { Duration::ZERO } else { self.poll_every };
                    read.map(drop)
                }
                ended = link.next() => ended.map(drop),
            };
            if let Err(error) = done {
                return error;
            }
        }
    }

    /// Where to go on; at first, at what is not committed yet.
    async fn begin(
        &self,
        client: &Client,
        link: &mut Link,
        position: Option<Position>,
    ) -> Result<Position, DatabaseError> {
        let row = link.drive(self.statement_within, client.query_one(NEWEST, &[])).await?;
        let newest = Position { xid: row.get(0), id: -1 };
        // Finds out whether the table is there.
        link.drive(self.statement_within, client.query_opt(TRIMMED, &[])).await?;
        Ok(position.unwrap_or(newest))
    }

    async fn poll(&self, client: &Client, link: &mut Link, at: &mut Position) -> Result<i64, DatabaseError> {
        let rows =
            link.drive(self.statement_within, client.query(NEXT, &[&at.xid, &at.id, &ROWS_MAX])).await?;
        let mut read = 0;
        for row in &rows {
            let Some(entry) = Entry::of(row) else {
                *at = position(row);
                self.tell_gap(*at);
                continue;
            };
            *at = entry.at;
            let told = self.channels.deliver(&entry.channel, &entry.frame, Source::Outbox);
            self.metrics.deliveries.inc_by(told as u64);
            read += 1;
        }
        Ok(read)
    }

    /// Rows were removed before they were delivered, and nobody knows of which channels.
    fn tell_gap(&self, at: Position) {
        tracing::warn!(%at, "messages of the outbox were removed before they were delivered, or the database was put back");
        if self.gap_events {
            self.metrics.gaps.inc_by(self.channels.gap(None) as u64);
        }
    }

    /// Sends what came after `since` up to what this node has delivered already, and then what came meanwhile: nothing
    /// is delivered while this runs, so there is neither a gap nor an overlap.
    async fn replay(
        &self,
        client: &Client,
        link: &mut Link,
        replay: &Replay,
        at: Position,
    ) -> Result<(), DatabaseError> {
        let channels: Vec<&str> = replay.channels.iter().map(|channel| &**channel).collect();
        let max = i64::try_from(self.replay_max).unwrap_or(i64::MAX);
        let since = replay.since;
        let limit = max.saturating_add(1);
        let parameters: [&(dyn ToSql + Sync); 6] =
            [&since.xid, &since.id, &at.xid, &at.id, &channels, &limit];
        let read = client.query(REPLAY, &parameters);
        let rows = match link.drive(self.statement_within, read).await {
            Ok(read) => read,
            Err(error) => {
                replay.sender.close(1013, "the outbox cannot be read; try again later");
                return Err(error);
            }
        };
        let mut entries: Vec<Entry> = rows.iter().filter_map(Entry::of).collect();
        let gone = entries.len() < rows.len();
        let more = self.is_too_much(&entries);
        if gone || more {
            for channel in &replay.channels {
                replay.sender.send(text_frame(envelope::gap(channel).as_bytes()));
            }
            // What is too much is not sent in part: the client has to ask elsewhere.
            entries.truncate(if more { 0 } else { entries.len() });
        }
        for entry in &entries {
            replay.sender.send(text_frame(entry.frame.as_bytes()));
            self.metrics.replayed.inc();
        }
        replay.inbox.open(&replay.sender);
        Ok(())
    }

    /// For one replay.
    fn is_too_much(&self, entries: &[Entry]) -> bool {
        let bytes: usize = entries.iter().map(|entry| entry.frame.len()).sum();
        entries.len() > self.replay_max || bytes > self.replay_bytes_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions() {
        let at = |text: &str| text.parse::<Position>();
        assert_eq!(at("12-3").map(|at| at.to_string()), Ok("12-3".to_owned()));
        assert!(at("2-9") < at("10-1") && at("2-9") < at("2-10"));
        for wrong in ["", "1", "-1-2", "a-b", "1-", "99999999999999999999-1"] {
            assert!(at(wrong).is_err(), "{wrong}");
        }
    }
}
