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
mod nodes;
mod paths;
mod privacy;
mod races;
mod rebinding;
mod repeats;
mod shared;
mod sources;
mod validators;
mod writes;
