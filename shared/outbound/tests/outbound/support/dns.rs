//! A name server that answers from a script, and counts what it is asked.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use hickory_server::Server;
use hickory_server::net::runtime::Time;
use hickory_server::proto::op::{Header, HeaderCounts, Metadata, ResponseCode};
use hickory_server::proto::rr::{Name, RData, Record, RecordType};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use tokio::net::UdpSocket;

/// What the server says when a name is asked for.
#[derive(Clone)]
pub enum Answer {
    /// To be used at once and forgotten.
    Addresses(Vec<IpAddr>),
    /// To be kept for an hour.
    Lasting(Vec<IpAddr>),
    Fails,
    Silent,
}

pub fn addresses(texts: &[&str]) -> Answer {
    Answer::Addresses(texts.iter().map(|text| text.parse().unwrap()).collect())
}

/// The nth query for the A (or AAAA) of a name gets the nth answer of its list, later ones the last.
type Script = HashMap<Name, Vec<Answer>>;

/// A query with its message id: the same again, after a while without an answer, is not a new one.
type Query = (Name, RecordType, u16);

struct Handler {
    script: Script,
    asked: Arc<Mutex<Vec<Query>>>,
}

pub struct NameServer {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Query>>>,
    // Stops its tasks when dropped.
    _server: Server<Handler>,
}

impl NameServer {
    pub async fn start(script: &[(&str, &[Answer])]) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let asked = Arc::default();
        let script = script
            .iter()
            .map(|(name, answers)| (Name::from_ascii(name).unwrap(), answers.to_vec()))
            .collect();
        let mut server = Server::new(Handler { script, asked: Arc::clone(&asked) });
        server.register_socket(socket);
        Self { address, asked, _server: server }
    }

    /// That knows no names.
    pub async fn empty() -> Self {
        Self::start(&[]).await
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many queries came, of any kind.
    pub fn queries(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.asked.lock().unwrap().iter().map(|(name, ..)| name.to_ascii()).collect();
        names.dedup();
        names
    }
}

#[async_trait::async_trait]
impl RequestHandler for Handler {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut reply: R,
    ) -> ResponseInfo {
        let query = request.request_info().unwrap().query;
        let (name, kind) = (Name::from(query.name().clone()), query.query_type());
        let round = {
            let mut asked = self.asked.lock().unwrap();
            let query = (name.clone(), kind, request.metadata.id);
            if !asked.contains(&query) {
                asked.push(query);
            }
            asked.iter().filter(|(asked, of_kind, _)| *asked == name && *of_kind == kind).count() - 1
        };
        let mut metadata = Metadata::response_from_request(&request.metadata);
        let answer = self.script.get(&name).map(|answers| &answers[round.min(answers.len() - 1)]);
        let mut records = Vec::new();
        match answer {
            None => metadata.response_code = ResponseCode::NXDomain,
            Some(Answer::Fails) => metadata.response_code = ResponseCode::ServFail,
            Some(Answer::Silent) => return Header { metadata, counts: HeaderCounts::default() }.into(),
            Some(Answer::Addresses(addresses) | Answer::Lasting(addresses)) => {
                let ttl = if matches!(answer, Some(Answer::Lasting(_))) { 3600 } else { 0 };
                let of_kind =
                    addresses.iter().map(|ip| RData::from(*ip)).filter(|data| data.record_type() == kind);
                records.extend(of_kind.map(|data| Record::from_rdata(name.clone(), ttl, data)));
            }
        }
        let builder = MessageResponseBuilder::from_message_request(request);
        reply.send_response(builder.build(metadata, &records, [], [], [])).await.unwrap()
    }
}
