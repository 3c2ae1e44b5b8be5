//! Limits of the HTTP listeners.

use polysocket_config::{Problem, Size, Span, section};

section! {
    /// Limits of the HTTP listeners, the same for routers and relays.
    pub struct HttpConfig = "http" check check {
        /// Connections at the same time, also those that have become WebSockets; above, a new one is closed at once.
        connections_max: usize = 100_000,
        /// How long a connection may say nothing before a request or between two, and how long a head that has begun may
        /// take.
        head_timeout: Span = Span::seconds(30),
        /// Until a TLS handshake is complete.
        tls_handshake_timeout: Span = Span::seconds(10),
        /// The head of a request, at least 8 KiB. JSONP sends carry their data in it.
        head_bytes_max: Size = Size::kib(16),
        /// Until the body of a request is complete.
        body_timeout: Span = Span::seconds(30),
        /// Until the peer has taken an answer's bytes, or at least some of a stream's.
        write_timeout: Span = Span::seconds(30),
        /// Streams at the same time on one h2 connection.
        h2_streams_max: u32 = 250,
    }
}

fn check(config: &HttpConfig, problems: &mut Vec<Problem>) {
    // hyper cannot read with less than 8 KiB.
    if config.head_bytes_max < Size::kib(8) {
        problems.push(Problem::new("http.head_bytes_max", "is less than 8KiB; write at least \"8KiB\""));
    }
    if config.connections_max == 0 {
        problems
            .push(Problem::new("http.connections_max", "is 0, so nobody could connect; write at least 1"));
    }
}
