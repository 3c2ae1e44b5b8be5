//! How connections end.

use polysocket_protocol::close;

/// Why a connection ended: whose doing it was, and what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The client closed it.
    Client,
    /// The client, or the network between, went without closing it.
    Lost,
    /// The protocol closed it ([`Sender::close`](crate::Sender::close)).
    Protocol,
    /// The process is to stop.
    Drain,
    /// More waited for the client than may.
    SlowConsumer,
    /// The client took nothing of what waited for it.
    WriteTimeout,
    /// The client did not answer a ping, nor say anything else.
    NoPong,
    /// The client sent more messages than it may.
    Flood,
    /// A message of the client was too long.
    TooBig,
    /// A text of the client was not UTF-8.
    BadText,
    /// The client broke a rule of RFC 6455.
    BadFrame,
    /// The process was at its deadline.
    Aborted,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Client,
        Self::Lost,
        Self::Protocol,
        Self::Drain,
        Self::SlowConsumer,
        Self::WriteTimeout,
        Self::NoPong,
        Self::Flood,
        Self::TooBig,
        Self::BadText,
        Self::BadFrame,
        Self::Aborted,
    ];

    /// Its word in metrics and logs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Lost => "lost",
            Self::Protocol => "protocol",
            Self::Drain => "drain",
            Self::SlowConsumer => "slow-consumer",
            Self::WriteTimeout => "write-timeout",
            Self::NoPong => "no-pong",
            Self::Flood => "flood",
            Self::TooBig => "too-big",
            Self::BadText => "bad-text",
            Self::BadFrame => "bad-frame",
            Self::Aborted => "aborted",
        }
    }
}

/// How a connection ended, told to its [`Conversation`](crate::Conversation).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseSummary {
    /// Who ended it and why.
    pub cause: Cause,
    /// The code of the first close frame, whoever sent it; 1005 when it had none, 1006 when there was none.
    pub code: u16,
    /// The reason in that frame, at most 123 bytes.
    pub reason: String,
    /// Both sides have sent a close frame.
    pub clean: bool,
}

impl CloseSummary {
    /// One without any close frame.
    pub(crate) fn without_frame(cause: Cause) -> Self {
        Self { cause, code: close::ABNORMAL, reason: String::new(), clean: false }
    }
}
