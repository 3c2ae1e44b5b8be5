//! A small relay, to prove the harness before and beside the product: client, proxy and history must pass a good relay
//! and catch a bad one. Its mistakes are those that relays make; see [`Mistake`].
//!
//! It knows the parts of docs/PROTOCOL.md that the client uses, and none of the limits, times and defences.

mod http;
mod receive;
mod session;
mod socket;
mod upstream;

pub use http::ModelRelay;

/// What the model does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// Nothing.
    None,
    /// Down units are forgotten when they are written, not when they are acked.
    ForgetsWhatItWrote,
    /// A send that comes again is forwarded again.
    ForwardsRepeats,
    /// Sends are forwarded as they arrive, without waiting for those before.
    KeepsNoOrder,
    /// A new receiver starts one unit too late.
    SkipsAtHandover,
    /// The close overtakes what is still queued coming down.
    ClosesTooEarly,
}
