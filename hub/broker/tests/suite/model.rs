//! Random operations, against the plainest model of a topic.

use std::collections::VecDeque;

use polysocket_broker::{Position, Subscription};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::bed::Bed;
use crate::common::recorder::{Heard, Recorder, listen, listen_since};
use crate::common::{publish, topic};

#[derive(Debug, Clone)]
enum Step {
    Publish {
        by_b: bool,
    },
    Subscribe {
        by_b: bool,
    },
    /// One of those who have left comes back, with the position it had.
    Return {
        by_b: bool,
        who: usize,
    },
    Leave {
        who: usize,
    },
    Forget,
    History {
        since: u64,
        count: usize,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        10 => any::<bool>().prop_map(|by_b| Step::Publish { by_b }),
        3 => any::<bool>().prop_map(|by_b| Step::Subscribe { by_b }),
        4 => (any::<bool>(), 0_usize..8).prop_map(|(by_b, who)| Step::Return { by_b, who }),
        4 => (0_usize..8).prop_map(|who| Step::Leave { who }),
        1 => Just(Step::Forget),
        2 => (0_u64..12, 0_usize..8).prop_map(|(since, count)| Step::History { since, count }),
    ];
    proptest::collection::vec(step, 1..40)
}

/// Messages kept.
const KEEP: usize = 4;

#[derive(Default)]
struct Model {
    /// Of this life of the topic.
    all: Vec<String>,
    lives: u64,
}

impl Model {
    fn first_kept(&self) -> u64 {
        self.all.len().saturating_sub(KEEP) as u64 + 1
    }
}

struct There {
    recorder: std::sync::Arc<Recorder>,
    subscription: Subscription,
    expected: Vec<String>,
}

pub async fn as_the_model(bed: Bed) {
    let bed = bed.with(|config| config.history_count = KEEP).await;
    let mut runner = TestRunner::deterministic();
    for case in 0..40 {
        let steps = steps().new_tree(&mut runner).unwrap().current();
        run(&bed, &format!("case {case}"), &steps).await;
    }
}

async fn run(bed: &Bed, name: &str, steps: &[Step]) {
    let t = topic(name);
    let broker = |by_b: bool| if by_b { &bed.b } else { &bed.a };
    let mut model = Model::default();
    let mut there: Vec<There> = Vec::new();
    let mut gone: VecDeque<(Position, u64)> = VecDeque::new();
    for (number, step) in steps.iter().enumerate() {
        match *step {
            Step::Publish { by_b } => {
                let text = format!("{}.{}", model.lives, model.all.len() + 1);
                let position = publish(broker(by_b), &t, &text).await.position;
                model.all.push(text.clone());
                assert_eq!(position.offset, model.all.len() as u64, "{name} {steps:?}");
                for one in &mut there {
                    one.expected.push(text.clone());
                }
            }
            Step::Subscribe { by_b } => {
                let (recorder, subscription) = listen(broker(by_b), &t).await;
                // It begins where its node is, which may lag behind.
                let at = usize::try_from(subscription.at().position.offset).unwrap();
                let expected = model.all[at..].to_vec();
                there.push(There { recorder, subscription, expected });
            }
            Step::Return { by_b, who } if who < gone.len() => {
                let (since, life) = gone.remove(who).unwrap();
                let (recorder, subscription) = listen_since(broker(by_b), &t, &since).await;
                let good = life == model.lives && since.offset + 1 >= model.first_kept();
                assert_eq!(subscription.at().recovered, Some(good), "{name} step {number} {steps:?}");
                let from = if good { since.offset } else { subscription.at().position.offset };
                let expected = model.all[usize::try_from(from).unwrap()..].to_vec();
                there.push(There { recorder, subscription, expected });
            }
            Step::Leave { who } if who < there.len() => {
                let one = there.remove(who);
                one.recorder.until_messages(one.expected.len()).await;
                assert_eq!(one.recorder.texts(), one.expected, "{name} {steps:?}");
                let last = one.recorder.messages().last().map(|(position, _)| position.clone());
                let position = last.unwrap_or_else(|| one.subscription.at().position.clone());
                gone.push_back((position, model.lives));
            }
            Step::Forget => {
                bed.a.forget(&t).await.unwrap();
                let told = there.drain(..).map(async |one| {
                    let what = format!("removed, {name} step {number} {steps:?}");
                    one.recorder.until(&what, |log| log.last() == Some(&Heard::Removed)).await;
                    assert_eq!(one.recorder.texts(), one.expected);
                });
                for told in told {
                    told.await;
                }
                model = Model { all: Vec::new(), lives: model.lives + 1 };
            }
            Step::History { since, count } => {
                let epoch = bed.b.history(&t, None, 0).await.unwrap().position.epoch;
                let at = Position { epoch, offset: since };
                let history = bed.b.history(&t, Some(&at), count).await.unwrap();
                let good = since <= model.all.len() as u64 && since + 1 >= model.first_kept();
                assert_eq!(history.complete, good, "{name} step {number} {steps:?}");
                let first = if good { since + 1 } else { model.first_kept() };
                let expected = model.all.iter().skip(usize::try_from(first).unwrap() - 1).take(count);
                let texts: Vec<_> = history
                    .publications
                    .iter()
                    .map(|p| String::from_utf8_lossy(&p.payload).into_owned())
                    .collect();
                assert_eq!(texts, expected.cloned().collect::<Vec<_>>(), "{name} step {number} {steps:?}");
            }
            Step::Return { .. } | Step::Leave { .. } => (),
        }
    }
    for one in there {
        one.recorder.until_messages(one.expected.len()).await;
        assert_eq!(one.recorder.texts(), one.expected, "{name} {steps:?}");
        assert_eq!(one.recorder.gaps(), 0);
        one.recorder.assert_in_order();
    }
}
