//! Whether a connection to the database is up.

/// What a connection's task says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It can be used.
    Up,
    /// It cannot, and why not; it is tried again.
    Down(String),
    /// It cannot, and is not tried again.
    GivenUp(String),
}

impl State {
    /// Before the first attempt.
    pub fn begin() -> Self {
        Self::Down("not connected to the database yet".to_owned())
    }

    /// Why it cannot be used.
    pub fn problem(&self) -> Option<&str> {
        match self {
            Self::Up => None,
            Self::Down(why) | Self::GivenUp(why) => Some(why),
        }
    }
}
