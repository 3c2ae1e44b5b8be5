//! Clients and hooks in other languages, as their users write them.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use polysocket_gockets::hooks::Secret;
use polysocket_tests::process::Process;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::bed::{Bed, Client, PATIENCE};

/// Downloads a package once.
const INSTALL_MAX: Duration = Duration::from_secs(120);

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

async fn run(mut command: Command) -> String {
    let output = timeout(Duration::from_secs(60), command.kill_on_drop(true).output()).await;
    let output = output.expect("it ends").unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{said}\n{wrong}", output.status);
    said.into_owned()
}

/// What the original's PHP client expects of the routes of its last version, and of those of the first.
#[tokio::test]
async fn php_as_its_users_write_it() {
    let bed = Bed::new().await;
    let base = format!("http://localhost:{}", bed.address.port());
    for generation in ["1", "2"] {
        let mut command = Command::new("php");
        command.arg(script("client.php")).args([&base, generation]);
        let said = run(command).await;
        assert!(said.ends_with("all expectations hold\n"), "{said}");
    }
}

/// PHP prepares a channel with a hook in PHP, a page's message reaches it by `php://input`, and it publishes from there.
#[tokio::test]
async fn a_hook_in_php() {
    let bed = Bed::new().await;
    let folder = polysocket_tests::ports::TempDir::new().unwrap();
    let port = polysocket_tests::ports::free_port().unwrap();
    let mut command = Command::new("php");
    command
        .args(["-S", &format!("localhost:{port}"), "-t"])
        .arg(script(""))
        .env("GOCKETS_LOG", folder.path().join("log"));
    let mut server = Process::spawn("php", &mut command).unwrap();
    server.wait_for(crate::bed::PATIENCE, |line| line.contains("started").then_some(())).await.unwrap();
    let keys = bed.prepare_with_hook(&format!("http://localhost:{port}/log.php?room=1"), "").await;
    let mut client = bed.subscribe(&keys).await;
    for text in ["{\"from\":\"a page\"}", "plain"] {
        client.say(text).await;
    }
    crate::bed::eventually("the log has both", async || {
        std::fs::read_to_string(folder.path().join("log")).unwrap_or_default().lines().count() == 2
    })
    .await;
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    let expected = format!(
        "1 message {0} application/json {{\"from\":\"a page\"}}\n1 message {0} text/plain; charset=utf-8 plain\n",
        keys.subscriber
    );
    assert_eq!(log, expected);
}

/// A hook in Python that believes only what `standardwebhooks` from PyPI verifies.
#[tokio::test]
async fn a_hook_in_python_verifies_signatures() {
    let packages = install_standardwebhooks().await;
    let secret = Secret::random();
    let reveal = secret.reveal();
    let bed = Bed::with(|setup| setup.hooks.secrets = vec![reveal]).await;
    let mut command = Command::new("python3");
    command.arg("-u").arg(script("hook.py")).arg(secret.reveal()).env("PYTHONPATH", packages);
    let mut server = Process::spawn("hook.py", &mut command).unwrap();
    let port: u16 =
        server.wait_for(crate::bed::PATIENCE, |line| line.strip_prefix("port ")?.parse().ok()).await.unwrap();
    let url = format!("http://127.0.0.1:{port}/");
    let keys = bed.prepare_with_hook(&url, ",\"hook_events\":[\"connect\",\"disconnect\"]").await;
    let mut client = bed.subscribe(&keys).await;
    client.say(r#"{"text":"ünïcode"}"#).await;
    // The hook answers its client, with what it has verified.
    assert_eq!(client.text().await, r#"verified {"text": "\u00fcn\u00efcode"}"#);
    client.close(1000).await;
    for event in ["connect", "message", "disconnect"] {
        let line = format!("verified {event}");
        server.wait_for(crate::bed::PATIENCE, |said| (said == line).then_some(())).await.unwrap();
    }
    // Another secret: refused by the library, and so a dead letter here.
    let body = serde_json::json!({
        "subscriber_message_hook_url": url,
        "hook_secret": true,
    });
    let keys = bed.prepare(&body.to_string()).await;
    bed.subscribe(&keys).await.say("{}").await;
    crate::bed::eventually("it was refused", async || {
        bed.hook_state(&keys).await["dead"][0]["why"] == "the hook answered 401"
    })
    .await;
    assert!(server.log().contains("refused"), "{}", server.log());
}

/// Into the build's folder, once.
async fn install_standardwebhooks() -> PathBuf {
    static INSTALLING: Mutex<()> = Mutex::const_new(());
    let _one = INSTALLING.lock().await;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("standardwebhooks-1.1.0");
    if !folder.is_dir() {
        let building = folder.with_extension(format!("{}.new", std::process::id()));
        let mut command = Command::new("python3");
        command.args(["-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--target"]);
        command.arg(&building).arg("-r").arg(script("requirements.txt"));
        let output =
            timeout(INSTALL_MAX, command.kill_on_drop(true).output()).await.expect("it ends").unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        if std::fs::rename(&building, &folder).is_err() {
            std::fs::remove_dir_all(&building).unwrap();
        }
    }
    folder
}

/// The fifteen lines of `docs/GOCKETS.md`.
#[tokio::test]
async fn the_quick_start_in_php() {
    let page = std::fs::read_to_string(script("../../../../docs/GOCKETS.md")).unwrap();
    let (_, rest) = page.split_once("```php\n").unwrap();
    let (code, _) = rest.split_once("```").unwrap();
    let bed = Bed::new().await;
    let folder = polysocket_tests::ports::TempDir::new().unwrap();
    let file = folder.path().join("quick.php");
    std::fs::write(&file, code.replace("localhost:8844", &format!("localhost:{}", bed.address.port())))
        .unwrap();
    let mut php = Command::new("php");
    let mut php =
        php.arg(&file).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let (mut stdin, stdout) = (php.stdin.take().unwrap(), php.stdout.take().unwrap());
    let mut lines = BufReader::new(stdout).lines();
    let mut line = async || timeout(PATIENCE, lines.next_line()).await.expect("a line").unwrap().unwrap();
    let said = line().await;
    let (_, path) = said.split_once(&format!(":{}", bed.address.port())).unwrap();
    let mut client = Client::open(bed.address, path).await;
    stdin.write_all(b"hello\n").await.unwrap();
    assert_eq!(client.text().await, r#"{"text":"hello"}"#);
    assert_eq!(line().await, "Successfully pushed data to subscriber");
    drop(stdin);
    assert_eq!(client.closed().await, (Some(1000), "channel closed".to_owned()));
    assert!(timeout(PATIENCE, php.wait()).await.expect("it ends").unwrap().success());
}
