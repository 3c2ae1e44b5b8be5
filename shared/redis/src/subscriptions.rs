//! What is subscribed at one server, and what should be.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

#[derive(Default)]
pub(crate) struct Subscriptions {
    table: Mutex<Table>,
    /// Told when there is something to do.
    pub changed: Notify,
}

#[derive(Default)]
struct Table {
    channels: HashMap<Arc<str>, Channel>,
    /// Channels whose state may not be what is wanted.
    unsettled: Vec<Arc<str>>,
}

pub(crate) struct Channel {
    wanted: bool,
    state: State,
    /// Whether it has been confirmed before, on this or another connection.
    before: bool,
    waiting: Vec<oneshot::Sender<()>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Off,
    Asked,
    On,
    Leaving,
}

/// What a confirmation means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Confirmed {
    /// As was to be expected.
    Expected,
    /// A subscription that was lost is back.
    Renewed,
    /// The server ended a subscription that was wanted.
    Lost,
}

impl Subscriptions {
    /// From now on it is wanted. What is returned resolves when it is confirmed; none when it is already.
    pub fn want(&self, name: &str) -> Option<oneshot::Receiver<()>> {
        let mut table = self.lock();
        let name: Arc<str> =
            table.channels.get_key_value(name).map_or_else(|| name.into(), |(n, _)| n.clone());
        let channel = table.channels.entry(name.clone()).or_insert_with(Channel::new);
        channel.wanted = true;
        if channel.state == State::On {
            return None;
        }
        let (sender, confirmed) = oneshot::channel();
        channel.waiting.push(sender);
        table.unsettled.push(name);
        drop(table);
        self.changed.notify_one();
        Some(confirmed)
    }

    /// It is wanted no more.
    pub fn unwant(&self, name: &str) {
        let mut table = self.lock();
        let Some((name, _)) = table.channels.get_key_value(name) else { return };
        let name = name.clone();
        if let Some(channel) = table.channels.get_mut(&name) {
            channel.wanted = false;
            // Next time it begins anew: who wants it then asks what it has missed by itself.
            channel.before = false;
            channel.waiting.clear();
        }
        table.unsettled.push(name);
        drop(table);
        self.changed.notify_one();
    }

    /// At most so many channels to subscribe to and to unsubscribe from, noted as asked for. Both are empty when all is
    /// as it should be.
    pub fn next(&self, max: usize) -> (Vec<Arc<str>>, Vec<Arc<str>>) {
        let mut table = self.lock();
        let (mut add, mut remove) = (Vec::new(), Vec::new());
        while add.len() + remove.len() < max
            && let Some(name) = table.unsettled.pop()
        {
            let Some(channel) = table.channels.get_mut(&name) else { continue };
            match (channel.wanted, channel.state) {
                (true, State::Off) => {
                    channel.state = State::Asked;
                    add.push(name);
                }
                (false, State::On) => {
                    channel.state = State::Leaving;
                    remove.push(name);
                }
                (false, State::Off) => {
                    table.channels.remove(&name);
                }
                // The confirmation on its way looks again.
                (_, State::Asked | State::Leaving) | (true, State::On) => (),
            }
        }
        (add, remove)
    }

    /// The server has confirmed a subscription.
    pub fn on(&self, name: &str) -> Confirmed {
        let mut table = self.lock();
        let Some(channel) = table.channels.get_mut(name) else { return Confirmed::Expected };
        channel.state = State::On;
        let renewed = channel.wanted && std::mem::replace(&mut channel.before, true);
        for waiting in channel.waiting.drain(..) {
            let _ = waiting.send(());
        }
        if !channel.wanted {
            self.look_again(table, name);
        }
        if renewed { Confirmed::Renewed } else { Confirmed::Expected }
    }

    /// The server has ended a subscription.
    pub fn off(&self, name: &str) -> Confirmed {
        let mut table = self.lock();
        let Some(channel) = table.channels.get_mut(name) else { return Confirmed::Expected };
        let was = std::mem::replace(&mut channel.state, State::Off);
        let lost = was == State::On && channel.wanted;
        self.look_again(table, name);
        if lost { Confirmed::Lost } else { Confirmed::Expected }
    }

    /// The connection has gone, and all subscriptions with it.
    pub fn reset(&self) {
        let mut table = self.lock();
        table.channels.retain(|_, channel| channel.wanted);
        for channel in table.channels.values_mut() {
            channel.state = State::Off;
        }
        table.unsettled = table.channels.keys().cloned().collect();
        drop(table);
        self.changed.notify_one();
    }

    /// Takes out what belongs elsewhere.
    pub fn take(&self, belongs: impl Fn(&str) -> bool) -> Vec<(Arc<str>, Channel)> {
        let mut table = self.lock();
        let names: Vec<Arc<str>> = table.channels.keys().filter(|name| !belongs(name)).cloned().collect();
        names
            .into_iter()
            .filter_map(|name| {
                let mut channel = table.channels.remove(&name)?;
                channel.state = State::Off;
                channel.wanted.then_some((name, channel))
            })
            .collect()
    }

    /// Takes in what came from elsewhere.
    pub fn give(&self, name: Arc<str>, channel: Channel) {
        let mut table = self.lock();
        table.unsettled.push(name.clone());
        table.channels.insert(name, channel);
        drop(table);
        self.changed.notify_one();
    }

    fn look_again(&self, mut table: MutexGuard<'_, Table>, name: &str) {
        table.unsettled.push(name.into());
        drop(table);
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Channel {
    fn new() -> Self {
        Self { wanted: false, state: State::Off, before: false, waiting: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[Arc<str>]) -> Vec<&str> {
        list.iter().map(|name| &**name).collect()
    }

    #[test]
    fn a_channel_is_subscribed_once_and_renewed() {
        let table = Subscriptions::default();
        let mut confirmed = table.want("a").expect("not yet");
        assert_eq!(names(&table.next(9).0), ["a"]);
        assert!(table.next(9).0.is_empty(), "it has been asked for");
        assert!(confirmed.try_recv().is_err());
        assert_eq!(table.on("a"), Confirmed::Expected);
        assert!(confirmed.try_recv().is_ok());
        assert!(table.want("a").is_none());
        table.reset();
        assert_eq!(names(&table.next(9).0), ["a"]);
        assert_eq!(table.on("a"), Confirmed::Renewed);
        assert_eq!(table.off("a"), Confirmed::Lost);
    }

    #[test]
    fn one_who_changes_its_mind_gets_what_it_wanted_last() {
        let table = Subscriptions::default();
        let _ = table.want("a");
        let _ = table.next(9);
        table.unwant("a");
        assert_eq!(table.next(9), (vec![], vec![]), "the first confirmation is still to come");
        let mut again = table.want("a").expect("not yet");
        table.on("a");
        assert!(again.try_recv().is_ok());
        table.unwant("a");
        assert_eq!(names(&table.next(9).1), ["a"]);
        let _ = table.want("a");
        assert_eq!(table.next(9), (vec![], vec![]));
        assert_eq!(table.off("a"), Confirmed::Expected);
        assert_eq!(names(&table.next(9).0), ["a"]);
    }

    #[test]
    fn what_moves_is_asked_for_there() {
        let (here, there) = (Subscriptions::default(), Subscriptions::default());
        let _ = here.want("a");
        let mut b = here.want("b").expect("not yet");
        let _ = here.next(9);
        here.on("a");
        for (name, channel) in here.take(|name| name == "a") {
            there.give(name, channel);
        }
        assert_eq!(names(&there.next(9).0), ["b"]);
        assert_eq!(there.on("b"), Confirmed::Expected);
        assert!(b.try_recv().is_ok());
        assert_eq!(here.on("b"), Confirmed::Expected, "not its business any more");
    }
}
