//! TLS to the database.

use std::os::unix::fs::PermissionsExt;

use polysocket_postgres::Wire;
use polysocket_tests::ports::TempDir;

use crate::bed::{Bed, Envelopes, eventually};
use polysocket_tests::postgres_server::PostgresServer;

#[tokio::test]
async fn whom_is_trusted() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let folder = TempDir::new().unwrap();
    let (right, wrong) = (folder.path().join("right.pem"), folder.path().join("wrong.pem"));
    std::fs::write(&right, &certificate).unwrap();
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(&wrong, other.cert.pem()).unwrap();
    let server = PostgresServer::prepared(&["ssl=on"], |data| {
        std::fs::write(data.join("server.crt"), &certificate).unwrap();
        std::fs::write(data.join("server.key"), &key).unwrap();
        std::fs::set_permissions(data.join("server.key"), std::fs::Permissions::from_mode(0o600)).unwrap();
    })
    .await;
    let (right, wrong) = (right.display(), wrong.display());
    for (host, settings, encrypted) in [
        ("127.0.0.1", "sslmode=disable".to_owned(), Some(false)),
        ("127.0.0.1", "sslmode=prefer".to_owned(), Some(true)),
        ("127.0.0.1", "sslmode=require".to_owned(), Some(true)),
        ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={right}"), Some(true)),
        ("localhost", format!("sslmode=verify-full&sslrootcert={right}"), Some(true)),
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={right}"), None),
        ("localhost", format!("sslmode=verify-ca&sslrootcert={wrong}"), None),
        ("localhost", format!("sslmode=require&sslrootcert={wrong}"), None),
        ("localhost", "sslmode=verify-full".to_owned(), None),
        ("localhost", "sslmode=verify-full&sslrootcert=/no/such/file".to_owned(), None),
    ] {
        let url = format!("postgres://postgres@{host}:{}/postgres?{settings}", server.port);
        let bed = Bed::unready(&server, Wire::Seed, |config| config.url = url.clone());
        let Some(encrypted) = encrypted else {
            eventually("refused", async || bed.metric("connections_lost_total", "publisher") > 1).await;
            assert!(bed.postgres.ready().is_err(), "{url}");
            continue;
        };
        bed.ready().await;
        let asked = "select count(*), bool_and(ssl) from pg_stat_ssl join pg_stat_activity using (pid) \
            where application_name like 'polysocket %'";
        let client = server.client().await;
        eventually("the last one's connections are gone", async || {
            let row = client.query_one(asked, &[]).await.unwrap();
            row.get::<_, i64>(0) == 2 && row.get::<_, bool>(1) == encrypted
        })
        .await;
        let mut ws = bed.chat("c").await;
        ws.say("x").await;
        assert_eq!(ws.payload().await, "x", "{url}");
        bed.life.finish(std::time::Duration::from_secs(5)).await;
    }
}

#[tokio::test]
async fn a_server_without_tls() {
    let server = PostgresServer::start().await;
    let bed = Bed::unready(&server, Wire::Seed, |config| config.url.push_str("?sslmode=require"));
    eventually("refused", async || bed.metric("connections_lost_total", "listener") > 1).await;
    assert!(bed.postgres.ready().is_err());
}
