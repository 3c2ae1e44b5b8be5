//! The one connection that notifies. While one batch is under way the next one gathers: nothing waits for a timer, and
//! the more there is to do the less each message costs.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::future::join_all;
use polysocket_service::Lifecycle;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Statement};

use crate::batch;
use crate::database::Address;
use crate::envelope::PAYLOAD_BYTES_MAX;
use crate::error::{DatabaseError, is_refusal};
use crate::link::Link;
use crate::metrics::PostgresMetrics;
use crate::notice::{Failure, Notice};
use crate::overflow::Overflow;
use crate::retry::Retry;
use crate::state::State;

/// One statement, one transaction, one row in answer.
const NOTIFY: &str = "select count(pg_notify(c, p)) from unnest($1::text[], $2::text[]) as messages(c, p)";
/// Transactions under way at the same time. Up to this many `join_all` polls in order, and so sends them in order.
const RUNS_AT_ONCE: usize = 30;

/// What it is made of.
pub struct Publisher {
    pub address: Address,
    pub notices: mpsc::UnboundedReceiver<Notice>,
    pub overflow: Option<Overflow>,
    pub batch_messages_max: usize,
    pub connect_within: Duration,
    pub statement_within: Duration,
    pub state: watch::Sender<State>,
    /// That of the connection that listens. Nothing is notified while it is down: this node's own clients would not
    /// hear it.
    pub listener: watch::Receiver<State>,
    pub metrics: PostgresMetrics,
}

/// What came of one run.
enum Run {
    Done,
    /// PostgreSQL refused it; nothing of it was notified.
    Refused(String),
}

impl Publisher {
    /// Runs until the process stops, or nobody is left who could have something to say. What waits then for a database
    /// that is away is lost; its senders are told, as far as they are there.
    pub async fn run(mut self, retry: Retry, life: Lifecycle) {
        let mut pending = VecDeque::new();
        self.connect_for_ever(&mut pending, retry, life).await;
        while let Ok(notice) = self.notices.try_recv() {
            pending.push_back(notice);
        }
        if !pending.is_empty() {
            tracing::warn!(messages = pending.len(), "lost: the database is away, and the process stops");
            for notice in pending {
                notice.fail(&Failure::Late);
            }
        }
    }

    async fn connect_for_ever(&mut self, pending: &mut VecDeque<Notice>, mut retry: Retry, life: Lifecycle) {
        loop {
            let connected = tokio::select! {
                connected = self.address.connect("publisher", self.connect_within) => connected,
                () = expire(pending, &mut self.notices) => return,
                () = life.stopping() => return,
            };
            let error = match connected {
                Ok((client, link)) => match self.session(client, link, pending, &mut retry, &life).await {
                    Ok(()) => return,
                    Err(error) => error,
                },
                Err(error) => error,
            };
            self.metrics.publishing.set(0);
            self.metrics.lost.with_label_values(&["publisher"]).inc();
            let pause = retry.pause();
            tracing::warn!(host = self.address.hosts(), %error, ?pause, waiting = pending.len(), "the connection that notifies is lost");
            self.state.send_replace(State::Down(error.to_string()));
            tokio::select! {
                () = sleep(pause) => {}
                () = expire(pending, &mut self.notices) => return,
                () = life.stopping() => return,
            }
        }
    }

    /// One connection, to its end. Ok: the process stops, and nothing waits any more.
    async fn session(
        &mut self,
        client: Client,
        mut link: Link,
        pending: &mut VecDeque<Notice>,
        retry: &mut Retry,
        life: &Lifecycle,
    ) -> Result<(), DatabaseError> {
        let prepare = client.prepare_typed(NOTIFY, &[Type::TEXT_ARRAY, Type::TEXT_ARRAY]);
        let statement = link.drive(self.statement_within, prepare).await?;
        self.metrics.publishing.set(1);
        self.state.send_replace(State::Up);
        let mut clean = Instant::now();
        loop {
            if let Some(overflow) = self.overflow.as_ref().filter(|_| clean <= Instant::now()) {
                let cleaned = overflow.clean(&client, &mut link, self.statement_within).await?;
                if let Err(why) = cleaned {
                    tracing::warn!(why, "cannot remove old messages from polysocket_overflow");
                }
                clean = Instant::now() + overflow.clean_every();
            }
            while pending.len() < self.batch_messages_max
                && let Ok(notice) = self.notices.try_recv()
            {
                pending.push_back(notice);
            }
            fail_late(pending);
            if pending.is_empty() {
                tokio::select! {
                    biased;
                    notice = self.notices.recv() => match notice {
                        Some(notice) => pending.push_back(notice),
                        None => return Ok(()),
                    },
                    // Nothing is notified to this connection: only its end is to be heard.
                    ended = link.next() => drop(ended?),
                    () = sleep_until(clean), if self.overflow.is_some() => {}
                    () = life.stopping() => return Ok(()),
                }
                continue;
            }
            let is_deaf = matches!(*self.listener.borrow_and_update(), State::Down(_));
            if is_deaf && !life.is_stopping() {
                tokio::select! {
                    _ = self.listener.changed() => {}
                    ended = link.next() => drop(ended?),
                    () = expire(pending, &mut self.notices) => {}
                    () = life.stopping() => {}
                }
                continue;
            }
            self.put_aside(&client, &mut link, pending).await?;
            self.send(&client, &statement, &mut link, pending).await?;
            retry.reset();
        }
    }

    /// Puts what is too long for a notification into the table.
    async fn put_aside(
        &self,
        client: &Client,
        link: &mut Link,
        pending: &mut VecDeque<Notice>,
    ) -> Result<(), DatabaseError> {
        let Some(overflow) = &self.overflow else { return Ok(()) };
        let mut at = 0;
        while at < pending.len() {
            let notice = &mut pending[at];
            if notice.payload.len() <= PAYLOAD_BYTES_MAX {
                at += 1;
                continue;
            }
            let put =
                overflow.put(client, link, self.statement_within, &notice.logical, &notice.payload).await;
            match put? {
                Ok(pointer) => {
                    notice.payload = pointer;
                    at += 1;
                }
                Err(why) => {
                    tracing::error!(why, "cannot write to polysocket_overflow");
                    if let Some(notice) = pending.remove(at) {
                        notice.fail(&Failure::Refused(why));
                    }
                }
            }
        }
        Ok(())
    }

    /// Notifies what is pending, or a part of it. What an error leaves there is sent again by the next connection: a
    /// message whose fate nobody knows may so come twice, and is not lost.
    async fn send(
        &self,
        client: &Client,
        statement: &Statement,
        link: &mut Link,
        pending: &mut VecDeque<Notice>,
    ) -> Result<(), DatabaseError> {
        let mut runs = batch::runs(pending.iter().map(|notice| (&*notice.channel, &*notice.payload)));
        runs.truncate(RUNS_AT_ONCE);
        let ends = self.notify(client, statement, link, pending, &runs).await?;
        for (length, end) in runs.into_iter().zip(ends) {
            match end {
                Run::Done => {
                    self.metrics.batch.observe(length as f64);
                    pending.drain(..length).for_each(Notice::done);
                }
                Run::Refused(why) if length == 1 => {
                    if let Some(notice) = pending.pop_front() {
                        notice.fail(&Failure::Refused(why));
                    }
                }
                Run::Refused(_) => self.send_singly(client, statement, link, pending, length).await?,
            }
        }
        Ok(())
    }

    /// Finds the message because of which a run was refused.
    async fn send_singly(
        &self,
        client: &Client,
        statement: &Statement,
        link: &mut Link,
        pending: &mut VecDeque<Notice>,
        length: usize,
    ) -> Result<(), DatabaseError> {
        for _ in 0..length {
            let end = self.notify(client, statement, link, pending, &[1]).await?;
            let Some(notice) = pending.pop_front() else { return Ok(()) };
            match end.into_iter().next() {
                Some(Run::Refused(why)) => notice.fail(&Failure::Refused(why)),
                _ => notice.done(),
            }
        }
        Ok(())
    }

    async fn notify(
        &self,
        client: &Client,
        statement: &Statement,
        link: &mut Link,
        pending: &VecDeque<Notice>,
        runs: &[usize],
    ) -> Result<Vec<Run>, DatabaseError> {
        let mut notices = pending.iter();
        let parameters: Vec<(Vec<&str>, Vec<&str>)> = runs
            .iter()
            .map(|length| {
                notices.by_ref().take(*length).map(|notice| (&*notice.channel, &*notice.payload)).unzip()
            })
            .collect();
        let transactions = parameters.iter().map(|(channels, payloads)| async move {
            match client.query_one(statement, &[channels, payloads]).await {
                Ok(_) => Ok(Run::Done),
                Err(error) if is_refusal(&error) => Ok(Run::Refused(DatabaseError::from(error).to_string())),
                Err(error) => Err(DatabaseError::from(error)),
            }
        });
        link.beside(self.statement_within, join_all(transactions)).await?.into_iter().collect()
    }
}

/// Takes what comes, and tells the senders of what has waited too long; until nobody could have anything to say.
async fn expire(pending: &mut VecDeque<Notice>, notices: &mut mpsc::UnboundedReceiver<Notice>) {
    loop {
        let until = pending.front().map(|notice: &Notice| notice.until);
        let late = async {
            match until {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = late => fail_late(pending),
            notice = notices.recv() => match notice {
                Some(notice) => pending.push_back(notice),
                None => return,
            },
        }
    }
}

fn fail_late(pending: &mut VecDeque<Notice>) {
    let now = Instant::now();
    while pending.front().is_some_and(|notice| notice.until <= now) {
        if let Some(notice) = pending.pop_front() {
            notice.fail(&Failure::Late);
        }
    }
}
