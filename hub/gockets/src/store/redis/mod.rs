//! Channels of many processes, on one Redis (6 or later): a script for each operation, so that each is one step. All
//! keys of a mount are in one slot of a cluster.

use std::collections::HashMap;
use std::sync::LazyLock;

use async_trait::async_trait;
use polysocket_redis::redis::FromRedisValue;
use polysocket_redis::{Call, Error, Redis, Script};
use serde_json::json;

use super::Channels;
use crate::channel::{Channel, Edit};
use crate::{Key, StoreError};

/// Channels that one step of listing asks for, about.
const LIST_STEP: usize = 1_000;

macro_rules! script {
    ($name:literal) => {
        LazyLock::new(|| Script::new(include_str!(concat!($name, ".lua"))))
    };
}

static CREATE: LazyLock<Script> = script!("create");
static GET: LazyLock<Script> = script!("get");
static FIND: LazyLock<Script> = script!("find");
static EDIT: LazyLock<Script> = script!("edit");
static DELETE: LazyLock<Script> = script!("delete");
static LIST: LazyLock<Script> = script!("list");
static VISIT: LazyLock<Script> = script!("visit");
static VACATE: LazyLock<Script> = script!("vacate");

/// Channels in Redis. They stay there until they are deleted, whatever becomes of the processes.
pub struct RedisChannels {
    redis: Redis,
    keys: Keys,
    channels_max: usize,
}

/// What the scripts' comments call them.
struct Keys {
    channels: String,
    publishers: String,
    visits: String,
    vacated: String,
}

impl RedisChannels {
    /// The channels of one mount: those with the same prefix and space are the same, on all nodes.
    pub fn new(redis: Redis, prefix: &str, space: &str, channels_max: usize) -> Self {
        // A tag must not end before its end.
        let space = space.replace(['{', '}'], "_");
        let key = |table: &str| format!("{prefix}gockets:{{{space}}}:{table}");
        let keys = Keys {
            channels: key("channels"),
            publishers: key("publishers"),
            visits: key("visits"),
            vacated: key("vacated"),
        };
        Self { redis, keys, channels_max }
    }

    async fn run<T: FromRedisValue>(&self, call: Call) -> Result<T, StoreError> {
        self.redis.script(&call).await.map_err(|error| match error {
            Error::Unreachable { .. } => StoreError::Unavailable(error.to_string()),
            Error::Refused { .. } | Error::Invalid(_) => StoreError::Unusable(error.to_string()),
        })
    }

    async fn channel(&self, call: Call) -> Result<Option<Channel>, StoreError> {
        let found: Option<Vec<u8>> = self.run(call).await?;
        found.map(|json| read(&json)).transpose()
    }
}

fn call<const N: usize>(script: &'static Script, keys: [&String; N]) -> Call {
    Call::new(script, keys.map(Clone::clone))
}

fn read(json: &[u8]) -> Result<Channel, StoreError> {
    // The text of the error would quote the channel.
    serde_json::from_slice(json)
        .map_err(|_| StoreError::Unusable("it holds a channel that this version cannot read".to_owned()))
}

#[async_trait]
impl Channels for RedisChannels {
    async fn create(&self, channel: &Channel) -> Result<(), StoreError> {
        let json = serde_json::to_string(channel).map_err(|error| StoreError::Unusable(error.to_string()))?;
        let create = call(&CREATE, [&self.keys.channels, &self.keys.publishers])
            .arg(channel.publisher.to_string())
            .arg(channel.subscriber.to_string())
            .arg(json)
            .arg(self.channels_max);
        let created: u8 = self.run(create).await?;
        if created == 1 { Ok(()) } else { Err(StoreError::Full { max: self.channels_max }) }
    }

    async fn by_publisher(&self, key: &Key) -> Result<Option<Channel>, StoreError> {
        self.channel(call(&GET, [&self.keys.channels]).arg(key.to_string())).await
    }

    async fn by_subscriber(&self, key: &Key) -> Result<Option<Channel>, StoreError> {
        let Keys { channels, publishers, .. } = &self.keys;
        self.channel(call(&FIND, [channels, publishers]).arg(key.to_string())).await
    }

    async fn edit(&self, publisher: &Key, edit: &Edit) -> Result<Option<Channel>, StoreError> {
        let mut change = json!({ "hook": edit.hook, "tag": edit.tag });
        if let Some(events) = edit.events {
            change["events"] = json!(events);
        }
        if let Some(secret) = &edit.secret {
            change["secret"] = json!(secret);
        }
        let edit = call(&EDIT, [&self.keys.channels]).arg(publisher.to_string()).arg(change.to_string());
        self.channel(edit).await
    }

    async fn delete(&self, publisher: &Key) -> Result<Option<Channel>, StoreError> {
        let Keys { channels, publishers, visits, vacated } = &self.keys;
        self.channel(call(&DELETE, [channels, publishers, visits, vacated]).arg(publisher.to_string())).await
    }

    async fn list(&self) -> Result<Vec<Channel>, StoreError> {
        let mut found = HashMap::new();
        let mut cursor = "0".to_owned();
        loop {
            let list = call(&LIST, [&self.keys.channels]).arg(&cursor).arg(LIST_STEP);
            let (next, some): (String, Vec<Vec<u8>>) = self.run(list).await?;
            for json in some {
                let channel = read(&json)?;
                found.insert(channel.publisher, channel);
            }
            if next == "0" {
                break;
            }
            cursor = next;
        }
        let mut all: Vec<Channel> = found.into_values().collect();
        all.sort_by_key(|channel| (channel.created_ms, channel.publisher));
        Ok(all)
    }

    async fn visit(&self, publisher: &Key) -> Result<u64, StoreError> {
        let Keys { channels, visits, .. } = &self.keys;
        self.run(call(&VISIT, [channels, visits]).arg(publisher.to_string()).arg("1")).await
    }

    async fn visits(&self, publisher: &Key) -> Result<u64, StoreError> {
        let Keys { channels, visits, .. } = &self.keys;
        self.run(call(&VISIT, [channels, visits]).arg(publisher.to_string()).arg("0")).await
    }

    async fn vacate(&self, publisher: &Key, seen: u64) -> Result<bool, StoreError> {
        let Keys { channels, visits, vacated, .. } = &self.keys;
        let vacate = call(&VACATE, [channels, visits, vacated]).arg(publisher.to_string()).arg(seen);
        let first: u8 = self.run(vacate).await?;
        Ok(first == 1)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        // Reading what is never there says as much, and by the way that everything else goes.
        self.by_publisher(&Key::random()).await.map(drop)
    }
}
