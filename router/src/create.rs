//! `/create`, from request to answer.

use std::io::Write;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, Method, header};
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use polysocket_protocol::Word;
use polysocket_protocol::jsonp::{Callback, write_string};
use polysocket_protocol::limits::{PAUSE_MS_MAX, TTL_MS_MAX, WINDOW_UNITS};
use polysocket_service::http::{Answer, Answering, PlainRequest};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::account::Account;
use crate::answer::{Manner, preflight, respond};
use crate::open::{Opened, open};
use crate::order::Order;
use crate::origin;
use crate::query::Params;
use crate::refusal::Refusal;
use crate::router::{ClientLimits, Router};

const METHODS: &str = "GET, POST";
/// Told to a client that came when `router.creates_at_once_max` were under way.
const CROWDED: &str = "too many creates are under way; try again";

/// What a client says, read and not yet judged.
struct Asked {
    params: Params,
    /// What was wrong with them.
    read: Result<(), String>,
    /// The page, as its browser names it.
    page_origin: Option<String>,
    /// The origin that may read the answer.
    reader: Option<HeaderValue>,
}

/// Answers one request.
pub(crate) async fn serve(State(router): State<Router>, request: Request) -> Response {
    let shared = &router.0;
    let (head, body) = request.into_parts();
    let [origin, referer] =
        [header::ORIGIN, header::REFERER].map(|name| head.headers.get(name).map(HeaderValue::as_bytes));
    let reader = origin::reader(origin, &shared.readers);
    if head.method == Method::OPTIONS {
        return preflight(METHODS, reader);
    }
    let mut account = Account::open(shared.metrics.clone());
    let mut params = Params::default();
    let mut read = params.read(head.uri.query().unwrap_or_default());
    if head.method == Method::POST {
        let deadline = account.began + shared.config.create_timeout.as_duration();
        let form = read_form(body, shared.config.body_bytes_max.as_usize(), deadline).await;
        read = read.and(form.and_then(|form| params.read(trimmed(&form))));
    }
    if head.method != Method::GET && head.method != Method::POST {
        account.set_from(params.from.as_deref().unwrap_or_default());
        let refusal = Refusal::told(Word::BadRequest, "use GET or POST");
        account.refused(&refusal);
        let (manner, _) = Manner::of(&params, reader, shared.config.jsonp);
        return respond(manner.wrong_method(&refusal, METHODS));
    }
    let asked = Asked { params, read, page_origin: origin::of_request(origin, referer), reader };
    respond(answer(&router, asked, account).await)
}

/// Answers one that is wholly there.
pub(crate) fn serve_plain(router: &Router, query: &str, request: &PlainRequest<'_>) -> Option<Answering> {
    let shared = &router.0;
    let form = std::str::from_utf8(request.body).ok()?;
    if form.len() > shared.config.body_bytes_max.as_usize() {
        return None;
    }
    let account = Account::open(shared.metrics.clone());
    let mut params = Params::default();
    let mut read = params.read(query);
    read = read.and(params.read(trimmed(form)));
    let asked = Asked {
        params,
        read,
        page_origin: origin::of_request(request.origin, request.referer),
        reader: origin::reader(request.origin, &shared.readers),
    };
    let router = router.clone();
    Some(Box::pin(async move { answer(&router, asked, account).await.into_raw(true) }))
}

async fn answer(router: &Router, asked: Asked, mut account: Account) -> Answer {
    let shared = &router.0;
    let Asked { params, read, page_origin, reader } = asked;
    account.set_from(params.from.as_deref().unwrap_or_default());
    let deadline = account.began + shared.config.create_timeout.as_duration();
    let (manner, checked) = Manner::of(&params, reader, shared.config.jsonp);
    let opened = match checked.and(read.map_err(|detail| Refusal::told(Word::BadRequest, detail))) {
        Ok(()) => create(router, params, page_origin, deadline, account).await,
        Err(refusal) => {
            account.refused(&refusal);
            Err(refusal)
        }
    };
    match opened {
        Ok(opened) => {
            let limits = manner.v1.then_some(&shared.limits);
            manner.ok(|out| write_created(out, &opened, limits))
        }
        Err(refusal) => manner.refusal(&refusal),
    }
}

impl Manner {
    /// How to answer these parameters. A callback that is none, or that is not wanted here, is refused, and never called.
    pub(crate) fn of(
        params: &Params,
        reader: Option<HeaderValue>,
        jsonp: bool,
    ) -> (Self, Result<(), Refusal>) {
        let manner = Self { callback: None, v1: params.v1, reader };
        let refused = |detail| Err(Refusal::told(Word::BadRequest, detail));
        match params.callback.as_deref() {
            None => (manner, Ok(())),
            Some(_) if !jsonp => (manner, refused("JSONP is switched off here")),
            Some(name) => match Callback::parse(name) {
                Some(callback) => (Self { callback: Some(callback), ..manner }, Ok(())),
                None => (manner, refused("`cb` is not a callback name")),
            },
        }
    }
}

/// Opens what may be opened, and says in the account how that went.
async fn create(
    router: &Router,
    params: Params,
    page_origin: Option<String>,
    deadline: Instant,
    mut account: Account,
) -> Result<Opened, Refusal> {
    let shared = &router.0;
    let permit = shared.creates.clone().try_acquire_owned();
    let order = match permit {
        Ok(_) => Order::read(shared, params, page_origin, deadline, &mut account).await,
        Err(_) => Err(Refusal::told(Word::NoCapacity, CROWDED)),
    };
    let order = match order {
        Ok(order) => order,
        Err(refusal) => {
            account.refused(&refusal);
            return Err(refusal);
        }
    };
    if order.claim_key.is_none() {
        let opened = open(shared, &order, &mut account).await;
        account.end(&opened);
        return opened;
    }
    // On its own, so that it goes on when the client hangs up: its repeat finds the socket.
    let (sender, answer) = oneshot::channel();
    let router = router.clone();
    shared.life.spawn(async move {
        let opened = open(&router.0, &order, &mut account).await;
        account.end(&opened);
        drop((account, permit));
        // A client that hung up comes again, or the relay closes the socket.
        let _ = sender.send(opened);
    });
    answer.await.unwrap_or_else(|_| Err(Refusal::noted(Word::Unavailable, "this router is stopping")))
}

/// A form body as text, whatever its content type says: `text/plain` needs no preflight.
async fn read_form(body: Body, bytes_max: usize, deadline: Instant) -> Result<String, String> {
    let too_long = || format!("the body is longer than {bytes_max} bytes");
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(too_long());
    }
    let bytes: Bytes = match timeout_at(deadline, Limited::new(body, bytes_max).collect()).await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(too_long()),
        Ok(Err(_)) => return Err("the body is broken".to_owned()),
        Err(_) => return Err("the body did not come in time".to_owned()),
    };
    String::from_utf8(bytes.into()).map_err(|_| "the body is not UTF-8".to_owned())
}

/// A form without the line end that a shell may have put behind it.
fn trimmed(form: &str) -> &str {
    form.trim_end_matches(['\r', '\n'])
}

/// Appends the answer; with `limits` for a client of `v=1`.
fn write_created(out: &mut Vec<u8>, opened: &Opened, limits: Option<&ClientLimits>) {
    let mut text = |name: &str, value: &str| {
        out.extend_from_slice(name.as_bytes());
        write_string(out, value);
    };
    text(r#"{"ok":true,"polysocketd":"#, &opened.address);
    text(r#","fqdn":"#, &opened.address);
    text(r#","socket":"#, &opened.socket);
    if let Some(limits) = limits {
        text(r#","protocol":"#, &opened.protocol);
        text(r#","extensions":"#, &opened.extensions);
        let ClientLimits { idle_ms, message_bytes_max, url_bytes_max, jsonp } = limits;
        let jsonp = if *jsonp { r#","jsonp""# } else { "" };
        // Writing to a Vec cannot fail.
        let _ = write!(
            out,
            r#","ttl_max":{TTL_MS_MAX},"idle":{idle_ms},"pause_max":{PAUSE_MS_MAX},"message_max":{message_bytes_max},"url_max":{url_bytes_max},"window":{WINDOW_UNITS},"transports":["relay","stream","sse","poll"{jsonp}]"#
        );
    }
    out.push(b'}');
}
