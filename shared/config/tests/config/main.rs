//! The crate as a program uses it: sections of its own, files, an environment and flags.

mod described;
mod errors;
mod fixture;
mod layering;
