//! Whether a value fits its key, and what to say when it does not.

use toml::Value;

use crate::nearest::nearest;
use crate::{Key, Kind, may_hold_secret};

/// How much of a wrong text an error shows, in characters.
const SHOWN_CHARS_MAX: usize = 60;

/// Whether the key's type takes a value; else what it says.
pub(crate) type Accepts<'a> = &'a dyn Fn(Value) -> Result<(), String>;

/// Something wrong at one place of a value: `auth.tokens[0].targets`.
pub(crate) struct Misfit {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The value of a key in a variable or a flag.
///
/// What cannot be read stays text, and does not fit then.
pub(crate) fn from_text(kind: Kind, text: &str) -> Value {
    let text = text.trim();
    let read = match kind {
        Kind::Text | Kind::Span | Kind::Size | Kind::Tables => None,
        Kind::Bool => text.parse().ok().map(Value::Boolean),
        Kind::Number => text
            .parse()
            .ok()
            .map(Value::Integer)
            .or_else(|| text.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Float)),
        Kind::List => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Some(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()))
        }
    };
    read.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// All that is wrong with the value of a key; `path` is its full name. `in_file` allows advice on quoting.
pub(crate) fn misfits(
    key: &Key,
    path: &str,
    value: &Value,
    in_file: bool,
    accepts: Accepts<'_>,
) -> Vec<Misfit> {
    let mut examination = Examination { in_file, misfits: Vec::new() };
    examination.key(key, path, value, accepts);
    examination.misfits
}

struct Examination {
    in_file: bool,
    misfits: Vec<Misfit>,
}

impl Examination {
    fn report(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.misfits.push(Misfit { path: path.into(), text: text.into() });
    }

    fn key(&mut self, key: &Key, path: &str, value: &Value, accepts: Accepts<'_>) {
        let secret = may_hold_secret(key.name);
        if !fits(key.kind, value) {
            let advice = if self.in_file { advice(key.kind, path, value) } else { missing(value).to_owned() };
            return self.report(path, format!("takes {}, not {}{advice}", key.takes, shown(value, secret)));
        }
        let before = self.misfits.len();
        if let Value::Array(items) = value {
            match key.kind {
                Kind::List => self.items(key, path, items, accepts),
                Kind::Tables if !key.columns.is_empty() => self.rows(key, path, items, accepts),
                _ => {}
            }
        }
        // Only when nothing more exact was found.
        if self.misfits.len() == before
            && let Err(said) = accepts(value.clone())
        {
            if key.kind == Kind::Tables {
                // What the type said may quote a column that is a secret.
                return self
                    .report(path, "one of its tables cannot be read; docs/CONFIG.md says what they take");
            }
            let advice = if self.in_file { "" } else { missing(value) };
            let why = reason(key, &said, secret);
            self.report(path, format!("takes {}, not {}{why}{advice}", key.takes, shown(value, secret)));
        }
    }

    fn items(&mut self, key: &Key, path: &str, items: &[Value], accepts: Accepts<'_>) {
        let secret = may_hold_secret(key.name);
        for (index, item) in items.iter().enumerate() {
            let place = format!("{path}[{index}]");
            if !fits(Kind::Text, item) {
                let advice = advice(Kind::Text, path, item);
                self.report(place, format!("takes text, not {}{advice}", shown(item, secret)));
            } else if let Err(said) = accepts(Value::Array(vec![item.clone()])) {
                let why = reason(key, &said, secret);
                self.report(place, format!("takes {}; {} does not fit{why}", key.takes, shown(item, secret)));
            }
        }
    }

    fn rows(&mut self, key: &Key, path: &str, rows: &[Value], accepts: Accepts<'_>) {
        let secret = may_hold_secret(key.name);
        for (index, row) in rows.iter().enumerate() {
            let place = format!("{path}[{index}]");
            let Value::Table(row) = row else {
                self.report(place, format!("takes a table of columns, not {}", shown(row, secret)));
                continue;
            };
            for (name, value) in row {
                let place = format!("{place}.{name}");
                let Some(column) = key.columns.iter().find(|column| column.name == name) else {
                    self.report(place, no_such_column(name, &key.columns));
                    continue;
                };
                let accepts = |value| {
                    let row = toml::Table::from_iter([(name.clone(), value)]);
                    accepts(Value::Array(vec![Value::Table(row)]))
                };
                self.key(column, &place, value, &accepts);
            }
        }
    }
}

fn fits(kind: Kind, value: &Value) -> bool {
    match kind {
        Kind::Text | Kind::Span => value.is_str(),
        Kind::Number => value.is_integer() || value.is_float(),
        Kind::Bool => value.is_bool(),
        Kind::Size => value.is_str() || value.is_integer(),
        Kind::List | Kind::Tables => value.is_array(),
    }
}

/// How to write in a file what was probably meant.
fn advice(kind: Kind, path: &str, value: &Value) -> String {
    match (kind, value) {
        (Kind::Text, Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_)) => {
            "; put it in quotes".to_owned()
        }
        (Kind::Number | Kind::Bool, Value::String(text)) if fits(kind, &from_text(kind, text)) => {
            "; write it without quotes".to_owned()
        }
        (Kind::List, Value::String(_)) => "; put it in [ ]".to_owned(),
        (Kind::Tables, _) => format!("; write each one as [[{path}]] with its columns below"),
        _ => String::new(),
    }
}

/// An empty variable is often one that was meant to be unset.
fn missing(value: &Value) -> &'static str {
    if value.as_str() == Some("") { "; give it a value or leave it out" } else { "" }
}

/// What the type said, where that adds to "takes ...". The reasons of serde itself repeat it, and so do those
/// of a type that says in its own words what it takes.
fn reason(key: &Key, said: &str, secret: bool) -> String {
    let of_serde = ["invalid type", "invalid value", "invalid length", "data did not match"];
    let told = key.takes != key.kind.takes() || matches!(key.kind, Kind::Span | Kind::Size);
    if secret || told || of_serde.iter().any(|start| said.starts_with(start)) {
        return String::new();
    }
    format!(": {said}")
}

fn no_such_column(name: &str, columns: &[Key]) -> String {
    let names = || columns.iter().map(|column| column.name);
    match nearest(name, names()) {
        Some(meant) => format!("no such column; did you mean `{meant}`?"),
        None => format!("no such column; there are {}", names().collect::<Vec<_>>().join(", ")),
    }
}

/// A value as an error shows it.
fn shown(value: &Value, secret: bool) -> String {
    let what = match value {
        Value::String(_) => "text",
        Value::Integer(_) | Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    };
    match value {
        Value::Array(_) | Value::Table(_) => what.to_owned(),
        _ if secret => format!("{what} (not shown: it may be a secret)"),
        Value::String(text) if text.chars().count() > SHOWN_CHARS_MAX => {
            format!("{:?}...", text.chars().take(SHOWN_CHARS_MAX).collect::<String>())
        }
        Value::String(text) => format!("{text:?}"),
        other => other.to_string(),
    }
}
