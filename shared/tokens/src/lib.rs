//! Who may create sockets: JWTs and static tokens, and what they allow.
//!
//! A token is proof of who asks, and says what that one may do: which targets, for pages of which origins,
//! how much. It never widens what the operator allows, and nothing in it that is missing or wrong widens what
//! it allows itself.
//!
//! # Layout
//! - [`AuthConfig`]: the section `auth` of the configuration.
//! - [`Keyring`]: all keys; [`Keyring::verify`] turns a token into a [`Grant`] or a [`TokenError`].
//! - [`Grant`]: what the bearer may do, and the name to count by.
//! - [`Origin`], [`OriginPattern`]: pages. Pure.
//! - `jws`, `claims`, `key`: a token's shape, what it says, and who signed it. Pure, the time is passed in.
//! - `jwks`: the public keys of an issuer, fetched and kept.
//! - [`mint()`], [`sign()`], [`SigningKey`], [`Claims`]: making tokens.
//!
//! # Rules for JWTs (RFC 7519, RFC 8725)
//! - The algorithm belongs to the key. A token whose header names another is refused, and `none` is no
//!   algorithm.
//! - `exp` is required. `aud` and `iss` must be those of the configuration; an `aud` without one is refused.
//! - `kid` chooses the key; a token without `kid`, or a key without id, is tried. No key comes from a token.
//! - `crit` is refused, as no extension is known.

mod algorithm;
mod claims;
mod config;
mod error;
mod grant;
mod jwks;
mod jws;
mod key;
mod keyring;
mod mint;
mod origin;
mod row;
mod static_tokens;

pub use algorithm::Algorithm;
pub use claims::Claims;
pub use config::{AuthConfig, JwtKey, StaticToken};
pub use error::TokenError;
pub use grant::Grant;
pub use jwks::JwksError;
pub use keyring::Keyring;
pub use mint::{MintError, SigningKey, mint, sign};
pub use origin::{Origin, OriginPattern};
