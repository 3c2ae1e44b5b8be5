//! `GET` of a path: what the API says of it now.

use std::net::IpAddr;

use axum::extract::Request;
use axum::response::Response;

use super::answer::answer;
use super::asked::{identity, path_of};
use crate::pogo::Pogo;
use crate::upstream::{Ask, Reading};
use crate::wire::{Code, Failure};

pub(super) async fn serve(
    pogo: &Pogo,
    request: Request,
    address: Option<IpAddr>,
) -> Result<Response, Failure> {
    let session = identity(pogo, request.headers(), address).await?;
    let resource = pogo.0.base.resource(path_of(&request))?;
    let credential = session.as_ref().map(|session| &session.credential);
    let ask = Ask { credential, client: address, ..Ask::default() };
    match pogo.0.upstream.read(&resource, ask).await? {
        Reading::New(found) => Ok(answer(found.status, found.document.raw().clone())),
        Reading::Same(_) => {
            Err(Failure::new(Code::UpstreamError, "the API answered 304 without having been asked"))
        }
    }
}
