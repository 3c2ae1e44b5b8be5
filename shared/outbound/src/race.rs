//! TCP to the first of several addresses that answers, as RFC 8305 section 5 has it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::{DialError, Vetted};

/// An address that says nothing for so long gets company (RFC 8305 section 8: 250 ms).
const STAGGER: Duration = Duration::from_millis(250);
/// A dead target is found out after 60 + 3 * 15 seconds of silence, also when the WebSocket sends no pings.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEPALIVE_PROBES: u32 = 3;

/// Connects to the vetted addresses in their order: the next one when one fails, or is silent for 250 ms.
/// Has no deadline of its own.
pub(crate) async fn connect_first(vetted: &Vetted) -> Result<(TcpStream, SocketAddr), DialError> {
    let mut waiting = vetted.addresses().iter().copied().peekable();
    let mut running = FuturesUnordered::new();
    let mut failure = None;
    while let Some(address) = waiting.next() {
        running.push(attempt(address));
        let last = waiting.peek().is_none();
        tokio::select! {
            Some(result) = running.next() => match result {
                Ok(connected) => return Ok(connected),
                Err(error) => failure = Some(more_telling(failure, error)),
            },
            () = sleep(STAGGER), if !last => {}
        }
    }
    while let Some(result) = running.next().await {
        match result {
            Ok(connected) => return Ok(connected),
            Err(error) => failure = Some(more_telling(failure, error)),
        }
    }
    // `Vetted` holds at least one address, and an attempt ends in a connection or an error.
    Err(failure.unwrap_or(DialError::NameNotFound { name: Box::default() }))
}

async fn attempt(address: SocketAddr) -> Result<(TcpStream, SocketAddr), DialError> {
    let stream = TcpStream::connect(address).await.map_err(|error| DialError::connecting(address, error))?;
    prepare(&stream).map_err(|error| DialError::connecting(address, error))?;
    Ok((stream, address))
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_PROBES);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

/// Of two failures the one to report: what is wrong here, then a host that answered, then the first.
fn more_telling(before: Option<DialError>, now: DialError) -> DialError {
    let rank = |error: &DialError| match error {
        DialError::Exhausted { .. } => 2,
        DialError::ConnectionRefused { .. } => 1,
        _ => 0,
    };
    match before {
        Some(before) if rank(&before) >= rank(&now) => before,
        _ => now,
    }
}
