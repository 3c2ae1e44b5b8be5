//! The model's paths.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::session::{Session, WINDOW};
use super::{Mistake, receive, socket, upstream};
use crate::client::frames::{Decoder, Frame};
use crate::client::url::parameter;
use crate::client::{Close, Kind, Unit, base64};
use crate::http1::{Framing, Head, Reader};

/// How long a unit waits for the one before it.
const GAP_MAX: Duration = Duration::from_secs(10);

#[derive(Debug)]
struct Relay {
    address: SocketAddr,
    mistake: Mistake,
    sessions: Mutex<HashMap<String, Arc<Session>>>,
}

/// A running model; it stops when it is dropped.
#[derive(Debug)]
pub struct ModelRelay {
    relay: Arc<Relay>,
    stop: CancellationToken,
}

impl ModelRelay {
    /// Starts on a free port of the loopback, as router and relay in one.
    pub async fn start(mistake: Mistake) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let relay = Relay { address: listener.local_addr()?, mistake, sessions: Mutex::default() };
        let (relay, stop) = (Arc::new(relay), CancellationToken::new());
        let (serving, stopped) = (relay.clone(), stop.clone());
        tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = serving.clone();
                // A connection that breaks concerns only itself.
                tokio::spawn(
                    stopped.clone().run_until_cancelled_owned(async move { serve(&serving, stream).await }),
                );
            }
        }));
        Ok(Self { relay, stop })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.relay.address
    }
}

impl Drop for ModelRelay {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn serve(relay: &Relay, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (read, mut writer) = stream.into_split();
    let mut reader = Reader::new(read);
    while let Some(head) = reader.head().await? {
        let body = reader.body(Framing::of_request(&head)?).await?;
        let (path, query) = head.target().split_once('?').unwrap_or((head.target(), ""));
        let mut parts = path.trim_start_matches('/').split('/');
        let (kind, socket) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let ask = Ask::new(query, &body);
        let session = relay.sessions.lock().unwrap_or_else(PoisonError::into_inner).get(socket).cloned();
        let answering = answer(relay, &head, kind, &ask, session.as_deref());
        let (status, json) = match (kind, &session) {
            ("w", Some(session)) => return socket::run(session, &head, ask.ack(), reader, &mut writer).await,
            ("x" | "e", Some(session)) => {
                session.ack_down(ask.ack());
                if session.state().close_acked {
                    gone()
                } else {
                    let streaming = receive::stream(session, ask.ack(), kind == "e", &mut writer);
                    until_gone(&mut reader, streaming).await?;
                    continue;
                }
            }
            _ => until_gone(&mut reader, async { Ok(answering.await) }).await?,
        };
        write(&mut writer, ask.get("cb").as_deref(), status, &json).await?;
    }
    Ok(())
}

/// A client that goes ends what is done for it.
async fn until_gone<T>(
    reader: &mut Reader<OwnedReadHalf>,
    work: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    tokio::select! {
        done = work => done,
        () = reader.closed() => Err(io::ErrorKind::ConnectionAborted.into()),
    }
}

async fn write(
    writer: &mut OwnedWriteHalf,
    callback: Option<&str>,
    status: u16,
    json: &Value,
) -> io::Result<()> {
    let (status, kind, body) = match callback {
        None => (status, "application/json", json.to_string()),
        Some(callback) => {
            let mut text = json.to_string();
            for (raw, escaped) in [
                ('<', "\\u003c"),
                ('>', "\\u003e"),
                ('&', "\\u0026"),
                ('\u{2028}', "\\u2028"),
                ('\u{2029}', "\\u2029"),
            ] {
                text = text.replace(raw, escaped);
            }
            let status = if status == 201 { 201 } else { 200 };
            (status, "application/javascript; charset=utf-8", format!("/**/{callback}({text});"))
        }
    };
    let headers = vec![
        ("Content-Type".to_owned(), kind.to_owned()),
        ("X-Content-Type-Options".into(), "nosniff".into()),
        ("Content-Length".into(), body.len().to_string()),
    ];
    let mut wire = Head { start: format!("HTTP/1.1 {status} Model"), headers }.encode();
    wire.extend_from_slice(body.as_bytes());
    writer.write_all(&wire).await
}

fn refusal(status: u16, code: &str) -> (u16, Value) {
    (status, json!({ "ok": false, "error": format!("{code}: so says the model"), "code": code }))
}

fn gone() -> (u16, Value) {
    refusal(403, "gone")
}

async fn answer(
    relay: &Relay,
    head: &Head,
    kind: &str,
    ask: &Ask,
    session: Option<&Session>,
) -> (u16, Value) {
    match (kind, session) {
        ("create", _) => create(relay, ask).await,
        ("alive", session) => (200, json!({ "ok": true, "alive": session.is_some() })),
        (_, None) => gone(),
        ("s", Some(session)) => send(session, head, ask).await,
        ("j", Some(session)) => {
            session.ack_down(ask.ack());
            if session.state().close_acked {
                return gone();
            }
            let ttl = ask.number("ttl").unwrap_or(25_000).clamp(1000, 50_000);
            let bytes_max =
                ask.number("max").and_then(|max| usize::try_from(max).ok()).unwrap_or(receive::LUMP_BYTES);
            (200, receive::poll(session, ask.ack(), Duration::from_millis(ttl), bytes_max).await)
        }
        _ => refusal(404, "bad"),
    }
}

async fn create(relay: &Relay, ask: &Ask) -> (u16, Value) {
    let socket = ask.get("nonce").unwrap_or_else(|| format!("{:032x}", rand::random::<u128>()));
    let known = relay.sessions.lock().unwrap_or_else(PoisonError::into_inner).get(&socket).cloned();
    let session = if let Some(session) = known {
        session
    } else {
        let target = ask.get("target").unwrap_or_default();
        let protocols = ask.get("protocols").unwrap_or_default().replace(',', ", ");
        let Ok(session) = upstream::dial(&target, &protocols, relay.mistake).await else {
            return refusal(502, "upstream-refused");
        };
        // Of two creates with one nonce at the same time the second finds the session of the first.
        let mut sessions = relay.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.entry(socket.clone()).or_insert(session).clone()
    };
    let relay = relay.address.to_string();
    let json = json!({
        "ok": true, "polysocketd": relay, "fqdn": relay, "socket": socket, "protocol": session.protocol,
        "extensions": "", "window": WINDOW, "url_max": 8192,
    });
    (200, json)
}

async fn send(session: &Session, head: &Head, ask: &Ask) -> (u16, Value) {
    session.ack_down(ask.ack());
    if ask.get("t").is_none() {
        return (201, json!({ "ok": true, "ack": session.up_ack() }));
    }
    let get = head.start.starts_with("GET");
    let units = match ask.units(get) {
        Ok(units) => units,
        Err(error) => return refusal(400, &error),
    };
    let Some(first) = ask.number("n") else { return refusal(400, "bad") };
    let last = first + units.len() as u64;
    for (number, unit) in (first..).zip(units) {
        if let Err(code) = session.take_up(number, unit) {
            return refusal(409, code);
        }
    }
    // One that is ahead waits until the gap is filled.
    let mut changed = session.changed.subscribe();
    let filled = async { while session.up_ack() + 1 < last && changed.changed().await.is_ok() {} };
    if tokio::time::timeout(GAP_MAX, filled).await.is_err() {
        return refusal(409, "gap");
    }
    (201, json!({ "ok": true, "ack": session.up_ack() }))
}

/// The parameters of a request, in the query or in a form.
struct Ask {
    query: String,
    body: Bytes,
}

impl Ask {
    fn new(query: &str, body: &Bytes) -> Self {
        Self { query: query.into(), body: body.clone() }
    }

    fn get(&self, name: &str) -> Option<String> {
        parameter(&self.query, name).or_else(|| {
            let form = parameter(&self.query, "t").is_none();
            parameter(std::str::from_utf8(&self.body).ok().filter(|_| form)?, name)
        })
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    fn ack(&self) -> u64 {
        self.number("ack").unwrap_or(0)
    }

    /// What is sent.
    fn units(&self, get: bool) -> Result<Vec<Unit>, String> {
        let in_body = !get && parameter(&self.query, "t").is_some();
        let base64 = |text: &str| {
            let standard = text.replace('-', "+").replace('_', "/");
            let padding = "=".repeat((4 - standard.trim_end_matches('=').len() % 4) % 4);
            base64::decode(&(standard.trim_end_matches('=').to_owned() + &padding)).ok_or("bad".to_owned())
        };
        let payload = || -> Result<Bytes, String> {
            if !in_body {
                let text = self.get("d").unwrap_or_default();
                return Ok(if self.get("t").as_deref() == Some("b") {
                    base64(&text)?.into()
                } else {
                    text.into()
                });
            }
            if self.get("e").as_deref() == Some("64") {
                return Ok(base64(&String::from_utf8_lossy(&self.body))?.into());
            }
            Ok(self.body.clone())
        };
        let more = self.get("f").as_deref() == Some("1");
        match self.get("t").as_deref() {
            Some("t") => Ok(vec![Unit::Part { kind: Kind::Text, data: payload()?, more }]),
            Some("b") => Ok(vec![Unit::Part { kind: Kind::Binary, data: payload()?, more }]),
            Some("c") => {
                let code = self.number("code").and_then(|code| u16::try_from(code).ok()).unwrap_or(1005);
                let reason = self.get("reason").unwrap_or_default();
                Ok(vec![Unit::Close(Close { code, reason, clean: true, error: None })])
            }
            Some("f") => {
                let mut decoder = Decoder::default();
                decoder.push(&payload()?);
                let mut units = Vec::new();
                while let Some((kind, payload)) = decoder.take_raw()? {
                    match socket::up(kind, &payload)? {
                        Frame::Unit(unit) => units.push(unit),
                        other => return Err(format!("bad {other:?}")),
                    }
                }
                Ok(units)
            }
            other => Err(format!("bad type {other:?}")),
        }
    }
}
