//! What happens to which connection and request: a function of the seed and their numbers, never of time. Pure.

use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Refusals come in runs of this many connections, as they do when a server restarts.
const REFUSAL_RUN_CONNECTIONS: u64 = 4;

/// How often each fault happens, in 1/1000.
#[derive(Clone, Debug)]
pub struct Rates {
    /// Connections that are reset at once.
    pub refuse: u32,
    /// Requests that are delivered, with the whole answer lost.
    pub drop_answer: u32,
    /// Requests that are delivered twice.
    pub repeat: u32,
    /// Requests that break off within the request.
    pub cut_request: u32,
    /// Requests whose answer breaks off while it is passed on.
    pub cut_answer: u32,
    /// Requests whose answer is taken whole and passed on in part, with an orderly end of the connection.
    pub truncate: u32,
    /// Requests whose chunked answer is held back until it ends or the buffer is full.
    pub hold: u32,
    /// Requests that are late.
    pub delay: u32,
    /// The longest delay.
    pub delay_max: Duration,
    /// Upgraded connections that are cut, in either direction.
    pub cut_tunnel: u32,
    /// Before how many bytes an upgraded connection is cut.
    pub tunnel_bytes_max: u64,
    /// What a buffering middlebox holds at most: bytes and time.
    pub hold_max: (usize, Duration),
}

impl Rates {
    /// No faults.
    pub fn none() -> Self {
        Self {
            refuse: 0,
            drop_answer: 0,
            repeat: 0,
            cut_request: 0,
            cut_answer: 0,
            truncate: 0,
            hold: 0,
            delay: 0,
            delay_max: Duration::ZERO,
            cut_tunnel: 0,
            tunnel_bytes_max: 1,
            hold_max: (16 * 1024, Duration::from_millis(300)),
        }
    }

    /// A bad network: about one request in six meets a fault.
    pub fn rough() -> Self {
        Self {
            refuse: 20,
            drop_answer: 30,
            repeat: 40,
            cut_request: 20,
            cut_answer: 30,
            truncate: 20,
            hold: 30,
            delay: 150,
            delay_max: Duration::from_millis(8),
            cut_tunnel: 900,
            tunnel_bytes_max: 400_000,
            ..Self::none()
        }
    }
}

/// Which answer the client gets of a request that was delivered twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// The first, after the second was delivered.
    First,
    /// The second.
    Second,
    /// The first, at once; the second delivery comes later, perhaps after further requests.
    Late,
}

/// What happens to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing.
    Pass,
    /// The answer is lost after delivery.
    DropAnswer,
    /// It is delivered twice.
    Repeat(Repeat),
    /// It breaks off before this byte, counted modulo its length.
    CutRequest(usize),
    /// Its answer breaks off before this byte.
    CutAnswer(usize),
    /// Only so many thousandths of the answer arrive.
    Truncate(usize),
    /// Its chunked answer is buffered.
    Hold,
}

impl Fate {
    /// A word for logs and counts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::DropAnswer => "drop-answer",
            Self::Repeat(Repeat::First) => "repeat-first",
            Self::Repeat(Repeat::Second) => "repeat-second",
            Self::Repeat(Repeat::Late) => "repeat-late",
            Self::CutRequest(_) => "cut-request",
            Self::CutAnswer(_) => "cut-answer",
            Self::Truncate(_) => "truncate",
            Self::Hold => "hold",
        }
    }
}

/// The decision about one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestPlan {
    /// How late it is forwarded.
    pub delay: Duration,
    /// Whether connections end with a reset rather than in order.
    pub reset: bool,
    /// The fault.
    pub fate: Fate,
}

/// The decision about one upgraded connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TunnelPlan {
    /// Cut before this byte from the client.
    pub up: Option<u64>,
    /// Cut before this byte from the server.
    pub down: Option<u64>,
    /// Whether the cut is a reset.
    pub reset: bool,
}

/// All decisions of one run.
#[derive(Clone, Debug)]
pub struct Plan {
    seed: u64,
    rates: Rates,
}

impl Plan {
    /// The plan of this seed.
    pub fn new(seed: u64, rates: Rates) -> Self {
        Self { seed, rates }
    }

    /// The rates, with the limits of buffers.
    pub fn rates(&self) -> &Rates {
        &self.rates
    }

    fn rng(&self, domain: u64, a: u64, b: u64) -> SmallRng {
        let mixed = [domain, a, b].iter().fold(self.seed, |mixed, part| {
            (mixed ^ part).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29).wrapping_add(part + 1)
        });
        SmallRng::seed_from_u64(mixed)
    }

    /// Whether this connection, from 0, is refused.
    pub fn refuses(&self, connection: u64) -> bool {
        happens(&mut self.rng(1, connection / REFUSAL_RUN_CONNECTIONS, 0), self.rates.refuse)
    }

    /// What happens to the request with this number, from 0, on this connection.
    pub fn request(&self, connection: u64, request: u64) -> RequestPlan {
        let mut rng = self.rng(2, connection, request);
        let rates = &self.rates;
        let delay = if happens(&mut rng, rates.delay) {
            rates.delay_max.mul_f64(rng.random_range(0.0..=1.0))
        } else {
            Duration::ZERO
        };
        let reset = rng.random_bool(0.5);
        let repeat = [Repeat::First, Repeat::Second, Repeat::Late][rng.random_range(0..3)];
        let faults = [
            (rates.drop_answer, Fate::DropAnswer),
            (rates.repeat, Fate::Repeat(repeat)),
            (rates.cut_request, Fate::CutRequest(rng.random_range(0..1 << 20))),
            (rates.cut_answer, Fate::CutAnswer(offset(&mut rng))),
            (rates.truncate, Fate::Truncate(rng.random_range(0..1000))),
            (rates.hold, Fate::Hold),
        ];
        let mut draw = rng.random_range(0..1000);
        let fate = faults.iter().find_map(|(rate, fate)| {
            let hit = draw < *rate;
            draw = draw.saturating_sub(*rate);
            hit.then_some(*fate)
        });
        RequestPlan { delay, reset, fate: fate.unwrap_or(Fate::Pass) }
    }

    /// Where this connection, once upgraded, is cut.
    pub fn tunnel(&self, connection: u64) -> TunnelPlan {
        let mut rng = self.rng(3, connection, 0);
        let cut = happens(&mut rng, self.rates.cut_tunnel);
        let at = rng.random_range(0..self.rates.tunnel_bytes_max);
        let upwards = rng.random_bool(0.5);
        TunnelPlan {
            up: (cut && upwards).then_some(at),
            down: (cut && !upwards).then_some(at),
            reset: rng.random_bool(0.5),
        }
    }
}

fn happens(rng: &mut SmallRng, rate: u32) -> bool {
    rng.random_range(0..1000) < rate
}

/// A place within an answer: as often below 1 KiB, where heads and small bodies are, as between 1 and 64 KiB.
fn offset(rng: &mut SmallRng) -> usize {
    1 << rng.random_range(4..16) | rng.random_range(0..16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decisions(seed: u64) -> Vec<(bool, RequestPlan, TunnelPlan)> {
        let plan = Plan::new(seed, Rates::rough());
        (0..2000).map(|n| (plan.refuses(n), plan.request(n / 10, n % 10), plan.tunnel(n))).collect()
    }

    #[test]
    fn the_same_seed_decides_the_same_and_another_does_not() {
        assert_eq!(decisions(1), decisions(1));
        assert_ne!(decisions(1), decisions(2));
    }

    #[test]
    fn faults_happen_about_as_often_as_asked() {
        let plan = Plan::new(3, Rates::rough());
        let fates: Vec<_> = (0..20_000).map(|n| plan.request(n, 0).fate.name()).collect();
        let share = |name| fates.iter().filter(|fate| **fate == name).count();
        for (name, per_mille) in [("drop-answer", 30), ("cut-request", 20), ("hold", 30), ("pass", 830)] {
            let expected = per_mille * 20;
            assert!(share(name).abs_diff(expected) < expected / 5 + 40, "{name}: {}", share(name));
        }
        let refused = (0..20_000).filter(|n| plan.refuses(*n)).count();
        assert!((200..700).contains(&refused), "{refused}");
    }

    #[test]
    fn without_rates_nothing_happens() {
        let plan = Plan::new(9, Rates::none());
        for n in 0..1000 {
            let calm = RequestPlan { delay: Duration::ZERO, fate: Fate::Pass, ..plan.request(n, n) };
            assert_eq!((plan.refuses(n), plan.request(n, n)), (false, calm));
            assert_eq!((plan.tunnel(n).up, plan.tunnel(n).down), (None, None));
        }
    }
}
