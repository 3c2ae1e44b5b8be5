//! The number or text by which a client recognises the answer to a request.

use serde_json::value::RawValue;

/// The longest that is repeated; a UUID in quotes has 38 bytes.
const ID_BYTES_MAX: usize = 64;

/// An id as the client wrote it: a JSON number or text. It asks for a fuller answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Id(Box<str>);

impl Id {
    /// Anything but a short number or text is not taken for an id: to the original a broadcast's `id` is only one more
    /// key that is passed on.
    pub(crate) fn read(raw: &RawValue) -> Option<Self> {
        let text = raw.get();
        let fits = text.len() <= ID_BYTES_MAX
            && text.starts_with(|c: char| c == '"' || c == '-' || c.is_ascii_digit());
        fits.then(|| Self(text.into()))
    }

    pub(crate) fn as_json(&self) -> &str {
        &self.0
    }
}
