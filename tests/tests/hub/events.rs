//! Gockets' listeners by server-sent events, as `EventSource` does it: back after each end, with the last id.

use std::net::SocketAddr;
use std::sync::Arc;

use polysocket_tests::client::http::{Request, Streaming};
use polysocket_tests::client::{Dialer, HttpClient};
use polysocket_tests::patience::PATIENCE;
use serde_json::Value;
use tokio::time::sleep;

use crate::diary::{Diary, Heard};
use crate::gockets::Keys;
use crate::rocket::AGAIN;

/// The fields of an event that mean something here (HTML Standard, section 9.2.6).
#[derive(Debug, Default)]
struct Event {
    kind: String,
    data: String,
}

/// Follows the channel, from the node `at` on.
pub async fn follow(nodes: Vec<SocketAddr>, mut at: usize, keys: Keys, diary: Arc<Diary>) {
    let mut last_id = None::<String>;
    loop {
        let url = format!("{}/channel/subscribe/{}", nodes[at % nodes.len()], keys.subscriber);
        let mut request = Request::get(&url).header("Accept", "text/event-stream");
        if let Some(id) = &last_id {
            request = request.header("Last-Event-ID", id);
        }
        match HttpClient::new(Dialer::direct()).open(&request, PATIENCE).await {
            Ok(answer) if answer.head.status() == 200 => {
                if stream(answer, &mut last_id, &diary).await {
                    return diary.write(Heard::Gone);
                }
                diary.write(Heard::Ended(None, "the stream is over".into()));
            }
            Ok(answer) if answer.head.status() == 404 => return diary.write(Heard::Gone),
            _ => {}
        }
        at += 1;
        sleep(AGAIN).await;
    }
}

/// Until the stream ends; true when the channel has.
async fn stream(mut answer: Streaming, last_id: &mut Option<String>, diary: &Diary) -> bool {
    let comes_back = last_id.is_some();
    let (mut rest, mut event) = (Vec::new(), Event::default());
    while let Ok(Some(piece)) = answer.piece().await {
        rest.extend_from_slice(&piece);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            match line.split_once(':') {
                Some(("id", id)) => *last_id = Some(id.trim_start().to_owned()),
                Some(("event", kind)) => kind.trim_start().clone_into(&mut event.kind),
                Some(("data", data)) => event.data.push_str(data.trim_start()),
                _ if line.is_empty() => {
                    let event = std::mem::take(&mut event);
                    if event.kind == "closed" {
                        return true;
                    }
                    take(&event, comes_back, diary);
                }
                _ => {}
            }
        }
    }
    false
}

fn take(event: &Event, comes_back: bool, diary: &Diary) {
    match event.kind.as_str() {
        "subscribed" => {
            let recovered =
                serde_json::from_str::<Value>(&event.data).unwrap_or_default()["recovered"].as_bool();
            diary.write(Heard::Subscribed(event.data.clone()));
            if recovered == Some(false) {
                diary.write(Heard::Told("recovered: false".into()));
            } else if recovered.is_some() != comes_back {
                diary.write(Heard::Wrong(format!("subscribed, back: {comes_back}: {}", event.data)));
            }
        }
        "gap" => diary.write(Heard::Told("gap".into())),
        "" if event.data.is_empty() => {}
        "" => diary.write_text(&event.data),
        _ => diary.write(Heard::Wrong(format!("{event:?}"))),
    }
}
