//! JSON as the original read it: names of keys match without regard to case, an exact one first.

use polysocket_config::Problem;
use serde_json::{Map, Value};

/// An object of the file, and the place it is at.
pub(super) struct Object<'a> {
    map: &'a Map<String, Value>,
    place: String,
}

impl<'a> Object<'a> {
    /// The object at a place; `null` is an empty one, as it leaves the original's defaults.
    pub(super) fn of(value: &'a Value, place: String, problems: &mut Vec<Problem>) -> Option<Self> {
        static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
        match value {
            Value::Object(map) => Some(Self { map, place }),
            Value::Null => Some(Self { map: &EMPTY, place }),
            _ => {
                problems.push(Problem::new(&place, format!("is {}, and must be an object", kind(value))));
                None
            }
        }
    }

    pub(super) fn place(&self, key: &str) -> String {
        if self.place.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place) }
    }

    /// The value of a key; `null` is none.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        let exact = self.map.get(key);
        let folded = || self.map.iter().find(|(name, _)| fold(name) == fold(key)).map(|(_, value)| value);
        exact.or_else(folded).filter(|value| !value.is_null())
    }

    /// The keys that are none of `known`.
    pub(super) fn unknown(&self, known: &[&str]) -> impl Iterator<Item = String> {
        let unknown = |name: &&String| !known.iter().any(|known| fold(known) == fold(name));
        self.map.keys().filter(unknown).map(|name| self.place(name)).collect::<Vec<_>>().into_iter()
    }

    fn read<T>(
        &self,
        key: &str,
        must: &str,
        problems: &mut Vec<Problem>,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.get(key)?;
        let found = read(value);
        if found.is_none() {
            problems.push(Problem::new(&self.place(key), format!("is {}, and must be {must}", kind(value))));
        }
        found
    }

    pub(super) fn text(&self, key: &str, problems: &mut Vec<Problem>) -> Option<&'a str> {
        self.read(key, "text", problems, Value::as_str)
    }

    pub(super) fn flag(&self, key: &str, problems: &mut Vec<Problem>) -> Option<bool> {
        self.read(key, "true or false", problems, Value::as_bool)
    }

    pub(super) fn whole(&self, key: &str, max: u64, problems: &mut Vec<Problem>) -> Option<u64> {
        let must = format!("a whole number from 0 to {max}");
        self.read(key, &must, problems, |value| value.as_u64().filter(|number| *number <= max))
    }

    pub(super) fn list(&self, key: &str, problems: &mut Vec<Problem>) -> Option<&'a Vec<Value>> {
        self.read(key, "a list", problems, Value::as_array)
    }

    pub(super) fn texts(&self, key: &str, problems: &mut Vec<Problem>) -> Option<Vec<String>> {
        self.read(key, "a list of text", problems, |value| {
            value.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
        })
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        self.map.iter()
    }
}

fn fold(name: &str) -> String {
    name.to_lowercase()
}

/// What a value is; never the value, which may be a secret.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
