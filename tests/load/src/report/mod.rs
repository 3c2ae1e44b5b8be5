//! What a run found, as Markdown.

mod document;
mod goals;
mod results;
mod tables;

pub use document::Page;
pub use results::Results;
pub use tables::{row, section};
