//! Paths of clients, and where they lead.

use std::sync::Arc;

use polysocket_outbound::{TARGET_BYTES_MAX, Target};
use url::{Position, Url};

use super::spelling::{comparable, normal};
use crate::wire::{Code, Failure};

/// The root of the REST API, and which paths below it clients may ask for.
#[derive(Debug, Clone)]
pub(crate) struct Base {
    /// Without a slash at its end.
    url: String,
    /// As what they are compared in: `comparable`.
    allow: Vec<String>,
    deny: Vec<String>,
}

/// A resource as clients name it: a path, perhaps with a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resource {
    /// As the client wrote it; what its frames say.
    pub(crate) text: Arc<str>,
    /// The path alone, in its one spelling and without a slash at its end: what writes and pushes are compared with.
    pub(crate) path: Arc<str>,
    pub(crate) url: Url,
}

impl Base {
    /// Reads `pogo.upstream`.
    pub(crate) fn parse(upstream: &str, allow: &[String], deny: &[String]) -> Result<Self, String> {
        let with_scheme = ["http://", "https://"].iter().any(|scheme| {
            upstream.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme))
        });
        if !with_scheme {
            return Err("does not begin with http:// or https://; write http://HOST:PORT".to_owned());
        }
        Target::parse_http(upstream).map_err(|error| error.to_string())?;
        let url = Url::parse(upstream).map_err(|error| error.to_string())?;
        if url.query().is_some() {
            return Err("has a query; give the root of the API alone".to_owned());
        }
        Ok(Self {
            url: url.as_str().trim_end_matches('/').to_owned(),
            allow: allow.iter().map(|prefix| comparable(prefix)).collect(),
            deny: deny.iter().map(|prefix| comparable(prefix)).collect(),
        })
    }

    /// Where a client's path leads: below the root, and nowhere else.
    pub(crate) fn resource(&self, text: &str) -> Result<Resource, Failure> {
        let bad = |why: &str| Failure::bad(format!("the path {why}"));
        if !text.starts_with('/') {
            return Err(bad("does not begin with `/`"));
        }
        if text.contains(|c: char| c.is_control() || c.is_whitespace() || matches!(c, '\\' | '#')) {
            return Err(bad("has white space, a control character, `\\` or `#` in it; escape them"));
        }
        let (path, query) = text.find('?').map_or((text, ""), |at| text.split_at(at));
        let lower = path.to_ascii_lowercase();
        let compared = comparable(path);
        let dots = |segment: &str| matches!(segment, "." | "..");
        if lower.contains("%2f")
            || lower.contains("%5c")
            || path.contains("//")
            // Of `/;x/admin` some servers make `/admin`.
            || compared.contains("//")
            || compared.split('/').any(dots)
        {
            return Err(bad(
                "can be read in more than one way: it has `.`, `..`, an empty segment or an escaped slash",
            ));
        }
        if self.url.len() + text.len() > TARGET_BYTES_MAX {
            return Err(bad(&format!(
                "is longer than {} bytes",
                TARGET_BYTES_MAX.saturating_sub(self.url.len())
            )));
        }
        let url = Url::parse(&format!("{}{}{query}", self.url, normal(path))).map_err(|_| bad("is none"))?;
        let root = self.root().len();
        let below = &url[Position::BeforePath..Position::AfterPath];
        let path: Arc<str> = without_slash(below.get(root..).unwrap_or(below)).into();
        let allowed = self.allow.iter().any(|prefix| is_below(&compared, prefix));
        if !allowed || self.deny.iter().any(|prefix| is_below(&compared, prefix)) {
            return Err(Failure::new(Code::Forbidden, "this path is not open here"));
        }
        Ok(Resource { text: text.into(), path, url })
    }

    /// The path of a `Location` of the upstream, if it is below the root.
    pub(crate) fn path_of(&self, from: &Url, location: &str) -> Option<String> {
        let url = from.join(location).ok()?;
        let below = url.as_str().strip_prefix(&self.url)?;
        let path = below.split(['?', '#']).next().unwrap_or_default();
        below.starts_with('/').then(|| without_slash(&normal(path)).to_owned())
    }

    fn root(&self) -> &str {
        let authority = self.url.find("://").map_or(0, |at| at + 3);
        self.url[authority..].find('/').map_or("", |at| &self.url[authority + at..])
    }
}

/// `/posts/` is what `/posts` is; the root stays.
fn without_slash(path: &str) -> &str {
    match path.trim_end_matches('/') {
        "" => "/",
        path => path,
    }
}

/// `/a` is below `/a` and `/`; so is `/a/b`; `/ab` is not below `/a`.
pub(crate) fn is_below(path: &str, prefix: &str) -> bool {
    let prefix = prefix.trim_end_matches('/');
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The collection that a path is in: `/posts` for `/posts/1`.
pub(crate) fn parent(path: &str) -> Option<&str> {
    let (parent, _) = path.trim_end_matches('/').rsplit_once('/')?;
    (!parent.is_empty()).then_some(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(upstream: &str) -> Base {
        Base::parse(upstream, &["/".into()], &["/admin".into()]).expect(upstream)
    }

    #[test]
    fn paths_lead_below_the_root() {
        let resource = base("http://api:3000/v1/").resource("/posts/ä?q=1&r=%20").expect("a path");
        assert_eq!(resource.url.as_str(), "http://api:3000/v1/posts/%C3%A4?q=1&r=%20");
        assert_eq!((&*resource.text, &*resource.path), ("/posts/ä?q=1&r=%20", "/posts/%C3%A4"));
        let resource = base("http://api").resource("/").expect("a path");
        assert_eq!((resource.url.as_str(), &*resource.path), ("http://api/", "/"));
    }

    #[test]
    fn and_nowhere_else() {
        for path in [
            "",
            "posts",
            "//evil/",
            "/a//b",
            "/../x",
            "/a/..",
            "/a/%2e%2E/b",
            "/a/.%2e/b",
            "/./a",
            "/a%2fb",
            "/a%5Cb",
            "/a\\b",
            "/a#b",
            "/a b",
            "/a\nb",
            "/a/..;/b",
            "@evil/",
            ":80/",
            "http://evil/",
        ] {
            assert_eq!(
                base("http://api/v1").resource(path).expect_err(path).code,
                Code::BadRequest,
                "{path}"
            );
        }
        let long = format!("/{}", "a".repeat(3000));
        assert_eq!(base("http://api/v1").resource(&long).expect_err("too long").code, Code::BadRequest);
        for path in ["/admin", "/admin/", "/admin/users?x"] {
            assert_eq!(base("http://api/v1").resource(path).expect_err(path).code, Code::Forbidden, "{path}");
        }
        assert!(base("http://api/v1").resource("/administration").is_ok());
        let slash = base("http://api/v1").resource("/posts/").expect("a path");
        assert_eq!((&*slash.path, slash.url.path()), ("/posts", "/v1/posts/"));
    }

    #[test]
    fn collections_and_locations() {
        assert_eq!(parent("/posts/1"), Some("/posts"));
        assert_eq!(parent("/posts/1/"), Some("/posts"));
        assert_eq!((parent("/posts"), parent("/")), (None, None));
        let base = base("http://api/v1");
        let from = Url::parse("http://api/v1/posts").expect("a URL");
        assert_eq!(base.path_of(&from, "/v1/posts/7?x").as_deref(), Some("/posts/7"));
        assert_eq!(base.path_of(&from, "posts/7").as_deref(), Some("/posts/7"));
        assert_eq!(base.path_of(&from, "http://other/v1/posts/7"), None);
    }

    #[test]
    fn what_is_no_root() {
        for upstream in ["api", "ftp://api/", "http://u:p@api/", "http://api/?a=b", "http://api/#x", ""] {
            assert!(Base::parse(upstream, &[], &[]).is_err(), "{upstream}");
        }
        for upstream in ["foo", "localhost:3000", "//api"] {
            let error = Base::parse(upstream, &[], &[]).expect_err(upstream);
            assert!(error.contains("write http://"), "{upstream}: {error}");
        }
    }
}
