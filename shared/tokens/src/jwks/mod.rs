//! The public keys of an issuer, fetched and kept.
//!
//! - [`set`]: reading a JWK set. Pure.
//! - [`fetch`]: one HTTP request.
//! - [`cache`]: when to fetch, so that keys can rotate and made-up key ids cost nothing.

mod cache;
mod fetch;
mod set;

pub use cache::Jwks;
pub use fetch::{Fetcher, JwksError, trusted_roots};
