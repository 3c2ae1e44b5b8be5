//! The network between one node and Redis, which can be cut.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

pub struct Way {
    address: SocketAddr,
    cut: watch::Sender<bool>,
    task: AbortHandle,
}

impl Way {
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cut = watch::Sender::new(false);
        let state = cut.clone();
        let task = tokio::spawn(async move {
            loop {
                let Ok((mut near, _)) = listener.accept().await else { continue };
                let mut cut = state.subscribe();
                if *cut.borrow() {
                    continue;
                }
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(("127.0.0.1", port)).await?;
                    tokio::select! {
                        done = tokio::io::copy_bidirectional(&mut near, &mut far) => done.map(drop),
                        _ = cut.wait_for(|cut| *cut) => Ok(()),
                    }
                });
            }
        });
        Self { address, cut, task: task.abort_handle() }
    }

    /// Ends all connections and takes no new ones; or lets them pass again.
    pub fn cut(&self, cut: bool) {
        self.cut.send_replace(cut);
    }

    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.task.abort();
    }
}
