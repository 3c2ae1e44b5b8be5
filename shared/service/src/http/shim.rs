//! The client's script, served by every process that pages reach.
//!
//! It is built with Node and committed (`js-client/dist`), so that Rust alone builds and runs the product.

use ::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::Router;

use super::files::{File, file_routes, media};
use crate::files;

/// How long a browser takes it from its cache unasked, seconds. Short, as its name has no version: a fix shall reach
/// pages within the hour.
const MAX_AGE: HeaderValue = HeaderValue::from_static("public, max-age=3600");

static FILES: &[File] = files![
    "/polysocket.js" SCRIPT "../../js-client/dist/polysocket.js",
    "/polysocket.mjs" SCRIPT "../../js-client/dist/polysocket.mjs",
    "/polysocket.js.map" MAP "../../js-client/dist/polysocket.js.map",
    "/polysocket.mjs.map" MAP "../../js-client/dist/polysocket.mjs.map",
];

/// `/polysocket.js`, the ES module beside it, and their source maps.
pub fn shim_routes() -> Router {
    file_routes(FILES, headers)
}

fn headers(file: &File) -> HeaderMap {
    let mut headers = HeaderMap::from_iter([
        (header::CACHE_CONTROL, MAX_AGE),
        // Any page may use it, also one that checks its integrity or isolates itself.
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin")),
    ]);
    // The map of a script has the script's path and `.map`; a header says so, which spares every page a comment in the
    // script.
    if let (media::SCRIPT, Ok(map)) = (file.content_type, HeaderValue::try_from(format!("{}.map", file.path)))
    {
        headers.insert("sourcemap", map);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_say_where_their_maps_are() {
        assert_eq!(headers(&FILES[0])["sourcemap"], "/polysocket.js.map");
        assert_eq!(headers(&FILES[1])["sourcemap"], "/polysocket.mjs.map");
        assert!(!headers(&FILES[2]).contains_key("sourcemap"));
    }
}
