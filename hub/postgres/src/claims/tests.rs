use serde_json::json;

use super::*;

fn places() -> Places {
    let [mode, channel, channels, patterns] =
        ["mode", "channel", "channels", "channel_patterns"].map(str::to_owned);
    Places { mode, channel, channels, patterns }
}

fn rules() -> Rules {
    Rules { wildcard: true, ..Rules::default() }
}

#[allow(clippy::needless_pass_by_value, reason = "a table reads better so")]
fn judge(claims: Value, asked: Option<&str>) -> Result<Access, Rejection> {
    let asked = asked.map(|raw| Asked {
        raw: raw.to_owned(),
        decoded: percent_encoding::percent_decode_str(raw).decode_utf8().ok().map(String::from),
    });
    let claims = claims.as_object().expect("an object").clone();
    Access::judge(claims, asked.as_ref(), &places(), &rules(), 1000.0)
}

#[track_caller]
fn opens(claims: Value, asked: Option<&str>, expected: &[&str]) {
    assert_eq!(
        judge(claims, asked).map(|access| access.channels),
        Ok(expected.iter().map(ToString::to_string).collect())
    );
}

#[track_caller]
fn refuses(claims: Value, asked: Option<&str>, expected: Rejection) {
    assert_eq!(judge(claims, asked).map(|access| access.channels), Err(expected));
}

/// The cases of the original's own test suite (ClaimsSpec).
#[test]
fn the_originals_cases() {
    refuses(json!({"exp": 1, "mode": "rw", "channel": "test"}), None, Rejection::Expired);
    opens(json!({"mode": "rw"}), Some("test"), &["test"]);
    opens(json!({"mode": "rw", "channel": "test"}), Some("test"), &["test"]);
    opens(json!({"mode": "rw", "channels": ["test", "another test"]}), None, &["test", "another test"]);
    opens(json!({"mode": "rw", "channels": ["test", "test2"]}), Some("test"), &["test"]);
    refuses(json!({"mode": "rw", "channels": ["test", "test2"]}), Some("other"), Rejection::NoChannels);
    refuses(json!({"channel": "test"}), None, Rejection::MissingMode);
}

#[test]
fn modes() {
    for (mode, expected) in [("r", (true, false)), ("w", (false, true)), ("rw", (true, true))] {
        let access = judge(json!({"mode": mode, "channel": "c"}), None).expect("access");
        assert_eq!((access.reads, access.writes), expected);
    }
    for mode in [json!("wr"), json!(""), json!("R"), json!(1), json!(null), json!(["r"])] {
        refuses(json!({"mode": mode, "channel": "c"}), None, Rejection::MissingMode);
    }
}

#[test]
fn channels() {
    opens(json!({"mode": "r", "channel": "b", "channels": ["a", "b", "a"]}), None, &["b", "a"]);
    opens(json!({"mode": "r", "channel": 5, "channels": ["a"]}), None, &["a"]);
    // A wildcard is a token that says nothing of channels, not one that says it wrongly.
    for wrong in [json!([]), json!("a"), json!([1]), json!({}), json!(null)] {
        refuses(json!({"mode": "r", "channels": wrong}), Some("a"), Rejection::NoChannels);
    }
    refuses(json!({"mode": "r"}), None, Rejection::NoChannels);
    opens(json!({"mode": "r"}), Some("a%20b"), &["a b"]);
    opens(json!({"mode": "r", "channels": ["a b", "a%20c"]}), Some("a%20b"), &["a b"]);
    opens(json!({"mode": "r", "channels": ["a b", "a%20c"]}), Some("a%20c"), &["a%20c"]);
    let long = "x".repeat(64);
    refuses(json!({"mode": "r"}), Some(&long), Rejection::NoChannels);
    refuses(json!({"mode": "r", "channels": ["a", long]}), None, Rejection::NoChannels);
    refuses(json!({"mode": "r", "channel": ""}), None, Rejection::NoChannels);
    let claims = json!({"mode": "r"}).as_object().expect("an object").clone();
    let asked = Asked { raw: "a".to_owned(), decoded: None };
    let closed = Access::judge(claims, Some(&asked), &places(), &Rules::default(), 0.0);
    assert_eq!(closed, Err(Rejection::NoChannels));
}

#[test]
fn patterns_are_a_claim_of_their_own() {
    let claims = json!({"mode": "r", "channel": "lobby", "channel_patterns": ["room:*"]});
    opens(claims.clone(), Some("room:5"), &["room:5"]);
    opens(claims.clone(), Some("room:%35"), &["room:5"]);
    refuses(claims.clone(), Some("room:%ff"), Rejection::NoChannels);
    opens(claims.clone(), Some("lobby"), &["lobby"]);
    opens(claims.clone(), None, &["lobby"]);
    refuses(claims, Some("hall"), Rejection::NoChannels);
    refuses(json!({"mode": "r", "channel_patterns": ["room:*"]}), None, Rejection::NoChannels);
    refuses(json!({"mode": "r", "channel_patterns": []}), Some("a"), Rejection::NoChannels);
    opens(json!({"mode": "r", "channels": ["room:*"]}), Some("room:*"), &["room:*"]);
    refuses(json!({"mode": "r", "channels": ["room:*"]}), Some("room:5"), Rejection::NoChannels);
}

#[test]
fn times() {
    let at = |name: &str, value: Value| json!({"mode": "r", "channel": "c", name: value});
    for (name, value, expected) in [
        ("exp", json!(1000), Some(Rejection::Expired)),
        ("exp", json!(1000.5), None),
        ("nbf", json!(1001), Some(Rejection::Token("the token is not valid yet"))),
        ("nbf", json!(1000), None),
        ("iat", json!(1001), Some(Rejection::Token("the token is from the future; are clocks right?"))),
        ("iat", json!(999.5), None),
        ("exp", json!("soon"), Some(Rejection::Token("exp, nbf and iat have to be numbers"))),
    ] {
        assert_eq!(judge(at(name, value.clone()), None).err(), expected, "{name} {value}");
    }
    // Expiry is told before a missing mode, as the original does.
    refuses(json!({"exp": 1}), None, Rejection::Expired);
    let late = Rules { leeway: 30.0, ..rules() };
    let claims = at("exp", json!(990)).as_object().expect("an object").clone();
    let access = Access::judge(claims, None, &places(), &late, 1000.0).expect("within the leeway");
    assert_eq!(access.expires, Some(1020.0));
}

#[test]
fn claims_may_be_elsewhere() {
    let places = Places {
        mode: "https://example.com/mode".to_owned(),
        channel: "/app~1x/realtime/channel".to_owned(),
        channels: "/app~1x/realtime/channels".to_owned(),
        ..places()
    };
    let claims = json!({"https://example.com/mode": "r", "app/x": {"realtime": {"channel": "c"}}});
    let claims = claims.as_object().expect("an object").clone();
    let access = Access::judge(claims, None, &places, &rules(), 0.0).expect("access");
    assert_eq!(access.channels, ["c"]);
}

#[test]
fn audiences() {
    let strict = Rules { audience: Some("me".to_owned()), ..rules() };
    for (aud, good) in
        [(json!("me"), true), (json!(["you", "me"]), true), (json!("you"), false), (json!(null), false)]
    {
        let claims = json!({"mode": "r", "channel": "c", "aud": aud}).as_object().expect("an object").clone();
        assert_eq!(Access::judge(claims, None, &places(), &strict, 0.0).is_ok(), good, "{aud}");
    }
}
