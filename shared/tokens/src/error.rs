//! Why a token was refused.

use polysocket_protocol::Word;

/// A token that is not accepted, or cannot be judged. The text is for the developer of the page: what is
/// wrong and what to do. It never contains anything out of the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The token is empty.
    #[error("a token is needed here, and there was none")]
    Missing,
    /// More bytes than `auth.token_bytes_max`.
    #[error("the token is longer than {max} bytes")]
    TooLong {
        /// The limit.
        max: usize,
    },
    /// Neither a static key nor a JWT that can be read.
    #[error("the token is not one of ours: it is neither a key that is configured here nor a JWT")]
    Unreadable,
    /// The header has `crit`: extensions that a verifier must understand (RFC 7515 §4.1.11). None is known
    /// here.
    #[error("the header of the token demands extensions (`crit`) that are not supported; issue it without")]
    Critical,
    /// No key with the token's `kid`.
    #[error("the token was signed with a key that is not known here; get a new token")]
    UnknownKey,
    /// The signature does not fit any key it could.
    #[error("the signature of the token is wrong; get a new token, from the issuer that is configured here")]
    Signature,
    /// A claim that must be there is not.
    #[error("the token has no claim `{0}`, and must have one")]
    MissingClaim(&'static str),
    /// A claim is not of its type.
    #[error("the claim `{claim}` {expected}")]
    BadClaim {
        /// Its name.
        claim: &'static str,
        /// What it must be.
        expected: String,
    },
    /// `targets` is missing or empty. A token never allows everything by leaving something out. It is checked
    /// last: the token is in order otherwise, its `origins` included.
    #[error(
        "the token allows no target; list in its claim `targets` what it may reach, as in `wss://chat.example.com`"
    )]
    NoTargets,
    /// `iss` is not `auth.issuer`.
    #[error("the token is from another issuer (claim `iss`) than the one that is trusted here")]
    Issuer,
    /// Before `nbf`.
    #[error("the token is not valid yet (claim `nbf`); compare the clocks of the issuer and of this server")]
    NotYet,
    /// After `exp`.
    #[error("the token has expired; get a new one")]
    Expired,
    /// `aud` does not name `auth.audience`.
    #[error(
        "the token is for another service: its claim `aud` does not name the audience that is configured here"
    )]
    Audience,
    /// There is an `aud`, and nothing to compare it with (RFC 7519 §4.1.3 says to refuse it then).
    #[error(
        "the token names an audience (claim `aud`), but `auth.audience` is not set here; set it, or issue without"
    )]
    NoAudience,
    /// The algorithm of the header is none of the key's.
    #[error(
        "the token is signed with an algorithm that no key here is for; allowed are HS256, \
         RS256, ES256 and EdDSA, each with its own key"
    )]
    Algorithm,
    /// The page's origin is not among those of the token.
    #[error("the token is not for pages of this origin")]
    Origin,
    /// The token is for some origins, and the request does not say from which it comes.
    #[error(
        "the token is for pages of certain origins, and this request tells no origin; a script \
         request sends one only as a referrer, so do not set `no-referrer` on the page"
    )]
    UnknownOrigin,
    /// The key set at `auth.jwks_url` was never read, or not lately, so that the token can be neither
    /// accepted nor refused.
    #[error("the keys to check the token with cannot be fetched at the moment; try again")]
    Unavailable,
}

impl TokenError {
    /// What the client is told.
    pub const fn word(&self) -> Word {
        match self {
            Self::Missing
            | Self::TooLong { .. }
            | Self::Unreadable
            | Self::Critical
            | Self::UnknownKey
            | Self::Signature
            | Self::MissingClaim(_)
            | Self::BadClaim { .. }
            | Self::NoTargets
            | Self::Issuer
            | Self::NotYet => Word::BadToken,
            Self::Expired => Word::TokenExpired,
            Self::Audience | Self::NoAudience => Word::WrongAudience,
            Self::Algorithm => Word::WrongAlgorithm,
            Self::Origin | Self::UnknownOrigin => Word::WrongOrigin,
            Self::Unavailable => Word::Unavailable,
        }
    }
}
