//! Text in JSON.

use std::borrow::Cow;

use serde::Deserialize;

/// Text, borrowed where it has no escapes.
#[derive(Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);
