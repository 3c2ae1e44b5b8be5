//! The users of a hub.

use std::collections::HashMap;
use std::sync::Arc;

use super::{ChannelPattern, HashChecks, Permission, Secret, Session};
use crate::settings::UserConfig;
use crate::wire::Reason;

/// A user and what it may do.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) name: Box<str>,
    pub(crate) permission: Permission,
    /// Channels it may subscribe to, with [`Permission::READ`].
    pub(crate) read: Vec<ChannelPattern>,
    /// Channels it may broadcast to, with [`Permission::WRITE`].
    pub(crate) write: Vec<ChannelPattern>,
}

/// The users of the configuration, by name.
#[derive(Debug)]
pub(crate) struct Users(HashMap<String, (Session, Secret)>);

impl Users {
    pub(crate) fn new(rows: &[UserConfig]) -> Self {
        let users = rows.iter().map(|row| {
            let patterns = |texts: &[String]| texts.iter().map(|text| ChannelPattern::new(text)).collect();
            let user = User {
                name: row.name.as_str().into(),
                permission: Permission::of_bits(row.permission),
                read: patterns(&row.read),
                write: patterns(&row.write),
            };
            let secret = match (&row.secret_hash, &row.secret) {
                (Some(phc), _) => Secret::hashed(phc),
                (None, secret) => Secret::plain(secret.as_deref().unwrap_or_default()),
            };
            let session = Session { user: Arc::new(user), counted_as: format!("user:{}", row.name).into() };
            (row.name.clone(), (session, secret))
        });
        Self(users.collect())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The session of a user who knows the secret.
    pub(crate) async fn login(&self, name: &str, said: &str, checks: &HashChecks) -> Result<Session, Reason> {
        let (session, secret) = self.0.get(name).ok_or(Reason::UnknownUser)?;
        if secret.verify(said, checks).await? { Ok(session.clone()) } else { Err(Reason::WrongSecret) }
    }
}
