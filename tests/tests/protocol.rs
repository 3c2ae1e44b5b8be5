//! docs/PROTOCOL.md, played against the program.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use polysocket_tests::client::http::Request;
use polysocket_tests::cluster::TestCluster;
use polysocket_tests::transcript::{Captures, Step, parse};
use polysocket_tests::upstream::Upstream;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/PROTOCOL.md");
/// More than the longest `ttl` in the document.
const ANSWER_MAX: Duration = Duration::from_secs(30);

fn request(step: &Step, captures: &Captures, router: &str) -> Result<Request, String> {
    let url = captures.fill(&step.target)?;
    let url = if url.starts_with('/') { format!("{router}{url}") } else { url };
    match step.method.as_str() {
        "GET" => Ok(Request::get(&url)),
        "POST" => Ok(Request::post(&url, captures.fill(&step.body)?)),
        other => Err(format!("the method {other} is not known")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_transcript_of_the_document_is_true() {
    let blocks = parse(&std::fs::read_to_string(DOCUMENT).unwrap()).unwrap();
    assert!(blocks.len() >= 3, "the document has lost its transcripts: {}", blocks.len());
    let upstream = Upstream::start().await.unwrap();
    let mut cluster = TestCluster::dev(&[]).await.unwrap();
    let (client, router) = (cluster.client(), cluster.router().to_string());
    for steps in blocks {
        let mut captures = Captures::default();
        captures.set("target", upstream.url("/echo"));
        for step in steps {
            let asked = request(&step, &captures, &router).unwrap();
            let answer = client.request(&asked, ANSWER_MAX).await;
            let answer =
                answer.unwrap_or_else(|e| panic!("PROTOCOL.md:{}: {e}\n{}", step.line, cluster.logs()));
            let kind = answer.head.header("content-type").unwrap_or_default().to_owned();
            let compared = captures.compare(&step.answer, &step.content_type, &answer.body);
            if let Err(error) = compared {
                panic!("PROTOCOL.md:{}: {} {}: {error}", step.line, step.method, asked.path);
            }
            assert_eq!(
                (answer.head.status(), kind.as_str()),
                (step.status, step.content_type.as_str()),
                "PROTOCOL.md:{}",
                step.line
            );
        }
    }
}
