//! Why resources are read again, which so decides what is read and when.

use serde::{Deserialize, Serialize};

/// What has touched a path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Cause {
    /// Somebody who is trusted says that it has changed: all around it is read at once, each time.
    #[default]
    Told,
    /// A client has written: the same, but many writes make few readings.
    Written,
    /// A client's write was refused, or its answer lost. Anybody can do that: the path alone is read, and as seldom.
    Failed,
}
