//! Opening a socket: admitting, placing, asking a relay, and once more elsewhere.

use std::future::Future;
use std::time::Duration;

use polysocket_protocol::Word;
use polysocket_registry::{
    Admission, AskError, Claim, Establish, NodeLease, Outcome, RegistryError, SocketLease, Verdict,
};
use tokio::time::{Instant, timeout_at};

use crate::account::Account;
use crate::directory::{REGISTRY_PATIENCE, Reservation};
use crate::leases::Counted;
use crate::metrics::CREATE_WORDS;
use crate::nonce::REMEMBERED;
use crate::order::Order;
use crate::refusal::Refusal;
use crate::router::Shared;

/// When a token with too many sockets may try again: a socket whose page has gone is closed, and a lease whose relay has
/// gone expires, within about this time.
const SOCKETS_RETRY_SECONDS: u64 = 15;
/// What the registry may take over the deadline to say that it is over.
const ASK_GRACE: Duration = Duration::from_millis(100);
/// How long a relay may take to answer where nothing is dialled.
const HELD_ANSWER: Duration = Duration::from_secs(1);
/// The longest time a client is told to wait. A token that may never create says "never".
const RETRY_SECONDS_MAX: u64 = 3600;

/// A socket, as its client is told.
#[derive(Debug)]
pub(crate) struct Opened {
    /// `host[:port][/prefix]`, the socket's own label included.
    pub(crate) address: String,
    pub(crate) socket: String,
    pub(crate) protocol: String,
    pub(crate) extensions: String,
    /// Which of its relay's sockets it is.
    pub(crate) serial: u64,
}

/// Why a relay did not open it.
enum Failed {
    /// That relay is gone or takes no more; another may.
    There(Refusal),
    /// It would be no better elsewhere.
    Anywhere(Refusal),
}

/// Where it is to be opened, and as which request.
struct Seat {
    /// `None`: the node that a repeat belongs to is gone.
    lease: Option<NodeLease>,
    /// Ours, if it is not a repeat.
    reservation: Option<Reservation>,
    /// What a repeat finds.
    claim: Claim,
}

/// Opens what was ordered. Dropping the future cancels it.
pub(crate) async fn open(shared: &Shared, order: &Order, account: &mut Account) -> Result<Opened, Refusal> {
    let call = Call { shared, order };
    let seat = call.first_seat().await?;
    let counted = call.admit(&seat.claim.request_id).await?;
    let first = match call.ask(&seat, account).await {
        Ok(opened) => return Ok(keep(opened, seat, counted)),
        Err(Failed::Anywhere(refusal)) => return Err(refusal),
        Err(Failed::There(refusal)) => refusal,
    };
    account.note(&first.note);
    shared.metrics.retried.inc();
    let seat = call.second_seat(seat).await.map_err(|refusal| match refusal.word {
        Word::NoCapacity => first,
        _ => refusal,
    })?;
    match call.ask(&seat, account).await {
        Ok(opened) => Ok(keep(opened, seat, counted)),
        Err(Failed::There(refusal) | Failed::Anywhere(refusal)) => Err(refusal),
    }
}

/// What is held for a create goes to its socket.
fn keep(opened: Opened, seat: Seat, counted: Option<Counted>) -> Opened {
    if let Some(reservation) = seat.reservation {
        reservation.opened(opened.serial);
    }
    // On a nonce that was moved by another router the socket may be counted as that one's.
    if let Some(counted) = counted.filter(|counted| counted.is(&seat.claim.request_id)) {
        counted.keep();
    }
    opened
}

struct Call<'a> {
    shared: &'a Shared,
    order: &'a Order,
}

impl Call<'_> {
    /// A relay for a first create; for a repeat the one before it had.
    async fn first_seat(&self) -> Result<Seat, Refusal> {
        let request_id = format!("{:032x}", rand::random::<u128>());
        let directory = &self.shared.directory;
        let placed = directory.place(None).await;
        let Some(key) = &self.order.claim_key else {
            return Ok(Seat::ours(placed?, request_id));
        };
        let (ours, full) = match placed {
            Ok(reservation) => (Seat::ours(reservation, request_id), None),
            // A repeat needs no place of its own, so any name will do to ask whether it is one.
            Err(refusal) if refusal.word == Word::NoCapacity => {
                let Some(lease) = directory.any() else { return Err(refusal) };
                (
                    Seat { claim: claim_on(&lease, request_id), lease: Some(lease), reservation: None },
                    Some(refusal),
                )
            }
            Err(refusal) => return Err(refusal),
        };
        let standing = self.command(self.shared.registry.claim(key, &ours.claim, REMEMBERED)).await?;
        match full {
            Some(refusal) if standing == ours.claim => Err(refusal),
            _ => self.seat_of(ours, standing).await,
        }
    }

    /// Another relay than the first, as the same request, so that it is counted once.
    async fn second_seat(&self, first: Seat) -> Result<Seat, Refusal> {
        let Seat { lease, reservation, claim } = first;
        drop(reservation);
        if let Some(lease) = &lease {
            self.shared.directory.doubt(lease);
        }
        let reservation = self.shared.directory.place(lease.as_ref()).await?;
        let ours = Seat::ours(reservation, claim.request_id.clone());
        let Some(key) = &self.order.claim_key else { return Ok(ours) };
        let standing =
            self.command(self.shared.registry.reclaim(key, &claim, &ours.claim, REMEMBERED)).await?;
        self.seat_of(ours, standing).await
    }

    /// Our seat if our claim stands; otherwise the one whose claim does.
    async fn seat_of(&self, ours: Seat, standing: Claim) -> Result<Seat, Refusal> {
        if standing == ours.claim {
            return Ok(ours);
        }
        let lease = self.shared.directory.find(&standing.node, standing.boot).await?;
        Ok(Seat { lease, reservation: None, claim: standing })
    }

    /// Counts a socket of a token that may not have any number.
    async fn admit(&self, request_id: &str) -> Result<Option<Counted>, Refusal> {
        let grant = &self.order.grant;
        if grant.sockets_max.is_none() && grant.creates_per_second_max.is_none() {
            return Ok(None);
        }
        let lease = self.lease(request_id);
        let admission = Admission {
            lease: lease.clone(),
            sockets_max: grant.sockets_max,
            creates_per_second: grant.creates_per_second_max,
        };
        // Counted from now on: it may be that the registry has, and its answer got lost.
        let counted = self.shared.leases.counted(lease);
        match self.command(self.shared.registry.admit(&admission)).await? {
            Verdict::Admitted => Ok(Some(counted)),
            Verdict::TooManySockets => {
                counted.keep();
                Err(limited("the token has as many sockets as it may", SOCKETS_RETRY_SECONDS))
            }
            Verdict::TooManyCreates { retry_after_ms } => {
                counted.keep();
                Err(limited("the token creates sockets faster than it may", retry_after_ms.div_ceil(1000)))
            }
        }
    }

    /// Asks the relay of a seat.
    async fn ask(&self, seat: &Seat, account: &mut Account) -> Result<Opened, Failed> {
        account.node.clone_from(&seat.claim.node);
        let Some(lease) = &seat.lease else {
            return Err(Failed::There(Refusal::noted(Word::NoCapacity, "the node of this nonce is gone")));
        };
        let hold = self.order.hold;
        let now = Instant::now();
        let left = self.order.deadline.saturating_duration_since(now);
        let wait = if hold { left.min(HELD_ANSWER) } else { left };
        if wait.is_zero() {
            return Err(Failed::Anywhere(Refusal::noted(Word::Timeout, "no time was left to ask a relay")));
        }
        let establish = self.establish(&seat.claim.request_id, wait);
        // The registry waits for so long and no longer; should it not, we do not either.
        let ask = self.shared.registry.ask(&lease.node, lease.boot, &establish, wait);
        let answered = timeout_at(now + wait + ASK_GRACE, ask).await;
        match answered.unwrap_or_else(|_| Err(AskError::TimedOut { node: lease.node.clone() })) {
            Ok(Outcome::Opened { socket, label, protocol, extensions, serial }) => {
                let address = if label.is_empty() {
                    lease.address.clone()
                } else {
                    format!("{label}.{}", lease.address)
                };
                Ok(Opened { address, socket, protocol, extensions, serial })
            }
            Ok(Outcome::Failed { word, detail }) => Err(judge(&word, &detail)),
            Err(error @ AskError::NoSuchNode { .. }) => {
                Err(Failed::There(Refusal::noted(Word::NoCapacity, error)))
            }
            // Nothing is dialled: it is the relay that hangs.
            Err(error @ AskError::TimedOut { .. }) if hold => {
                Err(Failed::There(Refusal::noted(Word::NoCapacity, error)))
            }
            // The relay dials within what it is told is left, so this is nearly always the target.
            Err(error @ AskError::TimedOut { .. }) => {
                Err(Failed::Anywhere(Refusal::noted(Word::Timeout, error)))
            }
            Err(AskError::Registry(error)) => Err(Failed::Anywhere(error.into())),
        }
    }

    fn establish(&self, request_id: &str, wait: Duration) -> Establish {
        let Order { target, protocols, hold, page_origin, grant, .. } = self.order;
        let limited = grant.sockets_max.is_some() || grant.creates_per_second_max.is_some();
        Establish {
            request_id: request_id.to_owned(),
            target: target.as_str().to_owned(),
            protocols: protocols.clone(),
            origin: grant.upstream_origin.clone().or_else(|| page_origin.clone()),
            page_origin: page_origin.clone(),
            hold: *hold,
            socket_lease: limited.then(|| self.lease(request_id)),
            bytes_per_second_max: grant.bytes_per_second_max,
            holder: grant.bytes_per_second_max.map(|_| grant.holder.clone()).unwrap_or_default(),
            budget_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
        }
    }

    fn lease(&self, request_id: &str) -> SocketLease {
        SocketLease { holder: self.order.grant.holder.clone(), id: request_id.to_owned() }
    }

    /// A command of the registry, which has its own time-out; ours holds should that one be longer.
    async fn command<T>(
        &self,
        command: impl Future<Output = Result<T, RegistryError>>,
    ) -> Result<T, Refusal> {
        let deadline = self.order.deadline.min(Instant::now() + REGISTRY_PATIENCE);
        match timeout_at(deadline, command).await {
            Ok(result) => Ok(result?),
            Err(_) => Err(Refusal::noted(Word::Unavailable, "the registry did not answer in time")),
        }
    }
}

impl Seat {
    fn ours(reservation: Reservation, request_id: String) -> Self {
        let lease = reservation.lease().clone();
        Self { claim: claim_on(&lease, request_id), lease: Some(lease), reservation: Some(reservation) }
    }
}

fn claim_on(lease: &NodeLease, request_id: String) -> Claim {
    Claim { node: lease.node.clone(), boot: lease.boot, request_id }
}

fn limited(detail: &str, seconds: u64) -> Refusal {
    let seconds = seconds.clamp(1, RETRY_SECONDS_MAX);
    let refusal = Refusal::told(Word::Limit, format!("{detail}; try again in {seconds} s"));
    Refusal { retry_after: Some(seconds), ..refusal }
}

/// What a relay said. Its detail is for the log: the client is told the word's own sentence.
fn judge(word: &str, detail: &str) -> Failed {
    match CREATE_WORDS.into_iter().find(|known| known.as_str() == word) {
        Some(Word::NoCapacity) => Failed::There(Refusal::noted(Word::NoCapacity, detail)),
        Some(word) => Failed::Anywhere(Refusal::noted(word, detail)),
        // A relay of another release.
        None => Failed::Anywhere(Refusal::noted(
            Word::NoCapacity,
            format!("a word that is not known here: {detail}"),
        )),
    }
}
