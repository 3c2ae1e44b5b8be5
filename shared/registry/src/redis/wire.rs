//! The messages between processes: JSON on channels.
//!
//! ```json
//! {"type":"establish","reply_to":"polysocket:{…}:replies","ask":17,"establish":{"request_id":"…", …}}
//! {"type":"cancel","reply_to":"polysocket:{…}:replies","ask":17,"request_id":"…"}
//! {"ask":17,"outcome":{"type":"opened","socket":"…", …}}
//! ```
//!
//! Fields that are not known are ignored and fields that are missing have defaults, so that releases that differ
//! by one can talk while an installation is being updated.

use serde::{Deserialize, Serialize};

use crate::desk::Asker;
use crate::{Establish, Outcome, RegistryError};

/// To a node.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ToNode {
    Establish {
        #[serde(flatten)]
        asker: Asker,
        establish: Establish,
    },
    Cancel {
        #[serde(flatten)]
        asker: Asker,
        request_id: String,
    },
}

/// To the process that asked.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Reply {
    pub ask: u64,
    pub outcome: Outcome,
}

pub(super) fn encode(message: &impl Serialize) -> Result<String, RegistryError> {
    serde_json::to_string(message)
        .map_err(|error| RegistryError::Invalid(format!("a message cannot be written as JSON: {error}")))
}
