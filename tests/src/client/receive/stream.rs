//! `/x`: a stream of frames.

use super::super::frames::{Decoder, Frame};
use super::super::shared::Shared;
use super::{Ended, open, piece};

pub(super) async fn once(shared: &Shared) -> Ended {
    let ack = shared.core().inbox.last();
    let mut streaming = match open(shared, "x", "application/octet-stream", ack).await {
        Ok(streaming) => streaming,
        Err(ended) => return ended,
    };
    let mut decoder = Decoder::default();
    let (mut next, mut units, mut ended) = (None, 0, false);
    loop {
        match piece(shared, &mut streaming).await {
            Ok(Some(piece)) => decoder.push(&piece),
            // A stream that stops without `end` was truncated, however orderly its connection ends.
            Ok(None) if !ended => return Ended::Broken,
            Ok(None) => return if units == 0 { Ended::Empty } else { Ended::Full },
            Err(broken) => return broken,
        }
        loop {
            let frame = match decoder.take() {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(violation) => {
                    shared.violate(format!("/x: {violation}"));
                    return Ended::Broken;
                }
            };
            match (frame, next) {
                (frame, _) if ended => {
                    shared.violate(format!("/x: {frame:?} after end"));
                    return Ended::Broken;
                }
                // It comes again where units are skipped that another receiver had acked.
                (Frame::Start(number), _) => {
                    next = Some(number);
                    shared.ack_arrived(ack);
                    shared.succeeded();
                }
                (Frame::Unit(unit), Some(number)) => {
                    shared.deliver(number, &unit);
                    next = Some(number + 1);
                    units += 1;
                }
                (Frame::Ack(number), Some(_)) => shared.acked(number),
                // A prelude may come before `start`.
                (Frame::Heartbeat, _) => {}
                (Frame::End, Some(_)) => ended = true,
                (frame, _) => {
                    shared.violate(format!("/x: {frame:?} out of place"));
                    return Ended::Broken;
                }
            }
        }
    }
}
