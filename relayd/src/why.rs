//! Why a page uses this transport and not a better one, as its client says (docs/PROTOCOL.md §5).

/// All words: of those that have no native WebSocket, and of those that changed transport in mid-session.
pub(crate) const WORDS: [&str; 10] =
    ["absent", "dead", "refused", "hanging", "mute", "cut", "remembered", "chosen", "buffered", "failed"];

/// One of the words. Others come from a later client, or from nobody's: they are not counted.
pub(crate) fn read(word: &str) -> Option<&'static str> {
    WORDS.into_iter().find(|known| *known == word)
}
