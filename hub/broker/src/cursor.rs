//! What comes next in a topic: pure, no clock, no I/O.
//!
//! Engines hand over messages as they hear of them: some twice, some too late, and some never. The cursor passes each on
//! once, in order of offsets. Where it finds a hole it asks for a reading of the history, holds back what comes
//! meanwhile, and goes on from what the history still has. What it has not is told as a gap.
//!
//! ```text
//!             live: next offset                 live: a hole, another epoch; suspect
//!        ┌──────────────┐                 ┌──────────────────────────────────────────┐
//!        └─► following ─┘      following ─┘                                          ▼
//!                              following ◄── reading reaches the top ── catching up (holds back)
//!                                                                       └─► reading: more pages, or another hole
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

use crate::{History, Position, Publication};

/// Messages held back during one catching up. The history has most of them anyway.
const HELD_MAX: usize = 1024;
/// Their payloads together, bytes.
const HELD_BYTES_MAX: usize = 4 << 20;

/// What subscribers are to be told.
#[derive(Debug)]
pub(crate) enum Out<'a> {
    /// The next message.
    Deliver(&'a Arc<Publication>),
    /// Something is missing before what comes after this.
    Gap {
        /// Where it goes on.
        from: &'a Position,
        /// Whether offsets before it and after it are of one epoch.
        same_epoch: bool,
    },
}

/// A reading that is needed: of the history after `since`, to be handed to [`Cursor::read`] with the same number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Need {
    pub number: u64,
    pub since: Option<Position>,
}

/// Where the subscribers of one topic in this process are.
#[derive(Debug)]
pub(crate) struct Cursor {
    /// After the last message passed on; none before the first reading.
    position: Option<Position>,
    catching: Option<Catching>,
    /// Of the last reading asked for; older ones come too late.
    number: u64,
}

#[derive(Debug, Default)]
struct Catching {
    held: VecDeque<Arc<Publication>>,
    /// Of those held back since this began; less may be left.
    bytes: usize,
    /// The reading under way may not have seen everything.
    again: bool,
}

impl Catching {
    fn hold(&mut self, publication: Arc<Publication>) {
        self.bytes += publication.payload.len();
        if self.held.len() < HELD_MAX && self.bytes <= HELD_BYTES_MAX {
            self.held.push_back(publication);
        } else {
            self.again = true;
        }
    }
}

impl Cursor {
    /// Holds everything back until the first reading, whose number is 0.
    pub fn new() -> Self {
        Self { position: None, catching: Some(Catching::default()), number: 0 }
    }

    pub fn position(&self) -> Option<&Position> {
        self.position.as_ref()
    }

    /// A message as it was heard of.
    #[must_use]
    pub fn live(&mut self, publication: Arc<Publication>, out: &mut dyn FnMut(Out<'_>)) -> Option<Need> {
        if let Some(catching) = &mut self.catching {
            catching.hold(publication);
            return None;
        }
        match self.take(&publication, out) {
            Taken::Yes => None,
            Taken::Hole => {
                let mut catching = Catching::default();
                catching.hold(publication);
                self.catching = Some(catching);
                Some(self.need())
            }
        }
    }

    /// Messages may have been missed.
    #[must_use]
    pub fn suspect(&mut self) -> Option<Need> {
        if let Some(catching) = &mut self.catching {
            catching.again = true;
            return None;
        }
        self.catching = Some(Catching::default());
        Some(self.need())
    }

    /// A page of the history, as it was when it was read: the first messages after the position of the [`Need`].
    #[must_use]
    pub fn read(&mut self, number: u64, history: &History, out: &mut dyn FnMut(Out<'_>)) -> Option<Need> {
        if number != self.number {
            return None;
        }
        let Catching { mut held, bytes, mut again } = self.catching.take()?;
        let top = &history.position;
        match &mut self.position {
            // The first reading: the past is nobody's business yet.
            None => self.position = Some(top.clone()),
            Some(position) => {
                if history.complete {
                    // The same history under a newer name, perhaps.
                    position.epoch = top.epoch.clone();
                } else {
                    // Where nothing is kept, what is held back is all there is.
                    let held = held.iter().find(|held| held.epoch == top.epoch && held.offset <= top.offset);
                    let first = history.publications.first().or(held);
                    let offset = first.map_or(top.offset, |publication| publication.offset - 1);
                    let same_epoch = position.epoch == top.epoch;
                    *position = Position { epoch: top.epoch.clone(), offset };
                    out(Out::Gap { from: position, same_epoch });
                }
                for publication in &history.publications {
                    if publication.offset == position.offset + 1 {
                        out(Out::Deliver(publication));
                        position.offset += 1;
                    }
                }
                if position.offset < top.offset && !history.publications.is_empty() {
                    self.catching = Some(Catching { held, bytes, again });
                    return Some(self.need());
                }
            }
        }
        let epoch = top.epoch.clone();
        while let Some(publication) = held.pop_front() {
            if publication.epoch != epoch {
                // Older, or newer than the reading: the next one shows which.
                again = true;
            } else if matches!(self.take(&publication, out), Taken::Hole) {
                held.push_front(publication);
                again = true;
                break;
            }
        }
        // What was neither kept nor heard is told as a gap by the next reading.
        again |= self.position.as_ref().is_some_and(|position| position.offset < top.offset);
        again.then(|| {
            self.catching = Some(Catching { held, bytes, again: false });
            self.need()
        })
    }

    /// The topic was deleted; a new one begins here.
    #[must_use]
    pub fn restart(&mut self, position: Position) -> Option<Need> {
        self.position = Some(position);
        self.catching.take().map(|_| {
            // What is under way is about the old one.
            self.catching = Some(Catching::default());
            self.need()
        })
    }

    fn take(&mut self, publication: &Arc<Publication>, out: &mut dyn FnMut(Out<'_>)) -> Taken {
        match &mut self.position {
            Some(position) if position.epoch == publication.epoch => {
                if publication.offset > position.offset + 1 {
                    return Taken::Hole;
                }
                // Else it has been passed on already.
                if publication.offset == position.offset + 1 {
                    out(Out::Deliver(publication));
                    position.offset += 1;
                }
                Taken::Yes
            }
            _ => Taken::Hole,
        }
    }

    fn need(&mut self) -> Need {
        self.number += 1;
        Need { number: self.number, since: self.position.clone() }
    }
}

enum Taken {
    Yes,
    Hole,
}

#[cfg(test)]
mod tests;
