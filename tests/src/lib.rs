//! The harness of the whole-system tests: real programs, real servers, a hostile network, and a client that was written
//! from the protocol's document alone.
//!
//! | module | is |
//! | --- | --- |
//! | [`cluster`] | the program under test: `dev` in one process, or routers and relays over a Redis |
//! | [`program`], [`redis_server`], [`postgres_server`], [`process`] | child processes: started on free ports, killed, stopped, their logs |
//! | [`patience`] | waiting until something is so |
//! | [`admin`] | what an operator sees: health, metrics, memory |
//! | [`metrics`] | what a part of the product counts in the test's own process |
//! | [`ask`], [`answer`], [`event_stream`], [`socket`] | plain clients: one request, a stream of events, a WebSocket |
//! | [`raw`] | a connection on which a test says exactly what it wants |
//! | [`upstream`] | targets: a scripted WebSocket server, and servers that others wrote |
//! | [`client`] | the protocol's client over every transport, and the client of the documented API |
//! | [`fault`] | a proxy that loses, repeats, cuts, truncates, delays and buffers, by a seed |
//! | [`duplex`] | one session with messages both ways, judged |
//! | [`history`] | messages by seed and number, and the check of exactly once, in order, complete |
//! | [`model`] | a small relay, with mistakes that can be switched on, to prove that the harness finds them |
//! | [`transcript`] | the runnable blocks of docs/PROTOCOL.md |
//! | [`http1`], [`websocket`] | the two wire formats, for both ends |
//!
//! `SEED=n cargo test -p polysocket-tests --test exactly_once` repeats a run.

pub mod admin;
pub mod answer;
pub mod ask;
pub mod client;
pub mod cluster;
pub mod duplex;
pub mod event_stream;
pub mod fault;
pub mod history;
pub mod http1;
pub mod metrics;
pub mod model;
pub mod patience;
pub mod ports;
pub mod postgres_server;
pub mod process;
pub mod program;
pub mod raw;
pub mod redis_server;
pub mod socket;
pub mod transcript;
pub mod upstream;
pub mod websocket;
