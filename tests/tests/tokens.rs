//! Tokens that `polysocket token` makes, and those that a router must refuse; and what `check-config` says.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use polysocket_tests::client::http::Request;
use polysocket_tests::client::{Create, CreateError, create};
use polysocket_tests::client::{Event, HttpClient, Message, Session, Settings, base64};
use polysocket_tests::cluster::TestCluster;
use polysocket_tests::ports::TempDir;
use polysocket_tests::program;
use polysocket_tests::upstream::Upstream;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::time::{sleep, timeout};

const SOON: Duration = Duration::from_secs(10);
const SECRET: &str = "a secret for tests with thirty-two bytes or more";
/// Expiry and the refreshing of keys have no event; they are asked for again.
const ASK_EVERY: Duration = Duration::from_millis(100);

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

async fn polysocket(arguments: &[&str]) -> Ran {
    let mut command = Command::new(program::path().unwrap());
    command.args(arguments).env_remove("POLYSOCKET_BIN").kill_on_drop(true);
    let output = timeout(SOON, command.output()).await.unwrap().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

async fn openssl(arguments: &[&str]) {
    let status = Command::new("openssl").args(arguments).output().await.unwrap();
    assert!(status.status.success(), "{arguments:?}: {status:?}");
}

/// The files of a test.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name).display().to_string()
    }

    /// A key pair: the files of the private and the public key.
    async fn key(&self, name: &str, algorithm: &str) -> (String, String) {
        let (private, public) =
            (self.path(&format!("{name}.pem")).display().to_string(), self.path(&format!("{name}.pub")));
        let options: &[&str] = match algorithm {
            "RS256" => &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
            "ES256" => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
            _ => &["-algorithm", "ED25519"],
        };
        openssl(&[&["genpkey", "-out", &private], options].concat()).await;
        let public = public.display().to_string();
        openssl(&["pkey", "-in", &private, "-pubout", "-out", &public]).await;
        (private, public)
    }
}

/// A router with this `[auth]`, and a target.
struct Bed {
    files: Files,
    config: String,
    cluster: TestCluster,
    http: HttpClient,
    upstream: Upstream,
}

impl Bed {
    async fn start(files: Files, auth: &str) -> Self {
        let text =
            format!("[admin]\nlisten = \"127.0.0.1:0\"\n\n[log]\nlevel = \"debug\"\n\n[auth]\n{auth}\n");
        let config = files.write("polysocket.toml", &text);
        let cluster = TestCluster::dev(&["--config", &config]).await.unwrap();
        let http = cluster.client();
        Self { files, config, cluster, http, upstream: Upstream::start().await.unwrap() }
    }

    fn pattern(&self) -> String {
        format!("ws://{}", self.upstream.address())
    }

    /// A token for the target, made by the program.
    async fn token(&self, more: &[&str]) -> String {
        let pattern = self.pattern();
        let all = [&["token", "--config", &self.config, "--target", &pattern], more].concat();
        let ran = polysocket(&all).await;
        assert_eq!(ran.code, Some(0), "{all:?}: {}", ran.err);
        assert_eq!(ran.out.lines().count(), 1, "{}", ran.out);
        ran.out.trim().to_owned()
    }

    fn wish(&self, token: &str) -> Create {
        Create {
            router: self.cluster.router().to_string(),
            target: self.upstream.url("/echo"),
            token: (!token.is_empty()).then(|| token.to_owned()),
            ..Create::default()
        }
    }

    /// The word of a refusal; `Ok` for a socket.
    async fn word(&self, wish: &Create) -> Result<(), String> {
        match create(&self.http, wish).await {
            Ok(_) => Ok(()),
            Err(CreateError::Refused { code, .. }) => Err(code),
            Err(error) => panic!("{error}"),
        }
    }

    async fn refuses(&self, token: &str, word: &str) {
        assert_eq!(self.word(&self.wish(token)).await, Err(word.to_owned()));
    }

    /// Asks until this is what a token gets.
    async fn until(&self, token: &str, expected: Result<(), &str>) {
        let expected = expected.map_err(str::to_owned);
        let came = timeout(SOON, async {
            while self.word(&self.wish(token)).await != expected {
                sleep(ASK_EVERY).await;
            }
        });
        assert!(came.await.is_ok(), "not {expected:?} but {:?}", self.word(&self.wish(token)).await);
    }

    /// Its log has none of these.
    fn keeps_secret(&mut self, secrets: &[&str]) {
        let log = self.cluster.routers[0].process().log();
        assert!(log.contains("create"), "the log is not captured: {log}");
        for secret in secrets {
            assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
        }
    }
}

fn hs256() -> String {
    format!("leeway = \"0s\"\n[[auth.keys]]\nalgorithm = \"HS256\"\nsecret = \"{SECRET}\"")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_the_program_opens_a_socket() {
    let mut bed = Bed::start(Files::new(), &hs256()).await;
    let token = bed.token(&["--subject", "somebody"]).await;
    let session = Session::open(&bed.http, &bed.wish(&token), Settings::default()).await.unwrap();
    assert!(matches!(session.expect_within(SOON).await, Event::Open { .. }));
    session.send(Message::text("with a token"));
    assert_eq!(session.expect_within(SOON).await, Event::Message(Message::text("with a token")));
    // By script, and as a form: the same.
    let jsonp = Create { jsonp: true, ..bed.wish(&token) };
    assert_eq!(bed.word(&jsonp).await, Ok(()));
    // From a file with the secret, without the configuration.
    let file = bed.files.write("secret", &format!("{SECRET}\n"));
    let ran = polysocket(&["token", "--secret-file", &file, "--target", &bed.pattern()]).await;
    assert_eq!(bed.word(&bed.wish(ran.out.trim())).await, Ok(()), "{}", ran.err);
    let signature = token.rsplit('.').next().unwrap().to_owned();
    bed.keeps_secret(&[&token, &signature, SECRET]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_signed_by_a_private_key_is_checked_with_the_public_one() {
    let files = Files::new();
    let mut auth = String::new();
    let mut private = Vec::new();
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let (key, public) = files.key(algorithm, algorithm).await;
        let id = format!("key-{algorithm}");
        let key_lines = [
            "[[auth.keys]]",
            &format!("id = \"{id}\""),
            &format!("algorithm = \"{algorithm}\""),
            &format!("public_key_file = \"{public}\""),
            "",
        ];
        auth.push_str(&key_lines.join("\n"));
        private.push((algorithm, key));
    }
    let bed = Bed::start(files, &auth).await;
    for (algorithm, key) in &private {
        let id = format!("key-{algorithm}");
        for more in [&[][..], &["--key-id", &id]] {
            let token = bed.token(&[&["--private-key", key], more].concat()).await;
            assert_eq!(bed.word(&bed.wish(&token)).await, Ok(()), "{algorithm} {more:?}");
        }
        // Signed by a key that is not trusted here.
        let (stranger, _) = bed.files.key(&format!("stranger-{algorithm}"), algorithm).await;
        let token = bed.token(&["--private-key", &stranger]).await;
        bed.refuses(&token, "bad-token").await;
        let token = bed.token(&["--private-key", key, "--key-id", "unknown"]).await;
        bed.refuses(&token, "bad-token").await;
    }
    // A public key is no shared secret: the oldest attack on JWTs. The program signs nothing with it.
    let public = bed.files.path("RS256.pub").display().to_string();
    let ran = polysocket(&["token", "--secret-file", &public, "--target", &bed.pattern()]).await;
    assert_eq!((ran.code, ran.out.as_str()), (Some(64), ""));
    assert!(ran.err.contains("PEM"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_token_has_a_word_of_its_own() {
    let auth = format!("audience = \"polysocket\"\n{}", hs256());
    let mut bed = Bed::start(Files::new(), &auth).await;
    let good = bed.token(&[]).await;
    assert_eq!(bed.word(&bed.wish(&good)).await, Ok(()));
    bed.refuses("", "bad-token").await;
    bed.refuses("not.a.token", "bad-token").await;
    bed.refuses(&"x".repeat(12_000), "bad-token").await;

    // Changed anywhere, it is not ours.
    let parts: Vec<&str> = good.split('.').collect();
    let none = json!({ "alg": "none", "typ": "JWT" }).to_string();
    let none = base64::encode_url(none.as_bytes());
    for (changed, word) in [
        (format!("{}.{}.{}A", parts[0], parts[1], &parts[2][..parts[2].len() - 1]), "bad-token"),
        (format!("{}.{}.", parts[0], parts[1]), "bad-token"),
        (format!("{}.{}", parts[0], parts[1]), "bad-token"),
        (format!("{none}.{}.", parts[1]), "wrong-algorithm"),
        (format!("{none}.{}.{}", parts[1], parts[2]), "wrong-algorithm"),
    ] {
        let found = bed.word(&bed.wish(&changed)).await;
        let word = Err(word.to_owned());
        // The last character of a signature may carry bits that do not count; then it is refused for that.
        assert!(found == word || found == Err("bad-token".into()), "{changed}: {found:?}");
    }

    let expired = bed.token(&["--expires", "1s"]).await;
    bed.until(&expired, Err("token-expired")).await;
    let elsewhere = bed.token(&["--audience", "another"]).await;
    bed.refuses(&elsewhere, "wrong-audience").await;
    let (key, _) = bed.files.key("ed", "EdDSA").await;
    let other = bed.token(&["--private-key", &key]).await;
    bed.refuses(&other, "wrong-algorithm").await;

    let for_page = bed.token(&["--origin", "https://app.example.com"]).await;
    bed.refuses(&for_page, "wrong-origin").await;
    for (origin, expected) in [
        ("https://app.example.com", Ok(())),
        ("https://evil.example.com", Err("wrong-origin")),
        ("http://app.example.com", Err("wrong-origin")),
        ("null", Err("wrong-origin")),
    ] {
        let wish = Create { origin: Some(origin.into()), ..bed.wish(&for_page) };
        assert_eq!(bed.word(&wish).await, expected.map_err(str::to_owned), "{origin}");
    }

    // Another target than those in it.
    let other_target =
        polysocket(&["token", "--config", &bed.config, "--target", "wss://chat.example.com"]).await;
    bed.refuses(other_target.out.trim(), "forbidden").await;
    // A token for everything does not reach what the operator forbids.
    let everything = bed.token(&["--target", "*", "--target", "ws://10.0.0.1:*"]).await;
    let inside = Create { target: "ws://10.0.0.1/".into(), ..bed.wish(&everything) };
    assert_eq!(bed.word(&inside).await, Err("forbidden".into()));

    bed.keeps_secret(&[&good, &expired, &for_page, parts[2], SECRET]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_over_its_limits_is_refused_until_it_is_not() {
    let bed = Bed::start(Files::new(), &hs256()).await;
    let two = bed.token(&["--subject", "two", "--sockets", "2"]).await;
    let open = async || Session::open(&bed.http, &bed.wish(&two), Settings::default()).await;
    let (first, _second) = (open().await.unwrap(), open().await.unwrap());
    bed.refuses(&two, "limit").await;
    // Another's are counted apart; another token of the same subject is not.
    let other = bed.token(&["--subject", "other", "--sockets", "2"]).await;
    assert_eq!(bed.word(&bed.wish(&other)).await, Ok(()));
    let again = bed.token(&["--subject", "two", "--sockets", "2"]).await;
    bed.refuses(&again, "limit").await;
    assert!(matches!(first.expect_within(SOON).await, Event::Open { .. }));
    first.close(Some(1000), "");
    assert!(matches!(first.expect_within(SOON).await, Event::Close(_)));
    first.finished().await;
    bed.until(&two, Ok(())).await;

    let slow = bed.token(&["--subject", "slow", "--creates-per-second", "1"]).await;
    let mut words = Vec::new();
    for _ in 0..5 {
        words.push(bed.word(&bed.wish(&slow)).await);
    }
    assert_eq!(words[0], Ok(()));
    assert!(words.contains(&Err("limit".into())), "{words:?}");
    bed.until(&slow, Ok(())).await;
    // It says when to come again.
    let query = format!("target={}&token={slow}&v=1", bed.upstream.url("/echo"));
    let url = format!("{}/create?{query}", bed.cluster.router());
    let refused = timeout(SOON, async {
        loop {
            let answer = bed.http.request(&Request::get(&url), SOON).await.unwrap();
            if answer.head.status() == 429 {
                return answer;
            }
        }
    });
    let refused = refused.await.unwrap();
    let seconds: u64 = refused.head.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=5).contains(&seconds), "{seconds}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_upstream_origin_is_the_tokens_to_say() {
    let bed = Bed::start(Files::new(), &hs256()).await;
    let token = bed.token(&["--upstream-origin", "https://trusted.example"]).await;
    let wish = Create { origin: Some("https://page.example".into()), ..bed.wish(&token) };
    assert_eq!(bed.word(&wish).await, Ok(()));
    assert_eq!(bed.upstream.seen()[0].head.header("origin"), Some("https://trusted.example"));
}

/// A key set that can be changed, at `http://127.0.0.1:{port}/keys`.
async fn key_set(keys: Arc<Mutex<Vec<Value>>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let keys = keys.clone();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let body = json!({ "keys": *keys.lock().unwrap() }).to_string();
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all((head + &body).as_bytes()).await;
            });
        }
    });
    port
}

async fn jwk(files: &Files, name: &str) -> (String, Value) {
    let (private, public) = files.key(name, "EdDSA").await;
    let der = format!("{public}.der");
    openssl(&["pkey", "-pubin", "-in", &public, "-outform", "DER", "-out", &der]).await;
    let der = std::fs::read(der).unwrap();
    // The key is the last 32 bytes of its SubjectPublicKeyInfo (RFC 8410, section 4).
    let x = base64::encode_url(&der[der.len() - 32..]);
    (private, json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": name, "alg": "EdDSA", "use": "sig" }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_set_rotates_under_a_running_router() {
    let files = Files::new();
    let ((old_private, old), (new_private, new)) = (jwk(&files, "old").await, jwk(&files, "new").await);
    let keys = Arc::new(Mutex::new(vec![old.clone()]));
    let port = key_set(keys.clone()).await;
    let auth = format!(
        "jwks_url = \"http://127.0.0.1:{port}/keys\"\njwks_refresh_floor = \"1s\"\njwks_max_age = \"1s\"\njwks_timeout = \"1s\""
    );
    let bed = Bed::start(files, &auth).await;
    let by_old = bed.token(&["--private-key", &old_private, "--key-id", "old"]).await;
    let by_new = bed.token(&["--private-key", &new_private, "--key-id", "new"]).await;
    assert_eq!(bed.word(&bed.wish(&by_old)).await, Ok(()));
    bed.refuses(&by_new, "bad-token").await;
    // The new one is published beside the old one, and then the old one goes.
    keys.lock().unwrap().push(new.clone());
    bed.until(&by_new, Ok(())).await;
    assert_eq!(bed.word(&bed.wish(&by_old)).await, Ok(()));
    *keys.lock().unwrap() = vec![new];
    bed.until(&by_old, Err("bad-token")).await;
    assert_eq!(bed.word(&bed.wish(&by_new)).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_every_router_would_refuse_is_not_made() {
    let files = Files::new();
    let (key, _) = files.key("rsa", "RS256").await;
    let config = files.write("ok.toml", &format!("[auth]\n{}\n", hs256()));
    let short = files.write("short", "short");
    let missing = files.path("missing").display().to_string();
    for (arguments, word) in [
        (vec!["--target", "ws://a.example"], "no key to sign with"),
        (vec!["--target", "ftp://a.example", "--config", &config], "--target ftp://a.example"),
        (vec!["--target", "ws://a.example", "--config", &config, "--expires", "soon"], "--expires"),
        (
            vec!["--target", "ws://a.example", "--config", &config, "--origin", "no origin"],
            "--origin no origin",
        ),
        (vec!["--target", "ws://a.example", "--secret-file", &short], "32"),
        (vec!["--target", "ws://a.example", "--secret-file", &missing], "missing"),
        (vec!["--target", "ws://a.example", "--private-key", &short], "no private key"),
        (vec!["--target", "ws://a.example", "--config", &missing], "missing"),
    ] {
        let ran = polysocket(&[&["token"], &arguments[..]].concat()).await;
        assert_eq!((ran.code, ran.out.as_str()), (Some(64), ""), "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(word), "{arguments:?}: {}", ran.err);
    }
    let both = ["token", "--target", "ws://a.example", "--secret-file", &short, "--private-key", &key];
    assert_ne!(polysocket(&both).await.code, Some(0));
}

/// `check-config` on a file; what it says.
async fn check(path: &Path) -> Ran {
    polysocket(&["check-config", "--config", &path.display().to_string()]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn check_config_names_key_file_and_fix() {
    let files = Files::new();
    for (name, text, expected) in [
        (
            "unknown.toml",
            "[router]\nlisten = [\"127.0.0.1:0\"]\nanonymus = true\n",
            &["router.anonymus", ":3", "anonymous"][..],
        ),
        ("section.toml", "[relay]\nname = \"x\"\n", &["relay", "relayd"]),
        (
            "type.toml",
            "[router]\nanonymous = true\ncreate_timeout = 5\n",
            &["router.create_timeout", ":3", "5s"],
        ),
        (
            "range.toml",
            "[router]\nanonymous = true\ncreate_timeout = \"60s\"\n",
            &["router.create_timeout", ":3", "10s"],
        ),
        (
            "node.toml",
            "[router]\nanonymous = true\n[relayd]\nname = \"Tom!\"\n",
            &["relayd.name", ":4", "a-z"],
        ),
        ("closed.toml", "[relayd]\nname = \"tom\"\n", &["auth.keys", "router.anonymous = true"]),
        (
            "weak.toml",
            "[[auth.keys]]\nalgorithm = \"HS256\"\nsecret = \"hunter2\"\n",
            &["auth.keys[0].secret", "32"],
        ),
        (
            "both.toml",
            "[router]\nanonymous = true\n[relayd]\ntls_listen = [\"127.0.0.1:0\"]\n",
            &["relayd.tls_listen", "relayd.tls_certificate"],
        ),
        (
            "pattern.toml",
            "[router]\nanonymous = true\n[targets]\nallow = [\"ftp://x\"]\n",
            &["targets.allow", "ftp"],
        ),
        (
            "ca.toml",
            "[router]\nanonymous = true\n[targets]\nupstream_ca = \"/nowhere.pem\"\n",
            &["targets.upstream_ca", "/nowhere.pem", "PEM"],
        ),
        ("syntax.toml", "[router\n", &[":1"]),
        ("level.toml", "[router]\nanonymous = true\n[log]\nformat = \"xml\"\n", &["log.format", "json"]),
    ] {
        let path = files.write(name, text);
        let ran = check(Path::new(&path)).await;
        assert_eq!(ran.code, Some(64), "{name}: {}{}", ran.out, ran.err);
        for part in expected {
            assert!(ran.err.contains(part), "{name}: {part:?} is not in: {}", ran.err);
        }
        // Where the problem concerns a value of a file, the file is named.
        if expected.iter().any(|part| part.starts_with(':')) {
            assert!(ran.err.contains(name), "{name}: {}", ran.err);
        }
        assert!(!ran.err.contains("hunter2"), "a secret is told: {}", ran.err);
    }
    // All problems at once.
    let path = files
        .write("many.toml", "[router]\nanonymous = 1\ncreate_timeout = \"60s\"\n[log]\nformat = \"xml\"\n");
    let ran = check(Path::new(&path)).await;
    for key in ["router.anonymous", "log.format"] {
        assert!(ran.err.contains(key), "{}", ran.err);
    }
    // Programs say the same at their start, before they do anything.
    for command in ["dev", "router", "relayd"] {
        let ran = polysocket(&[command, "--config", &path]).await;
        assert_eq!(ran.code, Some(64), "{command}: {}", ran.err);
        assert!(ran.err.contains("router.anonymous"), "{command}: {}", ran.err);
    }
    let missing = files.path("missing.toml");
    let ran = check(&missing).await;
    assert_eq!(ran.code, Some(64));
    assert!(ran.err.contains("missing.toml"), "{}", ran.err);
    let ran = polysocket(&["check-config", "--set", "router.anonymous=perhaps"]).await;
    assert_eq!(ran.code, Some(64));
    assert!(ran.err.contains("router.anonymous") && ran.err.contains("--set"), "{}", ran.err);

    let path = files.write("good.toml", "[router]\nanonymous = true\n");
    let ran = check(Path::new(&path)).await;
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    // What it prints as an example is good itself.
    let example = polysocket(&["check-config", "--print", "example"]).await.out;
    let path = files.write("example.toml", &example);
    let ran = polysocket(&["check-config", "--config", &path, "--set", "router.anonymous=true"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
}
