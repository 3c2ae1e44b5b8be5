//! WebSockets that are channels of PostgreSQL's LISTEN and NOTIFY.
//!
//! Whoever has a token opens channels: what they say is notified in the database, what is notified there they hear.
//! Both forms that messages ever had are there, PostgREST-WS's own and that of postgres-websockets, which it became
//! (`docs/POSTGRES.md`).
//!
//! # Layout
//! - [`Postgres`] (`postgres`): what requests share, and the tasks. `routes`: requests; `files`: those for no WebSocket.
//! - `request`, `claims`, `envelope`, `name`, `batch`: where a token is, what it allows, what a message looks like, what
//!   a channel may be called, what may share a transaction. Pure. `key`, `jwks`, `gate`: who signed a token.
//! - `socket`, `inbox`, `pace`: one client. `expiry`: when its time is up.
//! - `channels`: who has subscribed. `listener`: the connection that hears for all of them.
//! - `lead`: which node does what only one shall do.
//! - `desk`, `notice`: messages for the database. `publisher`: the connection that notifies.
//! - `overflow`, `outbox`, `schema.sql`: tables, for those who want them.
//! - `database`, `tls`, `link`, `retry`, `state`: connections to the database.
//! - [`PostgresConfig`] (`config`; `pgws`: by the original's variables), [`PostgresMetrics`].
//!
//! # Invariants
//! 1. The database has two connections from a node, three with the outbox, however many clients there are.
//! 2. A handshake is answered when what comes on its channels is heard: whoever is connected misses nothing.
//! 3. Whenever a notification may have been missed, everybody who could have had it is told, after it is listened again.
//! 4. A message that a client sent is notified, or its sender is told that it was not. Across a lost connection that
//!    may be twice.
//! 5. A connection that listens hears itself at regular times, or is made anew. Nobody is ever silently deaf.
//! 6. The bridge never notifies in a transaction that writes.

mod answer;
mod batch;
mod channels;
mod claims;
mod config;
mod database;
mod desk;
mod envelope;
mod error;
mod expiry;
mod files;
mod gate;
mod inbox;
mod jwks;
mod key;
mod lead;
mod link;
mod listener;
mod metrics;
mod name;
mod notice;
mod outbox;
mod overflow;
mod pace;
mod pgws;
mod postgres;
mod publisher;
mod request;
mod retry;
mod routes;
mod socket;
mod state;
mod tls;
mod wire;

pub use channels::{Membership, Source, Subscriber};
pub use config::PostgresConfig;
pub use error::DatabaseError;
pub use metrics::PostgresMetrics;
pub use notice::Failure;
pub use postgres::{Parts, Postgres};
pub use wire::Wire;

/// The tables of `postgres.overflow` and `postgres.outbox`.
pub(crate) const SCHEMA: &str = include_str!("schema.sql");
