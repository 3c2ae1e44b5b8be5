//! `/j`: one answer with what there is, or a heartbeat. While it waits the connection is parked.

use std::sync::Arc;

use ::http::Response;
use polysocket_protocol::Word;
use polysocket_protocol::limits::{POLL_BYTES_MAX, POLL_BYTES_MIN, TTL_MS_DEFAULT, clamp_ttl};
use polysocket_service::http::{Answer, Answering, Body, Exchange};
use polysocket_session::{Attach, Style, Take};

use crate::answer::Manner;
use crate::query::Params;
use crate::sessions::{Cell, Receiver};

/// Answers a poll that came through hyper. The request has been dropped: nothing of it is kept while this waits.
pub(crate) async fn serve(
    cell: Arc<Cell>,
    params: &Params,
    manner: Manner,
    exchange: Exchange,
) -> Response<Body> {
    let (receiver, budget) = match attach(&cell, params, &manner) {
        Ok(attached) => attached,
        Err(refused) => return refused.answer(&cell, manner).into_response(),
    };
    drop(cell);
    if let Some(taken) = receiver.try_take(budget) {
        return answer(taken, manner).into_response();
    }
    if !exchange.can_park() {
        return answer(receiver.take(budget).await, manner).into_response();
    }
    let keep_alive = exchange.keep_alive();
    exchange.park(async move { answer(receiver.take(budget).await, manner).into_raw(keep_alive) }).await
}

/// Answers a plain poll.
pub(crate) fn serve_plain(cell: &Arc<Cell>, params: &Params, manner: Manner) -> Answering {
    match attach(cell, params, &manner) {
        Ok((receiver, budget)) => {
            Box::pin(async move { answer(receiver.take(budget).await, manner).into_raw(true) })
        }
        Err(refused) => Box::pin(std::future::ready(refused.answer(cell, manner).into_raw(true))),
    }
}

/// Why a poll is answered without waiting.
enum NoReceiver {
    Stale,
    Refused(Word),
}

fn attach(cell: &Arc<Cell>, params: &Params, manner: &Manner) -> Result<(Receiver, usize), NoReceiver> {
    let request = Attach {
        style: Style::Poll,
        ack: params.ack,
        told: manner.told,
        poll: params.poll,
        ttl_ms: clamp_ttl(params.ttl, TTL_MS_DEFAULT),
        pause_ms: params.pause,
        dial: params.dial,
    };
    let budget = params.max.unwrap_or(POLL_BYTES_MAX).clamp(POLL_BYTES_MIN, POLL_BYTES_MAX);
    match cell.attach(&request) {
        Ok(Some(receiver)) => Ok((receiver, budget)),
        Ok(None) => Err(NoReceiver::Stale),
        Err(word) => Err(NoReceiver::Refused(word)),
    }
}

impl NoReceiver {
    fn answer(self, cell: &Cell, manner: Manner) -> Answer {
        match self {
            Self::Stale => manner.batch(&cell.with(|session, _| session.nothing()), false),
            Self::Refused(Word::Bad) => {
                manner.refusal(Word::Bad, Some("`ack` is of a unit that was never sent"))
            }
            Self::Refused(word) => manner.refusal(word, None),
        }
    }
}

fn answer(taken: Take, manner: Manner) -> Answer {
    match taken {
        Take::Units(batch) | Take::Over(batch) => manner.batch(&batch, false),
        Take::Heartbeat(batch) => manner.batch(&batch, true),
        Take::Gone | Take::Pending => manner.refusal(Word::Gone, None),
    }
}
