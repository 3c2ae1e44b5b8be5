//! The baseline: one POST and one GET, each answered at once with fixed bytes.

use super::{Closing, Dialect, Inbox};
use crate::baseline::{ANSWER_BYTE, POST_ANSWER};
use crate::client::{Answer, request};
use crate::error::Result;

pub struct Baseline {
    host: String,
    answer: String,
}

impl Baseline {
    /// `answer_bytes` is what the server was started with.
    pub fn new(host: String, answer_bytes: usize) -> Self {
        Self { host, answer: char::from(ANSWER_BYTE).to_string().repeat(answer_bytes) }
    }
}

impl Dialect for Baseline {
    fn create(&mut self, out: &mut Vec<u8>) {
        request::get(out, &self.host, format_args!("/"));
    }

    fn created(&mut self, answer: Answer<'_>) -> Result<()> {
        answer.text(200).map(drop)
    }

    fn poll(&mut self, out: &mut Vec<u8>) {
        request::get(out, &self.host, format_args!("/"));
    }

    fn polled(&mut self, answer: Answer<'_>, inbox: &mut Inbox) -> Result<()> {
        inbox.push(answer.text(200)?, false)
    }

    fn send(&mut self, message: &str, out: &mut Vec<u8>) {
        request::post(out, &self.host, format_args!("/"), message.as_bytes());
    }

    fn sent(&mut self, answer: Answer<'_>) -> Result<()> {
        if answer.text(201)?.as_bytes() == POST_ANSWER {
            Ok(())
        } else {
            Err(answer.unexpected("not the baseline's answer"))
        }
    }

    fn close(&mut self, _: &mut Vec<u8>) -> Closing {
        Closing::HangUp
    }

    fn echo_of<'a>(&'a self, _: &'a str) -> &'a str {
        &self.answer
    }
}
