//! Rocket against real sockets.
#![allow(clippy::unwrap_used)]

mod access;
mod bed;
mod bugs;
mod cluster;
mod direct;
mod documented;
mod hostile;
mod http;
mod limits;
mod others;
mod presence;
mod recovery;
