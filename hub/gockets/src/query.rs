//! What a URL says.

use std::borrow::Cow;

use axum::extract::RawPathParams;
use http::StatusCode;
use polysocket_broker::{Epoch, Position};

use crate::Key;
use crate::answer::{Refusal, Status};

/// The channel's key in the path.
pub(crate) fn key(params: &RawPathParams) -> Option<Key> {
    let (_, text) = params.iter().find(|(name, _)| *name == "key")?;
    Key::parse(text).ok()
}

/// `epoch:offset`, as it was given out.
pub(crate) fn position(text: Option<&str>) -> Result<Option<Position>, Refusal> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let read = text.split_once(':').and_then(|(epoch, offset)| {
        Some(Position { epoch: Epoch::parse(epoch)?, offset: offset.parse().ok()? })
    });
    match read {
        Some(position) => Ok(Some(position)),
        None => {
            Err(Status::err(StatusCode::BAD_REQUEST, "Invalid since: a position as it was given is taken")
                .into())
        }
    }
}

/// The first parameter of this name; without a value it is empty.
pub(crate) fn parameter<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    url::form_urlencoded::parse(query.as_bytes()).find(|(found, _)| found == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::parameter;

    #[test]
    fn the_first_of_its_name() {
        let query = "poll&since=a%3A7&since=b&search=%5Ea+b";
        assert_eq!(parameter(query, "since").as_deref(), Some("a:7"));
        assert_eq!(parameter(query, "search").as_deref(), Some("^a b"));
        assert_eq!(parameter(query, "poll").as_deref(), Some(""));
        assert_eq!(parameter(query, "wait"), None);
    }
}
