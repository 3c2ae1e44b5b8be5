//! A key set that changes.

use std::sync::{Arc, Mutex};

use polysocket_tests::client::base64;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::{Bed, Files, openssl};

/// A key set that can be changed, at `http://127.0.0.1:{port}/keys`.
async fn key_set(keys: Arc<Mutex<Vec<Value>>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let keys = keys.clone();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let body = json!({ "keys": *keys.lock().unwrap() }).to_string();
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all((head + &body).as_bytes()).await;
            });
        }
    });
    port
}

async fn jwk(files: &Files, name: &str) -> (String, Value) {
    let (private, public) = files.key(name, "EdDSA").await;
    let der = format!("{public}.der");
    openssl(&["pkey", "-pubin", "-in", &public, "-outform", "DER", "-out", &der]).await;
    let der = std::fs::read(der).unwrap();
    // The key is the last 32 bytes of its SubjectPublicKeyInfo (RFC 8410, section 4).
    let x = base64::encode_url(&der[der.len() - 32..]);
    (private, json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": name, "alg": "EdDSA", "use": "sig" }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_set_rotates_under_a_running_router() {
    let files = Files::new();
    let ((old_private, old), (new_private, new)) = (jwk(&files, "old").await, jwk(&files, "new").await);
    let keys = Arc::new(Mutex::new(vec![old.clone()]));
    let port = key_set(keys.clone()).await;
    let auth = format!(
        "jwks_url = \"http://127.0.0.1:{port}/keys\"\njwks_refresh_floor = \"1s\"\njwks_max_age = \"1s\"\njwks_timeout = \"1s\""
    );
    let bed = Bed::start(files, &auth).await;
    let by_old = bed.token(&["--private-key", &old_private, "--key-id", "old"]).await;
    let by_new = bed.token(&["--private-key", &new_private, "--key-id", "new"]).await;
    assert_eq!(bed.word(&bed.wish(&by_old)).await, Ok(()));
    bed.refuses(&by_new, "bad-token").await;
    // The new one is published beside the old one, and then the old one goes.
    keys.lock().unwrap().push(new.clone());
    bed.until(&by_new, Ok(())).await;
    assert_eq!(bed.word(&bed.wish(&by_old)).await, Ok(()));
    *keys.lock().unwrap() = vec![new];
    bed.until(&by_old, Err("bad-token")).await;
    assert_eq!(bed.word(&bed.wish(&by_new)).await, Ok(()));
}
