//! What a token says its bearer may do. Pure: the time is passed in.

use serde_json::{Map, Value};

use crate::error::Rejection;
use crate::name;

/// Where claims are: a name, or a path into nested claims (`/app/mode`, RFC 6901).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    pub mode: String,
    pub channel: String,
    pub channels: String,
    pub patterns: String,
}

/// How exact the time has to be, and what else is asked of a token.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Seconds by which clocks may differ.
    pub leeway: f64,
    /// `aud` has to be, or to have, this.
    pub audience: Option<String>,
    /// A token that lists no channels may open any.
    pub wildcard: bool,
}

/// What the bearer may do on which channels.
#[derive(Debug, Clone, PartialEq)]
pub struct Access {
    pub reads: bool,
    pub writes: bool,
    /// At least one; each is a valid name, and none is there twice.
    pub channels: Vec<String>,
    /// Seconds since the epoch.
    pub expires: Option<f64>,
    /// All claims, as the token had them.
    pub claims: Map<String, Value>,
}

impl Access {
    /// Judges claims whose signature was right. `asked` is the channel of the URL: as it is there, and percent-decoded.
    pub fn judge(
        claims: Map<String, Value>,
        asked: Option<&Asked>,
        places: &Places,
        rules: &Rules,
        now: f64,
    ) -> Result<Self, Rejection> {
        let expires = number(&claims, "exp")?;
        if expires.is_some_and(|at| now >= at + rules.leeway) {
            return Err(Rejection::Expired);
        }
        if number(&claims, "nbf")?.is_some_and(|at| at > now + rules.leeway) {
            return Err(Rejection::Token("the token is not valid yet"));
        }
        if number(&claims, "iat")?.is_some_and(|at| at > now + rules.leeway) {
            return Err(Rejection::Token("the token is from the future; are clocks right?"));
        }
        if rules.audience.as_deref().is_some_and(|audience| !has_audience(&claims, audience)) {
            return Err(Rejection::Token("the token is for another audience"));
        }
        let mode = find(&claims, &places.mode).and_then(Value::as_str).unwrap_or_default();
        let (reads, writes) = match mode {
            "r" => (true, false),
            "w" => (false, true),
            "rw" => (true, true),
            _ => return Err(Rejection::MissingMode),
        };
        let listed = Listed::of(&claims, places)?;
        let channels = listed.choose(asked, rules.wildcard).ok_or(Rejection::NoChannels)?;
        if !channels.iter().all(|channel| name::is_valid(channel)) {
            return Err(Rejection::NoChannels);
        }
        let expires = expires.map(|at| at + rules.leeway);
        Ok(Self { reads, writes, channels, expires, claims })
    }
}

/// A channel as a URL has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub raw: String,
    pub decoded: Option<String>,
}

impl Asked {
    /// As it is written, or decoded: the first that `allowed` takes.
    fn first(&self, allowed: impl Fn(&str) -> bool) -> Option<String> {
        if allowed(&self.raw) {
            return Some(self.raw.clone());
        }
        self.decoded.clone().filter(|decoded| allowed(decoded))
    }
}

/// What channels a token lists.
struct Listed {
    channels: Vec<String>,
    patterns: Vec<String>,
    /// None of the claims is there.
    absent: bool,
}

impl Listed {
    fn of(claims: &Map<String, Value>, places: &Places) -> Result<Self, Rejection> {
        let one = find(claims, &places.channel);
        let many = find(claims, &places.channels);
        let patterns = find(claims, &places.patterns);
        let mut channels: Vec<String> = one.and_then(Value::as_str).map(str::to_owned).into_iter().collect();
        // What is mistyped is no wildcard: the original took it for one.
        for channel in texts(many).ok_or(Rejection::NoChannels)? {
            if !channels.contains(&channel) {
                channels.push(channel);
            }
        }
        let absent = one.is_none() && many.is_none() && patterns.is_none();
        Ok(Self { channels, patterns: texts(patterns).ok_or(Rejection::NoChannels)?, absent })
    }

    fn choose(self, asked: Option<&Asked>, wildcard: bool) -> Option<Vec<String>> {
        let Some(asked) = asked else { return Some(self.channels).filter(|channels| !channels.is_empty()) };
        if self.absent {
            // As it can be decoded: a name with a percent sign in it has to be encoded.
            let name = asked.decoded.clone().unwrap_or_else(|| asked.raw.clone());
            return wildcard.then(|| vec![name]);
        }
        let is_listed = |name: &str| self.channels.iter().any(|channel| channel == name);
        let is_meant = |name: &str| self.patterns.iter().any(|pattern| name::matches(pattern, name));
        let chosen = asked.first(is_listed);
        // A pattern is for what the URL means, not for how it is written.
        chosen.or_else(|| asked.decoded.clone().filter(|name| is_meant(name))).map(|name| vec![name])
    }
}

fn find<'a>(claims: &'a Map<String, Value>, place: &str) -> Option<&'a Value> {
    let Some(path) = place.strip_prefix('/') else { return claims.get(place) };
    let (first, rest) = path.split_once('/').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let first = claims.get(&first.replace("~1", "/").replace("~0", "~"))?;
    rest.map_or(Some(first), |rest| first.pointer(&format!("/{rest}")))
}

/// The texts of a list; nothing is an empty list, and what is no list of texts is none.
fn texts(list: Option<&Value>) -> Option<Vec<String>> {
    let Some(list) = list else { return Some(Vec::new()) };
    list.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
}

fn number(claims: &Map<String, Value>, name: &str) -> Result<Option<f64>, Rejection> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::Number(number)) => Ok(number.as_f64()),
        Some(_) => Err(Rejection::Token("exp, nbf and iat have to be numbers")),
    }
}

fn has_audience(claims: &Map<String, Value>, audience: &str) -> bool {
    match claims.get("aud") {
        Some(Value::String(one)) => one == audience,
        Some(Value::Array(many)) => many.iter().any(|one| one == audience),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
