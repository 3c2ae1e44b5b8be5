//! Parameters of a socket's request, from the query and from form bodies.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use polysocket_protocol::jsonp::Callback;

use crate::why;

/// What a request says. `None`: not said.
#[derive(Debug, Default)]
pub(crate) struct Params {
    pub(crate) callback: Option<Callback>,
    pub(crate) kind: Option<SendKind>,
    /// `d`, undecoded beyond the URL: text in UTF-8 or base64.
    pub(crate) data: Option<Vec<u8>>,
    pub(crate) number: Option<u64>,
    pub(crate) more: bool,
    pub(crate) base64: bool,
    pub(crate) code: Option<u16>,
    pub(crate) reason: String,
    pub(crate) ack: Option<u64>,
    pub(crate) last: Option<u64>,
    pub(crate) v1: bool,
    pub(crate) ttl: Option<u64>,
    pub(crate) poll: Option<u64>,
    pub(crate) max: Option<usize>,
    pub(crate) budget: Option<usize>,
    pub(crate) pause: Option<u64>,
    pub(crate) dial: bool,
    pub(crate) pad: bool,
    pub(crate) why: Option<&'static str>,
}

/// `t` of a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SendKind {
    Text,
    Binary,
    Close,
    Frames,
}

impl Params {
    /// The client knows numbers: it gets acks, codes and all message types.
    pub(crate) fn told(&self) -> bool {
        self.v1 || self.ack.is_some() || self.number.is_some()
    }

    /// Reads `name=value&…`, over what is there already. All of it, also when some is malformed, since how to say so is
    /// among it; the error says which parameter was the first.
    pub(crate) fn read(&mut self, query: &str) -> Result<(), &'static str> {
        let mut read = Ok(());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            read = read.and(self.set(name, value));
        }
        read
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), &'static str> {
        match name {
            "cb" => {
                let name = text(value).ok_or("`cb` is not UTF-8")?;
                self.callback = Some(Callback::parse(&name).ok_or("`cb` is not a callback name")?);
            }
            "t" => {
                self.kind = Some(match value {
                    "t" => SendKind::Text,
                    "b" => SendKind::Binary,
                    "c" => SendKind::Close,
                    "f" => SendKind::Frames,
                    _ => return Err("`t` must be t, b, c or f"),
                });
            }
            "d" => self.data = Some(bytes(value).into_owned()),
            "n" => self.number = Some(number(value, "`n` must be a whole number")?),
            "f" => self.more = value == "1",
            "e" => self.base64 = value == "64",
            "code" if value.is_empty() => {}
            "code" => self.code = Some(value.parse().map_err(|_| "`code` must be a whole number")?),
            "reason" => self.reason = text(value).ok_or("`reason` is not UTF-8")?.into_owned(),
            "ack" => self.ack = Some(number(value, "`ack` must be a whole number")?),
            "last" => self.last = Some(number(value, "`last` must be a whole number")?),
            "v" => self.v1 = value == "1",
            "ttl" => self.ttl = Some(number(value, "`ttl` must be a whole number of milliseconds")?),
            "p" => self.poll = Some(number(value, "`p` must be a whole number")?),
            "max" => self.max = Some(value.parse().map_err(|_| "`max` must be a whole number of bytes")?),
            "budget" => {
                self.budget = Some(value.parse().map_err(|_| "`budget` must be a whole number of bytes")?);
            }
            "pause" => self.pause = Some(number(value, "`pause` must be a whole number of milliseconds")?),
            "dial" => self.dial = value == "1",
            "pad" => self.pad = value == "1",
            "why" => self.why = why::read(value),
            // Cache-busters, and whatever a later client may say.
            _ => {}
        }
        Ok(())
    }
}

fn number(value: &str, wrong: &'static str) -> Result<u64, &'static str> {
    // `parse` would take a leading `+`.
    if !value.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong);
    }
    value.parse().map_err(|_| wrong)
}

fn bytes(value: &str) -> Cow<'_, [u8]> {
    if value.contains('+') {
        let spaced = value.replace('+', " ");
        return Cow::Owned(percent_decode_str(&spaced).collect());
    }
    percent_decode_str(value).into()
}

fn text(value: &str) -> Option<Cow<'_, str>> {
    match bytes(value) {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Params, &'static str> {
        let mut params = Params::default();
        params.read(query).map(|()| params)
    }

    #[test]
    fn reads_what_is_documented() {
        let params = read("cb=go&t=b&d=%00a+b%2B&n=7&f=1&ack=3&_=x&&flag").expect("read");
        assert_eq!(params.data.as_deref(), Some(&b"\0a b+"[..]));
        assert_eq!((params.kind, params.number, params.ack), (Some(SendKind::Binary), Some(7), Some(3)));
        assert!(params.more && params.told() && params.callback.is_some());
        assert_eq!(
            (read("why=mute").expect("read").why, read("why=no").expect("read").why),
            (Some("mute"), None)
        );
        assert!(!read("t=t&d=").expect("read").told());
        assert_eq!(read("t=t&d=").expect("read").data.as_deref(), Some(&b""[..]));
    }

    #[test]
    fn what_follows_a_malformed_one_is_read() {
        let mut params = Params::default();
        assert_eq!(
            params.read("ttl=soon&cb=go&v=1&n=x"),
            Err("`ttl` must be a whole number of milliseconds")
        );
        assert!(params.callback.is_some() && params.told());
    }

    #[test]
    fn says_what_is_malformed() {
        for query in
            ["cb=a-b", "cb=%ff", "t=x", "n=", "n=-1", "n=+1", "n=1.5", "n=99999999999999999999", "ttl=soon"]
        {
            let parsed = read(query);
            assert!(parsed.is_err(), "{query}");
        }
    }
}
