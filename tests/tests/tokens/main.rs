//! Tokens that `polysocket token` makes, and those that a router must refuse; and what `check-config` says.

#![allow(clippy::unwrap_used)]

mod check_config;
mod made;
mod refused;
mod rotation;

use std::path::PathBuf;
use std::time::Duration;

use polysocket_tests::client::{Create, CreateError, HttpClient, create};
use polysocket_tests::cluster::TestCluster;
use polysocket_tests::ports::TempDir;
use polysocket_tests::program;
use polysocket_tests::upstream::Upstream;
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
