//! The server's connection, with real sockets and other people's clients at the other side.
#![allow(clippy::unwrap_used)]

mod closing;
mod drain;
mod flow;
mod foreign;
mod gone;
mod hostile;
mod slow;
mod support;
mod talk;
