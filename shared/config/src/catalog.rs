//! The known keys, and what was probably meant by an unknown one.

use crate::environment::{PREFIX, variable};
use crate::nearest::nearest;
use crate::{Key, Outline};

/// The sections of a configuration, to find keys by their names.
#[derive(Clone, Copy)]
pub(crate) struct Catalog<'a>(pub(crate) &'a [Outline]);

/// An unknown name: what to say of it, and the section it was probably meant for.
pub(crate) struct Unknown {
    pub(crate) text: String,
    pub(crate) meant: Option<&'static str>,
}

impl<'a> Catalog<'a> {
    pub(crate) fn section(self, name: &str) -> Option<&'a Outline> {
        self.0.iter().find(|outline| outline.name == name)
    }

    /// The key of a full name: `relayd.listen`.
    pub(crate) fn key(self, path: &str) -> Option<(&'a Outline, &'a Key)> {
        self.all().find(|(outline, key)| outline.path(key.name) == path)
    }

    /// The key of a variable: `POLYSOCKET_RELAYD_LISTEN`.
    pub(crate) fn key_of_variable(self, name: &str) -> Option<(&'a Outline, &'a Key)> {
        self.all().find(|(outline, key)| variable(outline, key) == name)
    }

    pub(crate) fn all(self) -> impl Iterator<Item = (&'a Outline, &'a Key)> {
        self.0.iter().flat_map(|outline| outline.keys.iter().map(move |key| (outline, key)))
    }

    /// A table of the file that is no section.
    pub(crate) fn unknown_section(self, name: &str) -> Unknown {
        let meant =
            nearest(name, self.0.iter().map(|outline| outline.name)).and_then(|name| self.section(name));
        let text = meant.map_or_else(
            || {
                let names: Vec<String> = self.0.iter().map(|outline| format!("[{}]", outline.name)).collect();
                format!("no such section; there are {}", names.join(", "))
            },
            |meant| format!("no such section; did you mean [{}]?", meant.name),
        );
        Unknown { text, meant: meant.map(|meant| meant.name) }
    }

    /// A value of the file outside of every table.
    pub(crate) fn unknown_outside(self, name: &str) -> Unknown {
        match self.all().find(|(_, key)| key.name == name) {
            Some((outline, key)) => Unknown {
                text: format!("stands outside of every section; did you mean `{}`?", outline.path(key.name)),
                meant: Some(outline.name),
            },
            None => Unknown {
                text: "stands outside of every section; write it below the [section] it belongs to"
                    .to_owned(),
                meant: None,
            },
        }
    }

    /// A key of a section that has no such key: misspelt, or of another section.
    pub(crate) fn unknown_key(self, outline: &Outline, name: &str) -> Unknown {
        let near = nearest(name, outline.keys.iter().map(|key| key.name)).map(|name| outline.path(name));
        let elsewhere = || {
            let (outline, key) = self.all().find(|(_, key)| key.name == name)?;
            Some(outline.path(key.name))
        };
        let text = match near.or_else(elsewhere) {
            Some(meant) => format!("no such key; did you mean `{meant}`?"),
            None => format!("no such key; docs/CONFIG.md lists the keys of [{}]", outline.name),
        };
        Unknown { text, meant: Some(outline.name) }
    }

    /// A flag whose key is unknown.
    pub(crate) fn unknown_path(self, path: &str) -> Unknown {
        let paths: Vec<String> = self.all().map(|(outline, key)| outline.path(key.name)).collect();
        let near = nearest(path, paths.iter().map(String::as_str)).and_then(|path| self.key(path));
        match near.or_else(|| self.all().find(|(_, key)| key.name == path)) {
            Some((outline, key)) => Unknown {
                text: format!("no such key; did you mean `{}`?", outline.path(key.name)),
                meant: Some(outline.name),
            },
            None => Unknown {
                text: "no such key; write section.key=value with a key of docs/CONFIG.md".to_owned(),
                meant: None,
            },
        }
    }

    /// A variable that begins as ours do and is the variable of no key.
    pub(crate) fn unknown_variable(self, name: &str) -> Unknown {
        let names: Vec<String> = self.all().map(|(outline, key)| variable(outline, key)).collect();
        // Compared without the prefix, which all have in common and which would make any name look near.
        let bare = |name: &str| name.strip_prefix(PREFIX).unwrap_or(name).to_ascii_uppercase();
        let bare_names: Vec<String> = names.iter().map(|name| bare(name)).collect();
        let meant = nearest(&bare(name), bare_names.iter().map(String::as_str));
        match meant.and_then(|name| self.key_of_variable(&format!("{PREFIX}{name}"))) {
            Some((outline, key)) => Unknown {
                text: format!("no such variable; did you mean ${}?", variable(outline, key)),
                meant: Some(outline.name),
            },
            None => Unknown {
                text: "no such variable; unset it, or name a key of docs/CONFIG.md".to_owned(),
                meant: None,
            },
        }
    }
}
