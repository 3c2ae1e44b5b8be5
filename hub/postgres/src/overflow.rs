//! Messages that are too long for a notification: a table has them, and what is notified is where to look.

use std::time::Duration;

use rand::Rng;
use serde::{Deserialize, Serialize};
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;

use crate::error::{DatabaseError, is_refusal};
use crate::link::Link;

/// How a pointer begins; a client's message cannot, for it is always within an envelope.
const BEGINNING: &str = "{\"event\":\"Overflow\",";
/// The longest and the shortest time between two clean-ups.
const CLEAN_EVERY_MAX: Duration = Duration::from_secs(10);
const CLEAN_EVERY_MIN: Duration = Duration::from_millis(100);

/// The table `polysocket_overflow`.
#[derive(Debug, Clone)]
pub struct Overflow {
    keep: Duration,
}

#[derive(Serialize, Deserialize)]
struct Pointer<'a> {
    event: &'a str,
    channel: std::borrow::Cow<'a, str>,
    id: String,
}

impl Overflow {
    pub fn new(keep: Duration) -> Self {
        Self { keep }
    }

    /// The id in a notification that is a pointer.
    pub fn id(payload: &str) -> Option<String> {
        let pointer = payload.starts_with(BEGINNING).then(|| serde_json::from_str::<Pointer<'_>>(payload))?;
        pointer.ok().map(|pointer| pointer.id)
    }

    /// What a pointer leads to; none where it is gone.
    pub async fn fetch(&self, client: &Client, id: &str) -> Result<Option<String>, tokio_postgres::Error> {
        let row = client.query_opt("select payload from polysocket_overflow where id = $1", &[&id]).await?;
        Ok(row.map(|row| row.get(0)))
    }

    /// Puts a message there, in a transaction of its own: one that writes and notifies would hold the lock of all
    /// notifying transactions while it waits for the disk. Returns what is to be notified instead, or why the table
    /// does not take it.
    pub async fn put(
        &self,
        client: &Client,
        link: &mut Link,
        within: Duration,
        channel: &str,
        payload: &str,
    ) -> Result<Result<String, String>, DatabaseError> {
        // Not to be guessed: a pointer is good for whoever has it.
        let id = format!("{:032x}", rand::rng().random::<u128>());
        let insert = "insert into polysocket_overflow (id, payload) values ($1, $2)";
        let parameters: [&(dyn ToSql + Sync); 2] = [&id, &payload];
        match link.beside(within, client.execute(insert, &parameters)).await? {
            Ok(_) => {}
            Err(error) if is_refusal(&error) => return Ok(Err(DatabaseError::from(error).to_string())),
            Err(error) => return Err(error.into()),
        }
        let pointer = Pointer { event: "Overflow", channel: channel.into(), id };
        Ok(Ok(serde_json::to_string(&pointer).unwrap_or_default()))
    }

    /// How often it is cleaned.
    pub fn clean_every(&self) -> Duration {
        self.keep.clamp(CLEAN_EVERY_MIN, CLEAN_EVERY_MAX)
    }

    /// Removes what was there for long enough, also what SQL has put there. The inner error is what PostgreSQL says
    /// against it.
    pub async fn clean(
        &self,
        client: &Client,
        link: &mut Link,
        within: Duration,
    ) -> Result<Result<(), String>, DatabaseError> {
        let seconds = self.keep.as_secs_f64();
        let delete = "delete from polysocket_overflow where at < now() - make_interval(secs => $1)";
        match link.beside(within, client.execute(delete, &[&seconds])).await? {
            Ok(_) => Ok(Ok(())),
            Err(error) if is_refusal(&error) => Ok(Err(DatabaseError::from(error).to_string())),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers() {
        let pointer = Pointer { event: "Overflow", channel: "a\"b".into(), id: "x1".to_owned() };
        let text = serde_json::to_string(&pointer).expect("JSON");
        assert!(text.starts_with(BEGINNING), "{text}");
        assert_eq!(Overflow::id(&text).as_deref(), Some("x1"));
        assert_eq!(crate::envelope::channel_of(&text).as_deref(), Some("a\"b"));
        for other in ["", "{}", "{\"event\":\"Overflow\",\"id\":5}", "{\"id\":\"x\",\"event\":\"Overflow\"}"]
        {
            assert_eq!(Overflow::id(other), None, "{other}");
        }
    }
}
