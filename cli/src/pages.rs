//! The pages of `dev`: a demo at `/`, a doctor at `/doctor`, and the files they are made of.
//!
//! They are written by hand in `cli/pages` and are part of the program: nothing is built, and nothing comes from elsewhere.

use axum::Router;
use polysocket_hub::{Beside, page_headers};
use polysocket_relayd::RelaydConfig;
use polysocket_service::files;
use polysocket_service::http::{File, file_routes};

static FILES: &[File] = files![
    "/" PAGE "pages/demo.html",
    "/doctor" PAGE "pages/doctor.html",
    "/pages/pages.css" STYLE "pages/pages.css",
    "/pages/demo.css" STYLE "pages/demo.css",
    "/pages/doctor.css" STYLE "pages/doctor.css",
    "/pages/icon.svg" IMAGE "pages/icon.svg",
    "/pages/pretend.js" SCRIPT "pages/pretend.js",
    "/pages/words.js" SCRIPT "pages/words.js",
    "/pages/demo/main.js" SCRIPT "pages/demo/main.js",
    "/pages/demo/card.js" SCRIPT "pages/demo/card.js",
    "/pages/demo/conversation.js" SCRIPT "pages/demo/conversation.js",
    "/pages/demo/measure.js" SCRIPT "pages/demo/measure.js",
    "/pages/demo/snippets.js" SCRIPT "pages/demo/snippets.js",
    "/pages/demo/target.js" SCRIPT "pages/demo/target.js",
    "/pages/doctor/engine.js" SCRIPT "pages/doctor/engine.js",
    "/pages/doctor/ask.js" SCRIPT "pages/doctor/ask.js",
    "/pages/doctor/examine.js" SCRIPT "pages/doctor/examine.js",
    "/pages/doctor/try.js" SCRIPT "pages/doctor/try.js",
    "/pages/doctor/verdict.js" SCRIPT "pages/doctor/verdict.js",
    "/pages/doctor/report.js" SCRIPT "pages/doctor/report.js",
    "/pages/doctor/main.js" SCRIPT "pages/doctor/main.js",
    "/pages/README.md" TEXT "../README.md",
    "/pages/PROTOCOL.md" TEXT "../docs/PROTOCOL.md",
    "/pages/integrity.txt" TEXT "../js-client/dist/polysocket.js.sri",
];

/// The pages, whose policy lets them reach the relays at `relay` (sources of a CSP) beside this process.
pub fn routes(relay: &str) -> Router {
    let headers = page_headers(relay);
    file_routes(FILES, |_| headers.clone())
}

/// What the pages of the hub have beside them.
pub fn beside(relay: &str) -> Beside<'_> {
    Beside {
        pages: &["/", "/doctor", "/pages/README.md", "/pages/PROTOCOL.md"],
        scripts: &["/polysocket.js", "/pages/words.js"],
        relay,
    }
}

/// Where sockets live that this relay holds, listening on `port`: the sources of a CSP that name it and its subdomains.
pub fn relay_sources(config: &RelaydConfig, port: u16) -> String {
    let address = match (&config.one_host, &config.address) {
        (Some(address), _) | (None, Some(address)) => address.clone(),
        (None, None) => format!("{}.localhost:{port}", config.name),
    };
    let host = address.split('/').next().unwrap_or_default();
    // `*` stands for labels of a name: before an address it would be no source.
    let is_name = config.one_host.is_none() && config.label_hosts;
    if is_name { format!("{host} *.{host}") } else { host.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_the_relay() {
        let with = |change: fn(&mut RelaydConfig)| {
            let mut config = RelaydConfig::default();
            change(&mut config);
            relay_sources(&config, 8080)
        };
        assert_eq!(with(|_| {}), "tom.localhost:8080 *.tom.localhost:8080");
        assert_eq!(
            with(|config| config.address = Some("tom.example.com".into())),
            "tom.example.com *.tom.example.com"
        );
        assert_eq!(with(|config| config.one_host = Some("10.0.0.5:8080".into())), "10.0.0.5:8080");
        assert_eq!(
            with(|config| {
                config.address = Some("example.com:81/tom".into());
                config.label_hosts = false;
            }),
            "example.com:81"
        );
    }
}
