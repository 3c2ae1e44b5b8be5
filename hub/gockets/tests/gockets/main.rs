//! Gockets as their users meet them: over real sockets.
#![allow(clippy::unwrap_used)]

mod bed;
mod bugs;
mod clients;
mod hook;
mod hooks;
mod lifecycle;
mod limits;
mod lock;
mod nodes;
mod routes;
mod ssrf;
mod streams;
mod websocket;
