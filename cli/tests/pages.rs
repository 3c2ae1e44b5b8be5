//! The pages of `dev`: what they name is there, with the right type, under a policy that they keep.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A peer that says nothing for so long says nothing at all.
const PATIENCE: Duration = Duration::from_secs(10);

struct Dev {
    child: Child,
    address: String,
}

impl Dev {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_polysocket"))
            .args(["dev", "--listen", "127.0.0.1:0", "--set", "relayd.drain_timeout=0s"])
            // It takes every variable of this prefix for a setting.
            .env_remove("POLYSOCKET_BIN")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("started");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let mut lines = output.lines().map_while(Result::ok);
        let address = lines.find_map(|line| Some(line.strip_prefix("listening on http://")?.to_owned()));
        // Nobody else reads what it says, and it must not wait for that.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address: address.expect("it says where it listens") }
    }

    fn get(&self, path: &str, header: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).expect("connected");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{header}\r\n", self.address)
            .expect("written");
        let mut all = Vec::new();
        stream.read_to_end(&mut all).expect("read");
        let all = String::from_utf8(all).expect("text");
        let (head, body) = all.split_once("\r\n\r\n").expect("a head");
        let (line, headers) = head.split_once("\r\n").expect("headers");
        Answer {
            status: line.split(' ').nth(1).expect("a status").to_owned(),
            headers: headers.to_owned(),
            body: body.to_owned(),
        }
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Answer {
    status: String,
    headers: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        let mut headers = self.headers.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(one, _)| one.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}

/// What stands between `before` and the next quote, everywhere in `text`.
fn quoted<'a>(text: &'a str, before: &str, quote: char) -> Vec<&'a str> {
    text.split(before).skip(1).filter_map(|rest| Some(rest.split_once(quote)?.0)).collect()
}

/// Paths that a page or a module names.
fn links(path: &str, answer: &Answer) -> Vec<String> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    if answer.header("content-type").starts_with("text/html") {
        let links = ["href=\"", "src=\""].into_iter().flat_map(|before| quoted(&answer.body, before, '"'));
        links.filter(|link| !link.starts_with('#')).map(str::to_owned).collect()
    } else {
        quoted(&answer.body, "from './", '\'').iter().map(|name| format!("{folder}/{name}")).collect()
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.') {
        None => "text/html; charset=utf-8",
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        Some((_, "md" | "txt")) => "text/plain; charset=utf-8",
        Some((_, other)) => panic!("{path}: .{other} has no type"),
    }
}

/// Without one, the hub's pages take the link to it away themselves; `place.json` tells them.
const WITH_A_DATABASE: &str = "/pages/postgres";

#[test]
fn what_the_pages_name_is_there() {
    let dev = Dev::start();
    let mut seen = BTreeSet::new();
    let mut left = vec!["/".to_owned(), "/doctor".to_owned(), "/pages/integrity.txt".to_owned()];
    while let Some(path) = left.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        assert!(path.starts_with('/'), "{path} is not of this server");
        let answer = dev.get(&path, "");
        assert_eq!(answer.status, "200", "{path}");
        assert_eq!(answer.header("content-type"), content_type(&path), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        let tag = answer.header("etag");
        let again = dev.get(&path, &format!("If-None-Match: {tag}\r\n"));
        assert_eq!((again.status.as_str(), again.body.as_str()), ("304", ""), "{path} {tag}");
        left.extend(links(&path, &answer).into_iter().filter(|path| path != WITH_A_DATABASE));
    }
    for path in ["/polysocket.js", "/pages/demo/measure.js", "/pages/doctor/examine.js", "/pages/README.md"] {
        assert!(seen.contains(path), "no page leads to {path}: {seen:?}");
    }
    let place = dev.get("/pages/hub/place.json", "").body;
    assert!(place.contains("/pages/rocket") && !place.contains(WITH_A_DATABASE), "{place}");
}

#[test]
fn the_pages_keep_their_policy() {
    let dev = Dev::start();
    let port = dev.address.rsplit_once(':').expect("a port").1;
    for path in ["/", "/doctor"] {
        let page = dev.get(path, "");
        let policy = page.header("content-security-policy");
        for part in [
            "default-src 'none'".to_owned(),
            format!("script-src 'self' tom.localhost:{port} *.tom.localhost:{port};"),
            format!("connect-src 'self' tom.localhost:{port} *.tom.localhost:{port} ws: wss:;"),
        ] {
            assert!(policy.contains(&part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        // Neither scripts nor styles stand in the page: they would not run.
        let scripts = quoted(&page.body, "<script", '>');
        assert!(
            scripts.iter().all(|tag| tag.contains(" src=\"/")),
            "{path} has an inline script: {scripts:?}"
        );
        for inline in ["<style", " style=\"", " onclick=", " onload=", "javascript:"] {
            assert!(!page.body.contains(inline), "{path} has {inline}");
        }
    }
}
