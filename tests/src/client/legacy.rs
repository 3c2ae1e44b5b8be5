//! The client of the original document: it knows `cb`, `from`, `target`, `token`, `d`, `t` and `ttl`, and nothing else.

use std::time::Duration;

use serde_json::Value;

use super::http::{Answer, HttpClient, HttpError, Request};
use super::unit::{Kind, Message};
use super::url::Query;
use super::{base64, jsonp};

/// More than the longest poll.
const ANSWER_MAX: Duration = Duration::from_secs(65);
const CALLBACK: &str = "legacy";

/// An answer with its status, as the document gives it.
#[derive(Debug)]
pub struct Documented {
    /// The HTTP status.
    pub status: u16,
    /// The argument of the callback, or the body of a POST's answer, `null` where it is empty.
    pub json: Value,
}

/// A socket by the documented API.
#[derive(Debug)]
pub struct Legacy {
    http: HttpClient,
    polysocketd: String,
    socket: String,
}

impl Legacy {
    /// `GET /create`; the error is the answer with `ok:false`.
    pub async fn create(
        http: &HttpClient,
        router: &str,
        target: &str,
        token: &str,
    ) -> Result<Self, Documented> {
        let query = Query::default().and("cb", CALLBACK).and("from", "legacy-1.0").and("target", target);
        let query = query.and_if("token", (!token.is_empty()).then_some(token));
        let answer = script(http, &Request::get(&format!("{router}/create?{query}"))).await;
        match (answer.json["polysocketd"].as_str(), answer.json["socket"].as_str()) {
            (Some(polysocketd), Some(socket)) if answer.json["ok"] == true => {
                Ok(Self { http: http.clone(), polysocketd: polysocketd.into(), socket: socket.into() })
            }
            _ => Err(answer),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}/{}", self.polysocketd, self.socket)
    }

    fn parameters(message: &Message) -> Query {
        match message.kind {
            Kind::Text => Query::default().and("t", "t").and("d", String::from_utf8_lossy(&message.data)),
            Kind::Binary => Query::default().and("t", "b").and("d", base64::encode(&message.data)),
        }
    }

    /// A send by script.
    pub async fn send(&self, message: &Message) -> Documented {
        let url = format!("{}?cb={CALLBACK}&{}", self.url("s"), Self::parameters(message));
        script(&self.http, &Request::get(&url)).await
    }

    /// A send by POST, as a form.
    pub async fn post(&self, message: &Message) -> Documented {
        let request = Request::new("POST", &self.url("s"), Self::parameters(message).to_string().into())
            .header("Content-Type", "application/x-www-form-urlencoded");
        documented(self.http.request(&request, ANSWER_MAX).await, |answer| {
            if answer.body.is_empty() {
                return Ok(Value::Null);
            }
            serde_json::from_slice(&answer.body).map_err(|e| e.to_string())
        })
    }

    /// A poll.
    pub async fn poll(&self, ttl: Duration) -> Documented {
        let url = format!("{}?cb={CALLBACK}&ttl={}", self.url("j"), ttl.as_millis());
        script(&self.http, &Request::get(&url)).await
    }

    /// Polls until a message comes, over heartbeats; the error is another answer.
    pub async fn messages(&self, ttl: Duration) -> Result<Vec<Message>, Documented> {
        loop {
            let answer = self.poll(ttl).await;
            let Some(list) = answer.json["messages"].as_array().filter(|_| answer.json["ok"] == true) else {
                return Err(answer);
            };
            let messages: Vec<_> = list.iter().filter_map(message).collect();
            if !messages.is_empty() {
                return Ok(messages);
            }
        }
    }
}

fn message(json: &Value) -> Option<Message> {
    let data = json["data"].as_str()?;
    match json["type"].as_str()? {
        "text" => Some(Message::text(data)),
        "binary" => Some(Message::binary(base64::decode(data)?)),
        _ => None,
    }
}

async fn script(http: &HttpClient, request: &Request) -> Documented {
    documented(http.request(request, ANSWER_MAX).await, |answer| {
        jsonp::check_headers(|name| answer.head.header(name).map(String::from))?;
        jsonp::parse(&answer.body, CALLBACK)
    })
}

/// Status 0 stands for an answer that is no answer; its text is in `error`.
fn documented(
    answer: Result<Answer, HttpError>,
    parse: impl Fn(&Answer) -> Result<Value, String>,
) -> Documented {
    let failed =
        |error: String| Documented { status: 0, json: serde_json::json!({ "ok": false, "error": error }) };
    match answer {
        Err(error) => failed(error.to_string()),
        Ok(answer) => match parse(&answer) {
            Ok(json) => Documented { status: answer.head.status(), json },
            Err(error) => failed(error),
        },
    }
}
