//! What a run found, as Markdown.

mod document;
mod goals;
mod judged;
mod results;
mod tables;

pub use document::Page;
pub use judged::{Judged, goals, head};
pub use results::Results;
pub use tables::{row, section};
