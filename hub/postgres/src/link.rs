//! One connection to the database, driven by the task that uses it. (A connection that is spawned as a plain future
//! drops its notifications.)

use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{AsyncMessage, Connection, Notification, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::DatabaseError;

type TlsStream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

/// A connection and the notifications that came on it while something else was waited for.
pub struct Link {
    connection: Connection<Socket, TlsStream>,
    inbox: VecDeque<Notification>,
}

impl Link {
    pub fn new(connection: Connection<Socket, TlsStream>) -> Self {
        Self { connection, inbox: VecDeque::new() }
    }

    /// Runs a statement. Notifications that come meanwhile are kept for [`next`](Self::next).
    pub async fn drive<T>(
        &mut self,
        within: Duration,
        work: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, DatabaseError> {
        self.beside(within, work).await?.map_err(DatabaseError::from)
    }

    /// The same for work that has errors of its own; an error here is one of the connection.
    pub async fn beside<T>(
        &mut self,
        within: Duration,
        work: impl Future<Output = T>,
    ) -> Result<T, DatabaseError> {
        let mut work = pin!(work);
        let both = std::future::poll_fn(|cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            while let Poll::Ready(notification) = self.poll_notification(cx)? {
                self.inbox.push_back(notification);
            }
            Poll::Pending
        });
        timeout(within, both).await.unwrap_or(Err(DatabaseError::TimedOut(within)))
    }

    /// How many notifications came while something else was waited for.
    pub fn kept(&self) -> usize {
        self.inbox.len()
    }

    /// Has notifications come again, before all others.
    pub fn put_back(&mut self, notifications: Vec<Notification>) {
        for notification in notifications.into_iter().rev() {
            self.inbox.push_front(notification);
        }
    }

    /// The next notification. Safe to cancel.
    pub async fn next(&mut self) -> Result<Notification, DatabaseError> {
        std::future::poll_fn(|cx| match self.inbox.pop_front() {
            Some(notification) => Poll::Ready(Ok(notification)),
            None => match self.poll_notification(cx) {
                Ok(polled) => polled.map(Ok),
                Err(error) => Poll::Ready(Err(error)),
            },
        })
        .await
    }

    fn poll_notification(&mut self, cx: &mut Context<'_>) -> Result<Poll<Notification>, DatabaseError> {
        loop {
            match self.connection.poll_message(cx) {
                Poll::Pending => return Ok(Poll::Pending),
                Poll::Ready(Some(Ok(AsyncMessage::Notification(notification)))) => {
                    return Ok(Poll::Ready(notification));
                }
                Poll::Ready(Some(Ok(AsyncMessage::Notice(notice)))) => {
                    tracing::debug!(notice = notice.message(), "the database says");
                }
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(error))) => return Err(error.into()),
                Poll::Ready(None) => return Err(DatabaseError::Closed),
            }
        }
    }
}
