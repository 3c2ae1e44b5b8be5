//! Posting: hyper's pooled client over the dialer that vets every address.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use polysocket_broker::Kind;
use polysocket_outbound::{Connector, DialError, Dialer};
use tokio::time::timeout;

use super::queue::Verdict;

/// Idle connections that are kept for the next message, and for how long.
const IDLE_PER_HOST_MAX: usize = 4;
const IDLE_TIME: Duration = Duration::from_secs(15);

/// By which a hook asks that its answer be passed on; without it nothing of an answer leaves this process.
const REPLY: HeaderName = HeaderName::from_static("x-gockets-reply");

/// What came of one attempt.
#[derive(Debug)]
pub enum Outcome {
    /// The hook answered.
    Answered {
        /// With this status.
        status: u16,
        /// `Retry-After`, where it is in seconds.
        retry_after: Option<Duration>,
        /// What is to be passed on.
        answer: Option<Answer>,
    },
    /// It did not, in time.
    TimedOut,
    /// It could not be reached, or what it said was no HTTP.
    Failed(String),
    /// It may not be reached, by what the operator allows.
    NotAllowed(String),
}

/// An answer of a hook that is to be passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// To everybody in the channel, else to the client whose message it answers.
    pub to_channel: bool,
    /// What it is.
    pub kind: Kind,
    /// At most `gockets_hooks.answer_bytes_max`.
    pub body: Bytes,
}

impl Outcome {
    /// What is to be done, and why, in words for the operator.
    pub fn verdict(&self) -> (Verdict, String) {
        match self {
            Self::Answered { status: 200..=299, .. } => (Verdict::Delivered, String::new()),
            Self::Answered { status: status @ (429 | 500..=599), retry_after, .. } => {
                (Verdict::Again(*retry_after), format!("the hook answered {status}"))
            }
            Self::Answered { status: status @ 300..=399, .. } => {
                (Verdict::Refused, format!("the hook answered {status}; redirects are not followed"))
            }
            Self::Answered { status, .. } => (Verdict::Refused, format!("the hook answered {status}")),
            Self::TimedOut => (Verdict::Again(None), "the hook did not answer in time".to_owned()),
            Self::Failed(why) => (Verdict::Again(None), why.clone()),
            Self::NotAllowed(why) => (Verdict::Refused, why.clone()),
        }
    }
}

/// Posts to hooks.
#[derive(Clone)]
pub struct Client {
    pool: Pool<Connector, Full<Bytes>>,
    within: Duration,
    answer_bytes_max: usize,
}

impl Client {
    /// One that gives each attempt `within`, name look-up, TLS and the answer's body included.
    pub fn new(dialer: Arc<Dialer>, within: Duration, answer_bytes_max: usize) -> Self {
        let pool = Pool::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIME)
            .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
            .build(Connector::new(dialer));
        Self { pool, within, answer_bytes_max }
    }

    /// One attempt.
    pub async fn post(&self, request: Request<Full<Bytes>>) -> Outcome {
        timeout(self.within, self.exchange(request)).await.unwrap_or(Outcome::TimedOut)
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Outcome {
        let response = match self.pool.request(request).await {
            Ok(response) => response,
            Err(error) => return explain(&error),
        };
        let (head, body) = response.into_parts();
        let status = head.status.as_u16();
        let wish = head.status.is_success().then(|| wish(&head.headers)).flatten();
        // Read also when nobody wants it: the connection is good for the next message then.
        let body = Limited::new(body, self.answer_bytes_max).collect().await;
        let answer = match (wish, body) {
            (Some((to_channel, binary)), Ok(body)) => {
                let body = body.to_bytes();
                let text = !binary && std::str::from_utf8(&body).is_ok();
                let kind = if text { Kind::Text } else { Kind::Binary };
                Some(Answer { to_channel, kind, body }).filter(|answer| !answer.body.is_empty())
            }
            (Some(_), Err(error)) => {
                tracing::warn!(%error, "a hook's answer could not be passed on: too long, or it broke off");
                None
            }
            (None, _) => None,
        };
        Outcome::Answered { status, retry_after: retry_after(&head.headers), answer }
    }
}

/// Whom the hook wants to answer, and whether in binary.
fn wish(headers: &HeaderMap) -> Option<(bool, bool)> {
    let to_channel = match headers.get(REPLY)?.as_bytes() {
        b"client" => false,
        b"channel" => true,
        _ => return None,
    };
    let binary = headers.get(header::CONTENT_TYPE).is_some_and(|value| value == "application/octet-stream");
    Some((to_channel, binary))
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn explain(error: &(dyn Error + 'static)) -> Outcome {
    match DialError::among(error) {
        Ok(DialError::Refused(refused)) => Outcome::NotAllowed(refused.to_string()),
        Ok(DialError::TimedOut { .. }) => Outcome::TimedOut,
        Ok(dial) => Outcome::Failed(dial.to_string()),
        Err(last) => Outcome::Failed(format!("the exchange with the hook broke: {last}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16) -> Outcome {
        Outcome::Answered { status, retry_after: None, answer: None }
    }

    #[test]
    fn what_is_tried_again() {
        for status in [200, 201, 204, 299] {
            assert_eq!(answered(status).verdict().0, Verdict::Delivered, "{status}");
        }
        for status in [429, 500, 502, 503, 504, 599] {
            assert_eq!(answered(status).verdict().0, Verdict::Again(None), "{status}");
        }
        for status in [301, 302, 307, 400, 401, 403, 404, 408, 410, 499] {
            assert_eq!(answered(status).verdict().0, Verdict::Refused, "{status}");
        }
        assert_eq!(Outcome::TimedOut.verdict().0, Verdict::Again(None));
        assert_eq!(Outcome::Failed("x".to_owned()).verdict(), (Verdict::Again(None), "x".to_owned()));
        assert_eq!(Outcome::NotAllowed("x".to_owned()).verdict(), (Verdict::Refused, "x".to_owned()));
        let asked = Some(Duration::from_secs(9));
        let busy = Outcome::Answered { status: 503, retry_after: asked, answer: None };
        assert_eq!(busy.verdict().0, Verdict::Again(asked));
    }

    #[test]
    fn an_answer_is_passed_on_only_when_asked() {
        let headers = |list: &[(&'static str, &'static str)]| -> HeaderMap {
            list.iter()
                .map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")))
                .collect()
        };
        assert_eq!(wish(&headers(&[])), None);
        assert_eq!(wish(&headers(&[("x-gockets-reply", "yes")])), None);
        assert_eq!(wish(&headers(&[("x-gockets-reply", "client")])), Some((false, false)));
        let binary = [("x-gockets-reply", "channel"), ("content-type", "application/octet-stream")];
        assert_eq!(wish(&headers(&binary)), Some((true, true)));
        assert_eq!(retry_after(&headers(&[("retry-after", "7")])), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(&headers(&[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")])), None);
    }
}
