//! Asking the API, with a deadline and a bound on everything.

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use polysocket_outbound::{Connector, DialError, Dialer};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use url::{Position, Url};

use super::freshness::retry_after;
use super::{Freshness, Resource};
use crate::access::Credential;
use crate::document::Document;
use crate::metrics::PogoMetrics;
use crate::wire::{Code, Failure};

/// Idle connections that are kept, and for how long: less than what servers keep them.
const IDLE_MAX: usize = 32;
const IDLE_TIME: Duration = Duration::from_secs(4);
/// Redirects that one read follows.
const REDIRECTS_MAX: usize = 3;
/// What the upstream may say about an error that is passed on to the client.
const ERROR_DATA_BYTES_MAX: usize = 16 * 1024;
/// In whose name it is asked.
const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("polysocket/", env!("CARGO_PKG_VERSION")));
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The REST API.
#[derive(Clone)]
pub(crate) struct Upstream {
    pool: Pool<Connector, Full<Bytes>>,
    within: Duration,
    answer_bytes_max: usize,
    at_once: Arc<Semaphore>,
    metrics: PogoMetrics,
}

/// What a request is, beside its address.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ask<'a> {
    pub(crate) credential: Option<&'a Credential>,
    /// For whom; none for polls, which are for many.
    pub(crate) client: Option<IpAddr>,
    pub(crate) body: Option<Bytes>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) etag: Option<HeaderValue>,
    pub(crate) last_modified: Option<HeaderValue>,
}

/// A success, its body read and checked.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) document: Document,
    pub(crate) freshness: Freshness,
    pub(crate) location: Option<String>,
}

/// What a read found.
#[derive(Debug)]
pub(crate) enum Reading {
    New(Answer),
    /// It has not changed since the validators that were given.
    Same(Freshness),
}

impl Upstream {
    pub(crate) fn new(
        dialer: Arc<Dialer>,
        within: Duration,
        answer_bytes_max: usize,
        at_once_max: usize,
        metrics: PogoMetrics,
    ) -> Self {
        let pool = Pool::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIME)
            .pool_max_idle_per_host(IDLE_MAX)
            .build(Connector::new(dialer));
        let at_once = Arc::new(Semaphore::new(at_once_max.min(Semaphore::MAX_PERMITS)));
        Self { pool, within, answer_bytes_max, at_once, metrics }
    }

    /// How long a request may take, waiting for its turn included.
    pub(crate) fn within(&self) -> Duration {
        self.within
    }

    /// Reads a resource; redirects within the API are followed.
    pub(crate) async fn read(&self, resource: &Resource, ask: Ask<'_>) -> Result<Reading, Failure> {
        self.metrics.upstream.with_label_values(&["read"]).inc();
        let read = self.timed(async {
            let mut url = resource.url.clone();
            for _ in 0..=REDIRECTS_MAX {
                let response = self.send(Method::GET, &url, &ask).await?;
                if !response.status().is_redirection() || response.status() == StatusCode::NOT_MODIFIED {
                    let conditional = ask.etag.is_some() || ask.last_modified.is_some();
                    return self.reading(response, conditional).await;
                }
                url = redirected(&url, &response)?;
            }
            Err(Failure::new(Code::UpstreamError, "the API redirects in circles"))
        });
        self.counted(read.await)
    }

    /// Writes: anything but a read. What a deletion is answered with does not matter, if it is a success.
    pub(crate) async fn write(
        &self,
        method: Method,
        resource: &Resource,
        ask: Ask<'_>,
    ) -> Result<Answer, Failure> {
        self.metrics.upstream.with_label_values(&["write"]).inc();
        let write = self.timed(async {
            let deletes = method == Method::DELETE;
            let response = self.send(method, &resource.url, &ask).await?;
            if response.status().is_redirection() {
                let failure =
                    Failure::new(Code::UpstreamError, "the API redirects this write, which is not followed");
                return Err(failure.with_status(response.status().as_u16()));
            }
            let status = response.status();
            match self.answer(response).await {
                Err(_) if deletes && status.is_success() => Ok(Answer {
                    status: status.as_u16(),
                    document: Document::null(),
                    freshness: Freshness::default(),
                    location: None,
                }),
                answer => answer,
            }
        });
        self.counted(write.await)
    }

    /// Opens a stream of events; its head must come in time, its body may last.
    pub(crate) async fn open_events(
        &self,
        resource: &Resource,
        credential: Option<&Credential>,
    ) -> Result<Response<Incoming>, Failure> {
        self.metrics.upstream.with_label_values(&["events"]).inc();
        let open = self.timed(async {
            let ask = Ask { credential, ..Ask::default() };
            let mut request = build(Method::GET, &resource.url, &ask)?;
            request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
            let response = self.pool.request(request).await.map_err(|error| explain(&error))?;
            let kind =
                response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
            if response.status() == StatusCode::OK && kind.starts_with(b"text/event-stream") {
                return Ok(response);
            }
            Err(Failure::new(Code::UpstreamError, "the API gives no events for this path")
                .with_status(response.status().as_u16()))
        });
        self.counted(open.await)
    }

    fn counted<T>(&self, result: Result<T, Failure>) -> Result<T, Failure> {
        if let Err(failure) = &result {
            self.metrics.upstream_failures.with_label_values(&[failure.code.word()]).inc();
        }
        result
    }

    async fn timed<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let deadline = Instant::now() + self.within;
        let Ok(Ok(_turn)) = timeout_at(deadline, self.at_once.acquire()).await else {
            return Err(Failure::new(Code::Timeout, "too many requests wait for the API; try again later"));
        };
        let began = Instant::now();
        let result = timeout_at(deadline, work).await;
        self.metrics.upstream_seconds.observe(began.elapsed().as_secs_f64());
        result.unwrap_or_else(|_| Err(Failure::new(Code::Timeout, "the API did not answer in time")))
    }

    async fn send(&self, method: Method, url: &Url, ask: &Ask<'_>) -> Result<Response<Incoming>, Failure> {
        let request = build(method, url, ask)?;
        self.pool.request(request).await.map_err(|error| explain(&error))
    }

    async fn reading(&self, response: Response<Incoming>, conditional: bool) -> Result<Reading, Failure> {
        if response.status() == StatusCode::NOT_MODIFIED {
            if !conditional {
                let failure =
                    Failure::new(Code::UpstreamError, "the API answered 304 without having been asked");
                return Err(failure.with_status(304));
            }
            return Ok(Reading::Same(Freshness::of(response.headers())));
        }
        self.answer(response).await.map(Reading::New)
    }

    async fn answer(&self, response: Response<Incoming>) -> Result<Answer, Failure> {
        let (head, body) = response.into_parts();
        let status = head.status.as_u16();
        let wrong = |message: String| Failure::new(Code::UpstreamError, message).with_status(status);
        let body = Limited::new(body, self.answer_bytes_max).collect().await;
        let body = match body {
            Ok(body) => body.to_bytes(),
            // Its status says enough.
            Err(_) if !head.status.is_success() => Bytes::new(),
            Err(error) if error.is::<LengthLimitError>() => {
                return Err(wrong(format!(
                    "the API's answer is longer than {} bytes",
                    self.answer_bytes_max
                )));
            }
            Err(_) => return Err(wrong("the API's answer broke off".to_owned())),
        };
        if !head.status.is_success() {
            return Err(refusal(status, &head.headers, body));
        }
        let document = if body.is_empty()
            && (status == 204 || status == 205 || head.headers.get(header::CONTENT_TYPE).is_none())
        {
            Document::null()
        } else if !is_json(&head.headers) {
            return Err(wrong("the API's answer is not JSON, by its Content-Type".to_owned()));
        } else {
            Document::parse(body).ok_or_else(|| wrong("the API's answer is not JSON".to_owned()))?
        };
        let location =
            head.headers.get(header::LOCATION).and_then(|value| value.to_str().ok().map(str::to_owned));
        Ok(Answer { status, document, freshness: Freshness::of(&head.headers), location })
    }
}

fn build(method: Method, url: &Url, ask: &Ask<'_>) -> Result<Request<Full<Bytes>>, Failure> {
    let mut request = Request::new(Full::new(ask.body.clone().unwrap_or_default()));
    *request.method_mut() = method;
    *request.uri_mut() =
        url.as_str().parse().map_err(|_| Failure::bad("the path is none that can be sent"))?;
    let headers = request.headers_mut();
    headers.insert(header::ACCEPT, JSON);
    headers.insert(header::USER_AGENT, USER_AGENT);
    if ask.body.is_some() {
        headers.insert(header::CONTENT_TYPE, JSON);
    }
    if let Some(credential) = ask.credential {
        headers.insert(header::AUTHORIZATION, credential.header());
    }
    if let Some(etag) = &ask.etag {
        headers.insert(header::IF_NONE_MATCH, etag.clone());
    }
    if let Some(last_modified) = &ask.last_modified {
        headers.insert(header::IF_MODIFIED_SINCE, last_modified.clone());
    }
    let texts = [
        (FORWARDED_FOR, ask.client.map(|client| client.to_string())),
        (IDEMPOTENCY_KEY, ask.idempotency_key.clone()),
    ];
    for (name, text) in texts {
        if let Some(value) = text.and_then(|text| HeaderValue::from_str(&text).ok()) {
            headers.insert(name, value);
        }
    }
    Ok(request)
}

/// A redirect may not lead out of the API: not to other hosts with the client's credential, and to nothing that only
/// this process can reach.
fn redirected(from: &Url, response: &Response<Incoming>) -> Result<Url, Failure> {
    let status = response.status().as_u16();
    let wrong = |message: &str| Failure::new(Code::UpstreamError, message).with_status(status);
    let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    let location = location.ok_or_else(|| wrong("the API redirects to nowhere"))?;
    let to = from.join(location).map_err(|_| wrong("the API redirects to what is no address"))?;
    if from[..Position::BeforePath] != to[..Position::BeforePath] {
        tracing::warn!(
            from = &from[..Position::BeforePath],
            to = &to[..Position::BeforePath],
            "a redirect out of the API was not followed"
        );
        return Err(wrong("the API redirects to another server, which is not followed"));
    }
    Ok(to)
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return true };
    let kind =
        kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || kind == "text/json" || kind.ends_with("+json")
}

fn refusal(status: u16, headers: &HeaderMap, body: Bytes) -> Failure {
    let code = Code::of_status(status);
    let reason =
        StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("an error");
    // What is wrong with the client's data only the API can say.
    let tells = matches!(code, Code::Conflict | Code::Unprocessable | Code::BadRequest);
    let data = Some(body).filter(|body| tells && body.len() <= ERROR_DATA_BYTES_MAX && is_json(headers));
    Failure {
        code,
        http: Some(status),
        message: format!("the API answered {status} {reason}"),
        retry_after: retry_after(headers),
        data: data.and_then(Document::parse).map(|document| document.raw().clone()).filter(|raw| raw != "{}"),
    }
}

/// The client learns what failed, the operator's log also where.
fn explain(error: &(dyn Error + 'static)) -> Failure {
    let dial = match DialError::among(error) {
        Ok(dial) => dial,
        Err(last) => {
            tracing::warn!(error = %last, "an exchange with the API broke");
            return Failure::new(Code::UpstreamError, "the exchange with the API broke");
        }
    };
    tracing::warn!(error = %dial, "the API cannot be reached");
    match dial {
        DialError::Refused(_) => Failure::new(
            Code::UpstreamError,
            "the API is at an address that this server may not call; its operator reads more in the log",
        ),
        DialError::TimedOut { .. } => Failure::new(Code::Timeout, "the API could not be reached in time"),
        _ => Failure::new(Code::UpstreamError, "the API cannot be reached"),
    }
}
