//! Cases and what they stand on.
#![allow(clippy::unwrap_used)]

pub mod admissions;
pub mod asks;
pub mod bed;
pub mod claims;
pub mod nodes;
