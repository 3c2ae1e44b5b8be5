//! A page for each protocol to try it with: publish here, see it there.
//!
//! They are written by hand in `hub/pages` and are part of the program. Where the client and the other pages are served
//! as well ([`Beside`]), a page can go by every transport; elsewhere it has the browser's own WebSocket.

use axum::Router;
use axum::routing::get;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use polysocket_postgres::Wire;
use polysocket_service::files;
use polysocket_service::http::{File, file_routes};
use serde_json::{Value, json};

use crate::{Protocol, Sections};

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

static POGO: &[File] = files![
    "/pages/pogo" PAGE "pages/pogo.html",
    "/pages/pogo/behind.js" SCRIPT "pages/pogo/behind.js",
    "/pages/pogo/client.js" SCRIPT "pages/pogo/client.js",
    "/pages/pogo/document.js" SCRIPT "pages/pogo/document.js",
    "/pages/pogo/events.js" SCRIPT "pages/pogo/events.js",
    "/pages/pogo/main.js" SCRIPT "pages/pogo/main.js",
    "/pages/pogo/pane.js" SCRIPT "pages/pogo/pane.js",
    "/pages/pogo/shell.js" SCRIPT "pages/pogo/shell.js",
    "/pages/pogo/words.js" SCRIPT "pages/pogo/words.js",
];

static POSTGRES: &[File] = files![
    "/pages/postgres" PAGE "pages/postgres.html",
    "/pages/postgres/bridge.js" SCRIPT "pages/postgres/bridge.js",
    "/pages/postgres/forms.js" SCRIPT "pages/postgres/forms.js",
    "/pages/postgres/main.js" SCRIPT "pages/postgres/main.js",
    "/pages/postgres/pane.js" SCRIPT "pages/postgres/pane.js",
    "/pages/postgres/sql.js" SCRIPT "pages/postgres/sql.js",
    "/pages/postgres/token.js" SCRIPT "pages/postgres/token.js",
    "/pages/postgres/words.js" SCRIPT "pages/postgres/words.js",
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

/// What the pages are told of the protocols. Nothing of it is secret.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    rocket: Vec<String>,
    /// The path of the API behind Pogo, if this process has it, too.
    api: Option<String>,
    wire: Wire,
    listen_channel: String,
}

impl Facts {
    /// Of a hub that is configured so, in a process that is reached at `ports`.
    pub(crate) fn of(sections: &Sections, ports: &[u16]) -> Self {
        Self {
            rocket: sections.rocket.hubs.iter().map(|hub| hub.path.clone()).collect(),
            api: sections.pogo.upstream.as_deref().and_then(|upstream| path_here(upstream, ports)),
            wire: sections.postgres.wire,
            listen_channel: sections.postgres.listen_channel.clone(),
        }
    }

    /// With the paths of `pogo` and `postgres`: of their own listeners they have all.
    fn json(&self, is_beside: bool) -> Value {
        let path = |prefix: &str| if is_beside { prefix.to_owned() } else { "/".to_owned() };
        json!({
            "rocket": self.rocket,
            "pogo": { "path": path("/pogo"), "api": self.api.as_ref().filter(|_| is_beside) },
            "postgres": { "path": path("/postgres"), "wire": self.wire, "listen_channel": self.listen_channel },
        })
    }
}

/// The path of a URL that leads to this machine and one of `ports`.
fn path_here(url: &str, ports: &[u16]) -> Option<String> {
    let url: Uri = url.parse().ok()?;
    let is_here = matches!(url.host()?, "127.0.0.1" | "localhost" | "[::1]");
    (is_here && ports.contains(&url.port_u16()?)).then(|| url.path().trim_end_matches('/').to_owned())
}

/// The pages of `protocols`, `/pages/NAME`. Alone on their listeners, or beside others.
pub(crate) fn page_routes(protocols: &[Protocol], facts: &Facts, beside: Option<Beside<'_>>) -> Router {
    let Beside { pages: other_pages, scripts, relay } =
        beside.unwrap_or(Beside { pages: &[], scripts: &[], relay: "" });
    if protocols.is_empty() {
        return Router::new();
    }
    let own_pages = protocols.iter().map(|protocol| format!("/pages/{}", protocol.name()));
    let pages: Vec<String> = other_pages.iter().map(|&path| path.to_owned()).chain(own_pages).collect();
    let mut place = facts.json(beside.is_some());
    place["pages"] = pages.into();
    place["scripts"] = scripts.into();
    let place = place.to_string();
    let headers = page_headers(relay);
    let told = (json_headers(headers.clone()), place);
    let mut routes = file_routes(COMMON, |_| headers.clone()).route(PLACE, get(move || async move { told }));
    if beside.is_none() {
        routes = routes.merge(file_routes(SHARED, |_| headers.clone()));
    }
    for &protocol in protocols {
        routes = routes.merge(file_routes(files_of(protocol), |_| headers.clone()));
    }
    routes
}

/// The page of a protocol, and what only it needs.
fn files_of(protocol: Protocol) -> &'static [File] {
    match protocol {
        Protocol::Rocket => ROCKET,
        Protocol::Gockets => GOCKETS,
        Protocol::Pogo => POGO,
        Protocol::Postgres => POSTGRES,
    }
}

/// Those of every page and its files. A page may connect to any hub and any target by the browser's own WebSocket; what it
/// says otherwise, and JSONP's scripts, go to this process and to its relays (`relay`: sources of a CSP).
pub fn page_headers(relay: &str) -> HeaderMap {
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
        let all: Vec<&File> =
            [COMMON, ROCKET, GOCKETS, POGO, POSTGRES, SHARED].into_iter().flatten().collect();
        let served: BTreeSet<String> = all.iter().map(|file| file.path.to_owned()).collect();
        let named: BTreeSet<String> = all.iter().flat_map(|file| named(file)).collect();
        let missing: Vec<_> = named.difference(&served).collect();
        assert!(missing.is_empty(), "{missing:?}");
        let pages = ["rocket", "gockets", "pogo", "postgres"].map(|name| format!("/pages/{name}")).into();
        assert_eq!(served.difference(&named).cloned().collect::<BTreeSet<_>>(), pages);
    }

    #[test]
    fn where_the_api_is() {
        for (url, path) in [
            ("http://127.0.0.1:8080/api", Some("/api")),
            ("http://localhost:8080/", Some("")),
            ("http://127.0.0.1:3000/api", None),
            ("http://127.0.0.1/api", None),
            ("http://user:secret@api:8080/api", None),
            ("no url", None),
        ] {
            assert_eq!(path_here(url, &[8080]).as_deref(), path, "{url}");
        }
    }

    #[test]
    fn the_policy_names_the_relay() {
        let policy = |relay| page_headers(relay)[header::CONTENT_SECURITY_POLICY].clone();
        let with = policy("tom.localhost:8080");
        let with = with.to_str().expect("text");
        assert!(with.contains("script-src 'self' tom.localhost:8080;"), "{with}");
        assert_eq!(policy("bad\nname"), "default-src 'none'");
    }
}
