//! Redis behind TLS, with a certificate that an operator made.
#![allow(clippy::unwrap_used)]

mod common;

use std::process::Command;

use common::recorder::listen;
use common::redis_server::RedisServer;
use common::{config, open, publish, topic};
use polysocket_broker::Kind;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

const URL: &str = "POLYSOCKET_TEST_REDISS_URL";

/// Where certificates come from is a matter of the process, so each case is one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_checked() {
    let dir = std::env::temp_dir().join(format!("polysocket-broker-tls-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let file = |name: &str, text: String| {
        let path = dir.join(name).to_string_lossy().into_owned();
        std::fs::write(&path, text).unwrap();
        path
    };
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new([]).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_certificate = ca.self_signed(&ca_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = server.signed_by(&key, &Issuer::from_params(&ca, &ca_key)).unwrap();
    let ca = file("ca.pem", ca_certificate.pem());
    let cert = file("cert.pem", certificate.pem());
    let key = file("key.pem", key.serialize_pem());
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let options = ["--save", "", "--tls-port", &port, "--tls-cert-file", &cert, "--tls-key-file", &key];
    let more = ["--tls-ca-cert-file", &ca, "--tls-auth-clients", "no"];
    let _server = RedisServer::with(&[&options[..], &more].concat()).await;

    let run = |case: &str, roots: &str| {
        let url = format!("rediss://localhost:{port}");
        let mut test = Command::new(std::env::current_exe().unwrap());
        test.args(["--exact", case, "--ignored"]).env("SSL_CERT_FILE", roots).env(URL, url);
        let output = test.output().unwrap();
        assert!(output.status.success(), "{case}: {}", String::from_utf8_lossy(&output.stdout));
    };
    run("with_the_right_roots", &ca);
    run("with_other_roots", &cert);
    let _ = std::fs::remove_dir_all(&dir);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by the test above"]
async fn with_the_right_roots() {
    let broker = open(&config(&std::env::var(URL).unwrap())).await;
    let t = topic("tls");
    let (listener, _held) = listen(&broker, &t).await;
    publish(&broker, &t, "1").await;
    listener.until_text("1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by the test above"]
async fn with_other_roots() {
    let broker = open(&config(&std::env::var(URL).unwrap())).await;
    let refused = broker.publish(&topic("tls"), Kind::Text, "1".into()).await.unwrap_err().to_string();
    assert!(refused.contains("rediss://localhost") && refused.contains("ertificate"), "{refused}");
}
