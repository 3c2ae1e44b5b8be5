//! The contract of the store, against both that there are.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use polysocket_gockets::channel::{Channel, Edit, Lifecycle, Settings};
use polysocket_gockets::hooks::Secret;
use polysocket_gockets::store::{Channels, MemoryChannels, RedisChannels};
use polysocket_gockets::{Key, StoreError};
use polysocket_redis::{Options, Redis};
use polysocket_tests::ports::{TempDir, free_port};
use polysocket_tests::process::Process;
use polysocket_tests::redis_server::RedisServer;
use polysocket_tests::redis_server::port_with_bus;
use tokio::process::Command;

/// A store with room for so many channels.
trait Open {
    fn open(&self, channels_max: usize) -> Arc<dyn Channels>;
}

struct Memory;

fn redis(url: &str, command_timeout_ms: u64) -> Redis {
    let command_timeout = Duration::from_millis(command_timeout_ms);
    Redis::open(&Options { url: url.to_owned(), command_timeout }, Arc::new(())).unwrap()
}

/// It connects again by itself.
async fn back(store: &dyn Channels) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while let Err(error) = store.ping().await {
        assert!(tokio::time::Instant::now() < deadline, "{error}");
    }
}

impl Open for Memory {
    fn open(&self, channels_max: usize) -> Arc<dyn Channels> {
        Arc::new(MemoryChannels::new(channels_max))
    }
}

impl Open for RedisServer {
    fn open(&self, channels_max: usize) -> Arc<dyn Channels> {
        Arc::new(RedisChannels::new(redis(&self.url(), 2_000), "test:", "gockets", channels_max))
    }
}

fn settings(tag: &str) -> Settings {
    Settings {
        hook: Some("https://hooks.example/log.php?a=\"b\"&c=/é".to_owned()),
        tag: Some(tag.to_owned()),
        events: Lifecycle::CONNECT.with(Lifecycle::EMPTY),
        secret: Some(Secret::random()),
    }
}

async fn suite(open: &dyn Open) {
    let store = open.open(3);
    store.ping().await.unwrap();
    kept_as_they_were(&*store).await;
    edited(&*store).await;
    bounded(&*store).await;
    visits(&*store).await;
}

async fn kept_as_they_were(store: &dyn Channels) {
    let full = Channel::new(settings("full \u{2028} \0"), 1_799_999_999_999);
    let bare = Channel::new(Settings::default(), 1);
    for channel in [&full, &bare] {
        store.create(channel).await.unwrap();
        assert_eq!(store.by_publisher(&channel.publisher).await.unwrap().as_ref(), Some(channel));
        assert_eq!(store.by_subscriber(&channel.subscriber).await.unwrap().as_ref(), Some(channel));
        // A key is good for one thing only.
        assert_eq!(store.by_publisher(&channel.subscriber).await.unwrap(), None);
        assert_eq!(store.by_subscriber(&channel.publisher).await.unwrap(), None);
    }
    assert_eq!(store.list().await.unwrap(), [bare.clone(), full.clone()], "the oldest first");
    for channel in [full, bare] {
        assert_eq!(store.delete(&channel.publisher).await.unwrap().as_ref(), Some(&channel));
        assert_eq!(store.delete(&channel.publisher).await.unwrap(), None);
        assert_eq!(store.by_publisher(&channel.publisher).await.unwrap(), None);
        assert_eq!(store.by_subscriber(&channel.subscriber).await.unwrap(), None);
    }
    assert_eq!(store.list().await.unwrap(), []);
}

async fn edited(store: &dyn Channels) {
    let mut channel = Channel::new(settings("old"), 7);
    store.create(&channel).await.unwrap();
    let edits = [
        Edit { hook: None, tag: Some("new".to_owned()), events: None, secret: None },
        Edit {
            hook: Some("http://b.example/".to_owned()),
            tag: None,
            events: Some(Lifecycle::default()),
            secret: None,
        },
        Edit { hook: None, tag: None, events: Some(Lifecycle::DISCONNECT), secret: Some(None) },
        Edit { hook: None, tag: None, events: None, secret: Some(Some(Secret::random())) },
    ];
    for edit in edits {
        let seen = store.edit(&channel.publisher, &edit).await.unwrap();
        edit.apply(&mut channel.settings);
        assert_eq!(seen.as_ref(), Some(&channel));
        assert_eq!(store.by_subscriber(&channel.subscriber).await.unwrap().as_ref(), Some(&channel));
    }
    store.delete(&channel.publisher).await.unwrap();
    let edit = Edit { hook: None, tag: None, events: None, secret: None };
    assert_eq!(store.edit(&channel.publisher, &edit).await.unwrap(), None);
    assert_eq!(store.list().await.unwrap(), [], "an edit makes no channel");
}

async fn bounded(store: &dyn Channels) {
    let channels: Vec<Channel> = (0..4).map(|at| Channel::new(Settings::default(), at)).collect();
    for channel in &channels[..3] {
        store.create(channel).await.unwrap();
    }
    assert_eq!(store.create(&channels[3]).await, Err(StoreError::Full { max: 3 }));
    assert_eq!(store.by_subscriber(&channels[3].subscriber).await.unwrap(), None);
    store.delete(&channels[0].publisher).await.unwrap();
    store.create(&channels[3]).await.unwrap();
    for channel in &channels[1..] {
        store.delete(&channel.publisher).await.unwrap();
    }
}

async fn visits(store: &dyn Channels) {
    let channel = Channel::new(Settings::default(), 7);
    let key = &channel.publisher;
    store.create(&channel).await.unwrap();
    assert!(store.vacate(key, 0).await.unwrap(), "it may be found empty before anybody was counted");
    assert!(!store.vacate(key, 0).await.unwrap(), "once");
    assert_eq!((store.visit(key).await.unwrap(), store.visit(key).await.unwrap()), (1, 2));
    assert_eq!(store.visits(key).await.unwrap(), 2);
    assert!(!store.vacate(key, 1).await.unwrap(), "somebody has come since");
    assert!(store.vacate(key, 2).await.unwrap() && !store.vacate(key, 2).await.unwrap());
    store.delete(key).await.unwrap();
    let gone = (store.visit(key).await.unwrap(), store.visits(key).await.unwrap());
    assert_eq!(gone, (0, 0));
    assert!(!store.vacate(key, 0).await.unwrap());
}

#[tokio::test]
async fn in_memory() {
    suite(&Memory).await;
}

#[tokio::test]
async fn in_redis() {
    let server = RedisServer::start().await.unwrap();
    suite(&server).await;
    // All of one list, however many steps it takes.
    let store = server.open(10_000);
    for at in 0..3_000 {
        store.create(&Channel::new(settings("x"), at)).await.unwrap();
    }
    let all = store.list().await.unwrap();
    assert_eq!(
        all.iter().map(|channel| channel.created_ms).collect::<Vec<_>>(),
        (0..3_000).collect::<Vec<_>>()
    );
    // The same channels for every process with the same prefix, and for no other.
    assert_eq!(server.open(1).by_publisher(&all[0].publisher).await.unwrap().as_ref(), Some(&all[0]));
    let other = RedisChannels::new(redis(&server.url(), 2_000), "test:", "gockets:other", 1);
    assert_eq!(other.by_publisher(&all[0].publisher).await.unwrap(), None);
}

#[tokio::test]
async fn redis_may_go_and_come_back() {
    let mut server = RedisServer::start().await.unwrap();
    let store = RedisChannels::new(redis(&server.url(), 500), "test:", "gockets", 10);
    let channel = Channel::new(Settings::default(), 7);
    store.create(&channel).await.unwrap();
    server.freeze().await.unwrap();
    assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))), "silent");
    server.thaw().await.unwrap();
    back(&store).await;
    server.kill().await.unwrap();
    assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))), "gone");
    server.restart().await.unwrap();
    back(&store).await;
    assert_eq!(store.by_publisher(&channel.publisher).await.unwrap(), None);
    store.create(&channel).await.unwrap();
    let unknown = RedisChannels::new(redis("redis://127.0.0.1:1/", 500), "test:", "gockets", 10);
    assert!(matches!(unknown.by_publisher(&Key::random()).await, Err(StoreError::Unavailable(_))));
}

/// A Redis of another kind: its process, and a folder for what it writes down.
struct Other {
    _processes: Vec<Process>,
    _folder: TempDir,
    url: String,
}

impl Open for Other {
    fn open(&self, channels_max: usize) -> Arc<dyn Channels> {
        Arc::new(RedisChannels::new(redis(&self.url, 5_000), "test:", "gockets", channels_max))
    }
}

async fn run(port: u16, folder: &TempDir, arguments: &[&str]) -> Process {
    let (port, folder) = (port.to_string(), folder.path().to_str().unwrap().to_owned());
    let mut command = Command::new("redis-server");
    command.args(arguments).args(["--port", &port, "--bind", "127.0.0.1", "--dir", &folder]);
    let mut process = Process::spawn("redis-server", &mut command).unwrap();
    let ready = |line: &str| (line.contains("Ready to accept") || line.contains("+monitor")).then_some(());
    process.wait_for(Duration::from_secs(10), ready).await.unwrap();
    process
}

async fn redis_cli(port: u16, arguments: &[&str]) -> String {
    let mut command = Command::new("redis-cli");
    let output = command.args(["-p", &port.to_string()]).args(arguments).output().await.unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn in_a_cluster() {
    let (port, folder) = (port_with_bus().unwrap(), TempDir::new().unwrap());
    let process = run(port, &folder, &["--cluster-enabled", "yes", "--save", ""]).await;
    assert_eq!(redis_cli(port, &["cluster", "addslotsrange", "0", "16383"]).await.trim(), "OK");
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while !redis_cli(port, &["cluster", "info"]).await.contains("cluster_state:ok") {
        assert!(tokio::time::Instant::now() < deadline, "the cluster comes up");
    }
    let url = format!("redis-cluster://127.0.0.1:{port}");
    suite(&Other { _processes: vec![process], _folder: folder, url }).await;
}

#[tokio::test]
async fn where_sentinels_say() {
    let (port, sentinel, folder) = (free_port().unwrap(), free_port().unwrap(), TempDir::new().unwrap());
    let primary = run(port, &folder, &["--save", ""]).await;
    let config = folder.path().join("sentinel.conf");
    std::fs::write(&config, format!("sentinel monitor main 127.0.0.1 {port} 1\n")).unwrap();
    let watcher = run(sentinel, &folder, &[config.to_str().unwrap(), "--sentinel"]).await;
    let url = format!("redis-sentinel://127.0.0.1:{sentinel}/main/0");
    suite(&Other { _processes: vec![primary, watcher], _folder: folder, url }).await;
}
