//! The baseline subject: the least a hyper server does for one POST and one GET.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::error::{Result, doing};

/// What a GET's answer consists of.
pub const ANSWER_BYTE: u8 = b'x';
/// As long as a relay's confirmation of a send.
pub const POST_ANSWER: &[u8] = br#"{"ok":true,"ack":1}"#;

/// Serves until it is killed. A GET is answered with `answer_bytes` bytes.
pub async fn serve(listen: SocketAddr, answer_bytes: usize) -> Result<Infallible> {
    let listener = TcpListener::bind(listen).await.map_err(doing("listen"))?;
    let fixed = Bytes::from(vec![ANSWER_BYTE; answer_bytes]);
    loop {
        let (stream, _) = listener.accept().await.map_err(doing("accept"))?;
        stream.set_nodelay(true).map_err(doing("set TCP_NODELAY"))?;
        let fixed = fixed.clone();
        let service = service_fn(move |request| answer(request, fixed.clone()));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        // A connection that breaks is its client's matter: the generator counts it.
        tokio::spawn(async move { drop(connection.await) });
    }
}

async fn answer(request: Request<Incoming>, fixed: Bytes) -> hyper::Result<Response<Full<Bytes>>> {
    if request.method() == Method::POST {
        request.into_body().collect().await?;
        let mut answer = Response::new(Full::new(Bytes::from_static(POST_ANSWER)));
        *answer.status_mut() = StatusCode::CREATED;
        Ok(answer)
    } else {
        Ok(Response::new(Full::new(fixed)))
    }
}
