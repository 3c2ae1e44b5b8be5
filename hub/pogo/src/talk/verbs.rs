//! `get`, `post`, `put`, `delete`: done by the API; what they change is told to whoever is bound.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::Method;
use serde_json::value::RawValue;

use super::client::{Client, Reply};
use crate::access::Credential;
use crate::document::Document;
use crate::feed::{Cause, Style};
use crate::upstream::{Answer, Ask, Reading, Resource};
use crate::wire::{Code, Dialect, Failure, verb_frame};

impl Client {
    fn ask<'a>(&self, credential: Option<&'a Credential>, data: Option<Box<RawValue>>) -> Ask<'a> {
        let body = data.map(|data| Bytes::from(String::from(Box::<str>::from(data))));
        Ask { credential, client: self.opening.address, body, ..Ask::default() }
    }

    pub(super) async fn get(self: &Arc<Self>, reply: &Reply, path: &str) -> Result<(), Failure> {
        let shared = &self.pogo.0;
        let resource = shared.base.resource(path)?;
        let credential = self.credential();
        let reading = shared.upstream.read(&resource, self.ask(credential.as_ref(), None)).await?;
        let Reading::New(answer) = reading else {
            return Err(Failure::new(Code::UpstreamError, "the API answered 304 without having been asked")
                .with_status(304));
        };
        let event = if shared.config.uniform_events { "response" } else { "streama:response" };
        for frame in self.data_frames(reply, event, path, answer.status, &answer.document) {
            self.send(frame);
        }
        Ok(())
    }

    pub(super) async fn post(
        self: &Arc<Self>,
        reply: &Reply,
        path: &str,
        data: Option<Box<RawValue>>,
        idempotent: bool,
    ) -> Result<(), Failure> {
        let shared = &self.pogo.0;
        let resource = shared.base.resource(path)?;
        let credential = self.credential();
        let mut ask = self.ask(credential.as_ref(), data);
        let body = ask.body.clone().unwrap_or_default();
        let id = reply.id.as_deref().filter(|_| idempotent).map(|id| id.get().to_owned());
        if let Some(id) = &id {
            if let Some(frames) = self.state().replays.find(id, path, &body)? {
                self.send_all(frames);
                return Ok(());
            }
            ask.idempotency_key = Some(format!("{}-{}", self.id, key(id)));
        }
        let answer = self.write(Method::POST, &resource, ask).await?;
        let frames = self.data_frames(reply, "response", path, answer.status, &answer.document);
        if let Some(id) = id {
            let max = shared.config.replays_max;
            self.state().replays.keep(id, path.to_owned(), &body, frames.clone(), max);
        }
        self.send_all(frames);
        self.written(&resource, &answer).await;
        Ok(())
    }

    pub(super) async fn put(
        self: &Arc<Self>,
        reply: &Reply,
        path: &str,
        data: Option<Box<RawValue>>,
    ) -> Result<(), Failure> {
        let shared = &self.pogo.0;
        let resource = shared.base.resource(path)?;
        let (credential, own) = {
            let state = self.state();
            let own = state.binds.get(path).map(|bind| bind.member.clone());
            (state.credential.clone(), own)
        };
        let own = own.filter(|member| matches!(member.style, Style::Socket { dialect: Dialect::Seed, .. }));
        let before = own.as_ref().map_or(0, |member| member.sends());
        let answer = self.write(Method::PUT, &resource, self.ask(credential.as_ref(), data)).await?;
        if reply.dialect == Dialect::Seed {
            let frame = verb_frame("response", path, answer.status, answer.document.raw(), self.codec());
            match &own {
                Some(member) if answer.status == 200 => {
                    member.own_write(answer.document.version(), before, frame);
                }
                _ => self.send(frame),
            }
        }
        self.ack(reply, None);
        self.written(&resource, &answer).await;
        Ok(())
    }

    pub(super) async fn delete(
        self: &Arc<Self>,
        reply: &Reply,
        path: &str,
        data: Option<Box<RawValue>>,
    ) -> Result<(), Failure> {
        let shared = &self.pogo.0;
        let resource = shared.base.resource(path)?;
        let credential = self.credential();
        let answer = self.write(Method::DELETE, &resource, self.ask(credential.as_ref(), data)).await?;
        self.ack(reply, None);
        if answer.status == 202 {
            // It will be deleted, later.
            shared.feeds.touch(&resource.path, Cause::Written);
        } else {
            shared.feeds.deleted(&resource.path, self.scope()).await;
        }
        shared.nodes.tell_touched(&resource.path, Cause::Written).await;
        Ok(())
    }

    /// A write whose answer was lost may have been done, and one that was refused because of what is there tells that it
    /// is something else than was thought: whoever is bound to this very path looks.
    async fn write(&self, method: Method, resource: &Resource, ask: Ask<'_>) -> Result<Answer, Failure> {
        let shared = &self.pogo.0;
        let answer = shared.upstream.write(method, resource, ask).await;
        let tells = |failure: &Failure| match failure.code {
            Code::UpstreamError | Code::Timeout => true,
            // 404, 410; 409, 412.
            Code::NotFound | Code::Conflict => failure.http.is_some(),
            _ => false,
        };
        if answer.as_ref().is_err_and(tells) {
            shared.touch(&resource.path, Cause::Failed).await;
        }
        answer
    }

    /// In the seed's dialect a frame and then an ack; later the ack has the data.
    fn data_frames(
        &self,
        reply: &Reply,
        event: &str,
        path: &str,
        status: u16,
        document: &Document,
    ) -> Vec<Bytes> {
        match reply.dialect {
            Dialect::Seed => vec![
                verb_frame(event, path, status, document.raw(), self.codec()),
                self.ack_frame(reply, None),
            ],
            Dialect::Later => vec![self.ack_frame(reply, Some(document.raw()))],
        }
    }

    fn send_all(&self, frames: Vec<Bytes>) {
        for frame in frames {
            self.send(frame);
        }
    }

    async fn written(&self, resource: &Resource, answer: &Answer) {
        let shared = &self.pogo.0;
        let created =
            answer.location.as_deref().and_then(|location| shared.base.path_of(&resource.url, location));
        for path in [Some(&*resource.path), created.as_deref()].into_iter().flatten() {
            shared.touch(path, Cause::Written).await;
        }
    }
}

/// An id as part of a header: `1` and `"1"` are two.
fn key(id: &str) -> String {
    match serde_json::from_str::<String>(id) {
        Ok(text) => format!("s{}", URL_SAFE_NO_PAD.encode(text)),
        Err(_) => id.to_owned(),
    }
}
