//! What no server can go below here: the same message to the same sockets by one `send(2)` each, and nothing else.
//!
//! Most of a delivery over loopback is the kernel's, which also does the receiver's half of TCP on the sender's time.
//! Without this figure a ratio of two servers says little about either.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::AsyncReadExt as _;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::crowd::MESSAGE_BYTES;
use crate::error::{Error, Result, doing};

/// Head and mask of a client's frame this short (RFC 6455, section 5.2).
const HEAD_BYTES: usize = 2;
const MASK_BYTES: usize = 4;

type Everybody = Arc<Mutex<Vec<OwnedWriteHalf>>>;

/// Serves until it is killed.
pub async fn serve(listen: SocketAddr) -> Result<Infallible> {
    let listener = TcpListener::bind(listen).await.map_err(doing("listen"))?;
    let everybody = Everybody::default();
    loop {
        let (stream, _) = listener.accept().await.map_err(doing("accept"))?;
        stream.set_nodelay(true).map_err(doing("set TCP_NODELAY"))?;
        let everybody = everybody.clone();
        tokio::spawn(async move {
            // One that breaks is the generator's to report.
            if let Err(error) = serve_socket(stream, &everybody).await {
                eprintln!("floor: {error}");
            }
        });
    }
}

async fn serve_socket(stream: TcpStream, everybody: &Everybody) -> Result<()> {
    let Ok(socket) = tokio_tungstenite::accept_async(stream).await else {
        // Somebody who only looks whether this listens.
        return Ok(());
    };
    let (mut reader, writer) = socket.into_inner().into_split();
    lock(everybody).push(writer);
    while let Some(frame) = next(&mut reader).await? {
        for writer in lock(everybody).iter() {
            // What one that has gone is sent is lost; one that lags fails the run.
            if matches!(writer.try_write(&frame), Ok(sent) if sent < frame.len()) {
                return Err(Error::Answer("a subscriber does not read".into()));
            }
        }
    }
    Ok(())
}

fn lock(everybody: &Everybody) -> std::sync::MutexGuard<'_, Vec<OwnedWriteHalf>> {
    everybody.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The frame for everybody for what a client said; none at its end.
async fn next(reader: &mut OwnedReadHalf) -> Result<Option<Vec<u8>>> {
    let mut frame = [0; HEAD_BYTES + MASK_BYTES + MESSAGE_BYTES];
    if reader.read_exact(&mut frame).await.is_err() {
        return Ok(None);
    }
    let (head, rest) = frame.split_at(HEAD_BYTES);
    let (mask, payload) = rest.split_at(MASK_BYTES);
    if usize::from(head[1] & 0x7f) != MESSAGE_BYTES {
        return Err(Error::Answer("the generator said something else".into()));
    }
    let unmasked = payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key);
    Ok(Some([head[0], head[1] & 0x7f].into_iter().chain(unmasked).collect()))
}
