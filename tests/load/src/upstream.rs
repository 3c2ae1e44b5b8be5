//! The target of every relay: a WebSocket server that echoes.
//!
//! At the path [`COUNT_PATH`] it says how many echo sockets are open, so that
//! a workload can wait for the last of them to come or to go.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use crate::error::{Error, Result, doing, within};

const COUNT_PATH: &str = "/count";
const COUNT_DEADLINE: Duration = Duration::from_secs(5);
/// Between two questions for the count.
const COUNT_INTERVAL: Duration = Duration::from_millis(10);
/// tungstenite takes its read buffer at once: 9,000 times its default of
/// 128 KiB would be over a gigabyte.
const READ_BUFFER_BYTES: usize = 16 << 10;

/// Serves until it is killed.
pub async fn serve(listen: SocketAddr) -> Result<Infallible> {
    let listener = TcpListener::bind(listen).await.map_err(doing("listen"))?;
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        let (stream, _) = listener.accept().await.map_err(doing("accept"))?;
        stream.set_nodelay(true).map_err(doing("set TCP_NODELAY"))?;
        // A socket that breaks is its relay's matter: the generator counts it.
        let open = open.clone();
        tokio::spawn(async move { drop(serve_socket(stream, open).await) });
    }
}

async fn serve_socket(stream: TcpStream, open: Arc<AtomicUsize>) -> Result<(), WsError> {
    let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER_BYTES).write_buffer_size(0);
    let mut counts = false;
    #[allow(clippy::result_large_err, reason = "the signature is tungstenite's")]
    let look_at_path = |request: &Request, response: Response| {
        counts = request.uri().path() == COUNT_PATH;
        Ok(response)
    };
    let mut socket =
        tokio_tungstenite::accept_hdr_async_with_config(stream, look_at_path, Some(config)).await?;
    if counts {
        socket.send(open.load(Ordering::Relaxed).to_string().into()).await?;
        return socket.close(None).await;
    }
    let _counted = Counted::new(open);
    while let Some(message) = socket.next().await {
        let message = message?;
        if matches!(message, Message::Text(_) | Message::Binary(_)) {
            socket.send(message).await?;
        }
    }
    Ok(())
}

struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(open: Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self(open)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Waits until the upstream at `address` has exactly `sockets` open.
pub async fn wait_for_count(address: SocketAddr, sockets: usize, limit: Duration) -> Result<()> {
    within(limit, "the upstream's count of sockets", async {
        while count(address).await? != sockets {
            tokio::time::sleep(COUNT_INTERVAL).await;
        }
        Ok(())
    })
    .await
}

async fn count(address: SocketAddr) -> Result<usize> {
    within(COUNT_DEADLINE, "the upstream's count", async {
        let stream = TcpStream::connect(address).await.map_err(doing("connect to the upstream"))?;
        let broken = |error: WsError| Error::Setup(format!("the upstream's count: {error}"));
        let url = format!("ws://{address}{COUNT_PATH}");
        let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.map_err(broken)?;
        let text = socket.next().await.transpose().map_err(broken)?.map(Message::into_text);
        let count = text.and_then(Result::ok).and_then(|text| text.parse().ok());
        count.ok_or_else(|| Error::Setup("the upstream's count is no number".into()))
    })
    .await
}
