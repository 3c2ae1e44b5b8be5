//! A small REST API over a tree of JSON in memory, with `ETag`s: what `polysocket dev` shows Pogo with. It knows nothing
//! of Pogo.
//!
//! `GET` of a path shows what is there, a collection as a list. `POST` to a collection makes an item with the next number
//! as `id`, `PUT` and `DELETE` are for items. Nothing is kept when the process ends.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::{Value, json};

use crate::document::Document;

/// Longest item, bytes.
const ITEM_BYTES_MAX: usize = 64 * 1024;
/// Items of one collection, and collections.
const ITEMS_MAX: usize = 1_000;
const COLLECTIONS_MAX: usize = 100;

type Items = BTreeMap<u64, Value>;

/// The tree: collections of items. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Demo(Arc<Mutex<BTreeMap<String, Items>>>);

impl Demo {
    /// With a few posts in it.
    pub fn new() -> Self {
        let posts =
            [(1, json!({"id": 1, "title": "Hello"})), (1234, json!({"id": 1234, "title": "Post title"}))];
        Self(Arc::new(Mutex::new(BTreeMap::from([("posts".to_owned(), Items::from(posts))]))))
    }

    /// It as a service.
    pub fn routes(&self) -> axum::Router {
        axum::Router::new().fallback(serve).with_state(self.clone())
    }

    fn tree(&self) -> MutexGuard<'_, BTreeMap<String, Items>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, path: &Path<'_>) -> Option<Value> {
        let tree = self.tree();
        let items = tree.get(path.collection)?;
        match path.item {
            Item::Of(id) => items.get(&id).cloned(),
            Item::All => Some(items.values().cloned().collect()),
        }
    }

    fn post(&self, path: &Path<'_>, mut item: Value) -> Result<(u64, Value), StatusCode> {
        let mut tree = self.tree();
        if !tree.contains_key(path.collection) && tree.len() >= COLLECTIONS_MAX {
            return Err(StatusCode::INSUFFICIENT_STORAGE);
        }
        let items = tree.entry(path.collection.to_owned()).or_default();
        if items.len() >= ITEMS_MAX {
            return Err(StatusCode::INSUFFICIENT_STORAGE);
        }
        let id = items.keys().next_back().map_or(1, |last| last.saturating_add(1));
        item["id"] = id.into();
        items.insert(id, item.clone());
        Ok((id, item))
    }

    fn put(&self, path: &Path<'_>, id: u64, mut item: Value) -> Option<Value> {
        let mut tree = self.tree();
        let known = tree.get_mut(path.collection)?.get_mut(&id)?;
        item["id"] = id.into();
        known.clone_from(&item);
        Some(item)
    }

    fn delete(&self, path: &Path<'_>, id: u64) -> Option<Value> {
        self.tree().get_mut(path.collection)?.remove(&id)
    }
}

struct Path<'a> {
    collection: &'a str,
    item: Item,
}

#[derive(Clone, Copy)]
enum Item {
    All,
    Of(u64),
}

impl<'a> Path<'a> {
    fn parse(path: &'a str) -> Option<Self> {
        let mut parts = path.trim_matches('/').split('/');
        let collection = parts.next().filter(|name| !name.is_empty() && name.len() <= 64)?;
        let item = match parts.next() {
            None => Item::All,
            Some(id) => Item::Of(id.parse().ok()?),
        };
        parts.next().is_none().then_some(Self { collection, item })
    }
}

async fn serve(State(demo): State<Demo>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Some(path) = Path::parse(head.uri.path()) else { return status(StatusCode::NOT_FOUND) };
    let Ok(body) = to_bytes(body, ITEM_BYTES_MAX).await else { return status(StatusCode::PAYLOAD_TOO_LARGE) };
    let item = || serde_json::from_slice(&body).ok().filter(Value::is_object);
    match (&head.method, path.item) {
        (&Method::GET, _) => match demo.get(&path) {
            Some(value) => shown(&value, head.headers.get(header::IF_NONE_MATCH)),
            None => status(StatusCode::NOT_FOUND),
        },
        (&Method::POST, Item::All) => match item().map(|item| demo.post(&path, item)) {
            Some(Ok((id, item))) => {
                let mut response = json_answer(StatusCode::CREATED, &item);
                if let Ok(location) = format!("/{}/{id}", path.collection).parse() {
                    response.headers_mut().insert(header::LOCATION, location);
                }
                response
            }
            Some(Err(full)) => status(full),
            None => status(StatusCode::UNPROCESSABLE_ENTITY),
        },
        (&Method::PUT, Item::Of(id)) => match item().map(|item| demo.put(&path, id, item)) {
            Some(Some(item)) => json_answer(StatusCode::OK, &item),
            Some(None) => status(StatusCode::NOT_FOUND),
            None => status(StatusCode::UNPROCESSABLE_ENTITY),
        },
        (&Method::DELETE, Item::Of(id)) => status(if demo.delete(&path, id).is_some() {
            StatusCode::NO_CONTENT
        } else {
            StatusCode::NOT_FOUND
        }),
        _ => status(StatusCode::METHOD_NOT_ALLOWED),
    }
}

fn shown(value: &Value, known: Option<&HeaderValue>) -> Response {
    let document = Document::parse(value.to_string().into());
    let etag =
        document.and_then(|document| format!("\"{}\"", document.version()).parse::<HeaderValue>().ok());
    let mut response = if etag.is_some() && known == etag.as_ref() {
        status(StatusCode::NOT_MODIFIED)
    } else {
        json_answer(StatusCode::OK, value)
    };
    if let Some(etag) = etag {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn json_answer(code: StatusCode, value: &Value) -> Response {
    let mut response = status(code);
    *response.body_mut() = Body::from(value.to_string());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn status(code: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = code;
    response
}
