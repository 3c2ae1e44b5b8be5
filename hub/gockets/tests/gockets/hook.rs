//! A hook: an HTTP server of the test, which says what it was asked and answers as it is told.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use polysocket_tests::http1::{Framing, Head, Reader};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::bed::PATIENCE;

/// One request to the hook.
#[derive(Debug)]
pub struct Call {
    pub head: Head,
    pub body: Vec<u8>,
}

impl Call {
    pub fn header(&self, name: &str) -> &str {
        self.head.header(name).unwrap_or_default()
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

pub struct Hook {
    pub address: SocketAddr,
    calls: mpsc::UnboundedReceiver<Call>,
    answers: Arc<Mutex<VecDeque<String>>>,
    connections: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.server.abort();
    }
}

pub const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

impl Hook {
    pub async fn new() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub fn on(listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap();
        let (sender, calls) = mpsc::unbounded_channel();
        let answers = Arc::<Mutex<VecDeque<String>>>::default();
        let told = answers.clone();
        let counted = Arc::<AtomicUsize>::default();
        let counter = counted.clone();
        let server = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                counter.fetch_add(1, Ordering::Relaxed);
                connections.spawn(serve(stream, sender.clone(), told.clone()));
            }
        });
        Self { address, calls, answers, connections: counted, server }
    }

    pub fn url(&self) -> String {
        format!("http://localhost:{}/log.php?room=1", self.address.port())
    }

    /// The next answers; after them 200. An empty one is none: the connection stays silent.
    pub fn answer(&self, answers: impl IntoIterator<Item = impl Into<String>>) {
        self.answers.lock().unwrap().extend(answers.into_iter().map(Into::into));
    }

    pub async fn call(&mut self) -> Call {
        timeout(PATIENCE, self.calls.recv()).await.expect("the hook is called").expect("it listens")
    }

    /// Connections that were opened to it.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Calls that came and were not taken.
    pub fn pending(&mut self) -> usize {
        self.calls.len()
    }
}

pub fn status(status: u16) -> String {
    format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n")
}

pub fn reply(headers: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

async fn serve(stream: TcpStream, calls: mpsc::UnboundedSender<Call>, answers: Arc<Mutex<VecDeque<String>>>) {
    let (read, mut write) = stream.into_split();
    let mut reader = Reader::new(read);
    while let Ok(Some(head)) = reader.head().await {
        let body = reader.body(Framing::of_request(&head).unwrap()).await.unwrap().to_vec();
        let answer = answers.lock().unwrap().pop_front().unwrap_or_else(|| OK.to_owned());
        let _ = calls.send(Call { head, body });
        if answer.is_empty() {
            return std::future::pending().await;
        }
        if write.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}
