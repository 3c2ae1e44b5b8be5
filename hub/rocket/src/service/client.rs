//! One connection's conversation.

use std::sync::Arc;

use bytes::Bytes;
use polysocket_broker::{Kind, Topic};
use polysocket_socket::{CloseSummary, Conversation, Incoming, Sender};

use super::expiry::Expiry;
use super::hub::Hub;
use super::inbox::{Inbox, is_token};
use super::link::{Link, POLICY};
use super::subscriptions::Subscriptions;
use crate::access::{Permission, Session};
use crate::wire::{self, Dialect, Fields, Id, Reason, Reply, Request, Verb};

/// RFC 6455, section 7.4.1: the purpose has been fulfilled.
const NORMAL: u16 = 1000;

/// A client: who it is, and what it listens to.
pub(super) struct Client {
    hub: Arc<Hub>,
    link: Arc<Link>,
    /// Of its page, for tokens that are for some pages only.
    origin: Option<Box<str>>,
    session: Option<Session>,
    expiry: Option<Expiry>,
    subscriptions: Subscriptions,
    inbox: Option<Box<Inbox>>,
    /// There has been one.
    had_inbox: bool,
    logins_refused: u32,
}

impl Client {
    pub(super) fn new(hub: Arc<Hub>, sender: Sender, origin: Option<Box<str>>) -> Self {
        let link = Arc::new(Link::new(sender, hub.node.held_bytes_max));
        Self {
            hub,
            link,
            origin,
            session: None,
            expiry: None,
            subscriptions: Subscriptions::default(),
            inbox: None,
            had_inbox: false,
            logins_refused: 0,
        }
    }

    fn dialect(&self) -> Dialect {
        self.hub.node.config.dialect
    }

    fn tell(&self, what: &str) {
        self.hub.journal.tell(self.link.sender().id(), what);
    }

    fn answer(&self, reply: &Reply<'_>, id: Option<&Id>) {
        self.link.answer(&reply.encode(id), Vec::new());
    }

    fn refuse(&self, reason: &Reason, id: Option<&Id>) {
        let dialect = self.dialect();
        self.hub.node.metrics.refusals.with_label_values(&[reason.name(dialect)]).inc();
        self.answer(&Reply::Refused { reason, dialect }, id);
    }

    async fn request(&mut self, text: &str) {
        let request = match Request::read(text) {
            Ok(request) => request,
            Err(reason) => return self.refuse(&reason, None),
        };
        self.hub.node.metrics.requests.with_label_values(&[request.verb.name()]).inc();
        let (fields, id) = (&request.fields, request.fields.id());
        let id = id.as_ref();
        // Boxed but for the one that comes often: every connection's task has room for the largest of these.
        let done = match request.verb {
            Verb::Authenticate => Box::pin(self.authenticate(fields, id)).await,
            Verb::Subscribe => Box::pin(self.subscribe(fields, id)).await,
            Verb::Unsubscribe => Box::pin(self.unsubscribe(fields, id)).await,
            Verb::Broadcast => self.broadcast(fields, id).await,
            Verb::Direct => Box::pin(self.direct(fields, id)).await,
            Verb::Logout => Box::pin(self.logout(id)).await,
            Verb::Disconnect => {
                self.link.sender().close(NORMAL, "");
                Ok(())
            }
        };
        if let Err(reason) = done {
            self.refuse(&reason, id);
            if self.logins_refused > self.hub.node.config.logins_refused_max {
                self.link.sender().close(POLICY, "too many refused logins");
            }
        }
    }

    /// The session, if it has this right at all.
    fn with(&self, right: Permission) -> Result<&Session, Reason> {
        self.session.as_ref().filter(|session| session.may(right)).ok_or(Reason::Denied)
    }

    async fn authenticate(&mut self, fields: &Fields<'_>, id: Option<&Id>) -> Result<(), Reason> {
        let login = fields.login(self.dialect())?;
        let (session, bearer) = match self.hub.login(&login, self.origin.as_deref()).await {
            Ok(granted) => granted,
            Err(reason) => {
                self.login_refused(&reason).await;
                return Err(reason);
            }
        };
        let changes = self.session.as_ref().is_some_and(|old| old.counted_as != session.counted_as);
        let ends_inbox = changes && self.is_strict();
        if login.wants_token && (self.inbox.is_none() || ends_inbox) {
            // Before anything of the old session ends.
            self.count_inbox(&session)?;
        }
        if changes {
            self.leave().await;
        } else if self.is_strict() {
            // The same user with another token, which may allow less.
            self.subscriptions.keep(|channel| session.may_read(channel));
        }
        let token = if login.wants_token { Some(self.token().await?) } else { None };
        let ends_in = bearer.map(|bearer| bearer.ends_in);
        self.expiry = ends_in.map(|ends_in| Expiry::new(&self.link, ends_in, &self.hub.node.life));
        self.tell(&format!("logged in as `{}`", session.user.name.escape_debug()));
        self.session = Some(session);
        self.answer(&Reply::Authenticated { user: &login.user, token: token.as_deref() }, id);
        Ok(())
    }

    async fn login_refused(&mut self, reason: &Reason) {
        match reason {
            Reason::WrongSecret | Reason::BadToken(_) => {
                // The later line of the original left the session alone.
                if self.dialect() == Dialect::Readme && self.session.take().is_some() {
                    self.leave().await;
                    // Only now: what leaves is strict by it.
                    self.expiry = None;
                }
            }
            Reason::UnknownUser => {}
            _ => return,
        }
        self.logins_refused += 1;
        self.tell("a login was refused");
        if self.logins_refused > self.hub.node.config.logins_refused_max {
            tracing::info!(hub = %self.hub.path, "a client was refused too many logins");
        }
    }

    /// Whether nothing outlives the session. One by a token is always so: with it goes the end of the token, and nothing
    /// would ever end what the token allowed.
    fn is_strict(&self) -> bool {
        self.hub.node.config.strict_sessions || self.expiry.is_some()
    }

    /// The session has ended by itself: what it had subscribed to stays, unless it is strict.
    async fn leave(&mut self) {
        if self.is_strict() {
            self.silence().await;
        }
    }

    /// Nothing comes any more.
    async fn silence(&mut self) {
        self.subscriptions.end_all();
        if let Some(inbox) = self.inbox.take() {
            inbox.close().await;
        }
    }

    /// The first inbox comes with the connection; a login and a logout make one more each time.
    fn count_inbox(&self, session: &Session) -> Result<(), Reason> {
        if self.had_inbox { self.hub.count_creation(session) } else { Ok(()) }
    }

    /// The connection's own token; its inbox is opened when it is first needed.
    async fn token(&mut self) -> Result<String, Reason> {
        if self.inbox.is_none() {
            // What comes in at once must not come before the answer that tells the token.
            self.link.hold();
            self.inbox = Some(Box::new(Inbox::open(&self.hub, &self.link).await?));
            self.had_inbox = true;
        }
        Ok(self.inbox.as_ref().map(|inbox| inbox.token.clone()).unwrap_or_default())
    }

    async fn subscribe(&mut self, fields: &Fields<'_>, id: Option<&Id>) -> Result<(), Reason> {
        self.with(Permission::READ)?;
        let want = fields.subscribe()?;
        let Some(session) = &self.session else { return Err(Reason::Denied) };
        let mut begun = self.subscriptions.begin(want, session, &self.hub, &self.link).await?;
        self.link.answer(&begun.reply().encode(id), begun.take_past());
        Ok(())
    }

    async fn unsubscribe(&mut self, fields: &Fields<'_>, id: Option<&Id>) -> Result<(), Reason> {
        let strict = self.dialect() == Dialect::Dev;
        if strict && self.session.is_none() {
            return Err(Reason::Denied);
        }
        let channel = fields.channel()?;
        let known = self.subscriptions.has(&channel)
            || !strict
            || self.hub.name_fits(&channel) && self.hub.is_known(&self.hub.channel(&channel)).await?;
        if !known {
            return Err(Reason::UnknownChannel);
        }
        self.subscriptions.end(&channel);
        self.answer(&Reply::Unsubscribed { channel: &channel }, id);
        Ok(())
    }

    async fn broadcast(&mut self, fields: &Fields<'_>, id: Option<&Id>) -> Result<(), Reason> {
        let session = self.with(Permission::WRITE)?;
        let wire::Broadcast { channel, whole } = fields.broadcast(self.dialect())?;
        if !session.may_write(&channel) {
            return Err(Reason::Denied);
        }
        if !self.hub.name_fits(&channel) {
            return Err(Reason::UnknownChannel);
        }
        let topic = self.hub.channel(&channel);
        if !self.subscriptions.has(&channel) && !self.hub.is_known(&topic).await? {
            return Err(Reason::UnknownChannel);
        }
        let (offset, subscribers) = self.publish(&topic, whole.as_bytes()).await?;
        self.answer(&Reply::Broadcasted { channel: &channel, offset, subscribers }, id);
        Ok(())
    }

    async fn direct(&mut self, fields: &Fields<'_>, id: Option<&Id>) -> Result<(), Reason> {
        let session = self.with(Permission::WRITE)?.clone();
        let wire::Direct { event, client, data } = fields.direct(self.dialect())?;
        let topic = self.hub.inbox(&client);
        if !is_token(&client) || !self.hub.is_known(&topic).await? {
            return Err(Reason::UnknownClient);
        }
        if self.inbox.is_none() {
            self.count_inbox(&session)?;
        }
        let from = self.token().await?;
        self.publish(&topic, &wire::direct_payload(&event, data, &from)).await?;
        self.answer(&Reply::DirectSent { client: &client }, id);
        Ok(())
    }

    /// Offset, and how many subscribe. Everything is held back until the answer, the own copy too.
    async fn publish(&self, topic: &Topic, payload: &[u8]) -> Result<(u64, u64), Reason> {
        self.link.hold();
        let payload = Bytes::copy_from_slice(payload);
        let published = self.hub.node.broker.publish(topic, Kind::Text, payload).await;
        let published = published.map_err(|error| self.hub.reason(&error))?;
        Ok((published.position.offset, published.subscribers))
    }

    async fn logout(&mut self, id: Option<&Id>) -> Result<(), Reason> {
        if self.session.is_none() && self.dialect() == Dialect::Dev {
            return Err(Reason::Denied);
        }
        if self.session.take().is_some() {
            self.tell("logged out");
        }
        self.expiry = None;
        self.silence().await;
        self.answer(&Reply::LoggedOut, id);
        Ok(())
    }
}

impl Conversation for Client {
    async fn opened(&mut self) {
        self.tell("connected");
    }

    async fn message(&mut self, message: Incoming) {
        match message {
            Incoming::Text(text) => self.request(&text).await,
            Incoming::Binary(_) => self.refuse(&Reason::Payload, None),
        }
    }

    async fn closed(mut self, how: CloseSummary) {
        self.silence().await;
        self.tell(&format!("gone: {}, code {}", how.cause.word(), how.code));
    }
}
