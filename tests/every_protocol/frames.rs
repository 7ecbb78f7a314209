//! leasebox frames, over a stream and by datagrams, through the client library.

use leasebox::client::exchange::{Semantics, Way};
use leasebox::client::{CallError, Client as Library};
use leasebox::commands::{
    Data, Draw, Get, Join, Lease, Leased, Leave, Opened, Owed, Pools, Release, Released, Renew,
    Reply, Report, Request, Return, Reuse, Set, Table, Tree, Ttl, WasSet,
};
use leasebox::common::id::{IdKind, LeaseId};
use leasebox::cooperative::words::Wanted;
use leasebox::numbers::commands::Rows;
use leasebox::protocol::byte_order::ByteOrder;
use leasebox::protocol::output::Output;
use leasebox::protocol::text;

use super::support::Running;
use super::{Answered, Asked, LIMIT, LONG, Protocol, said, told};

struct New {
    client: Library,
    ids: Vec<LeaseId>,
}

pub fn stream(server: &Running, order: ByteOrder) -> Box<dyn Protocol> {
    let (host, port) = (server.address.ip().to_string(), server.address.port());
    let mut client = Library::connect(&host, port, LIMIT).unwrap();
    client.set_order(order);
    Box::new(New { client, ids: Vec::new() })
}

pub fn datagrams(server: &Running, order: ByteOrder) -> Box<dyn Protocol> {
    let (host, port) = (server.address.ip().to_string(), server.address.port());
    let way = Way { semantics: Semantics::AtMostOnce, acknowledge: true, ..Way::default() };
    let mut client = Library::by_datagrams(&host, port, LIMIT, way).unwrap();
    client.set_order(order);
    Box::new(New { client, ids: Vec::new() })
}

impl Protocol for New {
    fn ask(&mut self, asked: &Asked) -> Option<Answered> {
        let unknown = LeaseId::from_number(2_147_483_647);
        let id = |lease: usize| self.ids.get(lease).copied().unwrap_or(unknown);
        let duration_ms = LONG.as_millis() as u64;
        let id_kind = IdKind::Uuid;
        let line;
        let reply = self.client.ask(&match asked {
            Asked::Draw(count) => Request::Draw(Draw { count: *count }),
            Asked::Lease(size) => Request::Lease(Lease { size: *size, duration_ms, id_kind }),
            Asked::Set(lease, data) => Request::Set(Set { id: id(*lease), data: data.into() }),
            Asked::Get(lease) => Request::Get(Get { id: id(*lease) }),
            Asked::Renew(lease) => Request::Renew(Renew { id: id(*lease), duration_ms }),
            Asked::Ttl(lease) => Request::Ttl(Ttl { id: id(*lease) }),
            Asked::Release(lease) => Request::Release(Release { id: id(*lease) }),
            Asked::Tree => Request::Tree(Tree),
            Asked::Table => Request::Table(Table { rows: 50, which: Rows::First }),
            Asked::Join(committed) => {
                Request::Join(Join { name: "p".into(), committed: Some(*committed), space: None })
            }
            Asked::Report(freeable, efficiency) => {
                Request::Report(Report { freeable: *freeable, efficiency: Some(*efficiency) })
            }
            Asked::Request(size, reason, freeable) => Request::Grant(Wanted {
                freeable: *freeable,
                why: true,
                ..Wanted::new(*size, *reason)
            }),
            Asked::Return(block) => Request::Return(Return { id: id(*block) }),
            Asked::Reuse(size) => Request::Reuse(Reuse { size: *size }),
            Asked::Owed => Request::Owed(Owed),
            Asked::Pools => Request::Pools(Pools),
            Asked::Leave => Request::Leave(Leave),
            Asked::Say(saying, which) => {
                line = said(saying, &id(*which).to_string());
                text::parse(line.as_bytes()).unwrap()
            }
            Asked::Peer(..) => return None,
        });
        Some(match (asked, reply) {
            (_, Err(CallError::Refused(error))) => Answered::No(error.code),
            (_, Ok(Reply::Drawn(drawn))) => Answered::Numbers(drawn.numbers()),
            (Asked::Lease(_), Ok(Reply::Leased(Leased { id, size, duration_ms }))) => {
                self.ids.push(id);
                Answered::Leased(Some((size, duration_ms)))
            }
            (_, Ok(Reply::Leased(Leased { size, duration_ms, .. }))) => {
                Answered::Leased(Some((size, duration_ms)))
            }
            (_, Ok(Reply::Set(WasSet { length, .. }))) => Answered::Set(Some(length)),
            (_, Ok(Reply::Data(Data { data, .. }))) => Answered::Data(data),
            (_, Ok(Reply::Ttl(_))) => Answered::Ttl,
            (_, Ok(Reply::Released(Released { size, .. }))) => Answered::Released(size),
            (_, Ok(Reply::Tree(tree))) => Answered::Tree(tree.picture),
            (_, Ok(Reply::Table(rows))) => {
                Answered::Table(rows.iter().map(|row| (row.counter, row.result)).collect())
            }
            (_, Ok(reply)) => {
                match &reply {
                    Reply::Granted(granted) => self.ids.push(granted.id),
                    Reply::Opened(Opened { session }) => self.ids.push(*session),
                    _ => {}
                }
                let mut out = Output::default();
                text::encode(&reply, usize::MAX, &mut out);
                Answered::Told(told(
                    std::str::from_utf8(&out.bytes).unwrap().trim_end_matches('\n'),
                ))
            }
            (_, other) => panic!("{asked:?}: {other:?}"),
        })
    }

    fn last_id(&self) -> String {
        self.ids.last().unwrap().to_string()
    }

    fn learn(&mut self, id: &str) {
        self.ids.push(LeaseId::parse(id.as_bytes()).unwrap());
    }
}
