//! A page for each protocol to try it with: publish here, see it there.
//!
//! They are written by hand in `hub/pages` and are part of the program. Where the client and the other pages are served
//! as well ([`Beside`]), a page can go by every transport; elsewhere it has the browser's own WebSocket.

use axum::Router;
use axum::routing::get;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use polysocket_service::http::{File, file_routes};

use crate::Protocol;

const PAGE: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

macro_rules! files {
    ($($path:literal $content_type:ident $file:literal),* $(,)?) => {
        &[$(File { path: $path, content_type: $content_type, bytes: include_bytes!(concat!("../", $file)) }),*]
    };
}

/// What the pages have in common: log, panes, and the choice by what a connection goes.
static COMMON: &[File] = files![
    "/pages/hub.css" STYLE "pages/hub.css",
    "/pages/hub/connection.js" SCRIPT "pages/hub/connection.js",
    "/pages/hub/copy.js" SCRIPT "pages/hub/copy.js",
    "/pages/hub/log.js" SCRIPT "pages/hub/log.js",
    "/pages/hub/pane.js" SCRIPT "pages/hub/pane.js",
    "/pages/hub/place.js" SCRIPT "pages/hub/place.js",
    "/pages/hub/ways.js" SCRIPT "pages/hub/ways.js",
];

static ROCKET: &[File] = files![
    "/pages/rocket" PAGE "pages/rocket.html",
    "/pages/rocket/client.js" SCRIPT "pages/rocket/client.js",
    "/pages/rocket/main.js" SCRIPT "pages/rocket/main.js",
    "/pages/rocket/pane.js" SCRIPT "pages/rocket/pane.js",
    "/pages/rocket/words.js" SCRIPT "pages/rocket/words.js",
];

static GOCKETS: &[File] = files![
    "/pages/gockets" PAGE "pages/gockets.html",
    "/pages/gockets/curl.js" SCRIPT "pages/gockets/curl.js",
    "/pages/gockets/events.js" SCRIPT "pages/gockets/events.js",
    "/pages/gockets/hook.js" SCRIPT "pages/gockets/hook.js",
    "/pages/gockets/main.js" SCRIPT "pages/gockets/main.js",
    "/pages/gockets/pane.js" SCRIPT "pages/gockets/pane.js",
    "/pages/gockets/rest.js" SCRIPT "pages/gockets/rest.js",
];

/// What all pages of the project share, where nobody else serves it.
static SHARED: &[File] = files![
    "/pages/pages.css" STYLE "../cli/pages/pages.css",
    "/pages/icon.svg" IMAGE "../cli/pages/icon.svg",
];

/// Tells the pages what else is there.
const PLACE: &str = "/pages/hub/place.json";

/// What somebody else serves on the same listeners, beside the style that all pages share.
#[derive(Debug, Clone, Copy)]
pub struct Beside<'a> {
    /// Paths of other pages, to which these have links.
    pub pages: &'a [&'a str],
    /// Paths of scripts that carry WebSockets in other ways: the client, and its words.
    pub scripts: &'a [&'a str],
    /// Where the relays are: sources of a CSP.
    pub relay: &'a str,
}

/// The pages of those `protocols` that have one, `/pages/NAME`, where Rocket has hubs at `rocket_paths`. Alone on their
/// listeners, or beside others.
pub fn page_routes(protocols: &[Protocol], rocket_paths: &[String], beside: Option<Beside<'_>>) -> Router {
    let Beside { pages: other_pages, scripts, relay } =
        beside.unwrap_or(Beside { pages: &[], scripts: &[], relay: "" });
    let protocols: Vec<Protocol> =
        protocols.iter().copied().filter(|&protocol| !files_of(protocol).is_empty()).collect();
    if protocols.is_empty() {
        return Router::new();
    }
    let own_pages = protocols.iter().map(|protocol| format!("/pages/{}", protocol.name()));
    let pages: Vec<String> = other_pages.iter().map(|&path| path.to_owned()).chain(own_pages).collect();
    let place = serde_json::json!({ "pages": pages, "scripts": scripts, "rocket": rocket_paths }).to_string();
    let headers = headers(relay);
    let told = (json_headers(headers.clone()), place);
    let mut routes = file_routes(COMMON, |_| headers.clone()).route(PLACE, get(move || async move { told }));
    if beside.is_none() {
        routes = routes.merge(file_routes(SHARED, |_| headers.clone()));
    }
    for protocol in protocols {
        routes = routes.merge(file_routes(files_of(protocol), |_| headers.clone()));
    }
    routes
}

/// The page of a protocol, and what only it needs.
fn files_of(protocol: Protocol) -> &'static [File] {
    match protocol {
        Protocol::Rocket => ROCKET,
        Protocol::Gockets => GOCKETS,
        Protocol::Pogo | Protocol::Postgres => &[],
    }
}

/// Those of every file. A page may connect to any hub by the browser's own WebSocket; what it says otherwise, and
/// JSONP's scripts, go to this process and to its relays.
fn headers(relay: &str) -> HeaderMap {
    let policy = format!(
        "default-src 'none'; script-src 'self' {relay}; connect-src 'self' {relay} ws: wss:; style-src 'self'; \
         img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let mut headers: HeaderMap = [
        // A page and its scripts are of one program: after an update none may be of the one before.
        (header::CACHE_CONTROL, "no-cache"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ]
    .into_iter()
    .map(|(name, value)| (name, HeaderValue::from_static(value)))
    .collect();
    // A relay's name that is no header value is no source either; without it the policy is the stricter one.
    let policy = HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers
}

fn json_headers(mut headers: HeaderMap) -> HeaderMap {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// What a page or script of ours names by an absolute path under `/pages/`, or relatively by `import`.
    fn named(file: &File) -> BTreeSet<String> {
        let text = std::str::from_utf8(file.bytes).expect("text");
        let quoted = text.split(['"', '\'']).filter(|part| !part.contains(['\n', ' ']));
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        quoted
            .filter_map(|part| {
                if let Some(below) = part.strip_prefix("./") {
                    Some(format!("{folder}/{below}"))
                } else if let Some(beside) = part.strip_prefix("../") {
                    Some(format!("{}/{beside}", folder.rsplit_once('/')?.0))
                } else {
                    part.starts_with("/pages/").then(|| part.to_owned())
                }
            })
            .filter(|path| {
                path.rsplit_once('.').is_some_and(|(_, kind)| ["js", "css", "svg"].contains(&kind))
            })
            .collect()
    }

    #[test]
    fn all_that_is_named_is_served_and_nothing_else() {
        let all: Vec<&File> = [COMMON, ROCKET, GOCKETS, SHARED].into_iter().flatten().collect();
        let served: BTreeSet<String> = all.iter().map(|file| file.path.to_owned()).collect();
        let named: BTreeSet<String> = all.iter().flat_map(|file| named(file)).collect();
        let missing: Vec<_> = named.difference(&served).collect();
        assert!(missing.is_empty(), "{missing:?}");
        let pages = BTreeSet::from(["/pages/rocket".to_owned(), "/pages/gockets".to_owned()]);
        assert_eq!(served.difference(&named).cloned().collect::<BTreeSet<_>>(), pages);
    }

    #[test]
    fn the_policy_names_the_relay() {
        let policy = |relay| headers(relay)[header::CONTENT_SECURITY_POLICY].clone();
        let with = policy("tom.localhost:8080");
        let with = with.to_str().expect("text");
        assert!(with.contains("script-src 'self' tom.localhost:8080;"), "{with}");
        assert_eq!(policy("bad\nname"), "default-src 'none'");
    }
}
