//! With whose credential a resource is read: one client's bad token must not speak for the others. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use super::member::Member;
use crate::access::{Credential, Scope};
use crate::wire::Code;

/// Scopes in a row that are refused what was for everybody, and are parted from the others one by one. Where there are more
/// it is not for everybody, or the API has had enough.
const REFUSALS_MAX: u32 = 3;

/// What a refusal of what was for everybody means.
pub(super) enum Refusal {
    /// It is so for all.
    All,
    /// Another is to be asked first.
    Doubt,
    /// It is so for this scope, which goes its own way.
    Part,
}

/// What is known of those who could be asked with.
#[derive(Default)]
pub(super) struct Speakers {
    /// In the public scope: as whom it was last read with success.
    worked: Option<Scope>,
    /// As whom it was not found; whether that is so for all another has to say.
    doubted: Option<Scope>,
    /// Those without a token were refused.
    unheard: bool,
    refusals: u32,
}

impl Speakers {
    /// The credential for a reading in `scope`: the scope's own. In the public one nobody's, if somebody has none; else that
    /// of one with whom it worked before, so that a bad one is not asked with for all.
    pub(super) fn choose(&self, scope: Scope, members: &HashMap<u64, Arc<Member>>) -> Option<Credential> {
        if scope == Scope::Anonymous {
            return None;
        }
        let trusted = |member: &&Arc<Member>| Some(member.scope()) != self.doubted;
        let of = |scope| members.values().filter(trusted).find(move |member| member.scope() == scope);
        let nobody = if self.unheard { None } else { of(Scope::Anonymous) };
        let worked = || self.worked.and_then(of);
        let other = || members.values().find(trusted);
        let member = nobody.or_else(worked).or_else(other).or_else(|| members.values().next())?;
        member.credential.clone()
    }

    /// It was read as this one. The scope that was told otherwise before, and is to go its own way.
    pub(super) fn heard(&mut self, speaker: Scope) -> Option<Scope> {
        self.worked = Some(speaker);
        self.refusals = 0;
        self.doubted.take().filter(|doubted| *doubted != speaker)
    }

    /// It was refused to this one, who is `alone` if nobody else is bound.
    pub(super) fn refused(&mut self, speaker: Scope, alone: bool, code: Code) -> Refusal {
        self.refusals += 1;
        self.worked = self.worked.filter(|worked| *worked != speaker);
        if alone || self.refusals > REFUSALS_MAX {
            return Refusal::All;
        }
        if code == Code::NotFound {
            if self.doubted.take().is_some_and(|doubted| doubted != speaker) {
                return Refusal::All;
            }
            self.doubted = Some(speaker);
            return Refusal::Doubt;
        }
        self.unheard |= speaker == Scope::Anonymous;
        Refusal::Part
    }

    pub(super) fn are_many_refused(&self) -> bool {
        self.refusals > 1
    }
}
