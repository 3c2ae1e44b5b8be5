//! The dialer against real sockets: a name server that answers from a script, listeners that tell whether
//! anybody knocked, and TLS servers with certificates of the test's own. Nothing outside the loopback
//! interface is ever contacted: what stands for a public address is either only vetted, or an address of
//! 127.0.0.0/8 that the policy allows.

#![allow(clippy::unwrap_used)]

mod allowed;
mod pooled;
mod rebinding;
mod refused;
mod support;
mod tls;
