use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

fn lease(node: &str, capacity: u32) -> NodeLease {
    NodeLease {
        node: node.to_owned(),
        boot: 1,
        address: format!("{node}.example"),
        label_hosts: false,
        internal_url: String::new(),
        sessions: 0,
        capacity,
        cpu_permille: 0,
        buffered_bytes: 0,
        draining: false,
        version: String::new(),
        renewals: 1,
        opened: 0,
    }
}

/// Relays, and routers whose tables are as old as their last reading.
struct World {
    relays: Vec<NodeLease>,
    /// What the relays have said of themselves.
    said: Vec<NodeLease>,
    routers: Vec<Placement>,
    random: StdRng,
}

impl World {
    fn new(relays: Vec<NodeLease>, routers: usize, seed: u64) -> Self {
        let router = || {
            let mut router = Placement::default();
            router.update(relays.clone());
            router
        };
        let routers = (0..routers).map(|_| router()).collect();
        Self { said: relays.clone(), relays, routers, random: StdRng::seed_from_u64(seed) }
    }

    /// Each create takes a while: it ends after `under_way` later ones have begun. Relays renew every 1000 creates, routers
    /// read every 500, at different times.
    fn run(&mut self, creates: usize, under_way: usize) {
        let mut open = std::collections::VecDeque::new();
        for create in 0..creates {
            let router = create % self.routers.len();
            let placed = self.routers[router].place(None, &mut self.random).expect("a place");
            open.push_back((router, placed));
            if open.len() > under_way {
                let (router, placed) = open.pop_front().expect("a create");
                self.end(router, &placed);
            }
            for (at, relay) in self.relays.iter_mut().enumerate() {
                if (create + 237 * at).is_multiple_of(1000) {
                    relay.renewals += 1;
                    self.said[at] = relay.clone();
                }
            }
            for (at, router) in self.routers.iter_mut().enumerate() {
                if (create + 231 * at).is_multiple_of(500) {
                    router.update(self.said.clone());
                }
            }
        }
        while let Some((router, placed)) = open.pop_front() {
            self.end(router, &placed);
        }
    }

    fn end(&mut self, router: usize, placed: &NodeLease) {
        let relay = self.relays.iter_mut().find(|relay| relay.node == placed.node).expect("a relay");
        relay.sessions += 1;
        relay.opened += 1;
        self.routers[router].end(placed, Some(relay.opened));
    }

    fn sessions(&self) -> Vec<u32> {
        self.relays.iter().map(|relay| relay.sessions).collect()
    }
}

fn relays(capacities: &[u32]) -> Vec<NodeLease> {
    capacities.iter().enumerate().map(|(at, capacity)| lease(&format!("r{at}"), *capacity)).collect()
}

#[test]
fn stale_tables_do_not_herd() {
    for seed in 0..20 {
        for under_way in [0, 20, 200] {
            let mut world = World::new(relays(&[16_000; 4]), 2, seed);
            world.run(3000, under_way);
            let sessions = world.sessions();
            let (least, most) = (sessions.iter().min().copied(), sessions.iter().max().copied());
            let (least, most) = (least.expect("relays"), most.expect("relays"));
            assert!(f64::from(most - least) <= 0.1 * f64::from(most), "seed {seed}: {sessions:?}");
        }
    }
}

#[test]
fn draining_and_full_relays_get_none() {
    let mut all = relays(&[16_000; 5]);
    all[1].draining = true;
    all[2].sessions = 16_000;
    all[3].capacity = 0;
    let mut world = World::new(all, 2, 7);
    world.run(2000, 20);
    let sessions = world.sessions();
    assert_eq!((sessions[1], sessions[2], sessions[3]), (0, 16_000, 0));
    assert_eq!(sessions[0] + sessions[4], 2000);
}

#[test]
fn shares_are_as_the_capacities() {
    for seed in 0..10 {
        let mut world = World::new(relays(&[10_000, 10_000, 20_000, 60_000]), 2, seed);
        world.run(5000, 50);
        let sessions = world.sessions();
        for (share, expected) in sessions.iter().zip([500.0, 500.0, 1000.0, 3000.0]) {
            assert!((f64::from(*share) - expected).abs() <= 0.1 * expected, "seed {seed}: {sessions:?}");
        }
    }
}

#[test]
fn a_relay_that_is_emptier_catches_up() {
    let mut all = relays(&[16_000; 3]);
    all[0].sessions = 600;
    all[1].sessions = 600;
    let mut world = World::new(all, 2, 3);
    world.run(3000, 20);
    for share in world.sessions() {
        assert!((1260..=1540).contains(&share), "{:?}", world.sessions());
    }
}

#[test]
fn a_busy_cpu_counts_against_a_relay() {
    let mut all = relays(&[16_000; 2]);
    all[0].cpu_permille = 950;
    all[1].cpu_permille = 400;
    let mut world = World::new(all, 1, 3);
    world.run(1000, 20);
    assert_eq!(world.sessions(), [0, 1000], "neither is full by half");
}

#[test]
fn one_place_is_given_once() {
    let mut random = StdRng::seed_from_u64(1);
    let mut table = Placement::default();
    assert!(table.place(None, &mut random).is_none(), "nobody is there");
    let mut one = lease("r", 2);
    one.sessions = 1;
    table.update(vec![one.clone()]);
    let placed = table.place(None, &mut random).expect("the last place");
    assert!(table.place(None, &mut random).is_none());

    table.end(&placed, None);
    let placed = table.place(None, &mut random).expect("free again");
    table.end(&placed, Some(1));
    assert!(table.place(None, &mut random).is_none(), "until the lease tells of it");
    table.update(vec![one.clone()]);
    assert!(table.place(None, &mut random).is_none(), "that lease was not new");
    one.renewals += 1;
    table.update(vec![one.clone()]);
    assert!(table.place(None, &mut random).is_none(), "that lease was written before");
    (one.renewals, one.opened) = (one.renewals + 1, 1);
    table.update(vec![one.clone()]);
    assert!(table.place(None, &mut random).is_some(), "the lease knows best: that socket has ended");
}

#[test]
fn creates_under_way_outlive_renewals_and_nothing_drifts() {
    let mut random = StdRng::seed_from_u64(1);
    let mut table = Placement::default();
    let mut one = lease("r", 1);
    table.update(vec![one.clone()]);
    let placed = table.place(None, &mut random).expect("a place");
    for _ in 0..3 {
        one.renewals += 1;
        table.update(vec![one.clone()]);
        assert!(table.place(None, &mut random).is_none(), "it is still being dialled");
    }
    // The node goes and comes back while the create is under way.
    table.update(Vec::new());
    table.end(&placed, Some(1));
    table.update(Vec::new());
    assert!(table.left.is_empty());
    table.update(vec![one]);
    assert!(table.place(None, &mut random).is_some());
}

#[test]
fn doubtful_relays_come_last_until_they_renew() {
    let mut random = StdRng::seed_from_u64(1);
    let mut table = Placement::default();
    let mut all = relays(&[10, 10]);
    table.update(all.clone());
    table.doubt(&all[0]);
    for _ in 0..5 {
        assert_eq!(table.place(None, &mut random).expect("a place").node, "r1");
    }
    assert_eq!(table.place(Some(&all[1]), &mut random).expect("better than none").node, "r0");
    assert!(table.place(Some(&all[1]), &mut random).is_some_and(|placed| placed.node == "r0"));
    all[0].renewals += 1;
    table.update(all);
    assert_eq!(table.place(None, &mut random).expect("a place").node, "r0", "emptier, and there again");
}
