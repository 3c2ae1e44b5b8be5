//! An example file.

use toml::Value;

use super::{prose, put, type_words};
use crate::environment::variable;
use crate::{Composite, Key, Kind, Outline};

/// A TOML file of `C` with every key at its default, commented out.
///
/// A line that begins with `#` and no space is a setting; all others that begin with `#` are comments. As it
/// is, the file changes nothing.
pub fn example<C: Composite>() -> String {
    let mut file = String::from(
        "# The configuration of Polysocket: every key with its default.\n\
         # A line that begins with # and no space is a setting: take the # away to change it.\n",
    );
    for outline in &C::outlines() {
        section(&mut file, outline);
    }
    file
}

fn section(file: &mut String, outline: &Outline) {
    file.push('\n');
    comment(file, &outline.doc);
    put(file, format_args!("[{}]\n", outline.name));
    // In TOML a key below the header of another table belongs to that table.
    let (tables, plain): (Vec<&Key>, Vec<&Key>) =
        outline.keys.iter().partition(|key| !key.columns.is_empty());
    for key in plain {
        let variable = match key.kind {
            Kind::Tables => String::new(),
            _ => format!(", ${}", variable(outline, key)),
        };
        setting(file, key, &variable);
    }
    for key in tables {
        table(file, &outline.path(key.name), key);
    }
}

fn setting(file: &mut String, key: &Key, also: &str) {
    file.push('\n');
    comment(file, &key.doc);
    let unset = if key.default.is_none() { ", none by default" } else { "" };
    put(file, format_args!("# ({}{unset}{also})\n", type_words(key)));
    let value = key.default.clone().unwrap_or_else(|| sample(key.kind));
    put(file, format_args!("#{} = {value}\n", key.name));
}

fn table(file: &mut String, path: &str, key: &Key) {
    file.push('\n');
    comment(file, &key.doc);
    put(file, format_args!("# (once for each)\n#[[{path}]]\n"));
    let (tables, plain): (Vec<&Key>, Vec<&Key>) = key.columns.iter().partition(|key| !key.columns.is_empty());
    for column in plain {
        setting(file, column, "");
    }
    for column in tables {
        table(file, &format!("{path}.{}", column.name), column);
    }
}

fn comment(file: &mut String, doc: &str) {
    for line in prose(doc).lines() {
        put(file, format_args!("{}\n", format!("# {line}").trim_end()));
    }
}

/// A value of the right kind for a key that has none by default.
fn sample(kind: Kind) -> Value {
    match kind {
        Kind::Text => Value::String(String::new()),
        Kind::Number => Value::Integer(0),
        Kind::Bool => Value::Boolean(false),
        Kind::Span => Value::String("5s".to_owned()),
        Kind::Size => Value::String("1MiB".to_owned()),
        Kind::List | Kind::Tables => Value::Array(Vec::new()),
    }
}
