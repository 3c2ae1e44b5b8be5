//! Tokens of the program open sockets.

use polysocket_tests::client::{Create, Event, Message, Session, Settings};

use crate::{Bed, Files, SECRET, SOON, hs256, polysocket};

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_the_program_opens_a_socket() {
    let mut bed = Bed::start(Files::new(), &hs256()).await;
    let token = bed.token(&["--subject", "somebody"]).await;
    let session = Session::open(&bed.http, &bed.wish(&token), Settings::default()).await.unwrap();
    assert!(matches!(session.expect_within(SOON).await, Event::Open { .. }));
    session.send(Message::text("with a token"));
    assert_eq!(session.expect_within(SOON).await, Event::Message(Message::text("with a token")));
    // By script, and as a form: the same.
    let jsonp = Create { jsonp: true, ..bed.wish(&token) };
    assert_eq!(bed.word(&jsonp).await, Ok(()));
    // From a file with the secret, without the configuration.
    let file = bed.files.write("secret", &format!("{SECRET}\n"));
    let ran = polysocket(&["token", "--secret-file", &file, "--target", &bed.pattern()]).await;
    assert_eq!(bed.word(&bed.wish(ran.out.trim())).await, Ok(()), "{}", ran.err);
    let signature = token.rsplit('.').next().unwrap().to_owned();
    bed.keeps_secret(&[&token, &signature, SECRET]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_signed_by_a_private_key_is_checked_with_the_public_one() {
    let files = Files::new();
    let mut auth = String::new();
    let mut private = Vec::new();
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let (key, public) = files.key(algorithm, algorithm).await;
        let id = format!("key-{algorithm}");
        let key_lines = [
            "[[auth.keys]]",
            &format!("id = \"{id}\""),
            &format!("algorithm = \"{algorithm}\""),
            &format!("public_key_file = \"{public}\""),
            "",
        ];
        auth.push_str(&key_lines.join("\n"));
        private.push((algorithm, key));
    }
    let bed = Bed::start(files, &auth).await;
    for (algorithm, key) in &private {
        let id = format!("key-{algorithm}");
        for more in [&[][..], &["--key-id", &id]] {
            let token = bed.token(&[&["--private-key", key], more].concat()).await;
            assert_eq!(bed.word(&bed.wish(&token)).await, Ok(()), "{algorithm} {more:?}");
        }
        // Signed by a key that is not trusted here.
        let (stranger, _) = bed.files.key(&format!("stranger-{algorithm}"), algorithm).await;
        let token = bed.token(&["--private-key", &stranger]).await;
        bed.refuses(&token, "bad-token").await;
        let token = bed.token(&["--private-key", key, "--key-id", "unknown"]).await;
        bed.refuses(&token, "bad-token").await;
    }
    // A public key is no shared secret: the oldest attack on JWTs. The program signs nothing with it.
    let public = bed.files.path("RS256.pub").display().to_string();
    let ran = polysocket(&["token", "--secret-file", &public, "--target", &bed.pattern()]).await;
    assert_eq!((ran.code, ran.out.as_str()), (Some(64), ""));
    assert!(ran.err.contains("PEM"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_upstream_origin_is_the_tokens_to_say() {
    let bed = Bed::start(Files::new(), &hs256()).await;
    let token = bed.token(&["--upstream-origin", "https://trusted.example"]).await;
    let wish = Create { origin: Some("https://page.example".into()), ..bed.wish(&token) };
    assert_eq!(bed.word(&wish).await, Ok(()));
    assert_eq!(bed.upstream.seen()[0].head.header("origin"), Some("https://trusted.example"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_every_router_would_refuse_is_not_made() {
    let files = Files::new();
    let (key, _) = files.key("rsa", "RS256").await;
    let config = files.write("ok.toml", &format!("[auth]\n{}\n", hs256()));
    let short = files.write("short", "short");
    let missing = files.path("missing").display().to_string();
    for (arguments, word) in [
        (vec!["--target", "ws://a.example"], "no key to sign with"),
        (vec!["--target", "ftp://a.example", "--config", &config], "--target ftp://a.example"),
        (vec!["--target", "ws://a.example", "--config", &config, "--expires", "soon"], "--expires"),
        (
            vec!["--target", "ws://a.example", "--config", &config, "--origin", "no origin"],
            "--origin no origin",
        ),
        (vec!["--target", "ws://a.example", "--secret-file", &short], "32"),
        (vec!["--target", "ws://a.example", "--secret-file", &missing], "missing"),
        (vec!["--target", "ws://a.example", "--private-key", &short], "no private key"),
        (vec!["--target", "ws://a.example", "--config", &missing], "missing"),
    ] {
        let ran = polysocket(&[&["token"], &arguments[..]].concat()).await;
        assert_eq!((ran.code, ran.out.as_str()), (Some(64), ""), "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(word), "{arguments:?}: {}", ran.err);
    }
    let both = ["token", "--target", "ws://a.example", "--secret-file", &short, "--private-key", &key];
    assert_ne!(polysocket(&both).await.code, Some(0));
}
