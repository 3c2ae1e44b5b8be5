#![allow(clippy::unwrap_used)]
use std::cell::Cell;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{Epoch, Kind, Topic};

fn epoch(n: u8) -> Epoch {
    Epoch::parse(&format!("e{n}")).unwrap()
}

fn publication(e: u8, offset: u64) -> Arc<Publication> {
    let position = Position { epoch: epoch(e), offset };
    Arc::new(Publication::new(Topic::new("s", "t"), position, Kind::Text, Bytes::new()))
}

fn history(e: u8, top: u64, offsets: std::ops::RangeInclusive<u64>, complete: bool) -> History {
    History {
        position: Position { epoch: epoch(e), offset: top },
        publications: offsets.map(|offset| publication(e, offset)).collect(),
        complete,
    }
}

#[allow(clippy::reversed_empty_ranges)]
fn started(e: u8, offset: u64) -> Cursor {
    let mut cursor = Cursor::new();
    assert_eq!(cursor.read(0, &history(e, offset, 1..=0, true), &mut |out| panic!("{out:?}")), None);
    cursor
}

/// What came out, as text.
#[derive(Default)]
struct Log(Vec<String>);

impl Log {
    fn out(&mut self) -> impl FnMut(Out<'_>) {
        |out| {
            self.0.push(match out {
                Out::Deliver(publication) => publication.position().to_string(),
                Out::Gap { from, .. } => format!("gap {from}"),
            });
        }
    }
    fn take(&mut self) -> String {
        std::mem::take(&mut self.0).join(", ")
    }
}

#[test]
fn passes_each_on_once_in_order() {
    let (mut cursor, mut log) = (started(1, 4), Log::default());
    for offset in [3, 4, 5, 5, 6, 4] {
        assert_eq!(cursor.live(publication(1, offset), &mut log.out()), None);
    }
    assert_eq!(log.take(), "e1:5, e1:6");
}

#[test]
fn what_came_before_the_first_reading_is_not_lost() {
    let (mut cursor, mut log) = (Cursor::new(), Log::default());
    for offset in [4, 5, 6] {
        assert_eq!(cursor.live(publication(1, offset), &mut log.out()), None);
    }
    assert_eq!(cursor.read(0, &history(1, 5, 3..=5, true), &mut log.out()), None);
    assert_eq!(log.take(), "e1:6");
}

#[test]
fn a_hole_is_filled_from_the_history() {
    let (mut cursor, mut log) = (started(1, 4), Log::default());
    let need = cursor.live(publication(1, 7), &mut log.out()).unwrap();
    assert_eq!(need.since, Some(Position { epoch: epoch(1), offset: 4 }));
    assert_eq!(cursor.live(publication(1, 8), &mut log.out()), None);
    assert_eq!(cursor.live(publication(1, 9), &mut log.out()), None);
    assert_eq!(cursor.read(need.number, &history(1, 8, 5..=8, true), &mut log.out()), None);
    assert_eq!(log.take(), "e1:5, e1:6, e1:7, e1:8, e1:9");
}

#[test]
fn a_history_that_is_trimmed_is_told() {
    let (mut cursor, mut log) = (started(1, 4), Log::default());
    let need = cursor.live(publication(1, 9), &mut log.out()).unwrap();
    assert_eq!(cursor.read(need.number, &history(1, 9, 8..=9, false), &mut log.out()), None);
    assert_eq!(log.take(), "gap e1:7, e1:8, e1:9");
}

#[test]
#[allow(clippy::reversed_empty_ranges)]
fn without_history_the_message_in_hand_is_still_given() {
    let (mut cursor, mut log) = (started(1, 4), Log::default());
    let need = cursor.live(publication(1, 6), &mut log.out()).unwrap();
    assert_eq!(cursor.live(publication(1, 7), &mut log.out()), None);
    assert_eq!(cursor.read(need.number, &history(1, 6, 1..=0, false), &mut log.out()), None);
    assert_eq!(log.take(), "gap e1:5, e1:6, e1:7");
}

#[test]
fn another_epoch_is_a_gap_unless_the_history_knows_better() {
    let (mut cursor, mut log) = (started(1, 4), Log::default());
    let need = cursor.live(publication(2, 5), &mut log.out()).unwrap();
    assert_eq!(cursor.read(need.number, &history(2, 5, 5..=5, true), &mut log.out()), None);
    assert_eq!(log.take(), "e2:5");
    let need = cursor.live(publication(3, 2), &mut log.out()).unwrap();
    assert_eq!(cursor.read(need.number, &history(3, 2, 1..=2, false), &mut log.out()), None);
    assert_eq!(log.take(), "gap e3:0, e3:1, e3:2");
}

#[test]
#[allow(clippy::reversed_empty_ranges)]
fn a_late_message_of_an_old_epoch_changes_nothing() {
    let (mut cursor, mut log) = (started(2, 4), Log::default());
    let need = cursor.live(publication(1, 9), &mut log.out()).unwrap();
    let need = cursor.read(need.number, &history(2, 4, 1..=0, true), &mut log.out()).unwrap();
    assert_eq!(cursor.read(need.number, &history(2, 4, 1..=0, true), &mut log.out()), None);
    assert_eq!(cursor.live(publication(2, 5), &mut log.out()), None);
    assert_eq!(log.take(), "e2:5");
}

#[test]
fn pages_are_asked_for_one_after_the_other() {
    let (mut cursor, mut log) = (started(1, 0), Log::default());
    let need = cursor.suspect().unwrap();
    assert_eq!(cursor.suspect(), None);
    let need = cursor.read(need.number, &history(1, 4, 1..=2, true), &mut log.out()).unwrap();
    assert_eq!(need.since.clone().unwrap().offset, 2);
    // The second suspicion came during the reading, so there is one more.
    let need = cursor.read(need.number, &history(1, 4, 3..=4, true), &mut log.out()).unwrap();
    assert_eq!(cursor.read(need.number, &history(1, 5, 5..=5, true), &mut log.out()), None);
    assert_eq!(log.take(), "e1:1, e1:2, e1:3, e1:4, e1:5");
}

#[test]
#[allow(clippy::reversed_empty_ranges)]
fn a_reading_of_a_deleted_topic_comes_too_late() {
    let (mut cursor, mut log) = (started(1, 4), Log::default());
    let old = cursor.suspect().unwrap();
    let new = cursor.restart(Position { epoch: epoch(2), offset: 0 }).unwrap();
    assert_eq!(cursor.read(old.number, &history(1, 5, 5..=5, true), &mut log.out()), None);
    assert_eq!(cursor.read(new.number, &history(2, 0, 1..=0, true), &mut log.out()), None);
    assert_eq!(cursor.live(publication(2, 1), &mut log.out()), None);
    assert_eq!(log.take(), "e2:1");
}

/// A server that keeps the last `keep` messages, whose data may be lost (`Wipe`) or renamed (`Rename`).
#[derive(Debug, Clone)]
enum Step {
    Publish {
        heard: bool,
    },
    Repeat(u64),
    Wipe,
    Rename,
    Suspect,
    /// The reading takes effect on the server now, and arrives some steps later.
    Read,
    Arrive,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => any::<bool>().prop_map(|heard| Step::Publish { heard }),
        2 => (1_u64..5).prop_map(Step::Repeat),
        1 => Just(Step::Wipe),
        1 => Just(Step::Rename),
        1 => Just(Step::Suspect),
        4 => Just(Step::Read),
        4 => Just(Step::Arrive),
    ];
    proptest::collection::vec(step, 0..120)
}

struct Server {
    epoch: u8,
    /// The offsets in common with each epoch before.
    ancestors: Vec<(u8, u64)>,
    top: u64,
    keep: u64,
}

impl Server {
    fn read(&self, since: Option<&Position>, page: u64) -> History {
        let base = since.filter(|since| {
            let names = |e: u8, most: u64| since.epoch == epoch(e) && since.offset <= most;
            names(self.epoch, self.top) || self.ancestors.iter().any(|&(e, most)| names(e, most))
        });
        let first_kept = (self.top + 1).saturating_sub(self.keep).max(1);
        let complete = since.is_none() || base.is_some_and(|base| base.offset + 1 >= first_kept);
        let first = base.map_or(first_kept, |base| (base.offset + 1).max(first_kept));
        let last = self.top.min(first + page - 1);
        history(self.epoch, self.top, first..=last, complete)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    /// Against the plainest model of a subscriber: every message has the next offset, or a gap says which comes next;
    /// and once all readings have arrived it is where the server is.
    #[test]
    fn nothing_is_lost_untold(steps in steps(), keep in 0_u64..6, page in 1_u64..4) {
        let mut server = Server { epoch: 0, ancestors: Vec::new(), top: 0, keep };
        let mut cursor = Cursor::new();
        let (mut need, mut arriving) = (Some(Need { number: 0, since: None }), None);
        let at: Cell<Option<u64>> = Cell::new(None);
        let mut lost = 0_u64;
        let mut unheard_since_reading = false;
        let finish = [Step::Suspect].into_iter().chain((0..40).flat_map(|_| [Step::Read, Step::Arrive]));
        for step in steps.into_iter().chain(finish) {
            let mut out = |out: Out<'_>| match out {
                Out::Deliver(publication) => {
                    assert_eq!(Some(publication.offset), at.get().map(|at| at + 1), "the next one");
                    at.set(Some(publication.offset));
                }
                Out::Gap { from, .. } => {
                    lost += 1;
                    at.set(Some(from.offset));
                }
            };
            let asked = match step {
                Step::Publish { heard } => {
                    server.top += 1;
                    unheard_since_reading |= !heard;
                    let publication = publication(server.epoch, server.top);
                    if heard { cursor.live(publication, &mut out) } else { None }
                }
                Step::Repeat(back) if server.top >= back => {
                    cursor.live(publication(server.epoch, server.top - back + 1), &mut out)
                }
                Step::Repeat(_) => None,
                Step::Wipe => {
                    server = Server { epoch: server.epoch + 1, ancestors: Vec::new(), top: 0, keep };
                    None
                }
                Step::Rename => {
                    server.ancestors.push((server.epoch, server.top));
                    server.epoch += 1;
                    None
                }
                Step::Suspect => cursor.suspect(),
                Step::Read => {
                    if let Some(need) = need.take() {
                        arriving = Some((need.number, server.read(need.since.as_ref(), page)));
                    }
                    None
                }
                Step::Arrive => match arriving.take() {
                    Some((number, history)) => {
                        if at.get().is_none() {
                            at.set(Some(history.position.offset));
                        }
                        cursor.read(number, &history, &mut out)
                    }
                    None => None,
                },
            };
            if let Some(asked) = asked {
                prop_assert!(need.is_none() && arriving.is_none(), "one reading at a time");
                need = Some(asked);
            }
        }
        prop_assert!(need.is_none() && arriving.is_none(), "it ends");
        let position = cursor.position().unwrap();
        prop_assert_eq!((&position.epoch, position.offset), (&epoch(server.epoch), server.top));
        prop_assert_eq!(at.get(), Some(server.top));
        if keep > 0 && server.epoch == 0 && !unheard_since_reading {
            prop_assert_eq!(lost, 0, "nothing was lost");
        }
    }
}
