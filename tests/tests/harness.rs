//! The harness proves itself: a good relay passes through the roughest network, and each mistake is caught.

#![allow(clippy::unwrap_used)]

use polysocket_tests::client::{Dialer, Form, HttpClient, Settings, Transport};
use polysocket_tests::duplex::{Duplex, End, run};
use polysocket_tests::fault::{FaultProxy, Plan, Rates};
use polysocket_tests::model::{Mistake, ModelRelay};
use polysocket_tests::upstream::Upstream;

fn plan(transport: Transport, messages: u64, end: End) -> Duplex {
    let settings = Settings {
        // Small answers, so that there are enough of them for every fate.
        poll_bytes: Some(2048),
        forms: vec![Form::Frames, Form::Raw, Form::Fields, Form::Base64, Form::Frames64],
        ..Settings::on(transport)
    };
    let transports = Transport::ALL.to_vec();
    Duplex { seed: 11, up: messages, down: messages, end, transports, change_every: 0, settings }
}

async fn through_faults(mistake: Mistake, rates: Rates, plan: &Duplex) -> Result<(), String> {
    let relay = ModelRelay::start(mistake).await.unwrap();
    let upstream = Upstream::start().await.unwrap();
    let proxy = FaultProxy::start(relay.address(), Plan::new(plan.seed, rates)).await.unwrap();
    let http = HttpClient::new(Dialer::through(proxy.address()));
    let result = run(&http, &relay.address().to_string(), &upstream, plan).await;
    println!("{mistake:?} {:?}: {result:?} {:?}", plan.settings.transport, proxy.counts());
    result.map(|_| ())
}

async fn passes(transport: Transport, end: End) {
    let mut plan = plan(transport, 300, end);
    if end == End::PageAtOnce {
        plan.down = 0;
    }
    through_faults(Mistake::None, Rates::rough(), &plan).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_relay_passes_by_polls() {
    passes(Transport::Poll, End::Page).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_relay_passes_by_scripts() {
    passes(Transport::Jsonp, End::Target).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_relay_passes_by_streams() {
    passes(Transport::Stream, End::Target).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_relay_passes_by_event_streams() {
    passes(Transport::Sse, End::PageAtOnce).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_relay_passes_by_websocket() {
    passes(Transport::WebSocket, End::Page).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_relay_passes_with_several_sends_under_way() {
    let mut plan = plan(Transport::Poll, 300, End::Page);
    plan.settings.in_flight = 4;
    through_faults(Mistake::None, Rates::rough(), &plan).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_relay_passes_with_changes_of_transport() {
    let mut plan = plan(Transport::Poll, 600, End::Target);
    plan.change_every = 12;
    through_faults(Mistake::None, Rates::rough(), &plan).await.unwrap();
}

async fn is_caught(mistake: Mistake, plan: Duplex, words: &[&str]) {
    let error = through_faults(mistake, Rates::rough(), &plan).await.expect_err("the mistake must be caught");
    assert!(words.iter().any(|word| error.contains(word)), "{error}");
    assert!(error.contains("seed 11"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_forgets_what_it_wrote_is_caught() {
    let plan = plan(Transport::Poll, 300, End::Page);
    is_caught(Mistake::ForgetsWhatItWrote, plan, &["came after unit", "no event"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_forwards_repeats_is_caught() {
    let plan = plan(Transport::Jsonp, 300, End::Page);
    is_caught(Mistake::ForwardsRepeats, plan, &["duplicate", "altered"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_keeps_no_order_is_caught() {
    let mut plan = plan(Transport::Poll, 300, End::Page);
    plan.settings.in_flight = 4;
    is_caught(Mistake::KeepsNoOrder, plan, &["wrong order", "duplicate", "altered"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_skips_at_a_handover_is_caught() {
    let mut plan = plan(Transport::Stream, 300, End::Page);
    plan.change_every = 12;
    plan.transports = vec![Transport::Poll, Transport::Stream, Transport::Sse];
    is_caught(Mistake::SkipsAtHandover, plan, &["came after unit", "no event"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_closes_too_early_is_caught() {
    let mut plan = plan(Transport::Poll, 300, End::Target);
    // A target that only sends closes while much is still on the way.
    plan.up = 0;
    is_caught(Mistake::ClosesTooEarly, plan, &["did not arrive", "came again with other content", "altered"])
        .await;
}
