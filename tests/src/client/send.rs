//! Sending by requests: at most one is under way, or as many as the settings and the relay's window allow.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::answer::{refusal, status_of};
use super::create::read;
use super::http::Request;
use super::outbox::{Batch, Carrier, Cut, UnitSize};
use super::settings::{Form, Transport};
use super::shared::{Backoff, Shared};
use super::unit::{Kind, Unit};
use super::url::Query;
use super::{base64, frames};

/// A send may wait 10 s for the upstream's queue, and as long for a gap.
const SEND_MAX: Duration = Duration::from_secs(25);
/// Streams ack down units by a request of their own at the latest after this time, or after so many bytes.
const ACK_DELAY: Duration = Duration::from_millis(200);
const ACK_BYTES: usize = 48 * 1024;
/// The parameters of a script send, without the payload: numbers have at most 16 digits.
const SCRIPT_PARAMETERS_BYTES: usize = 120;

static CALLBACKS: AtomicU64 = AtomicU64::new(1);

/// What became of one send.
enum Sent {
    Arrived,
    /// It must go again, under the same numbers.
    Again,
    /// The relay takes no more of this session.
    Over,
}

/// Sends what is in the outbox until the session ends.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut changes = shared.changes.subscribe();
    let mut under_way = JoinSet::new();
    // No more units are taken; what comes down must be acked all the same.
    let mut over = false;
    loop {
        let by_socket = shared.transport() == Transport::WebSocket;
        while !over && !by_socket && under_way.len() < shared.settings.in_flight {
            let Some(batch) = next_batch(&shared) else { break };
            under_way.spawn(deliver(shared.clone(), batch));
        }
        let ack_at = if by_socket || !under_way.is_empty() { None } else { ack_due(&shared) };
        if ack_at.is_some_and(|at| at <= Instant::now()) {
            under_way.spawn(deliver_ack(shared.clone()));
        }
        tokio::select! {
            () = shared.stop.cancelled() => return,
            changed = changes.changed() => if changed.is_err() { return },
            Some(done) = under_way.join_next() => over |= !matches!(done, Ok(true)),
            () = sleep_until(ack_at.unwrap_or_else(Instant::now)), if ack_at.is_some() => {}
        }
    }
}

fn next_batch(shared: &Shared) -> Option<Batch> {
    let settings = &shared.settings;
    let window = settings.in_flight.min(shared.created.window);
    let script = shared.transport() == Transport::Jsonp;
    let units = if script || !settings.forms.iter().any(|form| matches!(form, Form::Frames | Form::Frames64))
    {
        1
    } else {
        settings.batch_units
    };
    let cut = Cut {
        unit: if script {
            let fixed = script_url(shared).len() + SCRIPT_PARAMETERS_BYTES;
            UnitSize::Encoded(settings.url_bytes.min(shared.created.url_max).saturating_sub(fixed))
        } else {
            UnitSize::Bytes(settings.unit_bytes)
        },
        // Requests that overtake each other are held by the relay only within its window.
        units: if window > 1 { 1 } else { units },
        bytes: settings.batch_bytes,
        outstanding: if window > 1 { window } else { units },
    };
    shared.core().outbox.take(cut, Carrier::Requests)
}

/// When an ack must go up without a unit: polls take theirs along, streams cannot.
fn ack_due(shared: &Shared) -> Option<Instant> {
    if !matches!(shared.transport(), Transport::Stream | Transport::Sse) {
        return None;
    }
    let core = shared.core();
    let since = core.first_since_ack.filter(|_| core.inbox.last() > core.acked_down)?;
    Some(if core.bytes_since_ack >= ACK_BYTES { since } else { since + ACK_DELAY })
}

/// Sends one batch until it has arrived, or has been left to be taken again; false when nothing more can be sent.
async fn deliver(shared: Arc<Shared>, batch: Batch) -> bool {
    let mut backoff = Backoff::new(&shared.settings, batch.first << 8 | 1);
    loop {
        let (request, callback, ack) = request(&shared, &batch);
        match once(&shared, &request, callback.as_deref(), ack, Some(batch.last())).await {
            Sent::Arrived => return true,
            Sent::Over => return false,
            Sent::Again => shared.failed(&mut backoff).await,
        }
        // What came another way, or changed its transport, is not for this request any more.
        if shared.core().outbox.is_acked(batch.last()) {
            return true;
        }
        if shared.transport() == Transport::WebSocket {
            shared.core().outbox.release(Carrier::Requests, batch.first, batch.last());
            shared.changed();
            return true;
        }
    }
}

/// A request without `t` only acks.
async fn deliver_ack(shared: Arc<Shared>) -> bool {
    let ack = shared.core().inbox.last();
    let request = Request::post(&format!("{}?v=1&ack={ack}", shared.url("s")), "");
    let mut backoff = Backoff::new(&shared.settings, ack << 8 | 2);
    match once(&shared, &request, None, ack, None).await {
        Sent::Arrived => true,
        Sent::Over => {
            // The ack of a session that takes no more units is taken all the same.
            shared.ack_arrived(ack);
            false
        }
        Sent::Again => {
            shared.failed(&mut backoff).await;
            true
        }
    }
}

async fn once(
    shared: &Shared,
    request: &Request,
    callback: Option<&str>,
    ack: u64,
    last: Option<u64>,
) -> Sent {
    shared.requests.fetch_add(1, Ordering::Relaxed);
    let answer = match shared.http.request(request, SEND_MAX).await {
        Ok(answer) => answer,
        Err(error) => {
            shared.core().last_failure = format!("{error} ({})", request.path);
            return Sent::Again;
        }
    };
    let status = answer.head.status();
    let json = match read(&answer, callback) {
        Ok(json) => json,
        Err(violation) => {
            shared.violate(format!("/s: {violation}"));
            return Sent::Over;
        }
    };
    let arrived = json["ack"].as_u64();
    match (refusal(&json), arrived) {
        (None, Some(up)) if status == 201 && last.is_none_or(|last| up >= last) => {
            shared.succeeded();
            shared.ack_arrived(ack);
            shared.acked(up);
            Sent::Arrived
        }
        (Some(code), _) if Some(status) == if callback.is_some() { Some(200) } else { status_of(code) } => {
            match code {
                // The relay was reached: what it lacks comes with another try.
                "window" | "gap" | "busy" => {
                    shared.succeeded();
                    shared.core().last_failure = format!("{json} ({})", request.path);
                    return Sent::Again;
                }
                "gone" => shared.end_abnormally(),
                "closed" | "too-big" | "invalid-text" => {}
                _ => shared.violate(format!("/s answered {status} with {json} to {}", request.path)),
            }
            shared.core().refused.push(code.to_owned());
            shared.changed();
            Sent::Over
        }
        _ => {
            shared.violate(format!("/s answered {status} with {json} to {}", request.path));
            Sent::Over
        }
    }
}

fn script_url(shared: &Shared) -> String {
    format!("http://{}", shared.url("s"))
}

/// The request for a batch, its callback, and the ack in it.
fn request(shared: &Shared, batch: &Batch) -> (Request, Option<String>, u64) {
    let ack = shared.core().inbox.last();
    let base = shared.url("s");
    if shared.transport() == Transport::Jsonp && batch.units.len() == 1 {
        let callback = format!("ps.s{}", CALLBACKS.fetch_add(1, Ordering::Relaxed));
        let query = Query::default().and("cb", &callback).and("ack", ack);
        let path = format!("{base}?{}", fields(query, batch.first, &batch.units[0], true));
        if path.len() + "http://".len() <= shared.settings.url_bytes {
            return (Request::get(&path), Some(callback), ack);
        }
        // Cut for another transport and numbered: it can only go as it is.
    }
    let n = batch.first;
    let acked = Query::default().and("ack", ack);
    let forms = &shared.settings.forms;
    // A unit that is sent again takes the same form, unless the batch has another size by then.
    let form = forms[usize::try_from(n).unwrap_or_default() % forms.len()];
    let single = if batch.units.len() == 1 { batch.units.first() } else { None };
    let request = match (form, single) {
        (Form::Raw | Form::Base64, Some(Unit::Part { kind, data, more })) => {
            let kind = if *kind == Kind::Text { 't' } else { 'b' };
            let query = acked.and("n", n).and("t", kind).and_if("f", more.then_some(1));
            if form == Form::Raw {
                Request::post(&format!("{base}?{query}"), data.clone())
            } else {
                Request::post(&format!("{base}?{query}&e=64"), base64::encode(data))
            }
        }
        (Form::Raw | Form::Base64, Some(unit)) => {
            Request::post(&format!("{base}?{}", fields(acked, n, unit, false)), "")
        }
        (Form::Fields, Some(unit)) => {
            let body = fields(acked, n, unit, false).to_string();
            let mut request = Request::new("POST", &base, body.into());
            request.headers.push(("Content-Type".into(), "application/x-www-form-urlencoded".into()));
            request
        }
        _ => {
            let mut body = Vec::new();
            for unit in &batch.units {
                frames::encode(&frames::Frame::Unit(unit.clone()), &mut body);
            }
            let url = format!("{base}?n={n}&t=f&ack={ack}");
            if form == Form::Frames64 {
                Request::post(&format!("{url}&e=64"), base64::encode_url(&body))
            } else {
                Request::post(&url, body)
            }
        }
    };
    (request, None, ack)
}

/// A unit as parameters of a query or a form.
fn fields(query: Query, n: u64, unit: &Unit, url_safe: bool) -> Query {
    let query = query.and("n", n);
    match unit {
        Unit::Part { kind: Kind::Text, data, more } => {
            query.and("t", "t").and("d", String::from_utf8_lossy(data)).and_if("f", more.then_some(1))
        }
        Unit::Part { kind: Kind::Binary, data, more } => {
            let data = if url_safe { base64::encode_url(data) } else { base64::encode(data) };
            query.and("t", "b").and("d", data).and_if("f", more.then_some(1))
        }
        Unit::Close(close) if close.code == 1005 => query.and("t", "c"),
        Unit::Close(close) => query.and("t", "c").and("code", close.code).and("reason", &close.reason),
        // The page has no `open` to send.
        Unit::Open { .. } => query,
    }
}
