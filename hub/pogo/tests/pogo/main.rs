//! Pogo as its users meet it: over real sockets, before real APIs.
#![allow(clippy::unwrap_used)]

mod access;
mod api;
mod bed;
mod binds;
mod documented;
mod encodings;
mod failing;
mod gateway;
mod json_server;
mod lifecycle;
mod measure;
mod nodes;
mod privacy;
mod sources;
mod writes;
