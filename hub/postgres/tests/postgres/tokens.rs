//! Ways for a token to come, and keys of all kinds.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use polysocket_config::Span;
use polysocket_postgres::Wire;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::bed::{Bed, Client, Envelopes, SECRET, now, token};
use polysocket_tests::postgres_server::PostgresServer;

#[tokio::test]
async fn tokens_that_stay_out_of_logs() {
    let server = PostgresServer::start().await;
    let bed = Bed::new(&server).await;
    let (two, good) = (
        token(&json!({"mode": "rw", "channels": ["a", "b"]})),
        token(&json!({"mode": "rw", "channel": "a"})),
    );
    let bearer = format!("Bearer {good}");
    let mut by_header = Client::try_open(bed.address, "/", &[("Authorization", &bearer)]).await.unwrap();
    let offered = format!("bearer, {two}");
    let mut by_protocol =
        Client::try_open(bed.address, "/a", &[("Sec-WebSocket-Protocol", &offered)]).await.unwrap();
    assert_eq!(by_protocol.head.header("sec-websocket-protocol"), Some("bearer"));
    assert_eq!(by_header.head.header("sec-websocket-protocol"), None);
    let mut by_message = Client::open(bed.address, "/a?token=message").await;
    by_message.say(&two).await;
    by_message.say("in turn").await;
    for client in [&mut by_header, &mut by_protocol, &mut by_message] {
        assert_eq!(client.payload().await, "in turn");
    }
    // A token that is refused.
    let mut refused = Client::open(bed.address, "/c?token=message").await;
    refused.say(&two).await;
    assert_eq!(refused.closed().await, (Some(1008), "No allowed channels".to_owned()));
    let mut expired = Client::open(bed.address, "/?token=message").await;
    expired.say(&token(&json!({"mode": "r", "channel": "c", "exp": 1}))).await;
    assert_eq!(expired.closed().await, (Some(1008), "Token expired".to_owned()));
    // It also expires while it is used.
    let mut soon = Client::open(bed.address, "/?token=message").await;
    soon.say(&token(&json!({"mode": "r", "channel": "c", "exp": now() + 0.2}))).await;
    assert_eq!(soon.closed().await, (Some(3001), "JWT expired".to_owned()));
    let bed = Bed::with(&server, Wire::Seed, |config| config.token_within = Span::millis(50)).await;
    let late = Client::open(bed.address, "/?token=message").await;
    assert_eq!(late.closed().await, (Some(1008), "Error: no token came".to_owned()));
}

#[tokio::test]
async fn claims_elsewhere_and_patterns() {
    let server = PostgresServer::start().await;
    let bed = Bed::with(&server, Wire::Seed, |config| {
        config.claim_mode = "https://example.com/mode".into();
        config.claim_channel = "/app/channel".into();
        config.claim_patterns = "/app/patterns".into();
    })
    .await;
    let claims =
        json!({"https://example.com/mode": "rw", "app": {"channel": "lobby", "patterns": ["room:*"]}});
    let path = token(&claims);
    let mut lobby = Client::open(bed.address, &format!("/{path}")).await;
    lobby.say("x").await;
    assert_eq!(lobby.json().await, json!({"userClaims": claims, "payload": "x"}));
    let mut room = Client::open(bed.address, &format!("/room:5/{path}")).await;
    room.say("y").await;
    assert_eq!(room.payload().await, "y");
    lobby.silent().await;
    let hall = Client::try_open(bed.address, &format!("/hall/{path}"), &[]).await;
    assert_eq!(hall.expect_err("not in the token").text(), "No allowed channels");
}

#[tokio::test]
async fn secrets_as_the_original_takes_them() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let server = PostgresServer::start().await;
    let jwk = |secret: &str| json!({"kty": "oct", "alg": "HS256", "k": URL_SAFE_NO_PAD.encode(secret)});
    let wrong = "wrongwrongwrongwrongwrongwrongwr";
    for (secret, base64, good) in [
        (SECRET.to_owned(), false, true),
        (jwk(SECRET).to_string(), false, true),
        (json!({"keys": [jwk(wrong), jwk(SECRET)]}).to_string(), false, true),
        (json!({"keys": [jwk(wrong)]}).to_string(), false, false),
        (URL_SAFE_NO_PAD.encode(SECRET), true, true),
    ] {
        let bed = Bed::with(&server, Wire::Seed, |config| {
            config.jwt_secret = Some(secret.clone());
            config.jwt_secret_base64 = base64;
        })
        .await;
        let path = format!("/{}", token(&json!({"mode": "r", "channel": "c"})));
        assert_eq!(Client::try_open(bed.address, &path, &[]).await.is_ok(), good, "{secret}");
    }
}

/// Answers every request with what is the key set then.
async fn issuer(sets: Vec<Value>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for set in sets {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let body = set.to_string();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    format!("http://{address}/jwks.json")
}

#[tokio::test]
async fn keys_of_an_issuer() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let server = PostgresServer::start().await;
    let key = |id: &str| {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        // An uncompressed point: 4, x, y.
        let point = pair.public_key_raw()[1..].to_vec();
        let [x, y] = [&point[..32], &point[32..]].map(|half| URL_SAFE_NO_PAD.encode(half));
        let jwk =
            json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": id, "use": "sig", "alg": "ES256"});
        (pair, jwk)
    };
    let ((first, first_jwk), (second, second_jwk)) = (key("1"), key("2"));
    let signed = |pair: &rcgen::KeyPair, id: &str| {
        let header = Header { kid: Some(id.to_owned()), ..Header::new(Algorithm::ES256) };
        let key = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap();
        format!("/{}", encode(&header, &json!({"mode": "r", "channel": "c"}), &key).unwrap())
    };
    let url = issuer(vec![json!({"keys": [first_jwk]}), json!({"keys": [first_jwk, second_jwk]})]).await;
    let bed = Bed::with(&server, Wire::Seed, |config| {
        config.jwt_secret = None;
        config.jwks_url = Some(url);
        config.jwks_refresh_floor = Span::millis(0);
    })
    .await;
    Client::open(bed.address, &signed(&first, "1")).await;
    // A key that is new to us is fetched.
    Client::open(bed.address, &signed(&second, "2")).await;
    // The issuer is gone by now: what was fetched holds on, and what is not among it does not.
    Client::open(bed.address, &signed(&first, "1")).await;
    let forged = Client::try_open(bed.address, &signed(&first, "3"), &[]).await;
    drop(forged.expect("a key that signs for another id is a key nevertheless"));
    let forged = Client::try_open(bed.address, &signed(&key("1").0, "1"), &[]).await;
    assert!(forged.is_err());
    let shared =
        Client::try_open(bed.address, &format!("/{}", token(&json!({"mode": "r", "channel": "c"}))), &[])
            .await;
    assert!(shared.is_err());
}
