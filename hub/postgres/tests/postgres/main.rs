//! The bridge with real PostgreSQL servers and raw WebSockets.
#![allow(clippy::unwrap_used)]

mod bed;
mod claims;
mod closing;
mod cluster;
mod names;
mod outages;
mod overload;
mod queues;
mod seed;
mod statuses;
mod tables;
mod tls;
mod tokens;
