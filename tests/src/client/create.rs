//! `/create` and `/alive`: what the page asks of a router (PROTOCOL section 2).

use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;

use super::http::{Answer, HttpClient, Request};
use super::jsonp;
use super::url::Query;

/// Longer than the relay's own limit of 5 s for the upstream, with room for a proxy's delays.
const CREATE_MAX: Duration = Duration::from_secs(12);
/// A create whose answer is lost is repeated this often, with the same nonce.
const TRIES: u32 = 8;
/// Between two tries.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Create {
    /// `host:port` of a router.
    pub router: String,
    /// The WebSocket URL.
    pub target: String,
    /// Offered subprotocols.
    pub protocols: Vec<String>,
    /// JWT or static key.
    pub token: Option<String>,
    /// 16 to 64 characters; without it a lost answer is not asked for again.
    pub nonce: Option<String>,
    /// Dial only when a receiver says so.
    pub hold: bool,
    /// The page's origin, which a browser says by itself.
    pub origin: Option<String>,
    /// Ask as a script would.
    pub jsonp: bool,
}

/// A socket, and what the relay said of itself.
#[derive(Clone, Debug)]
pub struct Created {
    /// `host[:port][/prefix]` of the relay.
    pub relay: String,
    /// The secret id.
    pub socket: String,
    /// The subprotocol that the target chose, or nothing.
    pub protocol: String,
    /// Units ahead of the expected one that the relay holds.
    pub window: usize,
    /// The longest URL, in bytes.
    pub url_max: usize,
    /// Created with `hold`: then a unit `open` tells when the target is open, else the answer has told it.
    pub held: bool,
    /// The whole answer.
    pub json: Value,
}

/// Why there is no socket.
#[derive(Debug)]
pub enum CreateError {
    /// The router says no.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The word of PROTOCOL section 2.
        code: String,
        /// The sentence with it.
        error: String,
    },
    /// No answer arrived, after all tries.
    Unreachable(String),
    /// The answer breaks the protocol.
    Violation(String),
}

impl std::fmt::Display for CreateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused { status, error, .. } => write!(f, "refused with {status}: {error}"),
            Self::Unreachable(error) => write!(f, "the router cannot be reached: {error}"),
            Self::Violation(error) => write!(f, "the answer of create: {error}"),
        }
    }
}

impl std::error::Error for CreateError {}

/// The status that belongs to a word of PROTOCOL section 2, where a status can be read.
pub fn status_of(code: &str) -> Option<u16> {
    Some(match code {
        "bad-request" | "bad-target" => 400,
        "bad-token" | "token-expired" | "wrong-audience" | "wrong-algorithm" => 401,
        "wrong-origin" | "forbidden" => 403,
        "limit" => 429,
        "no-capacity" | "unavailable" => 503,
        "upstream-refused" => 502,
        "timeout" => 504,
        _ => return None,
    })
}

/// Asks a router for a socket, again with the same nonce while the answer gets lost.
pub async fn create(http: &HttpClient, create: &Create) -> Result<Created, CreateError> {
    let callback = "__create";
    let request = request(create, callback);
    let mut last = String::new();
    for _ in 0..if create.nonce.is_some() { TRIES } else { 1 } {
        match http.request(&request, CREATE_MAX).await {
            Ok(answer) => {
                let json = read(&answer, create.jsonp.then_some(callback)).map_err(CreateError::Violation)?;
                return outcome(answer.head.status(), json, create.jsonp, create.hold);
            }
            Err(error) => last = error.to_string(),
        }
        sleep(RETRY_PAUSE).await;
    }
    Err(CreateError::Unreachable(last))
}

fn request(create: &Create, callback: &str) -> Request {
    let protocols = (!create.protocols.is_empty()).then(|| create.protocols.join(","));
    let query = Query::default()
        .and("v", 1)
        .and("from", "tests")
        .and("target", &create.target)
        .and_if("protocols", protocols)
        .and_if("token", create.token.as_ref())
        .and_if("nonce", create.nonce.as_ref())
        .and_if("hold", create.hold.then_some(1));
    let url = format!("{}/create", create.router);
    let request = if create.jsonp {
        Request::get(&format!("{url}?cb={callback}&{query}"))
    } else {
        // The original's parameters in a form, which is what a page can post without a preflight.
        let mut request = Request::new("POST", &url, query.to_string().into());
        request.headers.push(("Content-Type".into(), "application/x-www-form-urlencoded".into()));
        request
    };
    match &create.origin {
        Some(origin) => request.header("Origin", origin),
        None => request,
    }
}

/// The JSON of an answer, out of a script or plain.
pub(super) fn read(answer: &Answer, callback: Option<&str>) -> Result<Value, String> {
    let Some(callback) = callback else {
        let kind = answer.head.header("content-type").unwrap_or_default();
        if !kind.starts_with("application/json") {
            return Err(format!("status {} has content type {kind:?}", answer.head.status()));
        }
        return serde_json::from_slice(&answer.body).map_err(|e| format!("a body is not JSON: {e}"));
    };
    jsonp::check_headers(|name| answer.head.header(name).map(String::from))?;
    jsonp::parse(&answer.body, callback)
}

fn outcome(status: u16, json: Value, jsonp: bool, held: bool) -> Result<Created, CreateError> {
    let text = |name: &str| json[name].as_str().map(String::from);
    if json["ok"] == false {
        let (code, error) = (text("code").unwrap_or_default(), text("error").unwrap_or_default());
        let expected = if jsonp { Some(200) } else { status_of(&code) };
        if expected != Some(status) || !error.starts_with(&format!("{code}: ")) {
            return Err(CreateError::Violation(format!("status {status} with {json}")));
        }
        return Err(CreateError::Refused { status, code, error });
    }
    let number = |name: &str| json[name].as_u64().and_then(|n| usize::try_from(n).ok());
    let fields = (text("polysocketd"), text("socket"), text("protocol"), number("window"), number("url_max"));
    match fields {
        (Some(relay), Some(socket), Some(protocol), Some(window), Some(url_max))
            if status == 200 && json["ok"] == true && json["fqdn"] == relay.as_str() =>
        {
            Ok(Created { relay, socket, protocol, window, url_max, held, json })
        }
        _ => Err(CreateError::Violation(format!("status {status} with {json}"))),
    }
}

/// Asks a router whether the node of a socket is alive; `None` when the router does not say.
pub async fn alive(http: &HttpClient, router: &str, socket: &str) -> Option<bool> {
    let request = Request::get(&format!("{router}/alive/{socket}"));
    let answer = http.request(&request, Duration::from_secs(3)).await.ok()?;
    match answer.head.status() {
        200 => serde_json::from_slice::<Value>(&answer.body).ok()?["alive"].as_bool(),
        403 => Some(false),
        _ => None,
    }
}
