#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

fn lane(n: u8) -> Key {
    Key::parse(&format!("{n:032x}")).unwrap()
}

fn host(name: &str) -> Arc<str> {
    name.into()
}

fn bounds() -> Bounds {
    Bounds {
        lane_count_max: 100,
        lane_bytes_max: 1000,
        count_max: 1000,
        bytes_max: 10_000,
        at_once_max: 10,
        host_at_once_max: 10,
    }
}

fn backoff() -> Backoff {
    Backoff { first: SECOND, longest: 30 * SECOND, give_up_after: 3600 * SECOND }
}

fn queue() -> Queue<u32> {
    Queue::new(bounds(), backoff())
}

fn items(queue: &mut Queue<u32>, now: Time) -> Vec<u32> {
    std::iter::from_fn(|| queue.start(now)).map(|attempt| attempt.item).collect()
}

#[test]
fn one_after_the_other_in_a_lane_and_lanes_side_by_side() {
    let mut queue = queue();
    let host = host("h");
    for item in [10, 11, 20] {
        queue.push(SECOND, lane(u8::try_from(item / 10).unwrap()), &host, 1, item).unwrap();
    }
    assert_eq!(items(&mut queue, SECOND), [10, 20]);
    assert_eq!(queue.end(SECOND, lane(1), Verdict::Delivered, 0.0), Some(Ended::Delivered(10)));
    assert_eq!(queue.start(SECOND), Some(Attempt { lane: lane(1), number: 1, item: 11 }));
    assert_eq!(queue.start(SECOND), None);
    assert_eq!((queue.count(), queue.bytes(), queue.trying()), (2, 2, 2));
    // Nothing to end twice.
    assert!(queue.end(SECOND, lane(1), Verdict::Delivered, 0.0).is_some());
    assert_eq!(queue.end(SECOND, lane(1), Verdict::Delivered, 0.0), None);
}

#[test]
fn a_failure_holds_up_its_lane_and_pauses_grow() {
    let mut queue = queue();
    let host = host("h");
    queue.push(Duration::ZERO, lane(1), &host, 1, 10).unwrap();
    queue.push(Duration::ZERO, lane(1), &host, 1, 11).unwrap();
    let mut now = Duration::ZERO;
    let mut pauses = Vec::new();
    for number in 1..=8 {
        assert_eq!(queue.start(now), Some(Attempt { lane: lane(1), number, item: 10 }));
        let Some(Ended::Again(at)) = queue.end(now, lane(1), Verdict::Again(None), 0.0) else { panic!() };
        assert_eq!((queue.start(now), queue.deadline()), (None, Some(at)));
        assert_eq!(queue.start(at.saturating_sub(Duration::from_nanos(1))), None);
        pauses.push(at.saturating_sub(now).as_secs());
        now = at;
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30, 30]);
    assert_eq!(queue.depth(lane(1)), Depth { count: 2, bytes: 2, attempts: 8, next: Some(now) });
    assert_eq!(queue.start(now).unwrap().item, 10);
    queue.end(now, lane(1), Verdict::Delivered, 0.0);
    assert_eq!(queue.start(now), Some(Attempt { lane: lane(1), number: 1, item: 11 }));
}

#[test]
fn pauses_are_spread_and_a_server_may_ask_for_more() {
    let backoff = backoff();
    assert_eq!(backoff.pause(3, None, 0.0), 4 * SECOND);
    assert_eq!(backoff.pause(3, None, 1.0), 2 * SECOND);
    assert_eq!(backoff.pause(3, Some(9 * SECOND), 1.0), 9 * SECOND);
    assert_eq!(backoff.pause(3, Some(900 * SECOND), 1.0), 30 * SECOND);
    assert_eq!(backoff.pause(3, Some(Duration::ZERO), 1.0), 2 * SECOND);
    assert_eq!(backoff.pause(u32::MAX, None, 0.0), 30 * SECOND);
}

#[test]
fn what_is_refused_or_too_old_makes_way() {
    let mut queue = queue();
    let host = host("h");
    for item in 1..=3 {
        queue.push(Duration::ZERO, lane(1), &host, 1, item).unwrap();
    }
    queue.start(SECOND).unwrap();
    assert_eq!(queue.end(SECOND, lane(1), Verdict::Refused, 0.0), Some(Ended::Refused(1, 1)));
    queue.start(SECOND).unwrap();
    let late = 3600 * SECOND;
    assert_eq!(queue.end(late, lane(1), Verdict::Again(None), 0.0), Some(Ended::GivenUp(2, 1)));
    assert_eq!(queue.start(late).unwrap().item, 3);
}

#[test]
fn bounds_hold_and_say_which() {
    let host = host("h");
    let mut queue = Queue::new(Bounds { lane_count_max: 2, count_max: 3, ..bounds() }, backoff());
    queue.push(SECOND, lane(1), &host, 1, 1).unwrap();
    queue.push(SECOND, lane(1), &host, 1, 2).unwrap();
    assert_eq!(queue.push(SECOND, lane(1), &host, 1, 3), Err((Full::Lane, 3)));
    queue.push(SECOND, lane(2), &host, 1, 4).unwrap();
    assert_eq!(queue.push(SECOND, lane(3), &host, 1, 5), Err((Full::Queue, 5)));
    let mut queue = Queue::new(Bounds { lane_bytes_max: 10, bytes_max: 15, ..bounds() }, backoff());
    assert_eq!(queue.push(SECOND, lane(1), &host, 11, 1), Err((Full::Lane, 1)));
    queue.push(SECOND, lane(1), &host, 10, 1).unwrap();
    assert_eq!(queue.push(SECOND, lane(2), &host, 6, 2), Err((Full::Queue, 2)));
    // Room comes back with a delivery.
    queue.start(SECOND).unwrap();
    queue.end(SECOND, lane(1), Verdict::Delivered, 0.0);
    queue.push(SECOND, lane(2), &host, 6, 2).unwrap();
}

#[test]
fn a_dead_host_does_not_take_the_attempts_of_others() {
    let mut queue = Queue::new(Bounds { at_once_max: 4, host_at_once_max: 2, ..bounds() }, backoff());
    let (dead, alive) = (host("dead"), host("alive"));
    for n in 0..10 {
        queue.push(SECOND, lane(n), &dead, 1, u32::from(n)).unwrap();
    }
    queue.push(SECOND, lane(100), &alive, 1, 100).unwrap();
    assert_eq!(items(&mut queue, SECOND), [0, 100, 1]);
    queue.push(SECOND, lane(101), &alive, 1, 101).unwrap();
    queue.push(SECOND, lane(102), &alive, 1, 102).unwrap();
    // The fourth attempt there may be; then none for anybody.
    assert_eq!(items(&mut queue, SECOND), [101]);
    queue.end(SECOND, lane(0), Verdict::Again(None), 0.0).unwrap();
    let next = items(&mut queue, SECOND);
    assert_eq!(next.len(), 1);
    queue.end(SECOND, lane(100), Verdict::Delivered, 0.0).unwrap();
    assert_eq!(items(&mut queue, SECOND).len(), 1);
}

#[test]
fn a_pause_can_be_ended() {
    let mut queue = queue();
    for n in [1, 2] {
        queue.push(SECOND, lane(n), &host("h"), 1, u32::from(n)).unwrap();
        queue.start(SECOND).unwrap();
        queue.end(SECOND, lane(n), Verdict::Again(None), 0.0);
    }
    queue.hurry_lane(lane(2));
    queue.hurry_lane(lane(9));
    assert_eq!(items(&mut queue, SECOND), [2]);
    queue.hurry();
    assert_eq!(items(&mut queue, SECOND), [1]);
    assert_eq!(queue.deadline(), None);
}

#[derive(Debug, Clone)]
enum Step {
    Push { lane: u8, host: u8 },
    Start,
    End { which: usize, how: u8 },
    Wait { ms: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..4u8, 0..2u8).prop_map(|(lane, host)| Step::Push { lane, host }),
        Just(Step::Start),
        (0..8usize, 0..3u8).prop_map(|(which, how)| Step::End { which, how }),
        (0..4000u64).prop_map(|ms| Step::Wait { ms }),
    ]
}

proptest! {
    /// Whatever happens: in order, one at a time, nothing lost and nothing twice, never over a bound, and never stuck.
    #[test]
    fn every_delivery_ends_once_and_in_order(steps in prop::collection::vec(step(), 1..200)) {
        let bounds = Bounds { at_once_max: 3, host_at_once_max: 2, lane_count_max: 5, ..bounds() };
        let mut queue = Queue::new(bounds, backoff());
        let mut now = Duration::ZERO;
        let (mut pushed, mut under_way) = (0u32, Vec::<Attempt<u32>>::new());
        let mut waiting: HashMap<Key, VecDeque<u32>> = HashMap::new();
        let mut ended = 0;
        let mut finish = |queue: &mut Queue<u32>, waiting: &mut HashMap<Key, VecDeque<u32>>, now, attempt: &Attempt<u32>, how| {
            let verdict = [Verdict::Delivered, Verdict::Again(None), Verdict::Refused][how];
            match queue.end(now, attempt.lane, verdict, 0.5).unwrap() {
                Ended::Again(_) => (),
                Ended::Delivered(item) | Ended::Refused(item, _) | Ended::GivenUp(item, _) => {
                    assert_eq!(waiting.get_mut(&attempt.lane).unwrap().pop_front(), Some(item));
                    ended += 1;
                }
            }
        };
        for step in steps {
            match step {
                Step::Push { lane: n, host: h } => {
                    let standing = waiting.entry(lane(n)).or_default();
                    let fits = standing.len() < bounds.lane_count_max;
                    let done = queue.push(now, lane(n), &host(&h.to_string()), 1, pushed);
                    prop_assert_eq!(done.is_ok(), fits);
                    if fits {
                        standing.push_back(pushed);
                        pushed += 1;
                    }
                }
                Step::Start => {
                    if let Some(attempt) = queue.start(now) {
                        prop_assert_eq!(waiting[&attempt.lane].front(), Some(&attempt.item));
                        prop_assert!(under_way.iter().all(|other| other.lane != attempt.lane));
                        under_way.push(attempt);
                    }
                    prop_assert!(under_way.len() <= bounds.at_once_max);
                }
                Step::End { which, how } if which < under_way.len() => {
                    let attempt = under_way.swap_remove(which);
                    finish(&mut queue, &mut waiting, now, &attempt, usize::from(how));
                }
                Step::End { .. } => (),
                Step::Wait { ms } => now += Duration::from_millis(ms),
            }
            prop_assert_eq!(queue.trying(), under_way.len());
            prop_assert_eq!(queue.count(), waiting.values().map(VecDeque::len).sum::<usize>());
        }
        for attempt in &under_way {
            finish(&mut queue, &mut waiting, now, attempt, 0);
        }
        // Left alone with hooks that work, it runs empty, and leaves nothing behind.
        while queue.count() > 0 {
            now = now.max(queue.deadline().unwrap_or(now));
            let attempt = queue.start(now).expect("it is not stuck");
            finish(&mut queue, &mut waiting, now, &attempt, 0);
        }
        prop_assert_eq!(ended, pushed);
        prop_assert!(queue.lanes.is_empty() && queue.hosts.is_empty() && queue.turns.is_empty() && queue.pauses.is_empty());
    }
}
