//! Which path is which hub, in the way of Go's `ServeMux`: a path that ends in `/` has everything below it, the longest
//! wins; another is just itself; a path that is not clean is sent to the clean one.

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// To the hub with this index.
    Hub(usize),
    /// To another path.
    Moved(String),
    /// Nowhere.
    Nowhere,
}

/// The paths of all hubs.
#[derive(Debug)]
pub(super) struct Mux(Vec<String>);

impl Mux {
    pub(super) fn new(paths: impl IntoIterator<Item = String>) -> Self {
        Self(paths.into_iter().collect())
    }

    pub(super) fn find(&self, path: &str) -> Way {
        let clean = clean(path);
        if clean != path {
            return if self.hub(&clean).is_some() { Way::Moved(clean) } else { Way::Nowhere };
        }
        match self.hub(path) {
            Some(index) => Way::Hub(index),
            // `/tree` where only `/tree/` is.
            None if self.0.iter().any(|known| known.strip_suffix('/') == Some(path)) => {
                Way::Moved(format!("{path}/"))
            }
            None => Way::Nowhere,
        }
    }

    fn hub(&self, path: &str) -> Option<usize> {
        let leads = |known: &str| if known.ends_with('/') { path.starts_with(known) } else { path == known };
        let fitting = self.0.iter().enumerate().filter(|(_, known)| leads(known));
        fitting.max_by_key(|(_, known)| known.len()).map(|(index, _)| index)
    }
}

/// The shortest path that means the same: no `//`, no `.`, no `..`. A slash at its end stays.
pub(crate) fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let mut clean = String::with_capacity(path.len() + 1);
    for part in &parts {
        clean.push('/');
        clean.push_str(part);
    }
    if parts.is_empty() || path.ends_with('/') {
        clean.push('/');
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleaning() {
        for (path, expected) in [
            ("", "/"),
            ("/", "/"),
            ("//", "/"),
            ("/a", "/a"),
            ("a", "/a"),
            ("/a/", "/a/"),
            ("/a//b", "/a/b"),
            ("/a/./b/", "/a/b/"),
            ("/a/../b", "/b"),
            ("/../..", "/"),
            ("/a/..", "/"),
            ("/a/b/..", "/a"),
        ] {
            assert_eq!(clean(path), expected, "{path}");
        }
    }

    #[test]
    fn exact_below_and_longest() {
        let mux = Mux::new(["/echo", "/tree/", "/tree/branch/", "/tree/leaf"].map(str::to_owned));
        for (path, way) in [
            ("/echo", Way::Hub(0)),
            ("/echo/", Way::Nowhere),
            ("/echo/x", Way::Nowhere),
            ("/Echo", Way::Nowhere),
            ("/tree/", Way::Hub(1)),
            ("/tree/x/y", Way::Hub(1)),
            ("/tree/branch/x", Way::Hub(2)),
            ("/tree/leaf", Way::Hub(3)),
            ("/tree/leaf/x", Way::Hub(1)),
            ("/tree", Way::Moved("/tree/".into())),
            ("/tree/branch", Way::Hub(1)),
            ("//echo", Way::Moved("/echo".into())),
            ("/x/../echo", Way::Moved("/echo".into())),
            ("//nothing", Way::Nowhere),
            ("/", Way::Nowhere),
            ("", Way::Nowhere),
        ] {
            assert_eq!(mux.find(path), way, "{path}");
        }
        assert_eq!(Mux::new(["/".to_owned()]).find("/any/thing"), Way::Hub(0));
        assert_eq!(Mux::new([]).find("/"), Way::Nowhere);
    }
}
