//! Who a connection is logged in as.

use std::sync::Arc;

use super::{ChannelPattern, Permission, User};

/// What a login gave.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) user: Arc<User>,
    /// What its creations are counted under; users of the configuration and of tokens are never the same.
    pub(crate) counted_as: Arc<str>,
}

impl Session {
    /// The right itself, whatever the channel.
    pub(crate) fn may(&self, wanted: Permission) -> bool {
        self.user.permission.allows(wanted)
    }

    pub(crate) fn may_read(&self, channel: &str) -> bool {
        self.may(Permission::READ) && any(&self.user.read, channel)
    }

    pub(crate) fn may_write(&self, channel: &str) -> bool {
        self.may(Permission::WRITE) && any(&self.user.write, channel)
    }
}

fn any(patterns: &[ChannelPattern], channel: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(channel))
}
