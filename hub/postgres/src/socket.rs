//! One connection of a client.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use polysocket_socket::{CloseSummary, Conversation, Incoming, Sender};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::channels::Membership;
use crate::claims::Access;
use crate::desk::Message;
use crate::envelope::{Envelope, Said};
use crate::error::Rejection;
use crate::expiry::Expiry;
use crate::inbox::Inbox;
use crate::notice::{Failure, From, tell};
use crate::pace::Pace;
use crate::postgres::Shared;
use crate::request::Asking;
use crate::{Wire, outbox};

/// What the client is told when its token expires, as the original does.
const EXPIRED: (u16, &str) = (3001, "JWT expired");
/// A connection that was opened without a token and is refused one.
const REFUSED: u16 = 1008;
/// A token that expires later is good for ever: no timer can be so late.
const LATEST: Duration = Duration::from_secs(60 * 60 * 24 * 365);

/// What a token opened.
pub struct Opened {
    access: Access,
    channels: Vec<Arc<str>>,
    envelope: Envelope,
    inbox: Arc<Inbox>,
    memberships: Vec<Membership>,
    since: Option<outbox::Position>,
}

impl Opened {
    /// Judges the token and subscribes. What comes from now on is kept for the client.
    pub async fn of(shared: &Shared, token: &str, asking: &Asking) -> Result<Self, Rejection> {
        let access = shared.gate.judge(token, asking.channel.as_ref()).await?;
        // A replay is for those who may read.
        let since = match (&asking.since, &shared.replays) {
            (Some(since), Some(_)) if access.reads => Some(since.parse().map_err(Rejection::Token)?),
            _ => None::<outbox::Position>,
        };
        let envelope = Envelope::new(shared.config.wire, &access.claims);
        let fits =
            |channel: &String| shared.desk.judge(&envelope.message(channel, Said::Text(""), now())).is_ok();
        if access.writes && !access.channels.iter().all(fits) {
            return Err(Rejection::Token("the claims are too long: no message would fit beside them"));
        }
        let inbox = Arc::new(Inbox::new(since.is_some()));
        let mut memberships = Vec::new();
        if access.reads {
            let full = || Rejection::Unavailable("there are too many channels; try again later".to_owned());
            for channel in &access.channels {
                memberships.push(shared.channels.join(channel, inbox.clone()).ok_or_else(full)?);
            }
            let within = shared.config.listen_within.as_duration();
            let heard = tokio::time::timeout(within, shared.channels.heard(&memberships)).await;
            let why = match heard {
                Ok(true) => None,
                Ok(false) => Some("the database refuses the channel"),
                Err(_) => Some("the database is away; try again later"),
            };
            if let Some(why) = why {
                return Err(Rejection::Unavailable(why.to_owned()));
            }
        }
        let channels = access.channels.iter().map(|channel| channel.as_str().into()).collect();
        Ok(Self { access, channels, envelope, inbox, memberships, since })
    }
}

/// The connection's task.
pub struct Talk {
    shared: Arc<Shared>,
    sender: Sender,
    events: bool,
    state: State,
    /// Ends it when its token expires, or does not come.
    expiry: Option<Expiry>,
    /// One permit for each message that may wait for the database.
    own: Arc<Semaphore>,
    pace: Pace,
}

enum State {
    /// The token is to be the first message.
    Waiting(Asking),
    Open(Box<Opened>),
    Refused,
}

impl Talk {
    /// One whose token was good.
    pub fn open(shared: Arc<Shared>, sender: Sender, events: bool, opened: Opened) -> Self {
        Self::new(shared, sender, events, State::Open(Box::new(opened)))
    }

    /// One whose token is to come.
    pub fn waiting(shared: Arc<Shared>, sender: Sender, asking: Asking) -> Self {
        let events = asking.events;
        Self::new(shared, sender, events, State::Waiting(asking))
    }

    fn new(shared: Arc<Shared>, sender: Sender, events: bool, state: State) -> Self {
        let own = Arc::new(Semaphore::new(shared.config.pending_messages_max));
        let pace = Pace::new(shared.pace.0, shared.pace.1, Instant::now());
        Self { shared, sender, events, state, expiry: None, own, pace }
    }

    async fn begin(&mut self) {
        self.expiry = None;
        let State::Open(opened) = &mut self.state else { return };
        if let Some(expires) = opened.access.expires {
            let left =
                Duration::from_secs_f64((expires - now().as_secs_f64()).clamp(0.0, LATEST.as_secs_f64()));
            let (code, reason) = EXPIRED;
            let at = Instant::now() + left;
            self.expiry = Some(self.shared.expiries.add(at, self.sender.clone(), code, reason));
        }
        if let (Some(since), Some(replays)) = (opened.since.take(), &self.shared.replays) {
            let replay = outbox::Replay {
                since,
                channels: opened.channels.clone(),
                inbox: opened.inbox.clone(),
                sender: self.sender.clone(),
            };
            replays.hand_in(replay);
        } else {
            opened.inbox.open(&self.sender);
        }
        self.meta("ConnectionOpen").await;
    }

    async fn meta(&self, event: &'static str) {
        let (State::Open(opened), Some(meta)) = (&self.state, &self.shared.meta) else { return };
        let (access, now) = (&opened.access, now());
        let payload = Envelope::meta(&access.claims, event, meta, &access.channels, now);
        let channel = self.shared.listen_channel.clone();
        let message = Message { channel, logical: meta.clone(), payload, until: self.shared.desk.due() };
        self.hand_in(message, From::Nobody, None).await;
    }

    async fn token(&mut self, asking: Asking, message: &Incoming) {
        let Incoming::Text(token) = message else {
            return self.sender.close(REFUSED, "Error: the first message has to be the token");
        };
        match Opened::of(&self.shared, token.trim(), &asking).await {
            Ok(opened) => {
                self.state = State::Open(Box::new(opened));
                self.begin().await;
            }
            Err(rejection) => {
                self.shared.count(&rejection);
                let code = if matches!(rejection, Rejection::Unavailable(_)) { 1013 } else { REFUSED };
                self.sender.close(code, &rejection.to_string());
            }
        }
    }

    fn from(&self) -> From {
        From::Client { sender: self.sender.clone(), events: self.events }
    }

    fn tell(&self, channel: &str, failure: &Failure) {
        tell(&self.shared.metrics, self.from(), channel, failure);
    }

    async fn say(&self, opened: &Opened, said: Said<'_>) {
        if !opened.access.writes {
            // The original does not read what such a client says; whoever wants to know asks for events.
            let failure = Failure::NotAllowed("this token may not send");
            let from = if self.events { self.from() } else { From::Nobody };
            return tell(&self.shared.metrics, from, &opened.channels[0], &failure);
        }
        // One for all channels: nobody waits for each of them in turn.
        let until = self.shared.desk.due();
        let mut messages = Vec::with_capacity(opened.channels.len());
        for logical in &opened.channels {
            if self.shared.meta.as_ref() == Some(logical) && !self.shared.config.meta_writable {
                let failure = Failure::NotAllowed("only the server writes to the meta channel");
                return self.tell(logical, &failure);
            }
            let payload = opened.envelope.message(logical, said, now());
            // To all channels or to none.
            if let Err(failure) = self.shared.desk.judge(&payload) {
                return self.tell(logical, &failure);
            }
            let channel = match self.shared.config.wire {
                Wire::Seed => logical.clone(),
                Wire::Current => self.shared.listen_channel.clone(),
            };
            messages.push(Message { channel, logical: logical.clone(), payload, until });
        }
        for message in messages {
            self.hand_in(message, self.from(), Some(&self.own)).await;
        }
    }

    /// Hands a message in, unless it is abandoned before there is room for it.
    async fn hand_in(&self, message: Message, from: From, own: Option<&Arc<Semaphore>>) {
        let logical = message.logical.clone();
        tokio::select! {
            biased;
            () = self.shared.desk.hand_in(message, from, own) => {}
            // Nobody is there to be told, but it is counted.
            () = self.abandoned() => tell(&self.shared.metrics, From::Nobody, &logical, &Failure::Late),
        }
    }

    /// Until the connection is closed and the database away: the close says that what was said last may be lost, and
    /// the connection's end is not to wait. While the database is there, what was taken goes out, whoever has closed.
    async fn abandoned(&self) {
        self.sender.closing().await;
        self.shared.away().await;
    }
}

impl Conversation for Talk {
    async fn opened(&mut self) {
        if let State::Waiting(_) = self.state {
            let at = Instant::now() + self.shared.config.token_within.as_duration();
            let due = self.shared.expiries.add(at, self.sender.clone(), REFUSED, "Error: no token came");
            self.expiry = Some(due);
        }
        self.begin_if_open().await;
    }

    async fn message(&mut self, message: Incoming) {
        let wait = self.pace.wait(Instant::now());
        if !wait.is_zero() {
            sleep(wait).await;
        }
        match std::mem::replace(&mut self.state, State::Refused) {
            State::Waiting(asking) => self.token(asking, &message).await,
            State::Refused => {}
            State::Open(opened) => {
                match &message {
                    Incoming::Text(text) => self.say(&opened, Said::Text(text)).await,
                    Incoming::Binary(bytes) => match std::str::from_utf8(bytes) {
                        Ok(text) => self.say(&opened, Said::Text(text)).await,
                        Err(_) if self.shared.config.lossy_binary => {
                            self.say(&opened, Said::Text(&String::from_utf8_lossy(bytes))).await;
                        }
                        Err(_) => self.say(&opened, Said::Bytes(bytes)).await,
                    },
                }
                self.state = State::Open(opened);
            }
        }
    }

    async fn closed(mut self, _how: CloseSummary) {
        if let State::Open(opened) = &mut self.state {
            opened.memberships.clear();
        }
        if self.shared.config.meta_closes {
            self.meta("ConnectionClose").await;
        }
    }
}

impl Talk {
    async fn begin_if_open(&mut self) {
        if let State::Open(_) = self.state {
            self.begin().await;
        }
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
