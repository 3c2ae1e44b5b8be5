//! Commands to a server, beside the broker.

use polysocket_redis::redis::{Client, FromRedisValue, cmd};
use polysocket_tests::redis_server::RedisServer;

pub trait Ask {
    async fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T;
}

impl Ask for RedisServer {
    async fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let client = Client::open(self.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let mut command = cmd(words[0]);
        for word in &words[1..] {
            command.arg(word);
        }
        command.query_async(&mut connection).await.unwrap()
    }
}
