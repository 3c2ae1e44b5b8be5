//! `/s`: units from the page.

use ::http::{Method, Request, Response};
use hyper::body::Incoming;
use polysocket_protocol::frame::{Frame, FrameError};
use polysocket_protocol::{Bytes, CloseUp, Kind, Unit, Word, binary, close};
use polysocket_service::http::body::{ReadError, read};
use polysocket_service::http::{Answer, Body};
use tokio::time::Instant;

use crate::answer::Manner;
use crate::node::Node;
use crate::query::{Params, SendKind};
use crate::sessions::Cell;

/// A form or base64 is at most this much larger than what it carries (every byte as `%XX`), plus its other fields.
const FORM_GROWTH: usize = 3;
const FORM_FIELDS_BYTES: usize = 4096;

/// Why a send is refused: the word, and what exactly is wrong with the request.
type Refusal = (Word, Option<&'static str>);

const fn bad(detail: &'static str) -> Refusal {
    (Word::Bad, Some(detail))
}

/// Sends what a request carries whose body is still to be read.
pub(crate) async fn serve(
    node: &Node,
    cell: &Cell,
    params: Params,
    manner: Manner,
    request: Request<Incoming>,
) -> Response<Body> {
    let body = if request.method() == Method::POST {
        // A form grows by what it escapes; a payload does not.
        let growth = if is_payload(&params) && !params.base64 { 1 } else { FORM_GROWTH };
        let max = node.limits.message_bytes_max.saturating_mul(growth).saturating_add(FORM_FIELDS_BYTES);
        match read(request.into_body(), max, node.body_timeout).await {
            Ok(body) => Some(body),
            Err(error) => {
                let (word, detail) = match error {
                    ReadError::TooLarge => (Word::TooBig, None),
                    ReadError::Slow => bad("the body did not come in time"),
                    ReadError::Broken => bad("the body is cut short"),
                };
                if word == Word::TooBig {
                    // As if all of it had been read: sent again it would be no smaller.
                    cell.with(|session, now| session.close(now, close::TOO_BIG, "message is over the limit"));
                }
                node.metrics.refusals.with_label_values(&[word.as_str()]).inc();
                return manner.refusal(word, detail).into_response();
            }
        }
    } else {
        None
    };
    answer(node, cell, params, manner, body).await.into_response()
}

/// Sends what a request carries, in order, and answers when all of it is accepted, or at the first that is not.
pub(crate) async fn answer(
    node: &Node,
    cell: &Cell,
    mut params: Params,
    mut manner: Manner,
    body: Option<Bytes>,
) -> Answer {
    let sent = match take_body(&mut params, body) {
        Ok(payload) => {
            // A form may say more than the query did.
            manner.told |= params.told();
            if let Some(callback) = params.callback.take().filter(|_| node.config.jsonp) {
                manner.callback = Some(callback);
            }
            send(node, cell, params, payload).await
        }
        Err(refusal) => Err(refusal),
    };
    match sent {
        Ok(ack) => manner.accepted(ack),
        Err((word, detail)) => {
            node.metrics.refusals.with_label_values(&[word.as_str()]).inc();
            manner.refusal(word, detail)
        }
    }
}

/// Whether the query says what the body is.
fn is_payload(params: &Params) -> bool {
    params.data.is_none() && params.kind.is_some_and(|kind| kind != SendKind::Close)
}

/// The payload, when the body is one; a form goes into `params`.
fn take_body(params: &mut Params, body: Option<Bytes>) -> Result<Option<Bytes>, Refusal> {
    let Some(body) = body else { return Ok(None) };
    if is_payload(params) {
        return if params.base64 {
            binary::read(&body).map(|bytes| Some(bytes.into())).ok_or(bad("the body is not base64"))
        } else {
            Ok(Some(body))
        };
    }
    let form = std::str::from_utf8(&body).map_err(|_| bad("the form is not ASCII"))?;
    params.read(form.trim_end_matches(['\r', '\n'])).map_err(bad)?;
    Ok(None)
}

async fn send(node: &Node, cell: &Cell, params: Params, payload: Option<Bytes>) -> Result<u64, Refusal> {
    if let Some(ack) = params.ack {
        let acked = cell.with(|session, now| session.ack(now, ack));
        acked.map_err(|word| match word {
            Word::Bad => bad("`ack` is of a unit that was never sent"),
            word => (word, None),
        })?;
    }
    let units = match params.kind {
        None if params.ack.is_some() => return Ok(cell.with(|session, _| session.accepted())),
        None => return Err(bad("`t` is missing")),
        Some(SendKind::Frames) => batch(&params, payload)?,
        Some(kind) => vec![unit(kind, &params, payload)?],
    };
    let mut number = params.number;
    let mut accepted = 0;
    // One for all of them.
    let deadline = Instant::now() + node.config.send_timeout.as_duration();
    for unit in units {
        let sent = cell.send(number, &unit, deadline - Instant::now()).await;
        accepted = sent.map_err(|word| (word, None))?;
        number = number.map(|number| number + 1);
    }
    Ok(accepted)
}

fn unit(kind: SendKind, params: &Params, payload: Option<Bytes>) -> Result<Unit, Refusal> {
    let unit = |kind, data| Unit { kind, more: params.more, data };
    if kind == SendKind::Close {
        let close = CloseUp::new(params.code, &params.reason).map_err(bad)?;
        return Ok(Unit::whole(Kind::Close, close.encode()));
    }
    // A payload from the body is raw already.
    if let Some(data) = payload {
        return match kind {
            SendKind::Text => text(params, data).map(|data| unit(Kind::Text, data)),
            _ => Ok(unit(Kind::Binary, data)),
        };
    }
    let data = params.data.as_deref().ok_or(bad("`d` is missing"))?;
    match kind {
        SendKind::Text => text(params, Bytes::copy_from_slice(data)).map(|data| unit(Kind::Text, data)),
        _ => binary::read(data).map(|data| unit(Kind::Binary, data.into())).ok_or(bad("`d` is not base64")),
    }
}

/// A documented send of broken text is refused and the session lives; a numbered one is judged by the session, which
/// sees all its fragments.
fn text(params: &Params, data: Bytes) -> Result<Bytes, Refusal> {
    if params.number.is_none() && std::str::from_utf8(&data).is_err() {
        return Err(bad("the text is not UTF-8"));
    }
    Ok(data)
}

fn batch(params: &Params, payload: Option<Bytes>) -> Result<Vec<Unit>, Refusal> {
    if params.number.is_none() {
        return Err(bad("frames need `n`, the number of the first unit"));
    }
    let payload = match (payload, &params.data) {
        (Some(payload), _) => payload,
        (None, Some(data)) => binary::read(data).ok_or(bad("`d` is not base64"))?.into(),
        (None, None) => return Err(bad("`d` is missing")),
    };
    let frames = Frame::read_all(payload).map_err(|error| match error {
        FrameError::TooMany => bad("the body has more than 1000 frames"),
        _ => bad("the body is not whole frames"),
    })?;
    let units: Vec<_> = frames
        .into_iter()
        .map(|frame| match frame {
            Frame::Unit(unit) if unit.kind != Kind::Open => Ok(unit),
            _ => Err(bad("only text, binary and close may be sent")),
        })
        .collect::<Result<_, _>>()?;
    if units.is_empty() { Err(bad("the body has no frames")) } else { Ok(units) }
}
