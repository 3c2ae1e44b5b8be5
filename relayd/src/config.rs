//! What an operator may say to a relay.

use std::path::PathBuf;

use polysocket_config::{ConfigError, Problem, Size, Span, section};
use polysocket_protocol::ids::is_node_name;
use polysocket_protocol::limits::UNIT_BYTES_MAX;
use polysocket_session::Limits;

section! {
    /// A relay node: holds the upstream WebSockets and serves the pages.
    pub struct RelaydConfig = "relayd" check check_relayd {
        /// Where it listens without TLS. Old engines without TLS 1.2 can come by this one only.
        listen: Vec<String> = vec!["127.0.0.1:8081".into()],
        /// Where it listens with TLS.
        tls_listen: Vec<String> = Vec::new(),
        /// The certificate chain (PEM) for `tls_listen`: for `*.{address}`. Read again when it changes and on SIGHUP.
        tls_certificate: Option<PathBuf> = None,
        /// The private key (PEM) of that certificate.
        tls_private: Option<PathBuf> = None,
        /// The name of this node, unlike that of any other: 1 to 32 of a-z, 0-9 and `-`.
        name: String = "tom".into(),
        /// Where pages reach this node, `host[:port][/prefix]`: its own domain name, whose subdomains lead here as
        /// well. Without it: `{name}.localhost` and the port of the first listener.
        address: Option<String> = None,
        /// Gives every socket a fresh label before `address`. False where subdomains do not lead here.
        label_hosts: bool = true,
        /// One-hostname mode: a name that leads to any node. Pages then use `{one_host}/r/{name}`, and a node that
        /// gets another node's socket forwards it. Replaces `address` and `label_hosts`.
        one_host: Option<String> = None,
        /// Where other nodes reach this one, `http://ip:port`. Without it: the first of `listen`, if that is an address.
        internal_url: Option<String> = None,
        /// Sessions this node takes.
        sessions_max: u32 = 16_000,
        /// Serves JSONP. Without it, engines that have nothing else are refused; a page is then safe from code that
        /// a relay which was broken into could send.
        jsonp: bool = true,
        /// Between pings to an upstream that says nothing; when one is not answered until the next, it counts as lost.
        ping_every: Span = Span::seconds(30),
        /// How long a send waits for a unit before it, or for the upstream to read.
        send_timeout: Span = Span::seconds(10),
        /// After SIGTERM: how long sessions may run out before their upstreams are closed with 1001.
        drain_timeout: Span = Span::seconds(30),
    }
}

section! {
    /// Limits of a session.
    pub struct LimitsConfig = "limits" check check_limits {
        /// From create to the first receiver; then the upstream is closed with 1001.
        first_receiver_time: Span = Span::seconds(15),
        /// Without any request, unless the client asked for a pause; then the upstream is closed with 1001.
        idle_time: Span = Span::seconds(30),
        /// Down units kept until the page acks them; above, the upstream is not read.
        outbox_bytes_max: Size = Size::kib(256),
        /// How long the outbox may be full without an ack; then the upstream is closed with 1008.
        stall_time: Span = Span::seconds(60),
        /// Messages taken from the page and not yet written to the upstream; above, sends wait.
        up_queue_bytes_max: Size = Size::kib(256),
        /// One message, either way; above, the session closes with 1009.
        message_bytes_max: Size = Size::mib(4),
        /// The closing handshake with the upstream; then the page sees 1006.
        closing_time: Span = Span::seconds(5),
    }
}

impl LimitsConfig {
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            first_receiver_ms: self.first_receiver_time.as_millis(),
            idle_ms: self.idle_time.as_millis(),
            outbox_bytes_max: self.outbox_bytes_max.as_usize(),
            stall_ms: self.stall_time.as_millis(),
            up_queue_bytes_max: self.up_queue_bytes_max.as_usize(),
            message_bytes_max: self.message_bytes_max.as_usize(),
            closing_ms: self.closing_time.as_millis(),
        }
    }
}

impl RelaydConfig {
    /// What is wrong where this is one node of several, that pass on to each other what comes to the wrong one.
    ///
    /// # Errors
    /// The address at which others would look for it is no address for them.
    pub fn check_among_others(&self) -> Result<(), ConfigError> {
        if self.one_host.is_none() || self.internal_url.is_some() {
            return Ok(());
        }
        let is_anywhere = |listen: &String| listen.starts_with("0.0.0.0:") || listen.starts_with("[::]:");
        if self.listen.first().is_some_and(|first| !is_anywhere(first)) {
            return Ok(());
        }
        let why = "is not set, and the first listener tells other nodes no address to reach this one at by http; \
                   write it, as in \"http://10.0.0.7:8081\"";
        Err(ConfigError(vec![Problem::new("relayd.internal_url", why)]))
    }
}

fn check_relayd(config: &RelaydConfig, problems: &mut Vec<Problem>) {
    let mut wrong = |key: &str, text: String| problems.push(Problem::new(&format!("relayd.{key}"), text));
    if !is_node_name(&config.name) {
        wrong("name", format!("is `{}`; write 1 to 32 of a-z, 0-9 and `-`", config.name));
    }
    if config.listen.is_empty() && config.tls_listen.is_empty() {
        wrong(
            "listen",
            "is empty, and so is relayd.tls_listen; write at least one address, as in \"0.0.0.0:80\"".into(),
        );
    }
    if !config.tls_listen.is_empty() && (config.tls_certificate.is_none() || config.tls_private.is_none()) {
        wrong("tls_listen", "needs relayd.tls_certificate and relayd.tls_private".into());
    }
    if config.sessions_max == 0 {
        wrong("sessions_max", "is 0, so no socket could be opened; write at least 1".into());
    }
    if config.address.is_some() && config.one_host.is_some() {
        wrong("one_host", "replaces relayd.address; remove one of the two".into());
    }
    if config.internal_url.as_ref().is_some_and(|url| !url.starts_with("http://")) {
        wrong("internal_url", "begins with http://, as in \"http://10.0.0.7:8081\"".into());
    }
}

fn check_limits(config: &LimitsConfig, problems: &mut Vec<Problem>) {
    let unit = u64::try_from(UNIT_BYTES_MAX).unwrap_or(u64::MAX);
    for (key, value) in [
        ("limits.outbox_bytes_max", config.outbox_bytes_max),
        ("limits.up_queue_bytes_max", config.up_queue_bytes_max),
    ] {
        if value < Size::bytes(unit) {
            problems.push(Problem::new(
                key,
                format!("is less than one unit; write at least {}", Size::bytes(unit)),
            ));
        }
    }
    if config.idle_time < Span::seconds(5) {
        problems.push(Problem::new(
            "limits.idle_time",
            "is less than 5s: a page that changes networks would be lost",
        ));
    }
}
