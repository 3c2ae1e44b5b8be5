//! `docs/CONFIG.md` and an example file, from the declared keys. The same keys always give the same text.

mod example;

pub use example::example;

use std::fmt::Write;

use crate::environment::variable;
use crate::{Composite, Key, Kind, Outline, may_hold_secret};

/// The configuration of `C` as Markdown: how to write it, and a table of keys for each section.
pub fn markdown<C: Composite>() -> String {
    let outlines = C::outlines();
    let mut page = introduction(&outlines);
    for outline in &outlines {
        section(&mut page, outline);
    }
    page
}

fn introduction(outlines: &[Outline]) -> String {
    let some_key = outlines.iter().find_map(|outline| {
        let key = outline.keys.iter().find(|key| key.kind != Kind::Tables)?;
        Some((outline.path(key.name), variable(outline, key)))
    });
    let (path, variable) = some_key.unwrap_or_default();
    format!(
        "# Configuration

This page is generated from the keys as the code declares them.

A value is taken from the last of these that has one:

1. the default below;
2. the TOML file, with one `[section]` for each section of this page;
3. the environment: `{path}` is `{variable}`;
4. flags: `--set {path}=value`.

Everything is checked at the start, every problem is told at once, and unknown keys are refused in all layers.

- A duration is a whole number with `ms`, `s`, `m` or `h`, in quotes in the file: `\"250ms\"`, `\"5s\"`, `\"2m\"`, `\"1h\"`.
- Bytes are a whole number, or one with `KiB`, `MiB` or `GiB` and in quotes in the file: `65536`, `\"64KiB\"`.
- A list in a variable or a flag is separated by commas; an empty one is the empty list.
- Tables can be given in the file only.
- Values of keys marked *secret* are not shown in errors or logs. Prefer a variable or a file that others cannot read to a flag: anybody on the machine can read the flags of a process.
- Variables that Kubernetes sets for a service called `polysocket` or `polysocket-...` are ignored.
"
    )
}

fn section(page: &mut String, outline: &Outline) {
    put(page, format_args!("\n## `[{}]`\n\n{}\n", outline.name, prose(&outline.doc)));
    put(
        page,
        format_args!("\n| key | type | default | environment | meaning |\n| --- | --- | --- | --- | --- |\n"),
    );
    for key in &outline.keys {
        let variable = match key.kind {
            Kind::Tables => "file only".to_owned(),
            _ => code(&variable(outline, key)),
        };
        row(page, &[code(key.name), type_words(key), default(key), variable, meaning(key)]);
    }
    for key in &outline.keys {
        columns(page, &outline.path(key.name), key);
    }
}

/// The columns of a key's tables, and of the tables in them.
fn columns(page: &mut String, path: &str, key: &Key) {
    if key.columns.is_empty() {
        return;
    }
    put(page, format_args!("\n### `[[{path}]]`\n\n{}\n", prose(&key.doc)));
    put(page, format_args!("\n| column | type | default | meaning |\n| --- | --- | --- | --- |\n"));
    for column in &key.columns {
        row(page, &[code(column.name), type_words(column), default(column), meaning(column)]);
    }
    for column in &key.columns {
        columns(page, &format!("{path}.{}", column.name), column);
    }
}

fn put(page: &mut String, text: std::fmt::Arguments<'_>) {
    page.write_fmt(text).expect("a string takes everything");
}

fn row(page: &mut String, cells: &[String]) {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    put(page, format_args!("| {} |\n", cells.join(" | ")));
}

fn code(text: &str) -> String {
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

/// What the key takes; types that take less than their kind say so in their own words.
fn type_words(key: &Key) -> String {
    if key.takes == key.kind.takes() {
        return key.kind.word().to_owned();
    }
    let takes = key.takes.as_str();
    takes.strip_prefix("a ").or_else(|| takes.strip_prefix("an ")).unwrap_or(takes).to_owned()
}

fn default(key: &Key) -> String {
    match &key.default {
        None => "none".to_owned(),
        Some(toml::Value::Array(rows)) if key.kind == Kind::Tables && rows.is_empty() => "none".to_owned(),
        Some(value) => code(&value.to_string()),
    }
}

fn meaning(key: &Key) -> String {
    // Of tables the columns are marked. A lifetime of tokens is hidden like a token, being told by its name
    // alone, but is no secret.
    let may_be_secret = key.columns.is_empty()
        && matches!(key.kind, Kind::Text | Kind::List | Kind::Tables)
        && may_hold_secret(key.name);
    let mark = if may_be_secret { "*Secret.* " } else { "" };
    // A cell is one line.
    let words: Vec<&str> = key.doc.split_whitespace().collect();
    format!("{mark}{}", prose(&words.join(" ")))
}

/// Documentation outside of rustdoc, where a link to an item leads nowhere.
fn prose(doc: &str) -> String {
    doc.replace("[`", "`").replace("`]", "`")
}
