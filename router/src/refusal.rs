//! Why a create is refused: what the client is told, and what the log is.

use std::fmt::Display;

use polysocket_protocol::Word;
use polysocket_registry::RegistryError;

/// A refusal on its way to the client.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) word: Word,
    /// For the client, in place of the word's own sentence.
    pub(crate) detail: Option<String>,
    /// For the log only: what the client need not know.
    pub(crate) note: String,
    /// When a repeat may do better, in seconds.
    pub(crate) retry_after: Option<u64>,
}

impl Refusal {
    /// The client is told the word's sentence.
    pub(crate) fn new(word: Word) -> Self {
        Self { word, detail: None, note: String::new(), retry_after: None }
    }

    /// The client is told this.
    pub(crate) fn told(word: Word, detail: impl Display) -> Self {
        Self { detail: Some(detail.to_string()), ..Self::new(word) }
    }

    /// The log is told this as well.
    pub(crate) fn noted(word: Word, note: impl Display) -> Self {
        Self { note: note.to_string(), ..Self::new(word) }
    }
}

/// Full tables are load, and pass; everything else needs the operator.
impl From<RegistryError> for Refusal {
    fn from(error: RegistryError) -> Self {
        let word =
            if matches!(error, RegistryError::Full { .. }) { Word::NoCapacity } else { Word::Unavailable };
        Self::noted(word, error)
    }
}
