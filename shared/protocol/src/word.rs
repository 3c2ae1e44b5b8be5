//! Every refusal of the protocol: its word, its HTTP status and its sentence. The one place that maps them.

/// Why a request was refused, or why a target could not be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Word {
    /// Client: a parameter of `/create` is missing or malformed.
    BadRequest,
    /// Client: not a WebSocket URL that may be dialled.
    BadTarget,
    /// Client: no token, or not one of ours.
    BadToken,
    /// Client: the token's time is over.
    TokenExpired,
    /// Client: the token is for somebody else.
    WrongAudience,
    /// Client: the token is signed with an algorithm its key is not for.
    WrongAlgorithm,
    /// Client: the token is not for pages of this origin.
    WrongOrigin,
    /// Token or operator does not allow the target.
    Forbidden,
    /// The token has as many sockets, or creates per second, as it may.
    Limit,
    /// Operator: no relay takes new sockets.
    NoCapacity,
    /// Operator: the registry cannot be reached.
    Unavailable,
    /// Target: it refused the connection or the handshake.
    UpstreamRefused,
    /// Target: it did not answer in time.
    Timeout,
    /// Client: a parameter of a socket's request is missing or malformed.
    Bad,
    /// There is no such socket.
    Gone,
    /// The session takes no more units.
    Closed,
    /// The number is too far ahead.
    Window,
    /// A unit before this one did not come in time.
    Gap,
    /// The number was used with other bytes.
    Conflict,
    /// Text that is not UTF-8.
    InvalidText,
    /// A message over the limit.
    TooBig,
    /// The upstream does not read.
    Busy,
}

/// All of them, in the order of the documentation.
pub const ALL: [Word; 22] = [
    Word::BadRequest,
    Word::BadTarget,
    Word::BadToken,
    Word::TokenExpired,
    Word::WrongAudience,
    Word::WrongAlgorithm,
    Word::WrongOrigin,
    Word::Forbidden,
    Word::Limit,
    Word::NoCapacity,
    Word::Unavailable,
    Word::UpstreamRefused,
    Word::Timeout,
    Word::Bad,
    Word::Gone,
    Word::Closed,
    Word::Window,
    Word::Gap,
    Word::Conflict,
    Word::InvalidText,
    Word::TooBig,
    Word::Busy,
];

impl Word {
    /// On the wire, in metrics and in logs.
    pub fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The HTTP status where a client can read one.
    pub fn status(self) -> u16 {
        self.row().1
    }

    /// What a client is told when there is nothing more exact to say.
    pub fn sentence(self) -> &'static str {
        self.row().2
    }

    /// The word with this name.
    #[allow(clippy::should_implement_trait)]
    pub fn from_str(text: &str) -> Option<Self> {
        ALL.into_iter().find(|word| word.as_str() == text)
    }

    fn row(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::BadRequest => ("bad-request", 400, "a parameter is missing or malformed"),
            Self::BadTarget => ("bad-target", 400, "the target is not a WebSocket URL that may be dialled"),
            Self::BadToken => ("bad-token", 401, "the token is missing or not one of ours"),
            Self::TokenExpired => ("token-expired", 401, "the token has expired; get a new one"),
            Self::WrongAudience => ("wrong-audience", 401, "the token is for another audience"),
            Self::WrongAlgorithm => {
                ("wrong-algorithm", 401, "the token is signed with an algorithm we do not take")
            }
            Self::WrongOrigin => ("wrong-origin", 403, "the token is not for pages of this origin"),
            Self::Forbidden => ("forbidden", 403, "this target is not allowed"),
            Self::Limit => ("limit", 429, "the token has as many sockets or creates as it may; try later"),
            Self::NoCapacity => ("no-capacity", 503, "no relay takes new sockets now; try again"),
            Self::Unavailable => ("unavailable", 503, "the registry cannot be reached; try again"),
            Self::UpstreamRefused => ("upstream-refused", 502, "the target refused the connection"),
            Self::Timeout => ("timeout", 504, "the target did not answer in time"),
            Self::Bad => ("bad", 400, "a parameter is missing or malformed"),
            Self::Gone => ("gone", 403, "there is no such socket"),
            Self::Closed => ("closed", 409, "the session takes no more units"),
            Self::Window => ("window", 409, "the number is too far ahead"),
            Self::Gap => ("gap", 409, "a unit before this one did not come in time"),
            Self::Conflict => ("conflict", 409, "the number was used with other bytes"),
            Self::InvalidText => ("invalid-text", 400, "the text is not UTF-8"),
            Self::TooBig => ("too-big", 413, "the message is over the limit"),
            Self::Busy => ("busy", 503, "the upstream does not read; send again with the same number"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_distinct_and_read_back() {
        for word in ALL {
            assert_eq!(Word::from_str(word.as_str()), Some(word));
            assert!((400..=504).contains(&word.status()));
        }
    }
}
