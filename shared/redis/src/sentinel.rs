//! Asking Sentinels who the primary is.
//! <https://redis.io/docs/latest/develop/reference/sentinel-clients/>

use std::time::Duration;

use redis::{AsyncConnectionConfig, RedisResult};
use tokio::time::timeout;

use crate::target::{Address, Target};

/// How long one of them may take; the next is asked then.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(500);

/// The first answer there is. That the server is a primary indeed is checked by who connects to it.
pub(crate) async fn primary(
    target: &Target,
    sentinels: &[Address],
    service: &str,
) -> Result<Address, String> {
    let mut why = String::from("no Sentinel is configured");
    for sentinel in sentinels {
        let at = target.name(sentinel);
        match timeout(ANSWER_TIMEOUT, ask(target, sentinel, service)).await {
            Ok(Ok(Some((host, port)))) => return Ok(Address { host, port }),
            Ok(Ok(None)) => why = format!("Sentinel {at} does not know `{service}`"),
            Ok(Err(error)) => why = format!("Sentinel {at}: {error}"),
            Err(_) => why = format!("Sentinel {at}: no answer within {ANSWER_TIMEOUT:?}"),
        }
        tracing::debug!(why, "Sentinel not used");
    }
    Err(why)
}

async fn ask(target: &Target, sentinel: &Address, service: &str) -> RedisResult<Option<(String, u16)>> {
    let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    let client = target.sentinel(sentinel)?;
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    redis::cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(service).query_async(&mut connection).await
}
