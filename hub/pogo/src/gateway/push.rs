//! Pushes of backends: what a resource is now, or that it has changed.

use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Method};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::answer::answer;
use super::asked::{bearer, path_of};
use crate::access::hash;
use crate::document::Document;
use crate::feed::{Audience, Cause};
use crate::pogo::Pogo;
use crate::talk::publish as publish_event;
use crate::upstream::Freshness;
use crate::wire::{Code, Failure};

/// Paths of one publish.
const PATHS_MAX: usize = 1_000;

/// The body of a publish: one of three things, in one line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Publish {
    path: Option<String>,
    paths: Option<Vec<String>>,
    /// With `path`: its new state; `null` for one that is gone.
    data: Option<Box<RawValue>>,
    /// With `data`: it is for everybody, or is not any more.
    public: Option<bool>,
    channel: Option<String>,
    event: Option<String>,
}

/// `PUT` and `DELETE` of a path.
pub(super) async fn resource(pogo: &Pogo, request: Request) -> Result<Response, Failure> {
    authorized(pogo, request.headers())?;
    let path = pogo.0.base.resource(path_of(&request))?.path;
    let freshness = Freshness::of(request.headers());
    let audience = match (freshness.public, freshness.closed) {
        (true, _) => Some(Audience::Everybody),
        (_, true) => Some(Audience::Private),
        _ => None,
    };
    if *request.method() == Method::DELETE {
        push(pogo, &path, None, audience).await;
    } else {
        match document(read(pogo, request).await?)? {
            Some(document) => push(pogo, &path, Some(document), audience).await,
            None if audience == Some(Audience::Private) => push(pogo, &path, None, audience).await,
            None => touch(pogo, &path).await,
        }
    }
    Ok(answer(204, Bytes::new()))
}

/// `POST /_pogo/publish`.
pub(super) async fn publish(pogo: &Pogo, request: Request) -> Result<Response, Failure> {
    authorized(pogo, request.headers())?;
    let body = read(pogo, request).await?;
    let publish: Publish = serde_json::from_slice(&body)
        .map_err(|error| Failure::bad(format!("the body is no publish: {error}")))?;
    let canonical = |path: &str| pogo.0.base.resource(path).map(|resource| resource.path);
    match publish {
        Publish { path: Some(path), paths: None, data, public, channel: None, event: None } => {
            let path = canonical(&path)?;
            let audience = public.map(|public| if public { Audience::Everybody } else { Audience::Private });
            match data {
                Some(data) if data.get() == "null" => push(pogo, &path, None, audience).await,
                Some(data) => {
                    let document = document(Bytes::from(data.get().to_owned()))?;
                    push(pogo, &path, document, audience).await;
                }
                None if audience == Some(Audience::Private) => push(pogo, &path, None, audience).await,
                None => touch(pogo, &path).await,
            }
        }
        Publish { path: None, paths: Some(paths), data: None, channel: None, event: None, .. } => {
            if paths.len() > PATHS_MAX {
                return Err(Failure::bad(format!("at most {PATHS_MAX} paths are taken at once")));
            }
            let paths = paths.iter().map(|path| canonical(path)).collect::<Result<Vec<_>, _>>()?;
            for path in paths {
                touch(pogo, &path).await;
            }
        }
        Publish { path: None, paths: None, data, channel: Some(channel), event: Some(event), .. } => {
            let data = data.as_ref().map(|data| data.get().as_bytes());
            publish_event(pogo, None, &event, &channel, data).await?;
        }
        _ => {
            return Err(Failure::bad(
                "a publish has `path` and perhaps `data`; or `paths`; or `channel`, `event` and perhaps `data`",
            ));
        }
    }
    Ok(answer(204, Bytes::new()))
}

async fn push(pogo: &Pogo, path: &str, document: Option<Document>, audience: Option<Audience>) {
    let kind = if document.is_some() { "value" } else { "deleted" };
    pogo.0.metrics.pushes.with_label_values(&[kind]).inc();
    pogo.0.feeds.pushed(path, document.clone(), audience, true).await;
    pogo.0.nodes.tell_pushed(path, document.as_ref(), audience).await;
}

async fn touch(pogo: &Pogo, path: &str) {
    pogo.0.metrics.pushes.with_label_values(&["changed"]).inc();
    pogo.0.touch(path, Cause::Told).await;
}

fn authorized(pogo: &Pogo, headers: &HeaderMap) -> Result<(), Failure> {
    let refused = |text| {
        pogo.0.metrics.pushes.with_label_values(&["refused"]).inc();
        Err(Failure::new(Code::Forbidden, text))
    };
    let Some(known) = &pogo.0.push_token else {
        return refused("nobody may push here: pogo.push_token is not set");
    };
    // Of hashes nothing useful leaks by the time it takes to compare them.
    match bearer(headers) {
        Some(token) if hash(token) == *known => Ok(()),
        _ => refused("this push needs `Authorization: Bearer` and the push token"),
    }
}

/// Empty: no document, and no error.
fn document(body: Bytes) -> Result<Option<Document>, Failure> {
    if body.is_empty() {
        return Ok(None);
    }
    Document::parse(body).map(Some).ok_or_else(|| Failure::bad("what is pushed is not JSON"))
}

async fn read(pogo: &Pogo, request: Request) -> Result<Bytes, Failure> {
    let max = pogo.0.config.answer_bytes_max.as_usize();
    let body = Limited::new(request.into_body(), max).collect();
    match timeout(pogo.0.body_timeout, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Failure::bad(format!("the body is longer than {max} bytes")).with_status(413))
        }
        Ok(Err(_)) => Err(Failure::bad("the body broke off")),
        Err(_) => Err(Failure::new(Code::Timeout, "the body was not complete in time").with_status(408)),
    }
}
