//! What the body of `prepare` and `edit` says.

use polysocket_outbound::{Policy, Refused, Target};
use serde_json::{Map, Value};

use crate::channel::{Edit, Lifecycle, Settings};
use crate::hooks::Secret;

/// Longest tag, bytes.
pub const TAG_BYTES_MAX: usize = 256;

/// Why a body is refused: the client's fault. The texts go to it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// `edit` needs a JSON object.
    #[error("Invalid json passed")]
    NotJson,
    /// Not text, or not an http(s) URL that could be dialled.
    #[error("Invalid hook url")]
    Hook,
    /// The operator does not allow it. Why is for the log: it may tell of the operator's network.
    #[error("Hook url not allowed")]
    NotAllowed(Refused),
    /// Not text, or too long.
    #[error("Invalid tag: text of at most {TAG_BYTES_MAX} bytes is taken")]
    Tag,
    /// Not a list of known words.
    #[error("Invalid hook_events: a list of connect, disconnect and empty is taken")]
    Events,
    /// Not one that can be used.
    #[error("Invalid hook_secret: true for a new one, or whsec_ and 24 to 64 bytes in base64")]
    Secret,
}

/// The settings of a new channel. As in the original, a body that is no JSON object says nothing.
pub fn for_prepare(body: &[u8], policy: &Policy) -> Result<Settings, OptionError> {
    let mut settings = Settings::default();
    if let Ok(Value::Object(object)) = serde_json::from_slice(body) {
        read(&object, policy)?.apply(&mut settings);
    }
    Ok(settings)
}

/// A change of settings.
pub fn for_edit(body: &[u8], policy: &Policy) -> Result<Edit, OptionError> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => read(&object, policy),
        _ => Err(OptionError::NotJson),
    }
}

fn read(object: &Map<String, Value>, policy: &Policy) -> Result<Edit, OptionError> {
    Ok(Edit {
        hook: hook(object.get("subscriber_message_hook_url"), policy)?,
        tag: tag(object.get("tag"))?,
        events: object.get("hook_events").map(events).transpose()?,
        secret: object.get("hook_secret").map(secret).transpose()?,
    })
}

fn hook(value: Option<&Value>, policy: &Policy) -> Result<Option<String>, OptionError> {
    let text = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) if text.is_empty() => return Ok(None),
        Some(Value::String(text)) => text,
        Some(_) => return Err(OptionError::Hook),
    };
    let target = Target::parse_http(text).map_err(|_| OptionError::Hook)?;
    policy.check(&target).map_err(OptionError::NotAllowed)?;
    Ok(Some(text.clone()))
}

fn tag(value: Option<&Value>) -> Result<Option<String>, OptionError> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.len() <= TAG_BYTES_MAX => Ok(Some(text.clone())),
        Some(_) => Err(OptionError::Tag),
    }
}

fn events(value: &Value) -> Result<Lifecycle, OptionError> {
    let Value::Array(names) = value else {
        return if value.is_null() { Ok(Lifecycle::default()) } else { Err(OptionError::Events) };
    };
    names.iter().try_fold(Lifecycle::default(), |events, name| {
        let event = name.as_str().and_then(Lifecycle::by_name).ok_or(OptionError::Events)?;
        Ok(events.with(event))
    })
}

fn secret(value: &Value) -> Result<Option<Secret>, OptionError> {
    match value {
        Value::Null | Value::Bool(false) => Ok(None),
        Value::Bool(true) => Ok(Some(Secret::random())),
        Value::String(text) => Secret::parse(text).map(Some).map_err(|_| OptionError::Secret),
        _ => Err(OptionError::Secret),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use polysocket_outbound::TargetsConfig;

    fn prepare(body: &str) -> Result<Settings, OptionError> {
        for_prepare(body.as_bytes(), &Policy::new(&TargetsConfig::default()).unwrap())
    }

    fn edit(body: &str) -> Result<Edit, OptionError> {
        for_edit(body.as_bytes(), &Policy::new(&TargetsConfig::default()).unwrap())
    }

    #[test]
    fn a_body_that_says_nothing() {
        for body in ["", "[]", "{}", "junk", "{\"tag\":", "null", "7", "\"x\"", "{\"other\":1}"] {
            assert_eq!(prepare(body), Ok(Settings::default()), "{body}");
        }
        assert_eq!(
            for_prepare(b"\xff\xfe", &Policy::new(&TargetsConfig::default()).unwrap()),
            Ok(Settings::default())
        );
        for body in ["", "[]", "junk", "null"] {
            assert_eq!(edit(body), Err(OptionError::NotJson), "{body}");
        }
        assert_eq!(edit("{}"), Ok(Edit { hook: None, tag: None, events: None, secret: None }));
    }

    #[test]
    fn hooks() {
        let hook = |value: &str| prepare(&format!("{{\"subscriber_message_hook_url\":{value}}}"));
        let url = "https://example.com:8443/log.php?room=1&x=%20";
        assert_eq!(hook(&format!("\"{url}\"")).unwrap().hook.as_deref(), Some(url));
        for none in ["null", "\"\""] {
            assert_eq!(hook(none).unwrap().hook, None, "{none}");
        }
        for wrong in [
            "7",
            "true",
            "[]",
            "{}",
            "\"log.php\"",
            "\"ftp://example.com/\"",
            "\"ws://example.com/\"",
            "\"http://\"",
            "\"http://user:secret@example.com/\"",
            "\"http://example.com/#x\"",
            "\"file:///etc/passwd\"",
        ] {
            assert_eq!(hook(wrong), Err(OptionError::Hook), "{wrong}");
        }
        for inside in
            ["http://localhost/", "http://127.1/", "http://[::ffff:10.0.0.1]/", "http://169.254.169.254/x"]
        {
            assert!(matches!(hook(&format!("\"{inside}\"")), Err(OptionError::NotAllowed(_))), "{inside}");
        }
    }

    #[test]
    fn what_the_original_did_not_have() {
        let settings =
            prepare(r#"{"tag":"ü","hook_events":["empty","connect"],"hook_secret":true}"#).unwrap();
        assert_eq!(settings.tag.as_deref(), Some("ü"));
        assert_eq!(settings.events.names(), ["connect", "empty"]);
        assert!(settings.secret.is_some());
        assert_eq!(edit(r#"{"hook_secret":null,"hook_events":null}"#).unwrap().secret, Some(None));
        for (body, error) in [
            (r#"{"tag":7}"#.to_owned(), OptionError::Tag),
            (format!(r#"{{"tag":"{}"}}"#, "x".repeat(TAG_BYTES_MAX + 1)), OptionError::Tag),
            (r#"{"hook_events":"connect"}"#.to_owned(), OptionError::Events),
            (r#"{"hook_events":["message"]}"#.to_owned(), OptionError::Events),
            (r#"{"hook_secret":"hunter2"}"#.to_owned(), OptionError::Secret),
        ] {
            assert_eq!(prepare(&body), Err(error), "{body}");
        }
    }
}
