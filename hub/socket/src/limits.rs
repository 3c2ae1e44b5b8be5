//! Limits of the hub's WebSocket connections.

use polysocket_config::{Problem, Size, Span, section};

section! {
    /// Limits of the hub's WebSocket connections, the same for all its protocols.
    pub struct SocketLimits = "socket" check check {
        /// Connections at the same time, for each protocol and mount; above, a handshake is answered with 503.
        connections_max: usize = 100_000,
        /// The longest message a client may send; a longer one ends its connection with 1009.
        message_bytes_max: Size = Size::mib(1),
        /// What may wait for a client that takes less than it is sent; above, its connection ends with 1008,
        /// `slow consumer`. One message of any length may always wait.
        queue_bytes_max: Size = Size::mib(1),
        /// A client that has been silent for so long is sent a ping.
        ping_every: Span = Span::seconds(25),
        /// A client that has said nothing for so long after a ping has gone.
        pong_within: Span = Span::seconds(20),
        /// A client that takes no byte of what waits for it for so long has gone.
        write_timeout: Span = Span::seconds(30),
        /// Until a closing handshake is complete.
        close_within: Span = Span::seconds(5),
        /// Messages a client may send in a second, on average; above, its connection ends with 1008, `too many
        /// messages`. 0 is no limit.
        messages_per_second: u32 = 1_000,
        /// Messages a client may send at once when it has been quiet before.
        messages_burst: u32 = 2_000,
        /// Connections that are closed in a second while the process drains, so that their clients do not all
        /// come back elsewhere in the same moment.
        drain_closes_per_second: u32 = 1_000,
    }
}

/// A close frame and a ping must fit into any queue.
const QUEUE_BYTES_LEAST: Size = Size::kib(1);

fn check(limits: &SocketLimits, problems: &mut Vec<Problem>) {
    let mut wrong = |key: &str, text: &str| problems.push(Problem::new(key, text.to_owned()));
    if limits.connections_max == 0 {
        wrong("socket.connections_max", "is 0, so nobody could connect; write at least 1");
    }
    if limits.message_bytes_max == Size::bytes(0) {
        wrong("socket.message_bytes_max", "is 0, so nothing could be said; write at least 1");
    }
    if limits.queue_bytes_max < QUEUE_BYTES_LEAST {
        wrong("socket.queue_bytes_max", "is less than 1KiB; write at least \"1KiB\"");
    }
    for (key, span) in [
        ("socket.ping_every", limits.ping_every),
        ("socket.pong_within", limits.pong_within),
        ("socket.write_timeout", limits.write_timeout),
        ("socket.close_within", limits.close_within),
    ] {
        if span < Span::millis(10) {
            wrong(key, "is less than 10ms; write at least \"10ms\"");
        }
    }
    if limits.messages_per_second > 0 && limits.messages_burst == 0 {
        wrong("socket.messages_burst", "is 0, so no message could be sent; write at least 1");
    }
    if limits.drain_closes_per_second == 0 {
        wrong("socket.drain_closes_per_second", "is 0, so a drain would never end; write at least 1");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use polysocket_config::Section;

    fn wrong_keys(change: impl FnOnce(&mut SocketLimits)) -> Vec<String> {
        let mut limits = SocketLimits::default();
        change(&mut limits);
        let mut problems = Vec::new();
        Section::check(&limits, &mut problems);
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn limits_that_nobody_could_live_with_are_named() {
        assert!(wrong_keys(|_| ()).is_empty());
        assert!(wrong_keys(|limits| limits.messages_per_second = 0).is_empty());
        let all = wrong_keys(|limits| {
            limits.connections_max = 0;
            limits.message_bytes_max = Size::bytes(0);
            limits.queue_bytes_max = Size::bytes(1023);
            limits.ping_every = Span::millis(0);
            limits.pong_within = Span::millis(9);
            limits.write_timeout = Span::millis(0);
            limits.close_within = Span::millis(0);
            limits.messages_burst = 0;
            limits.drain_closes_per_second = 0;
        });
        assert_eq!(all.len(), 9, "{all:?}");
    }
}
