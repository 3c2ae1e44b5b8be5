//! What a follower of a channel heard, in order.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use polysocket_tests::patience::PATIENCE;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::source::{Numbered, Source};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// It is subscribed; the text says how.
    Subscribed(String),
    /// A message.
    Message(Numbered),
    /// From here on something may be missing, and the follower knows.
    Told(String),
    /// Its connection ended: by this code and reason, or it broke.
    Ended(Option<u16>, String),
    /// The channel is not there any more; it follows no longer.
    Gone,
    /// What must never be.
    Wrong(String),
}

#[derive(Debug, Default)]
struct Pages {
    log: Vec<Heard>,
    last: BTreeMap<Source, u64>,
}

#[derive(Debug, Default)]
pub struct Diary {
    /// Whose it is.
    pub name: String,
    pages: Mutex<Pages>,
    written: watch::Sender<u64>,
}

impl Diary {
    pub fn of(name: &str) -> Arc<Self> {
        Arc::new(Self { name: name.to_owned(), ..Self::default() })
    }

    pub fn write(&self, heard: Heard) {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if let Heard::Message(message) = &heard {
            pages.last.insert(message.source, message.number);
        }
        pages.log.push(heard);
        drop(pages);
        self.written.send_modify(|count| *count += 1);
    }

    /// A message by its text.
    pub fn write_text(&self, text: &str) {
        let heard = Numbered::parse(text).map(Heard::Message);
        self.write(heard.unwrap_or_else(|| Heard::Wrong(format!("a message of nobody: {text}"))));
    }

    pub fn log(&self) -> Vec<Heard> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).log.clone()
    }

    pub fn messages(&self) -> Vec<Numbered> {
        let message = |heard| if let Heard::Message(message) = heard { Some(message) } else { None };
        self.log().into_iter().filter_map(message).collect()
    }

    /// How its connections ended.
    pub fn ends(&self) -> Vec<(Option<u16>, String)> {
        let end = |heard| if let Heard::Ended(code, reason) = heard { Some((code, reason)) } else { None };
        self.log().into_iter().filter_map(end).collect()
    }

    /// How often it was told that something may be missing.
    pub fn told(&self) -> usize {
        self.log().iter().filter(|heard| matches!(heard, Heard::Told(_))).count()
    }

    /// Waits for an entry.
    pub async fn until(&self, what: &str, is_it: impl Fn(&Heard) -> bool) {
        self.wait(what, |pages| pages.log.iter().any(&is_it)).await;
    }

    /// Waits until a source's last message that was heard has this number or a later one.
    pub async fn until_message(&self, message: Numbered) {
        let heard =
            |pages: &Pages| pages.last.get(&message.source).is_some_and(|last| *last >= message.number);
        self.wait(&message.to_string(), heard).await;
    }

    async fn wait(&self, what: &str, is_it: impl Fn(&Pages) -> bool) {
        let mut written = self.written.subscribe();
        let look = |_: &u64| is_it(&self.pages.lock().unwrap_or_else(PoisonError::into_inner));
        let waited = timeout(PATIENCE, written.wait_for(look)).await.is_ok();
        assert!(waited, "{} has not heard {what} in {PATIENCE:?}\n{}", self.name, self.tail());
    }

    /// Its last pages.
    pub fn tail(&self) -> String {
        const SHOWN: usize = 30;
        let log = self.log();
        format!("{} heard, at last: {:?}", self.name, &log[log.len().saturating_sub(SHOWN)..])
    }
}
