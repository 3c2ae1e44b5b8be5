//! One request on a connection of its own, as curl sends it to `localhost`.

use std::io;
use std::net::SocketAddr;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::answer::Answer;
use crate::http1::{Framing, Head, Reader};
use crate::patience::PATIENCE;

/// Sends a request and takes the whole answer. `Host` is `localhost`, unless `headers` say otherwise.
///
/// # Panics
/// When there is no whole answer within [`PATIENCE`].
pub async fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let answer = try_ask(address, method, path, headers, body).await;
    answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
}

/// The same where it may be that nobody answers.
pub async fn try_ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Answer> {
    let (head, reader) = begin(address, method, path, headers, body).await?;
    whole(head, reader).await
}

/// Sends a request and takes the head of the answer.
pub(crate) async fn begin(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<(Head, Reader<TcpStream>)> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        // A server that refuses a body may close before all of it was written; its answer counts.
        let _ = stream.write_all(&encode(address, method, path, headers, body)).await;
        let mut reader = Reader::new(stream);
        let head = reader.head().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok((head, reader))
    };
    timeout(PATIENCE, exchange).await.map_err(|_| io::ErrorKind::TimedOut)?
}

/// What follows a head.
pub(crate) async fn whole(head: Head, mut reader: Reader<TcpStream>) -> io::Result<Answer> {
    let body = timeout(PATIENCE, reader.body(Framing::of_answer(&head)?));
    let body = body.await.map_err(|_| io::ErrorKind::TimedOut)??;
    Ok(Answer { head, body })
}

fn encode(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut lines = Vec::new();
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        lines.push(("Host".to_owned(), format!("localhost:{}", address.port())));
    }
    lines.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    // RFC 9110 section 8.6: where a body would mean something its absence is said.
    if !body.is_empty() || matches!(method, "POST" | "PUT") {
        lines.push(("Content-Length".into(), body.len().to_string()));
    }
    let mut bytes = Head { start: format!("{method} {path} HTTP/1.1"), headers: lines }.encode();
    bytes.extend_from_slice(body);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_what_it_must() {
        let encode = |method, headers: &[(&str, &str)], body: &[u8]| {
            let bytes = encode(SocketAddr::from(([127, 0, 0, 1], 8)), method, "/a?b", headers, body);
            String::from_utf8(bytes).expect("text")
        };
        assert_eq!(encode("GET", &[], b""), "GET /a?b HTTP/1.1\r\nHost: localhost:8\r\n\r\n");
        assert_eq!(encode("DELETE", &[("host", "x")], b""), "DELETE /a?b HTTP/1.1\r\nhost: x\r\n\r\n");
        let put = "PUT /a?b HTTP/1.1\r\nHost: localhost:8\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(encode("PUT", &[], b""), put);
        let delete = "DELETE /a?b HTTP/1.1\r\nHost: localhost:8\r\nA: b\r\nContent-Length: 2\r\n\r\nhi";
        assert_eq!(encode("DELETE", &[("A", "b")], b"hi"), delete);
    }
}
