//! The router: stateless HTTP that authorises a create, picks a relay and has it open the upstream.
//!
//! # Layout
//! - [`Router`] (`router`): what it is made of, and what all requests share.
//! - [`Front`] (`http`): which path is what; plain creates, and the rest.
//! - `create`: `/create` from request to answer. `order`: what a request asks for, checked and authorised.
//!   `open`: admitting, placing, asking, once more elsewhere. `nonce`: what a repeat is found by.
//! - `alive`: `/alive/{socket}`.
//! - `placement` (pure): which relay. `directory`: the table it is chosen from, kept up to date.
//! - `leases`: sockets counted against a token, given back when nothing came of them.
//! - `query`, `answer`, `origin`: requests read, answers written, who may read them.
//! - `account`: one line and one count for each create. `metrics`, `config`, `refusal`: what they say.
//!
//! # Invariants
//! - A router keeps nothing that cannot be lost: what is here is a copy of the registry, or lives as long as a request.
//! - Nothing is dialled, placed or counted before token, origin and target were checked.
//! - The first failure of the registry decides: its time-outs are never added up.

mod account;
mod alive;
mod answer;
mod config;
mod create;
mod directory;
mod http;
mod leases;
mod metrics;
mod nonce;
mod open;
mod order;
mod origin;
mod placement;
mod query;
mod refusal;
mod router;

pub use config::RouterConfig;
pub use http::Front;
pub use metrics::RouterMetrics;
pub use router::{ClientLimits, Parts, Router};
