//! Every limit of the registry. Both implementations check arguments here before they touch anything, so that what
//! one takes the other takes too.

use polysocket_protocol::ids::is_node_name;

use crate::{Admission, Claim, Establish, NodeLease, RegistryError, SocketLease};

/// Nodes at the same time. A router reads all of them at once: at 400 bytes each, 400 KiB.
pub const NODES_MAX: usize = 1024;
/// Holder of a lease, bytes.
pub const HOLDER_BYTES_MAX: usize = 256;
/// Id of a socket's lease, bytes.
pub const LEASE_ID_BYTES_MAX: usize = 128;
/// Client's nonce, bytes.
pub const NONCE_BYTES_MAX: usize = 64;
/// Request id, bytes.
pub const REQUEST_ID_BYTES_MAX: usize = 64;
/// All texts of an [`Establish`] or a [`NodeLease`] together, bytes. A target comes in a URL of 16 KiB at most.
pub const TEXTS_BYTES_MAX: usize = 32 * 1024;
/// A message on a channel, bytes: JSON needs at most six (`\u001f`) for one, and the rest fits in 8 KiB.
pub const MESSAGE_BYTES_MAX: usize = 6 * TEXTS_BYTES_MAX + 8 * 1024;
/// Asks a relay has not yet taken from its [`Asks`](crate::Asks); one more is refused with `no-capacity`.
pub const ASKS_QUEUED_MAX: usize = 4096;
/// Asks a relay knows the askers of. They are remembered for some 7 s, so this is 4,600 creates a second on one node;
/// at about 600 bytes each, 20 MB.
pub const ASKERS_MAX: usize = 32_768;
/// Asks of one process that wait for an answer.
pub const ASKS_WAITING_MAX: usize = 16_384;
/// Cancels and refusals of one process that wait to be sent.
pub const NOTICES_QUEUED_MAX: usize = 4096;
/// Leases renewed or released by one command.
pub const LEASES_PER_COMMAND_MAX: usize = 1000;
/// Claims in the memory registry.
pub const CLAIMS_MAX: usize = 100_000;
/// Holders in the memory registry.
pub const HOLDERS_MAX: usize = 100_000;
/// Leases of one holder in the memory registry.
pub const LEASES_PER_HOLDER_MAX: usize = 100_000;

// Lua's `unpack` fails above some 8000 values, and both of these go through it.
const _: () = assert!(NODES_MAX <= 4000 && LEASES_PER_COMMAND_MAX * 2 <= 4000);

fn text(what: &str, text: &str, bytes_max: usize) -> Result<(), RegistryError> {
    if text.is_empty() || text.len() > bytes_max {
        let len = text.len();
        return Err(RegistryError::Invalid(format!("{what} has {len} bytes; it needs 1 to {bytes_max}")));
    }
    Ok(())
}

fn texts<'a>(what: &str, texts: impl Iterator<Item = &'a str>) -> Result<(), RegistryError> {
    let sum: usize = texts.map(str::len).sum();
    if sum > TEXTS_BYTES_MAX {
        return Err(RegistryError::Invalid(format!(
            "{what} has {sum} bytes of text; at most {TEXTS_BYTES_MAX} pass"
        )));
    }
    Ok(())
}

pub(crate) fn check_node(node: &str) -> Result<(), RegistryError> {
    if is_node_name(node) {
        Ok(())
    } else {
        Err(RegistryError::Invalid("a node's name needs 1 to 32 of a-z, 0-9 and -".to_owned()))
    }
}

pub(crate) fn check_node_lease(lease: &NodeLease) -> Result<(), RegistryError> {
    check_node(&lease.node)?;
    texts("a node's lease", [&*lease.address, &lease.internal_url, &lease.version].into_iter())
}

pub(crate) fn check_establish(establish: &Establish) -> Result<(), RegistryError> {
    text("a request id", &establish.request_id, REQUEST_ID_BYTES_MAX)?;
    establish.socket_lease.as_ref().map_or(Ok(()), check_socket_lease)?;
    let optional = [&establish.origin, &establish.page_origin].into_iter().flatten();
    let all = establish.protocols.iter().chain(optional).chain([&establish.target, &establish.holder]);
    texts("an establish message", all.map(String::as_str))
}

pub(crate) fn check_claim(nonce: &str, claim: &Claim) -> Result<(), RegistryError> {
    text("a nonce", nonce, NONCE_BYTES_MAX)?;
    check_node(&claim.node)?;
    text("a request id", &claim.request_id, REQUEST_ID_BYTES_MAX)
}

pub(crate) fn check_socket_lease(lease: &SocketLease) -> Result<(), RegistryError> {
    text("the holder of a lease", &lease.holder, HOLDER_BYTES_MAX)?;
    text("the id of a lease", &lease.id, LEASE_ID_BYTES_MAX)
}

pub(crate) fn check_admission(admission: &Admission) -> Result<(), RegistryError> {
    check_socket_lease(&admission.lease)?;
    if admission.creates_per_second.is_some_and(|rate| !rate.is_finite() || rate < 0.0) {
        return Err(RegistryError::Invalid("creates per second must be 0 or more".to_owned()));
    }
    Ok(())
}
