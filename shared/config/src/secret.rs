//! Which values are never shown.

use toml::Value;

use crate::Key;

/// Whether the value of a key with this name may be a secret, or hold one.
///
/// Errors and `{:?}` do not show such values. Names that contain `secret`, `password` or `token`; that are
/// `key` or end in `_key` or `keys`; and that end in `url` or `urls`, since a URL may carry credentials.
/// Told by name, so that no declaration can forget it. Of a list of tables the columns are told by their own
/// names: in `auth.tokens`, `key` is a secret and `name` is not.
///
/// ```
/// assert!(polysocket_config::may_hold_secret("redis_url"));
/// assert!(!polysocket_config::may_hold_secret("listen"));
/// ```
pub fn may_hold_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["secret", "password", "token"].iter().any(|word| name.contains(word))
        || ["_key", "keys", "url", "urls"].iter().any(|end| name.ends_with(end))
        || name == "key"
}

/// The texts in a table that are, or are part of, values that may be secrets; longest first.
pub(crate) fn values(keys: &[Key], table: &toml::Table) -> Vec<String> {
    let mut found = Vec::new();
    collect(keys, table, &mut found);
    found.sort_by_key(|text| std::cmp::Reverse(text.len()));
    found
}

fn collect(keys: &[Key], table: &toml::Table, found: &mut Vec<String>) {
    for (name, value) in table {
        match (keys.iter().find(|key| key.name == name), value) {
            (Some(key), Value::Array(rows)) if !key.columns.is_empty() => {
                rows.iter().filter_map(Value::as_table).for_each(|row| collect(&key.columns, row, found));
            }
            _ if may_hold_secret(name) => texts(value, found),
            _ => {}
        }
    }
}

fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if !text.is_empty() => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Table(table) => table.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}

/// A text with every secret in it replaced: a check that quotes a value must not give it away.
pub(crate) fn without(text: &str, secrets: &[String]) -> String {
    secrets.iter().fold(text.to_owned(), |text, secret| replace(&text, secret))
}

/// Shorter secrets are replaced where they stand as a word only. Nobody keeps a secret in three letters, but
/// somebody tries the program with `x`, and must be able to read what is wrong with it.
const REPLACED_ANYWHERE_BYTES_MIN: usize = 4;

fn replace(text: &str, secret: &str) -> String {
    let mut shown = String::new();
    let mut rest = 0;
    for (start, found) in text.match_indices(secret) {
        let end = start + found.len();
        let in_a_word =
            text[..start].ends_with(char::is_alphanumeric) || text[end..].starts_with(char::is_alphanumeric);
        if secret.len() >= REPLACED_ANYWHERE_BYTES_MIN || !in_a_word {
            shown.push_str(&text[rest..start]);
            shown.push_str("(hidden)");
            rest = end;
        }
    }
    shown + &text[rest..]
}

#[cfg(test)]
mod tests {
    use super::{may_hold_secret, without};

    #[test]
    fn by_name() {
        for name in ["secret", "jwt_secret_file", "password", "static_tokens", "TOKEN", "signing_key", "key"]
        {
            assert!(may_hold_secret(name), "{name}");
        }
        for name in ["api_keys", "keys", "redis_url", "url", "jwks_url", "upstream_urls"] {
            assert!(may_hold_secret(name), "{name}");
        }
        for name in ["listen", "keyword", "monkey", "urlencoded", "cookie"] {
            assert!(!may_hold_secret(name), "{name}");
        }
    }

    #[test]
    fn secrets_are_taken_out_of_texts() {
        let secrets = ["hunter2".to_owned(), "x".to_owned()];
        assert_eq!(without("`hunter2`, yhunter2y", &secrets), "`(hidden)`, y(hidden)y");
        assert_eq!(without("x is next to `x`: max", &secrets), "(hidden) is next to `(hidden)`: max");
        assert_eq!(without("nothing", &secrets), "nothing");
    }
}
