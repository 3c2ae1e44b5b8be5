//! Which server of a cluster has which slots, and keeping up with that.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisResult, Value};
use tokio::time::{sleep, timeout};

use crate::shared::Shared;
use crate::slot::{Range, SLOTS};
use crate::target::Address;

/// Between two looks when nothing seems to have changed.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// Between two looks when something has.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// How long one server may take to answer; the next is asked then.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// Until told to stop.
pub(crate) async fn keep(shared: Arc<Shared>, seeds: Vec<Address>) {
    let mut known = true;
    loop {
        match look(&shared, &seeds).await {
            Ok(ranges) => {
                known = true;
                shared.set_silence(None);
                shared.set_ranges(&ranges);
            }
            Err(why) => {
                // Said once.
                if std::mem::take(&mut known) {
                    let at = shared.target.names();
                    tracing::warn!(at, why, "no server of the cluster says where slots are");
                }
                shared.set_silence(Some(why));
            }
        }
        sleep(LOOK_AGAIN).await;
        // While a server is away its slots move soon.
        if !shared.some_are_down() {
            let _ = timeout(LOOK_EVERY, shared.doubt.notified()).await;
        }
    }
}

/// Asks the servers in use, then the seeds.
async fn look(shared: &Shared, seeds: &[Address]) -> Result<Vec<Range>, String> {
    let mut why = String::from("none is configured");
    for (address, link) in shared.links() {
        let mut connection = link.commands;
        match timeout(ANSWER_TIMEOUT, slots(&mut connection, &address.host)).await {
            Ok(Ok(ranges)) if !ranges.is_empty() => return Ok(ranges),
            other => why = format!("{}: {}", shared.target.name(&address), explain(other)),
        }
    }
    for seed in seeds {
        let asked = async {
            let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
            let client = shared.target.server(seed)?;
            let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
            slots(&mut connection, &seed.host).await
        };
        match timeout(ANSWER_TIMEOUT, asked).await {
            Ok(Ok(ranges)) if !ranges.is_empty() => return Ok(ranges),
            other => why = format!("{}: {}", shared.target.name(seed), explain(other)),
        }
    }
    Err(why)
}

fn explain<T>(asked: Result<RedisResult<T>, tokio::time::error::Elapsed>) -> String {
    match asked {
        Ok(Ok(_)) => "no slots are assigned".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {ANSWER_TIMEOUT:?}"),
    }
}

async fn slots(connection: &mut MultiplexedConnection, asked: &str) -> RedisResult<Vec<Range>> {
    let value: Value = redis::cmd("CLUSTER").arg("SLOTS").query_async(connection).await?;
    Ok(read(&value, asked))
}

/// `[[first, last, [host, port, id, …], replica…], …]`. A server that does not know its own address leaves the host
/// empty, or null: then it is the one that was asked.
fn read(value: &Value, asked: &str) -> Vec<Range> {
    let Value::Array(ranges) = value else { return Vec::new() };
    ranges
        .iter()
        .filter_map(|range| {
            let Value::Array(range) = range else { return None };
            let [first, last, Value::Array(primary), ..] = &**range else { return None };
            let number = |value: &Value| match value {
                Value::Int(number) => usize::try_from(*number).ok(),
                _ => None,
            };
            let [host, port, ..] = &**primary else { return None };
            let host = match host {
                Value::BulkString(host) => String::from_utf8(host.clone()).ok()?,
                Value::SimpleString(host) => host.clone(),
                _ => String::new(),
            };
            let host = if host.is_empty() || host == "?" { asked.to_owned() } else { host };
            let (first, last) = (number(first)?, number(last)?);
            let primary = Address { host, port: u16::try_from(number(port)?).ok()? };
            (first <= last && last < SLOTS).then_some(Range { first, last, primary })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_slots() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let node = |host: &str, port| Value::Array(vec![text(host), Value::Int(port), text("id")]);
        let range = |first, last, node| Value::Array(vec![Value::Int(first), Value::Int(last), node]);
        let value = Value::Array(vec![
            range(0, 100, node("10.0.0.1", 7000)),
            range(101, 16_383, node("", 7001)),
            range(5, 16_384, node("x", 7001)),
            Value::Nil,
        ]);
        let address = |host: &str, port| Address { host: host.to_owned(), port };
        assert_eq!(
            read(&value, "asked"),
            [
                Range { first: 0, last: 100, primary: address("10.0.0.1", 7000) },
                Range { first: 101, last: 16_383, primary: address("asked", 7001) },
            ]
        );
    }
}
