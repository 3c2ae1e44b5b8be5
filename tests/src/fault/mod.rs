//! A proxy that breaks things: it understands HTTP, so that it can do what real middleboxes, browsers and radio links
//! do to a request, and it does so by a seeded [`Plan`].

mod exchange;
mod plan;
mod proxy;
mod tunnel;

pub use plan::{Fate, Plan, Rates, Repeat, RequestPlan, TunnelPlan};
pub use proxy::FaultProxy;
