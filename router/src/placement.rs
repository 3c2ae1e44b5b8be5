//! Which relay takes the next socket. Pure: leases come in, randomness is passed in.
//!
//! Power of two random choices: two candidates are drawn, each as likely as its share of all capacity, and the one with
//! more of its capacity free takes the socket. Between two renewals of a lease its numbers stand still, so what this
//! router has placed since is added to them: without that all routers would run to the relay that looked emptiest.

use std::collections::HashMap;

use polysocket_registry::NodeLease;
use rand::Rng;

/// CPU up to here costs nothing, thousandths: relays that work are no reason to move sockets about.
const CPU_FREE_PERMILLE: u16 = 500;
const CPU_PERMILLE_MAX: u16 = 1000;
/// What a relay whose CPU is used up loses of its free share: it gets a socket only if another is that much fuller.
const CPU_PENALTY_MAX: f64 = 0.5;

/// The table of relays and what was placed on them since it was written.
#[derive(Debug, Default)]
pub(crate) struct Placement {
    relays: Vec<Relay>,
    /// Incarnations that have left the table, with creates under way.
    left: Vec<Relay>,
}

/// One incarnation of a relay.
#[derive(Debug)]
struct Relay {
    lease: NodeLease,
    /// Creates under way.
    under_way: u32,
    /// Serials of the sockets we had it open that its lease does not count yet.
    opened: Vec<u64>,
    /// It refused, or was not there, after the lease was last renewed.
    doubtful: bool,
}

impl Placement {
    /// Replaces the table. What a renewed lease tells need not be added to it any more.
    pub(crate) fn update(&mut self, leases: Vec<NodeLease>) {
        let before = self.relays.drain(..).chain(self.left.drain(..));
        let mut before: HashMap<(String, u64), Relay> =
            before.map(|relay| ((relay.lease.node.clone(), relay.lease.boot), relay)).collect();
        for lease in leases {
            let relay = match before.remove(&(lease.node.clone(), lease.boot)) {
                Some(known) if lease.renewals <= known.lease.renewals => known,
                known => {
                    let (under_way, mut opened) =
                        known.map_or((0, Vec::new()), |known| (known.under_way, known.opened));
                    opened.retain(|serial| *serial > lease.opened);
                    Relay { lease, under_way, opened, doubtful: false }
                }
            };
            self.relays.push(relay);
        }
        self.left = before.into_values().filter(|relay| relay.under_way > 0).collect();
    }

    /// How many relays are in the table.
    pub(crate) fn len(&self) -> usize {
        self.relays.len()
    }

    /// The lease of one incarnation, if it stands.
    pub(crate) fn find(&self, node: &str, boot: u64) -> Option<&NodeLease> {
        self.relays.iter().map(|relay| &relay.lease).find(|lease| lease.node == node && lease.boot == boot)
    }

    /// Any lease that stands, also of a relay that takes no more.
    pub(crate) fn any(&self) -> Option<&NodeLease> {
        self.relays.first().map(|relay| &relay.lease)
    }

    /// Chooses a relay other than `except` and counts a create on it, until [`end`](Self::end).
    pub(crate) fn place(&mut self, except: Option<&NodeLease>, random: &mut impl Rng) -> Option<NodeLease> {
        let takes = |relay: &Relay| {
            !relay.lease.draining && relay.free() > 0 && !except.is_some_and(|except| relay.is(except))
        };
        let mut open: Vec<usize> = (0..self.relays.len()).filter(|at| takes(&self.relays[*at])).collect();
        if open.iter().any(|at| !self.relays[*at].doubtful) {
            open.retain(|at| !self.relays[*at].doubtful);
        }
        let chosen = self.choose(open, random)?;
        let relay = &mut self.relays[chosen];
        relay.under_way += 1;
        Some(relay.lease.clone())
    }

    /// A create that was placed has ended. One that opened a socket, the relay's `serial`, counts on until the lease
    /// has it; one that did not counts no more.
    pub(crate) fn end(&mut self, lease: &NodeLease, serial: Option<u64>) {
        if let Some(relay) = self.relays.iter_mut().chain(&mut self.left).find(|relay| relay.is(lease)) {
            relay.under_way = relay.under_way.saturating_sub(1);
            relay.opened.extend(serial.filter(|serial| *serial > relay.lease.opened));
        }
    }

    /// A relay was not there, or took no more: it comes last until it has renewed its lease.
    pub(crate) fn doubt(&mut self, lease: &NodeLease) {
        if let Some(relay) = self.relays.iter_mut().find(|relay| relay.is(lease)) {
            relay.doubtful = true;
        }
    }

    fn choose(&self, mut open: Vec<usize>, random: &mut impl Rng) -> Option<usize> {
        let first = open.swap_remove(self.draw(&open, random)?);
        let Some(second) = self.draw(&open, random).map(|drawn| open[drawn]) else { return Some(first) };
        // Equal ones go to the first, who was drawn by capacity.
        let emptier = self.relays[second].score() > self.relays[first].score();
        Some(if emptier { second } else { first })
    }

    /// A place in `open`, each as likely as its relay's capacity.
    fn draw(&self, open: &[usize], random: &mut impl Rng) -> Option<usize> {
        let capacity = |at: usize| u64::from(self.relays[at].lease.capacity);
        let sum: u64 = open.iter().map(|at| capacity(*at)).sum();
        if sum == 0 {
            return None;
        }
        let mut left = random.random_range(0..sum);
        open.iter().position(|at| {
            let drawn = left < capacity(*at);
            left = left.saturating_sub(capacity(*at));
            drawn
        })
    }
}

impl Relay {
    fn is(&self, lease: &NodeLease) -> bool {
        self.lease.node == lease.node && self.lease.boot == lease.boot
    }

    fn free(&self) -> u32 {
        let NodeLease { capacity, sessions, .. } = self.lease;
        let opened = u32::try_from(self.opened.len()).unwrap_or(u32::MAX);
        capacity.saturating_sub(sessions).saturating_sub(self.under_way).saturating_sub(opened)
    }

    /// Share of the capacity that is free, less the penalty for CPU.
    fn score(&self) -> f64 {
        let above = self.lease.cpu_permille.clamp(CPU_FREE_PERMILLE, CPU_PERMILLE_MAX) - CPU_FREE_PERMILLE;
        let busy = f64::from(above) / f64::from(CPU_PERMILLE_MAX - CPU_FREE_PERMILLE);
        f64::from(self.free()) / f64::from(self.lease.capacity) - CPU_PENALTY_MAX * busy
    }
}

#[cfg(test)]
mod tests;
