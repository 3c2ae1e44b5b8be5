//! Nodes, those who follow a channel of each protocol on each of them, and those who publish on each.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::diary::{Diary, Heard};
use crate::gockets::{Keys, Rest};
use crate::load::{Published, Publisher};
use crate::nodes::Nodes;
use crate::rocket::CHANNEL;
use crate::{events, gockets, rocket, verdict};

/// Followers of a kind on each node.
const EACH: usize = 2;
/// Messages of each source that pass before all is taken to be well.
const MESSAGES: u64 = 50;

pub struct Scene {
    pub nodes: Nodes,
    /// The channel of Gockets.
    pub keys: Keys,
    /// Who follows Rocket's channel, with `since`.
    pub rocket: Vec<Arc<Diary>>,
    /// Who listens to Gockets' channel by WebSocket.
    pub sockets: Vec<Arc<Diary>>,
    /// Who does by events.
    pub events: Vec<Arc<Diary>>,
    publishers: Vec<Publisher>,
    followers: JoinSet<()>,
}

impl Scene {
    /// Everybody follows before the first message is published; ends when all have heard of all.
    pub async fn start(nodes: Nodes) -> Self {
        let (rocket_at, gockets_at) = (nodes.rocket(), nodes.gockets());
        let keys = Rest::new().prepare(gockets_at[0], "").await;
        let (mut followers, mut diaries) = (JoinSet::new(), [Vec::new(), Vec::new(), Vec::new()]);
        for at in 0..nodes.nodes.len() {
            for n in 0..EACH {
                let [rocket, socket, events] =
                    ["rocket", "socket", "events"].map(|kind| Diary::of(&format!("{kind} {n} of node {at}")));
                followers.spawn(rocket::follow(rocket_at.clone(), at, rocket.clone()));
                followers.spawn(gockets::listen(gockets_at.clone(), at, keys.clone(), socket.clone()));
                followers.spawn(events::follow(gockets_at.clone(), at, keys.clone(), events.clone()));
                diaries.iter_mut().zip([rocket, socket, events]).for_each(|(all, one)| all.push(one));
            }
        }
        for diary in diaries.iter().flatten() {
            diary.until("that it is subscribed", |heard| matches!(heard, Heard::Subscribed(_))).await;
        }
        let mut publishers = Vec::new();
        for (at, (on_rocket, on_gockets)) in [('a', 'p'), ('b', 'q')].into_iter().enumerate() {
            publishers.push(Publisher::rocket(on_rocket, rocket_at.clone(), at));
            publishers.push(Publisher::gockets(on_gockets, gockets_at.clone(), at, keys.clone()));
        }
        let [rocket, sockets, events] = diaries;
        let scene = Self { nodes, keys, rocket, sockets, events, publishers, followers };
        scene.until_well().await;
        scene
    }

    /// Everybody.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Diary>> {
        self.rocket.iter().chain(&self.sockets).chain(&self.events)
    }

    /// Until all have heard of each source a message that is published some time after now.
    pub async fn until_well(&self) {
        self.until_well_on(true).await;
    }

    /// The same, of Rocket only when the channel of Gockets is gone.
    pub async fn until_well_on(&self, gockets: bool) {
        for publisher in &self.publishers {
            let next = publisher.after(MESSAGES);
            let of_rocket = matches!(publisher.source.0, 'a' | 'b');
            let diaries: Vec<&Arc<Diary>> = if of_rocket {
                self.rocket.iter().collect()
            } else if gockets {
                self.sockets.iter().chain(&self.events).collect()
            } else {
                continue;
            };
            for diary in diaries {
                diary.until_message(next).await;
            }
        }
    }

    /// Ends the load and judges: each confirmed message was heard once, by all in one order, or its loss was told.
    /// Gives what was published: by Rocket, and by Gockets.
    pub async fn finish(&mut self) -> (Vec<Published>, Vec<Published>) {
        let (mut rocket, mut gockets) = (Vec::new(), Vec::new());
        for publisher in std::mem::take(&mut self.publishers) {
            let published = publisher.finish().await;
            if matches!(published.source.0, 'a' | 'b') {
                rocket.push(published);
            } else {
                gockets.push(published);
            }
        }
        for (diaries, published) in [
            (self.rocket.clone(), &rocket),
            (self.sockets.iter().chain(&self.events).cloned().collect(), &gockets),
        ] {
            for diary in &diaries {
                for source in published.iter().filter(|published| published.is_there) {
                    diary.until_message(source.last()).await;
                }
                let judged = verdict::judge(&diary.log(), published);
                judged.unwrap_or_else(|why| {
                    panic!("{}: {why}\n{}\n{}", diary.name, diary.tail(), self.nodes.logs())
                });
            }
            let borrowed: Vec<&Diary> = diaries.iter().map(|diary| &**diary).collect();
            verdict::agree(&borrowed).unwrap_or_else(|why| panic!("{why}"));
        }
        let count = |all: &[Published]| all.iter().map(|one| one.confirmed.len()).sum::<usize>();
        println!(
            "confirmed: {} on Rocket's channel {CHANNEL}, {} on Gockets'; told of a loss: {} of {} followers",
            count(&rocket),
            count(&gockets),
            self.all().filter(|diary| diary.told() > 0).count(),
            self.all().count()
        );
        self.followers.shutdown().await;
        (rocket, gockets)
    }
}
