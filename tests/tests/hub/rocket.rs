//! Rocket's clients.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::diary::{Diary, Heard};
use crate::socket::{Said, Socket};

const PATH: &str = "/echo";
/// The channel of all of these tests.
pub const CHANNEL: &str = "news";
/// Before a client that was refused asks again.
pub const AGAIN: Duration = Duration::from_millis(50);

/// A user that may do everything.
pub struct Client(pub Socket);

impl Client {
    /// Connects and logs in; none when there is no connection, or it ends meanwhile.
    pub async fn login(address: SocketAddr) -> Option<Self> {
        let mut client = Self(Socket::open(address, PATH).await.ok()?);
        let answer =
            client.ask(&json!({"authenticate": {"user": "backend", "secret": "secret"}})).await.ok()?;
        assert_eq!(answer, json!({"authenticated": "backend"}));
        Some(client)
    }

    /// The next text after a message is its answer, as long as nothing else can come.
    pub async fn ask(&mut self, message: &Value) -> Result<Value, (Option<u16>, String)> {
        self.0.say(&message.to_string()).await;
        match self.0.hear_soon().await {
            Said::Text(text) => Ok(serde_json::from_str(&text).unwrap()),
            Said::Ended(code, reason) => Err((code, reason)),
        }
    }
}

/// Where a follower is.
struct Place {
    epoch: String,
    offset: u64,
}

impl Place {
    fn of(frame: &Value) -> Option<Self> {
        Some(Self { epoch: frame["epoch"].as_str()?.to_owned(), offset: frame["offset"].as_u64()? })
    }
}

/// Follows the channel, from the node `at` on; after each end of its connection on the next node, with `since`.
pub async fn follow(nodes: Vec<SocketAddr>, mut at: usize, diary: Arc<Diary>) {
    let mut place = None;
    loop {
        if let Some(client) = Client::login(nodes[at % nodes.len()]).await {
            let (code, reason) = converse(client, &mut place, &diary).await;
            diary.write(Heard::Ended(code, reason));
        }
        at += 1;
        sleep(AGAIN).await;
    }
}

/// Until the connection ends.
async fn converse(mut client: Client, place: &mut Option<Place>, diary: &Diary) -> (Option<u16>, String) {
    let since = place.as_ref().map(|place| json!({"epoch": place.epoch, "offset": place.offset}));
    let subscribe = json!({"subscribe": {"channel": CHANNEL, "since": since}});
    let subscribed = loop {
        match client.ask(&subscribe).await {
            Err(end) => return end,
            Ok(answer) if answer["err"] == "UNAVAILABLE" => sleep(AGAIN).await,
            Ok(answer) => break answer,
        }
    };
    let Some(found) = Place::of(&subscribed).filter(|_| subscribed["subscribed"] == CHANNEL) else {
        diary.write(Heard::Wrong(format!("to subscribe: {subscribed}")));
        return (None, "given up".into());
    };
    diary.write(Heard::Subscribed(subscribed.to_string()));
    match (&mut *place, subscribed["recovered"].as_bool()) {
        // What was missed comes now: the place is the old one, in the epoch of the answer.
        (Some(place), Some(true)) => place.epoch = found.epoch,
        (Some(_), Some(false)) => {
            diary.write(Heard::Told("recovered: false".into()));
            *place = Some(found);
        }
        (None, None) => *place = Some(found),
        _ => diary.write(Heard::Wrong(format!("to subscribe since {since:?}: {subscribed}"))),
    }
    loop {
        let text = match client.0.hear().await {
            Said::Text(text) => text,
            Said::Ended(code, reason) => return (code, reason),
        };
        let frame: Value = serde_json::from_str(&text).unwrap_or_default();
        if let (true, Some(from)) = (frame["gap"] == CHANNEL, Place::of(&frame)) {
            diary.write(Heard::Told(text));
            *place = Some(from);
            continue;
        }
        let (Some(offset), Some(data), Some(place)) =
            (frame["offset"].as_u64(), frame["data"].as_str(), place.as_mut())
        else {
            diary.write(Heard::Wrong(text));
            continue;
        };
        if offset != place.offset + 1 {
            diary.write(Heard::Wrong(format!("{data} has the offset {offset} after {}", place.offset)));
        }
        place.offset = offset;
        diary.write_text(data);
    }
}
