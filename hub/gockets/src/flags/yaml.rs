//! As much YAML as the original's file has: keys with a plain or quoted value, or with a list of them.

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Plain or quoted.
    Text(String),
    /// `[a, b]`, or a line `- a` for each.
    List(Vec<String>),
}

/// The keys in their order, or what is wrong, with the line.
pub(super) fn read(text: &str) -> Result<Vec<(String, Value)>, String> {
    let mut found: Vec<(String, Value)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let wrong = |what: &str| format!("line {}: {what}", index + 1);
        let content = without_comment(line);
        let bare = content.trim();
        if bare.is_empty() || bare == "---" {
            continue;
        }
        if let Some(item) = bare.strip_prefix("- ") {
            match found.last_mut() {
                Some((_, Value::List(items))) => items.push(scalar(item)),
                Some((_, value @ Value::Text(_))) if *value == Value::Text(String::new()) => {
                    *value = Value::List(vec![scalar(item)]);
                }
                _ => return Err(wrong("this item belongs to no key")),
            }
            continue;
        }
        if content.starts_with([' ', '\t']) {
            return Err(wrong("only lists may be indented"));
        }
        let (key, value) = bare.split_once(':').ok_or_else(|| wrong("`key: value` is expected"))?;
        let value = value.trim();
        let value = match value.strip_prefix('[').map(|rest| rest.strip_suffix(']')) {
            None => Value::Text(scalar(value)),
            Some(Some(items)) => {
                Value::List(items.split(',').map(scalar).filter(|item| !item.is_empty()).collect())
            }
            Some(None) => return Err(wrong("the list has no end")),
        };
        found.push((scalar(key), value));
    }
    Ok(found)
}

/// A `#` at the beginning or after a space begins a comment.
fn without_comment(line: &str) -> &str {
    let start = line
        .match_indices('#')
        .map(|(at, _)| at)
        .find(|&at| line[..at].chars().next_back().is_none_or(char::is_whitespace));
    line[..start.unwrap_or(line.len())].trim_end()
}

fn scalar(text: &str) -> String {
    let text = text.trim();
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inner.to_owned();
        }
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Value {
        Value::Text(value.to_owned())
    }

    fn list(values: &[&str]) -> Value {
        Value::List(values.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn what_such_files_have() {
        let file = "---\n# hosts\nport: 8844 # of the server\n\"logLevel\": '3'\nhosts:\n  - a\n  - \"b#c\"\nmore: [x, 'y']\nnone: []\nlist:\n- z\n";
        let expected = [
            ("port", text("8844")),
            ("logLevel", text("3")),
            ("hosts", list(&["a", "b#c"])),
            ("more", list(&["x", "y"])),
            ("none", list(&[])),
            ("list", list(&["z"])),
        ];
        let found = read(file).expect("read");
        assert_eq!(found, expected.map(|(key, value)| (key.to_owned(), value)));
    }

    #[test]
    fn what_is_not_read_is_told() {
        for (file, said) in [
            ("port 8844", "line 1: `key: value` is expected"),
            ("port: 1\n  deep: 2", "line 2: only lists may be indented"),
            ("- a", "line 1: this item belongs to no key"),
            ("a: [b", "line 1: the list has no end"),
        ] {
            assert_eq!(read(file), Err(said.to_owned()), "{file}");
        }
    }
}
