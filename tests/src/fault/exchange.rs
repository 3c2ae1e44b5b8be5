//! One connection of a client: its requests one after another, each with its fate.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::plan::{Fate, Repeat, RequestPlan};
use super::proxy::Shared;
use super::tunnel;
use crate::http1::{Framing, Head, Reader, encode_chunk};

/// The longest silence of a server: more than the longest poll.
const SILENCE_MAX: Duration = Duration::from_secs(90);
/// How late a late repeat is delivered.
const LATE: Duration = Duration::from_millis(3);

/// A connection to the server behind.
pub(super) struct Upstream {
    pub reader: Reader<OwnedReadHalf>,
    pub writer: OwnedWriteHalf,
}

impl Upstream {
    async fn connect(shared: &Shared) -> io::Result<Self> {
        let stream = TcpStream::connect(shared.target).await?;
        stream.set_nodelay(true)?;
        let (read, writer) = stream.into_split();
        Ok(Self { reader: Reader::new(read), writer })
    }

    async fn ask(&mut self, wire: &[u8]) -> io::Result<(Head, Framing)> {
        self.writer.write_all(wire).await?;
        let head = timeout(SILENCE_MAX, self.reader.head()).await.map_err(|_| io::ErrorKind::TimedOut)??;
        let head = head.ok_or(io::ErrorKind::UnexpectedEof)?;
        let framing = Framing::of_answer(&head)?;
        Ok((head, framing))
    }
}

/// An answer that was read before any of it is passed on.
struct Collected {
    wire: Vec<u8>,
    /// False where the server has not ended it, or not in order.
    whole: bool,
}

/// What becomes of the client's connection.
enum Next {
    Request,
    End,
    Tunnel(Upstream),
}

pub(super) async fn serve(shared: &Arc<Shared>, number: u64, client: TcpStream) -> io::Result<()> {
    let (read, mut writer) = client.into_split();
    let mut reader = Reader::new(read);
    let mut kept = None;
    for request in 0.. {
        let Some(head) = reader.head().await? else { return Ok(()) };
        let body = reader.body(Framing::of_request(&head)?).await?;
        let plan = shared.plan.request(number, request);
        let mut wire = head.encode();
        wire.extend_from_slice(&body);
        sleep(plan.delay).await;
        let next = tokio::select! {
            next = exchange(shared, plan, &head, &wire, &mut kept, &mut writer) => next?,
            // A client that goes takes its request along, as the server must see.
            () = reader.closed() => return Ok(()),
        };
        match next {
            Next::Request if head.keeps_alive() => {}
            Next::Request | Next::End => return Ok(()),
            Next::Tunnel(upstream) => {
                return tunnel::run(shared, shared.plan.tunnel(number), reader, writer, upstream).await;
            }
        }
    }
    Ok(())
}

async fn exchange(
    shared: &Arc<Shared>,
    plan: RequestPlan,
    head: &Head,
    wire: &[u8],
    kept: &mut Option<Upstream>,
    writer: &mut OwnedWriteHalf,
) -> io::Result<Next> {
    let upgrade = head.has_token("connection", "upgrade");
    // An upgraded connection has its own plan, and no answer to repeat or to buffer.
    let fate = match plan.fate {
        Fate::CutRequest(_) | Fate::DropAnswer | Fate::Pass => plan.fate,
        _ if upgrade => Fate::Pass,
        fate => fate,
    };
    shared.count(fate.name());
    let mut upstream = match kept.take() {
        Some(upstream) => upstream,
        None => Upstream::connect(shared).await?,
    };
    if let Fate::CutRequest(at) = fate {
        upstream.writer.write_all(&wire[..at % wire.len()]).await?;
        end(plan, &upstream.writer)?;
        end(plan, writer)?;
        return Ok(Next::End);
    }
    let (answer, mut framing) = upstream.ask(wire).await?;
    if answer.status() == 101 {
        if fate == Fate::DropAnswer {
            return end(plan, writer).map(|()| Next::End);
        }
        writer.write_all(&answer.encode()).await?;
        return Ok(Next::Tunnel(upstream));
    }
    match fate {
        Fate::Pass | Fate::CutRequest(_) | Fate::Repeat(Repeat::Late) => {
            pass(&mut upstream, &answer, &mut framing, writer, usize::MAX).await?;
            if fate != Fate::Pass {
                let (shared, wire) = (shared.clone(), wire.to_vec());
                shared.tasks.clone().spawn(async move {
                    sleep(LATE).await;
                    // Nobody hears what becomes of it.
                    let _ = once_more(&shared, &wire).await;
                });
            }
        }
        Fate::CutAnswer(at) => {
            if !pass(&mut upstream, &answer, &mut framing, writer, at).await? {
                end(plan, &upstream.writer)?;
                end(plan, writer)?;
                return Ok(Next::End);
            }
        }
        Fate::DropAnswer => {
            collect(shared, &mut upstream, &answer, &mut framing).await;
            end(plan, writer)?;
            return Ok(Next::End);
        }
        Fate::Truncate(thousandths) => {
            let collected = collect(shared, &mut upstream, &answer, &mut framing).await;
            writer.write_all(&collected.wire[..collected.wire.len() * thousandths / 1000]).await?;
            return Ok(Next::End);
        }
        Fate::Repeat(which) => {
            let first = collect(shared, &mut upstream, &answer, &mut framing).await;
            let second = once_more(shared, wire).await;
            let chosen = if which == Repeat::First { first } else { second? };
            writer.write_all(&chosen.wire).await?;
            // The first connection may be in the middle of an answer, so it is not kept.
            return Ok(if chosen.whole { Next::Request } else { Next::End });
        }
        Fate::Hold => hold(shared, &mut upstream, &answer, &mut framing, writer).await?,
    }
    if !answer.keeps_alive()
        || answer.header("transfer-encoding").or(answer.header("content-length")).is_none()
    {
        return Ok(Next::End);
    }
    *kept = Some(upstream);
    Ok(Next::Request)
}

/// Prepares the end of a connection: a reset loses what is still on the way, an orderly end does not.
fn end(plan: RequestPlan, writer: &OwnedWriteHalf) -> io::Result<()> {
    if plan.reset { writer.as_ref().set_zero_linger() } else { Ok(()) }
}

/// Delivers a request on a connection of its own.
async fn once_more(shared: &Shared, wire: &[u8]) -> io::Result<Collected> {
    let mut upstream = Upstream::connect(shared).await?;
    let (answer, mut framing) = upstream.ask(wire).await?;
    Ok(collect(shared, &mut upstream, &answer, &mut framing).await)
}

fn encode(framing: Framing, piece: &[u8]) -> Vec<u8> {
    if framing == Framing::Chunked { encode_chunk(piece) } else { piece.to_vec() }
}

/// Passes an answer on as it comes; false when it broke off before this byte.
async fn pass(
    upstream: &mut Upstream,
    head: &Head,
    framing: &mut Framing,
    writer: &mut OwnedWriteHalf,
    mut left: usize,
) -> io::Result<bool> {
    let kind = *framing;
    let mut wire = head.encode();
    loop {
        if wire.len() > left {
            writer.write_all(&wire[..left]).await?;
            return Ok(false);
        }
        writer.write_all(&wire).await?;
        left -= wire.len();
        if *framing == Framing::Done {
            return Ok(true);
        }
        let piece = timeout(SILENCE_MAX, upstream.reader.piece(framing)).await;
        wire = match piece.map_err(|_| io::ErrorKind::TimedOut)?? {
            Some(piece) => encode(kind, &piece),
            None if kind == Framing::Chunked => encode_chunk(&[]),
            None => return Ok(true),
        };
    }
}

/// Reads an answer; one without a known length is read only as far as a buffer holds it.
async fn collect(shared: &Shared, upstream: &mut Upstream, head: &Head, framing: &mut Framing) -> Collected {
    let kind = *framing;
    let (bytes_max, time_max) = shared.plan.rates().hold_max;
    let until = Instant::now() + if matches!(kind, Framing::Exact(_)) { SILENCE_MAX } else { time_max };
    let mut wire = head.encode();
    loop {
        match timeout_at(until, upstream.reader.piece(framing)).await {
            Ok(Ok(Some(piece))) => wire.extend(encode(kind, &piece)),
            Ok(Ok(None)) => {
                if kind == Framing::Chunked {
                    wire.extend(encode_chunk(&[]));
                }
                return Collected { wire, whole: kind != Framing::UntilClose };
            }
            Ok(Err(_)) | Err(_) => return Collected { wire, whole: false },
        }
        if wire.len() > bytes_max && !matches!(kind, Framing::Exact(_)) {
            return Collected { wire, whole: false };
        }
    }
}

/// Passes a chunked answer on in lumps, as a buffering middlebox does.
async fn hold(
    shared: &Shared,
    upstream: &mut Upstream,
    head: &Head,
    framing: &mut Framing,
    writer: &mut OwnedWriteHalf,
) -> io::Result<()> {
    let kind = *framing;
    let (bytes_max, time_max) = shared.plan.rates().hold_max;
    let mut wire = head.encode();
    let mut until = Instant::now() + time_max;
    let mut silent = Instant::now() + SILENCE_MAX;
    loop {
        match timeout_at(until, upstream.reader.piece(framing)).await {
            Ok(Ok(Some(piece))) => {
                silent = Instant::now() + SILENCE_MAX;
                wire.extend(encode(kind, &piece));
            }
            Ok(Ok(None)) => {
                if kind == Framing::Chunked {
                    wire.extend(encode_chunk(&[]));
                }
                return writer.write_all(&wire).await;
            }
            Ok(Err(error)) => {
                writer.write_all(&wire).await?;
                return Err(error);
            }
            Err(_) if Instant::now() > silent => return Err(io::ErrorKind::TimedOut.into()),
            Err(_) => {}
        }
        if wire.len() > bytes_max || Instant::now() >= until {
            writer.write_all(&wire).await?;
            wire.clear();
            until = Instant::now() + time_max;
        }
    }
}
