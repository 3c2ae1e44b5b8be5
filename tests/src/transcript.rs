//! The runnable blocks of docs/PROTOCOL.md. Parsing and comparing are pure; `tests/protocol.rs` plays them.
//!
//! A block is fenced as `transcript`. `> METHOD TARGET` starts a request, the lines after it are its body;
//! `< STATUS CONTENT-TYPE` starts the answer, the lines after it are its body.
//! `{name}` is a value: where it is not known yet, an answer captures it; after that it must be the same.
//! Answers in `application/json` are compared as JSON, all others byte by byte.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

/// One request and the answer it must get.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// The line of the request in the document, from 1.
    pub line: usize,
    /// `GET` or `POST`.
    pub method: String,
    /// A path, or a host with a path, with names in it.
    pub target: String,
    /// The body of the request.
    pub body: String,
    /// The status of the answer.
    pub status: u16,
    /// The content type of the answer.
    pub content_type: String,
    /// The body of the answer.
    pub answer: String,
}

/// The blocks of a document, each a list of steps that share their captures.
pub fn parse(document: &str) -> Result<Vec<Vec<Step>>, String> {
    let mut blocks = Vec::new();
    let mut lines = document.lines().enumerate();
    while let Some((_, line)) = lines.next() {
        if line.trim_end() != "```transcript" {
            continue;
        }
        let mut steps: Vec<Step> = Vec::new();
        let mut in_answer = false;
        for (number, line) in lines.by_ref().take_while(|(_, line)| line.trim_end() != "```") {
            let line_number = number + 1;
            if let Some(request) = line.strip_prefix("> ") {
                let (method, target) = request
                    .split_once(' ')
                    .ok_or_else(|| format!("line {line_number}: a request needs a target"))?;
                in_answer = false;
                steps.push(Step {
                    line: line_number,
                    method: method.into(),
                    target: target.into(),
                    ..Step::default()
                });
                continue;
            }
            let step = steps
                .last_mut()
                .ok_or_else(|| format!("line {line_number}: a block starts with a request"))?;
            if let Some(answer) = line.strip_prefix("< ") {
                let (status, kind) = answer.split_once(' ').unwrap_or((answer, ""));
                step.status =
                    status.parse().map_err(|_| format!("line {line_number}: not a status: {status}"))?;
                step.content_type = kind.into();
                in_answer = true;
            } else {
                let body = if in_answer { &mut step.answer } else { &mut step.body };
                if !body.is_empty() {
                    body.push('\n');
                }
                body.push_str(line);
            }
        }
        if let Some(step) = steps.iter().find(|step| step.status == 0) {
            return Err(format!("line {}: a request without an answer", step.line));
        }
        blocks.push(steps);
    }
    Ok(blocks)
}

/// The values of names.
#[derive(Clone, Debug, Default)]
pub struct Captures(BTreeMap<String, String>);

impl fmt::Display for Captures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.0).finish()
    }
}

/// A part of a pattern.
enum Piece<'a> {
    Literal(&'a str),
    Name(&'a str),
}

/// Cuts a pattern at its names. A brace that does not hold a word is itself, as in JSON.
fn pieces(mut pattern: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut from = 0;
    while let Some(open) = pattern[from..].find('{').map(|at| at + from) {
        let rest = &pattern[open + 1..];
        let close = rest.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(rest.len());
        if close == 0 || !rest[close..].starts_with('}') {
            from = open + 1;
            continue;
        }
        pieces.push(Piece::Literal(&pattern[..open]));
        pieces.push(Piece::Name(&rest[..close]));
        pattern = &rest[close + 1..];
        from = 0;
    }
    pieces.push(Piece::Literal(pattern));
    pieces
}

impl Captures {
    /// Gives a name a value beforehand.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    /// Puts values in place of names; a name without one is an error.
    pub fn fill(&self, pattern: &str) -> Result<String, String> {
        pieces(pattern)
            .into_iter()
            .map(|piece| match piece {
                Piece::Literal(text) => Ok(text),
                Piece::Name(name) => {
                    self.0.get(name).map(String::as_str).ok_or(format!("{{{name}}} is not known"))
                }
            })
            .collect()
    }

    /// Compares an answer with its pattern and captures what is new in it.
    pub fn compare(&mut self, pattern: &str, content_type: &str, found: &[u8]) -> Result<(), String> {
        let found = std::str::from_utf8(found).map_err(|e| format!("the answer is not UTF-8: {e}"))?;
        let result = if content_type == "application/json" && !pattern.is_empty() {
            let read = |text: &str| serde_json::from_str::<Value>(text).map_err(|e| format!("not JSON: {e}"));
            read(pattern).and_then(|pattern| self.compare_json(&pattern, &read(found)?))
        } else {
            self.compare_text(pattern, found)
        };
        result.map_err(|error| format!("{error}\n  expected {pattern}\n  found    {found}"))
    }

    fn compare_json(&mut self, pattern: &Value, found: &Value) -> Result<(), String> {
        match (pattern, found) {
            (Value::Object(pattern), Value::Object(found)) => {
                if let Some(extra) = found.keys().find(|key| !pattern.contains_key(*key)) {
                    return Err(format!("the field {extra} is not in the document"));
                }
                pattern.iter().try_for_each(|(key, value)| {
                    let found = found.get(key).ok_or_else(|| format!("the field {key} is missing"))?;
                    self.compare_json(value, found).map_err(|error| format!("{key}: {error}"))
                })
            }
            (Value::Array(pattern), Value::Array(found)) if pattern.len() == found.len() => {
                pattern.iter().zip(found).try_for_each(|(pattern, found)| self.compare_json(pattern, found))
            }
            (Value::String(pattern), Value::String(found)) => self.compare_text(pattern, found),
            _ if pattern == found => Ok(()),
            _ => Err(format!("{found} in place of {pattern}")),
        }
    }

    fn compare_text(&mut self, pattern: &str, found: &str) -> Result<(), String> {
        let pieces = pieces(pattern);
        let mut rest = found;
        for (i, piece) in pieces.iter().enumerate() {
            let expected = match piece {
                Piece::Literal(text) => *text,
                Piece::Name(name) => {
                    if !self.0.contains_key(*name) {
                        // A value ends where the next literal begins, and never holds a quote.
                        let end = match pieces.get(i + 1) {
                            Some(Piece::Literal(next)) if !next.is_empty() => rest.find(next),
                            _ => Some(rest.len()),
                        };
                        let value = end.map(|end| &rest[..end]).filter(|v| !v.is_empty() && !v.contains('"'));
                        self.set(name, value.ok_or_else(|| format!("there is no value for {{{name}}}"))?);
                    }
                    self.0[*name].as_str()
                }
            };
            rest = rest.strip_prefix(expected).ok_or_else(|| {
                format!("at byte {} {rest:?} does not go on with {expected:?}", found.len() - rest.len())
            })?;
        }
        if rest.is_empty() { Ok(()) } else { Err(format!("{rest:?} is too much")) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "text\n```transcript\n> POST {relay}/s?t=t\nbody\nmore\n< 201 application/json\n{\"ok\":true}\n\
                            > GET /x\n< 200 text/plain\n```\n```json\n> GET /no\n```\n";

    #[test]
    fn a_document_becomes_steps() {
        let blocks = parse(DOCUMENT).unwrap();
        assert_eq!(blocks.len(), 1);
        let first = Step {
            line: 3,
            method: "POST".into(),
            target: "{relay}/s?t=t".into(),
            body: "body\nmore".into(),
            status: 201,
            content_type: "application/json".into(),
            answer: "{\"ok\":true}".into(),
        };
        assert_eq!(blocks[0][0], first);
        assert_eq!((blocks[0][1].line, blocks[0][1].answer.as_str()), (8, ""));
        assert!(parse("```transcript\n> GET /x\n```").unwrap_err().contains("without an answer"));
    }

    #[test]
    fn names_capture_first_and_compare_after_that() {
        let mut captures = Captures::default();
        let kind = "application/javascript; charset=utf-8";
        captures.compare("/**/go({\"a\":\"{x}\"});", kind, b"/**/go({\"a\":\"1\"});").unwrap();
        assert_eq!(captures.fill("h/{x}?{\"y\"}").unwrap(), "h/1?{\"y\"}");
        assert!(captures.compare("{x}!", kind, b"2!").unwrap_err().contains("go on"));
        assert!(captures.compare("{x}", kind, b"12").unwrap_err().contains("too much"));
        assert!(captures.fill("{unknown}").is_err());
    }

    #[test]
    fn json_is_compared_as_json_in_any_order_but_exactly() {
        let mut captures = Captures::default();
        let json = "application/json";
        captures.compare("{\"a\":1,\"b\":[\"{x}\"]}", json, b"{ \"b\": [\"v\"], \"a\": 1 }").unwrap();
        for (found, word) in [
            (&b"{\"a\":1}"[..], "missing"),
            (b"{\"a\":1,\"b\":[\"v\"],\"c\":0}", "not in the document"),
            (b"{\"a\":1,\"b\":[\"w\"]}", "go on"),
            (b"{\"a\":\"1\",\"b\":[\"v\"]}", "in place of"),
        ] {
            let error = captures.compare("{\"a\":1,\"b\":[\"{x}\"]}", json, found).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }
}
