//! The router against a registry in memory and relays that do as they are told.
#![allow(clippy::unwrap_used)]

mod alive;
mod answers;
mod bed;
mod cors;
mod limits;
mod nonce;
mod outage;
mod parameters;
mod relay;
mod relays;
mod tokens;
