//! Script answers, read as strictly as a test must: a browser would run anything.

use serde_json::Value;

/// Takes the JSON out of `/**/cb(...);`.
///
/// The error says what a browser or an attacker could make of the deviation.
pub fn parse(body: &[u8], callback: &str) -> Result<Value, String> {
    let body = std::str::from_utf8(body).map_err(|e| format!("a script is not UTF-8: {e}"))?;
    let call = body
        .strip_prefix("/**/")
        .ok_or("a script lacks the prefix /**/, so that its first bytes can be chosen")?;
    let json = call
        .strip_prefix(callback)
        .and_then(|rest| rest.strip_prefix('('))
        .ok_or_else(|| format!("a script does not call {callback}("))?;
    let json = json.strip_suffix(");").ok_or("a script does not end in );")?;
    if let Some(raw) = json.chars().find(|c| matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}')) {
        return Err(format!("a script holds an unescaped {raw:?}"));
    }
    serde_json::from_str(json).map_err(|e| format!("the argument of a script is not JSON: {e}"))
}

/// Checks the headers without which a script answer can be abused.
pub fn check_headers(header: impl Fn(&str) -> Option<String>) -> Result<(), String> {
    for (name, expected) in
        [("content-type", "application/javascript; charset=utf-8"), ("x-content-type-options", "nosniff")]
    {
        let found = header(name);
        if found.as_deref() != Some(expected) {
            return Err(format!("a script has {name}: {found:?} where it must have {expected:?}"));
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_form_is_read() {
        let value = parse(br#"/**/go({"ok":true,"x":"\u003c"});"#, "go").unwrap();
        assert_eq!(value["x"], "<");
    }

    #[test]
    fn deviations_are_refused() {
        for (body, word) in [
            ("go({});", "prefix"),
            ("/**/no({});", "does not call"),
            ("/**/go({})", "does not end"),
            ("/**/go({});\n", "does not end"),
            ("/**/go({\"a\":\"</script>\"});", "unescaped"),
            ("/**/go({\"a\":\"\u{2028}\"});", "unescaped"),
            ("/**/go({});alert(1);", "not JSON"),
        ] {
            let error = parse(body.as_bytes(), "go").unwrap_err();
            assert!(error.contains(word), "{body}: {error}");
        }
    }

    #[test]
    fn a_script_without_nosniff_is_refused() {
        let plain =
            |name: &str| (name == "content-type").then(|| "application/javascript; charset=utf-8".to_owned());
        assert!(check_headers(plain).unwrap_err().contains("nosniff"));
    }
}
