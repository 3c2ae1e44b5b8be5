//! One session with many messages both ways at the same time, judged at both ends.

use std::time::Duration;

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use crate::client::{Create, Event, Handover, HttpClient, Session, Settings, Statistics, Transport};
use crate::history::{History, Side};
use crate::upstream::Upstream;

/// Without any event for so long, a run has failed. More than every retry and hold of a rough network together.
const PROGRESS_MAX: Duration = Duration::from_secs(45);
/// Messages and units that the page keeps queued, so that it is never idle and never cuts far ahead.
const BACKLOG: usize = 96;

/// Who closes, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The page, when both sides have everything.
    Page,
    /// The page, right after its last message: the close must not overtake it.
    PageAtOnce,
    /// The target, when it has everything, right after its own last message.
    Target,
}

/// What one run does.
#[derive(Clone, Debug)]
pub struct Duplex {
    /// For messages, bursts and changes of transport.
    pub seed: u64,
    /// Messages from the page.
    pub up: u64,
    /// Messages from the target.
    pub down: u64,
    /// Who closes.
    pub end: End,
    /// Transports to change between.
    pub transports: Vec<Transport>,
    /// In the mean, one change after so many messages that come down; 0 for none.
    pub change_every: u32,
    /// How the client behaves.
    pub settings: Settings,
}

/// Runs it through a router at this address. The error says what went wrong, and with which seed.
pub async fn run(
    http: &HttpClient,
    router: &str,
    upstream: &Upstream,
    plan: &Duplex,
) -> Result<Statistics, String> {
    let mut rng = SmallRng::seed_from_u64(plan.seed);
    let closes = if plan.end == End::Target { "&close=target" } else { "" };
    let path = format!(
        "/duplex?seed={}&send={}&expect={}{closes}&r={}",
        plan.seed,
        plan.down,
        plan.up,
        rand::random::<u64>()
    );
    let create = Create {
        router: router.into(),
        target: upstream.url(&path),
        nonce: Some(format!("{:032x}", rand::random::<u128>())),
        jsonp: plan.settings.transport == Transport::Jsonp,
        ..Create::default()
    };
    let session = Session::open(http, &create, plan.settings.clone())
        .await
        .map_err(|e| format!("seed {}: {e}", plan.seed))?;
    let result = exchange(&session, plan, &mut rng).await;
    let result = result.map_err(|error| format!("seed {}: {error}; {}", plan.seed, session.describe()));
    let closed = result?;
    session.finished().await;
    let seen =
        upstream.expect("the end", PROGRESS_MAX, |seen| seen.head.target() == path && seen.ended).await;
    let history = seen.history.ok_or("the target kept no history")?;
    let mut judged = history.clone();
    judged.set_sent(plan.up);
    judged.check().map_err(|divergence| divergence.to_string())?;
    if let Some(violation) = seen.violation {
        return Err(format!("seed {}: the relay breaks RFC 6455: {violation}", plan.seed));
    }
    let expected = match plan.end {
        End::Target => (3001, "all done"),
        End::Page | End::PageAtOnce => (3000, "page is done"),
    };
    let as_expected = |code: Option<u16>, reason: &str| code == Some(expected.0) && reason == expected.1;
    let target_agrees = seen.close.as_ref().is_some_and(|(code, reason)| as_expected(*code, reason));
    if !as_expected(Some(closed.code), &closed.reason) || !closed.clean || !target_agrees {
        return Err(format!("seed {}: the page sees {closed:?} and the target {:?}", plan.seed, seen.close));
    }
    Ok(session.statistics())
}

async fn exchange(
    session: &Session,
    plan: &Duplex,
    rng: &mut SmallRng,
) -> Result<crate::client::Close, String> {
    let mut sent = History::new(plan.seed, Side::Page);
    let mut received = History::new(plan.seed, Side::Target);
    received.set_sent(plan.down);
    let (mut pushed, mut closing) = (0, false);
    match session.expect_within(PROGRESS_MAX).await {
        Event::Open { .. } => {}
        other => return Err(format!("the first event is {other:?}")),
    }
    loop {
        let more = pushed < plan.up;
        let wants_close = !more
            && !closing
            && match plan.end {
                End::Page => received.received() == plan.down,
                End::PageAtOnce => true,
                End::Target => false,
            };
        if wants_close {
            closing = true;
            session.close(Some(3000), "page is done");
        }
        let event = tokio::select! {
            below = session.backlog_below(BACKLOG), if more => {
                if below {
                    for _ in 0..rng.random_range(1..48).min(plan.up - pushed) {
                        session.send(sent.send());
                        pushed += 1;
                    }
                    continue;
                }
                // It has ended; the last event says why.
                session.expect_within(PROGRESS_MAX).await
            }
            event = session.expect_within(PROGRESS_MAX) => event,
        };
        match event {
            Event::Message(message) => {
                received.receive(&message).map_err(|divergence| divergence.to_string())?;
                if plan.change_every > 0 && rng.random_ratio(1, plan.change_every) {
                    let handover = if rng.random_bool(0.5) { Handover::Overlap } else { Handover::Cut };
                    let transport = plan.transports.choose(rng).copied().unwrap_or(Transport::Poll);
                    session.switch_to(transport, handover);
                }
            }
            Event::Close(close) => {
                received.check().map_err(|divergence| format!("{divergence}; closed with {close:?}"))?;
                return Ok(close);
            }
            Event::Violation(violation) => return Err(format!("the relay breaks its protocol: {violation}")),
            open @ Event::Open { .. } => return Err(format!("{open:?} came again")),
        }
    }
}
