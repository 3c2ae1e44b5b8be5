//! One thing that is told to a hook, and the request that tells it.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, header};
use http_body_util::Full;
use polysocket_outbound::Target;
use polysocket_socket::{CloseSummary, Sender};
use serde::de::IgnoredAny;
use serde_json::json;

use super::{Secret, signature};
use crate::Key;

/// Says who posts.
const USER_AGENT: &str = concat!("polysocket-gockets/", env!("CARGO_PKG_VERSION"));

/// What an entry of the queue costs beside its body, about: address, headers, bookkeeping.
const ENTRY_BYTES: usize = 512;

pub(crate) const CHANNEL: HeaderName = HeaderName::from_static("x-gockets-channel");
pub(crate) const CLIENT: HeaderName = HeaderName::from_static("x-gockets-client");
pub(crate) const EVENT: HeaderName = HeaderName::from_static("x-gockets-event");
const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// What has happened; the value of `X-Gockets-Event`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A listener sent a message.
    Message,
    /// A listener has come.
    Connect,
    /// A listener has gone.
    Disconnect,
    /// The last listener has gone.
    Empty,
}

impl Event {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Connect => "connect",
            Self::Disconnect => "disconnect",
            Self::Empty => "empty",
        }
    }
}

/// What is posted, however often it takes. Its id stays the same.
#[derive(Debug)]
pub struct Delivery {
    /// `msg_` and 32 hexadecimal digits.
    pub id: String,
    /// Whose hook it is.
    pub channel: Key,
    /// The connection it came by.
    pub client: Option<Key>,
    /// What has happened.
    pub event: Event,
    /// Of the body.
    pub content_type: &'static str,
    /// Posted as it is.
    pub body: Bytes,
    /// When it happened.
    pub at: SystemTime,
    /// Where it goes, unless the channel has got another hook meanwhile.
    pub hook: Target,
    /// The client, for a hook that answers it.
    pub answer_to: Option<Sender>,
}

/// What all deliveries of one connection have in common.
#[derive(Debug, Clone)]
pub struct From {
    /// The channel, by its subscriber key.
    pub channel: Key,
    /// The connection.
    pub client: Option<Key>,
    /// The client, for a hook that answers it.
    pub answer_to: Option<Sender>,
}

impl Delivery {
    /// A message of a client, verbatim.
    pub fn message(from: &From, hook: Target, text: bool, body: Bytes) -> Self {
        let content_type = if text { text_type(&body) } else { "application/octet-stream" };
        Self::new(from.clone(), hook, Event::Message, content_type, body)
    }

    /// A moment of the channel's life, in JSON as Standard Webhooks recommends: `type`, `timestamp`, `data`.
    pub fn lifecycle(from: &From, hook: Target, event: Event, how: Option<&CloseSummary>) -> Self {
        let at = SystemTime::now();
        let mut data = json!({ "channel": from.channel });
        if let Some(client) = &from.client {
            data["client"] = json!(client);
        }
        if let Some(how) = how {
            data["code"] = json!(how.code);
            data["reason"] = json!(how.reason);
            data["cause"] = json!(how.cause.word());
        }
        let body = json!({ "type": event.word(), "timestamp": iso(at), "data": data });
        Self { at, ..Self::new(from.clone(), hook, event, "application/json", body.to_string().into()) }
    }

    fn new(from: From, hook: Target, event: Event, content_type: &'static str, body: Bytes) -> Self {
        let From { channel, client, answer_to } = from;
        let id = format!("msg_{}", Key::random());
        Self { id, channel, client, event, content_type, body, at: SystemTime::now(), hook, answer_to }
    }

    /// What it counts for in the bounds of the queue.
    pub fn bytes(&self) -> usize {
        ENTRY_BYTES + self.body.len()
    }

    /// Which attempts may have to wait for each other.
    pub fn host(&self) -> Arc<str> {
        self.hook.origin().into()
    }

    /// The request, signed now.
    pub fn request(
        &self,
        hook: &Target,
        secrets: &[Secret],
        now: SystemTime,
    ) -> http::Result<Request<Full<Bytes>>> {
        let timestamp = seconds(now);
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(hook.as_str())
            .header(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type))
            .header(header::USER_AGENT, HeaderValue::from_static(USER_AGENT))
            .header(EVENT, HeaderValue::from_static(self.event.word()))
            .header(CHANNEL, self.channel.to_string())
            .header(ID, &self.id)
            .header(TIMESTAMP, timestamp);
        if let Some(client) = &self.client {
            request = request.header(CLIENT, client.to_string());
        }
        if !secrets.is_empty() {
            let signed = signature::signatures(secrets, &self.id, timestamp, &self.body);
            request = request.header(SIGNATURE, signed);
        }
        request.body(Full::new(self.body.clone()))
    }
}

/// JSON where it is JSON, else text. PHP reads `php://input` either way.
fn text_type(body: &[u8]) -> &'static str {
    match serde_json::from_slice::<IgnoredAny>(body) {
        Ok(_) => "application/json",
        Err(_) => "text/plain; charset=utf-8",
    }
}

/// Seconds since 1970.
fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// As in RFC 3339, to the second.
pub(crate) fn iso(at: SystemTime) -> String {
    humantime::format_rfc3339_seconds(at).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::Duration;

    fn from() -> From {
        From { channel: Key::random(), client: Some(Key::random()), answer_to: None }
    }

    fn hook() -> Target {
        Target::parse_http("https://hooks.example/log.php?room=1").unwrap()
    }

    #[test]
    fn a_message_is_posted_verbatim_with_its_type() {
        for (text, body, content_type) in [
            (true, &b"{\"a\":[1, 2]}"[..], "application/json"),
            (true, b" 7 ", "application/json"),
            (true, b"{\"a\":", "text/plain; charset=utf-8"),
            (true, b"hello", "text/plain; charset=utf-8"),
            (true, b"", "text/plain; charset=utf-8"),
            (false, b"{}", "application/octet-stream"),
        ] {
            let from = from();
            let delivery = Delivery::message(&from, hook(), text, Bytes::from_static(body));
            let request = delivery.request(&hook(), &[], SystemTime::now()).unwrap();
            assert_eq!(request.uri(), "https://hooks.example/log.php?room=1");
            let says = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
            assert_eq!(says("content-type"), content_type, "{body:?}");
            assert_eq!(says("x-gockets-event"), "message");
            assert_eq!(says("x-gockets-channel"), from.channel.to_string());
            assert_eq!(says("x-gockets-client"), from.client.unwrap().to_string());
            assert_eq!(says("webhook-id"), delivery.id);
            assert!(!request.headers().contains_key("webhook-signature"));
            assert_eq!(delivery.body, body);
        }
    }

    #[test]
    fn a_repeat_has_the_same_id_and_its_own_time() {
        let delivery = Delivery::message(&from(), hook(), true, Bytes::from_static(b"x"));
        let secrets = [Secret::random()];
        let at = |seconds| {
            let now = UNIX_EPOCH + Duration::from_secs(seconds);
            delivery.request(&hook(), &secrets, now).unwrap().headers().clone()
        };
        let (first, second) = (at(1000), at(2000));
        assert_eq!(first["webhook-id"], second["webhook-id"]);
        assert_eq!(first["webhook-timestamp"], "1000");
        let expected = secrets[0].sign(&delivery.id, 2000, b"x");
        assert_eq!(second["webhook-signature"], expected);
    }

    #[test]
    fn moments_of_life_are_json() {
        let how = CloseSummary {
            cause: polysocket_socket::Cause::Client,
            code: 1001,
            reason: "bye".to_owned(),
            clean: true,
        };
        let from = from();
        let delivery = Delivery::lifecycle(&from, hook(), Event::Disconnect, Some(&how));
        let body: serde_json::Value = serde_json::from_slice(&delivery.body).unwrap();
        let expected = json!({
            "type": "disconnect",
            "timestamp": iso(delivery.at),
            "data": { "channel": from.channel, "client": from.client, "code": 1001, "reason": "bye", "cause": "client" },
        });
        assert_eq!(body, expected);
        let empty = Delivery::lifecycle(&From { client: None, ..from }, hook(), Event::Empty, None);
        let body: serde_json::Value = serde_json::from_slice(&empty.body).unwrap();
        assert_eq!(body["data"], json!({ "channel": empty.channel }));
    }
}
