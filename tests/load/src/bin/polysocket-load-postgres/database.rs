//! Clients of the database itself.

use std::time::Instant;

use futures_util::future::poll_fn;
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, Client, NoTls};

use crate::Result;

/// A client of the database, and what it hears on `listen`.
pub async fn connect(url: &str, listen: Option<&str>) -> Result<(Client, mpsc::UnboundedReceiver<Instant>)> {
    let (client, mut connection) = tokio_postgres::connect(url, NoTls).await?;
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
            if matches!(message, AsyncMessage::Notification(_)) && sender.send(Instant::now()).is_err() {
                return;
            }
        }
    });
    if let Some(channel) = listen {
        client.batch_execute(&format!("listen \"{channel}\"")).await?;
    }
    Ok((client, receiver))
}
