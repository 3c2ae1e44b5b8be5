//! `/j`: one answer with what there is, or a heartbeat. While it waits the connection is parked.

use std::sync::Arc;

use ::http::Response;
use polysocket_protocol::Word;
use polysocket_protocol::limits::{POLL_BYTES_MAX, POLL_BYTES_MIN, TTL_MS_DEFAULT, clamp_ttl};
use polysocket_service::http::{Body, Exchange};
use polysocket_session::{Attach, Style, Take};

use crate::answer::{Answer, Manner};
use crate::query::Params;
use crate::sessions::Cell;

/// Answers a poll. The request has been dropped: nothing of it is kept while this waits.
pub(crate) async fn serve(cell: Arc<Cell>, params: Params, manner: Manner, exchange: Exchange) -> Response<Body> {
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
    let receiver = match cell.attach(&request) {
        Ok(Some(receiver)) => receiver,
        Ok(None) => {
            let nothing = cell.with(|session, _| session.nothing());
            return manner.batch(&nothing, false).into_response();
        }
        Err(Word::Bad) => {
            return manner.refusal(Word::Bad, Some("`ack` is of a unit that was never sent")).into_response();
        }
        Err(word) => return manner.refusal(word, None).into_response(),
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

fn answer(taken: Take, manner: Manner) -> Answer {
    match taken {
        Take::Units(batch) | Take::Over(batch) => manner.batch(&batch, false),
        Take::Heartbeat(batch) => manner.batch(&batch, true),
        Take::Gone | Take::Pending => manner.refusal(Word::Gone, None),
    }
}
