//! Server-sent events as they are on the wire (WHATWG HTML section 9.2).

use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::answer::Answer;
use crate::ask::{begin, whole};
use crate::http1::{Framing, Head, Reader};
use crate::patience::PATIENCE;

/// A stream of events. Whatever takes longer than [`PATIENCE`], or breaks off, panics.
#[derive(Debug)]
pub struct EventStream {
    /// The answer's.
    pub head: Head,
    reader: Reader<TcpStream>,
    framing: Framing,
    text: String,
}

impl EventStream {
    /// Asks for the events of a path; or the answer that there are none.
    pub async fn open(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Result<Self, Answer> {
        let accept = [("Accept", "text/event-stream")];
        let headers: Vec<_> = headers.iter().copied().chain(accept).collect();
        let (head, reader) = begin(address, "GET", path, &headers, b"").await.expect("an answer");
        if head.status() != 200 {
            return Err(whole(head, reader).await.expect("a whole answer"));
        }
        assert_eq!(head.header("content-type"), Some("text/event-stream"));
        let framing = Framing::of_answer(&head).expect("a body");
        Ok(Self { head, reader, framing, text: String::new() })
    }

    /// What stands before the next empty line: an event's fields, or comments. None when the stream has ended.
    pub async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            let piece = timeout(PATIENCE, self.reader.piece(&mut self.framing)).await.expect("an event");
            let piece = piece.expect("a proper end of the stream")?;
            self.text.push_str(std::str::from_utf8(&piece).expect("text"));
        }
    }

    /// The next event's fields.
    pub async fn event(&mut self) -> Option<String> {
        loop {
            let block = self.block().await?;
            if !block.lines().all(|line| line.starts_with(':')) {
                return Some(block);
            }
        }
    }
}
