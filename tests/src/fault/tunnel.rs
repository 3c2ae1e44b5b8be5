//! What follows a 101: bytes both ways, until the plan cuts them.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::exchange::Upstream;
use super::plan::TunnelPlan;
use super::proxy::Shared;
use crate::http1::Reader;

pub(super) async fn run(
    shared: &Arc<Shared>,
    plan: TunnelPlan,
    reader: Reader<OwnedReadHalf>,
    mut writer: OwnedWriteHalf,
    upstream: Upstream,
) -> io::Result<()> {
    shared.count("tunnel");
    let (mut from_client, first_up) = reader.into_parts();
    let (mut from_server, first_down) = upstream.reader.into_parts();
    let mut to_server = upstream.writer;
    let both = async {
        tokio::try_join!(
            copy(&mut from_client, &first_up, &mut to_server, plan.up),
            copy(&mut from_server, &first_down, &mut writer, plan.down)
        )
    };
    if both.await.is_err_and(|error| error.kind() == io::ErrorKind::Interrupted) {
        shared.count("cut-tunnel");
        if plan.reset {
            to_server.as_ref().set_zero_linger()?;
            writer.as_ref().set_zero_linger()?;
        }
    }
    Ok(())
}

/// Copies until the end, or up to the cut, which is the error `Interrupted`.
async fn copy(
    from: &mut OwnedReadHalf,
    first: &[u8],
    to: &mut OwnedWriteHalf,
    cut: Option<u64>,
) -> io::Result<()> {
    let mut left = cut.unwrap_or(u64::MAX);
    let mut buffer = vec![0; 16 * 1024];
    let mut piece = first;
    loop {
        let fits = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        to.write_all(&piece[..fits]).await?;
        if fits < piece.len() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        left -= fits as u64;
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        piece = &buffer[..read];
    }
}
