//! A state of a resource on its way to binders: encoded once for each style, shared by all who want it so.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use serde_json::Value;

use crate::document::{Document, Version, json_patch, merge_patch};
use crate::wire::{Codec, Dialect, Field, Name, PatchKind, encode};

/// Longer documents are not compared for patches: it takes time and memory of several times their length.
const PATCHED_BYTES_MAX: usize = 256 * 1024;

/// What a resource is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shown {
    Value(Document),
    /// It is not there (any more).
    Gone,
}

impl Shown {
    pub(crate) fn version(&self) -> Version {
        match self {
            Self::Value(document) => document.version(),
            Self::Gone => Version::GONE,
        }
    }
}

/// How much a frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    /// As the original has it.
    Plain,
    /// With `seq` and `version`.
    Numbered,
    /// The same, and changes only where that is shorter.
    Patched(PatchKind),
}

/// How a binder wants to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Style {
    /// By WebSocket.
    Socket { dialect: Dialect, codec: Codec, form: Form },
    /// By server-sent events.
    Event,
}

/// One state of a feed.
#[derive(Debug)]
pub(crate) struct Update {
    /// Of which feed.
    pub(crate) feed: u64,
    /// From 1.
    pub(crate) seq: u64,
    pub(crate) shown: Shown,
    /// What the state was before.
    before: Option<Document>,
    frames: Mutex<HashMap<(Style, bool), Bytes>>,
}

impl Update {
    pub(crate) fn new(feed: u64, seq: u64, shown: Shown, before: Option<Document>) -> Self {
        Self { feed, seq, shown, before, frames: Mutex::default() }
    }

    pub(crate) fn version(&self) -> Version {
        self.shown.version()
    }

    /// What a binder is sent who was sent `last` before.
    pub(crate) fn frame(&self, path: &str, style: Style, last: Option<Version>) -> Bytes {
        let patched = matches!(style, Style::Socket { form: Form::Patched(_), .. });
        let from_before =
            patched && self.before.as_ref().is_some_and(|before| Some(before.version()) == last);
        let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        let encode = || match style {
            Style::Socket { dialect, codec, form } => {
                self.socket_frame(path, dialect, codec, form, from_before)
            }
            Style::Event => self.event(),
        };
        frames.entry((style, from_before)).or_insert_with(encode).clone()
    }

    fn socket_frame(
        &self,
        path: &str,
        dialect: Dialect,
        codec: Codec,
        form: Form,
        from_before: bool,
    ) -> Bytes {
        let (event, path_name) = match dialect {
            Dialect::Seed => ("response", Name::Path),
            Dialect::Later => ("update", Name::Uri),
        };
        let version = self.version().to_string();
        let base = self.before.as_ref().map(|before| before.version().to_string());
        let patch = match form {
            Form::Patched(kind) if from_before => self.patch(kind),
            _ => None,
        };
        let mut fields = vec![(Name::Event, Field::Text(event)), (path_name, Field::Text(path))];
        if self.shown == Shown::Gone {
            fields.push((Name::Status, Field::Number(410)));
        }
        if form != Form::Plain {
            fields.push((Name::Seq, Field::Number(self.seq)));
            fields.push((Name::Version, Field::Text(&version)));
        }
        match (&patch, &base, &self.shown) {
            (Some((name, patch)), Some(base), _) => {
                fields.push((Name::Base, Field::Text(base)));
                fields.push((*name, Field::Json(patch)));
            }
            (_, _, Shown::Value(document)) => fields.push((Name::Data, Field::Json(document.raw()))),
            (_, _, Shown::Gone) => fields.push((Name::Data, Field::Json(b"null"))),
        }
        encode(&fields, codec)
    }

    /// The change from the state before, where it is shorter than the state.
    fn patch(&self, kind: PatchKind) -> Option<(Name, Vec<u8>)> {
        let (Some(before), Shown::Value(now)) = (&self.before, &self.shown) else { return None };
        if before.raw().len().max(now.raw().len()) > PATCHED_BYTES_MAX {
            return None;
        }
        let (from, to): (Value, Value) = (before.exact()?, now.exact()?);
        let (name, patch) = match kind {
            PatchKind::Merge => (Name::Merge, merge_patch(&from, &to)?),
            PatchKind::Json => (Name::Patch, json_patch(&from, &to)?),
        };
        let patch = serde_json::to_vec(&patch).ok()?;
        (patch.len() < now.raw().len()).then_some((name, patch))
    }

    fn event(&self) -> Bytes {
        let mut out = format!("id: {}\n", self.version()).into_bytes();
        match &self.shown {
            Shown::Value(document) => write_data(&mut out, document.raw()),
            Shown::Gone => out.extend_from_slice(b"event: gone\ndata: null\n"),
        }
        out.push(b'\n');
        out.into()
    }
}

/// Each line of JSON is a field of its own; between tokens a line's end is white space.
pub(crate) fn write_data(out: &mut Vec<u8>, json: &[u8]) {
    for line in json.split(|byte| matches!(byte, b'\n' | b'\r')).filter(|line| !line.is_empty()) {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line);
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(json: &str) -> Document {
        Document::parse(json.to_owned().into()).expect(json)
    }

    fn said(update: &Update, dialect: Dialect, form: Form, last: Option<Version>) -> String {
        let style = Style::Socket { dialect, codec: Codec::default(), form };
        let frame = update.frame("/a", style, last);
        let head = if frame[1] < 126 { 2 } else { 4 };
        String::from_utf8(frame[head..].to_vec()).expect("text")
    }

    #[test]
    fn each_gets_what_it_asked_for() {
        let before = document(r#"{"long":"................................","n":1}"#);
        let now = document(r#"{"long":"................................","n":2}"#);
        let update = Update::new(1, 7, Shown::Value(now.clone()), Some(before.clone()));
        let raw = std::str::from_utf8(now.raw()).expect("text");
        let last = Some(before.version());
        let (seed, later) = (Dialect::Seed, Dialect::Later);
        let plain = said(&update, seed, Form::Plain, last);
        assert_eq!(plain, format!(r#"{{"event":"response","path":"/a","data":{raw}}}"#));
        assert_eq!(
            said(&update, later, Form::Plain, None),
            format!(r#"{{"event":"update","uri":"/a","data":{raw}}}"#)
        );
        let (is, was) = (now.version(), before.version());
        let head = format!(r#"{{"event":"response","path":"/a","seq":7,"version":"{is}","#);
        assert_eq!(said(&update, seed, Form::Numbered, last), format!(r#"{head}"data":{raw}}}"#));
        let merge = Form::Patched(PatchKind::Merge);
        assert_eq!(said(&update, seed, merge, last), format!(r#"{head}"base":"{was}","merge":{{"n":2}}}}"#));
        let json = Form::Patched(PatchKind::Json);
        assert_eq!(
            said(&update, seed, json, last),
            format!(r#"{head}"base":"{was}","patch":[{{"op":"replace","path":"/n","value":2}}]}}"#)
        );
        assert_eq!(
            said(&update, seed, merge, None),
            format!(r#"{head}"data":{raw}}}"#),
            "who has it not gets it whole"
        );
        let gone = Update::new(1, 8, Shown::Gone, Some(now));
        assert_eq!(
            said(&gone, seed, Form::Plain, None),
            r#"{"event":"response","path":"/a","status":410,"data":null}"#
        );
    }

    #[test]
    fn a_patch_that_is_longer_is_not_sent() {
        let update = Update::new(1, 2, Shown::Value(document(r#"{"b":2}"#)), Some(document(r#"{"a":1}"#)));
        let last = Some(document(r#"{"a":1}"#).version());
        assert!(
            said(&update, Dialect::Seed, Form::Patched(PatchKind::Json), last).contains("\"data\":{\"b\":2}")
        );
    }

    #[test]
    fn events_are_lines() {
        let update = Update::new(1, 1, Shown::Value(document("{\n \"a\": 1\r\n}")), None);
        let version = update.version();
        assert_eq!(
            &update.frame("/a", Style::Event, None)[..],
            format!("id: {version}\ndata: {{\ndata:  \"a\": 1\ndata: }}\n\n").as_bytes()
        );
    }
}
