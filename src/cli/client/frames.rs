//! Commands as leasebox frames: the words become a request, the reply becomes words.

use std::time::Duration;

use super::{DEFAULT_MS, Failure, Place, busiest, drawn_table, form, got, line, parse};
use crate::client::Client;
use crate::client::exchange::Way;
use crate::message::{Error, IdKind, LeaseId, Reply, Request};
use crate::representation::output::Output;
use crate::representation::text;

/// Asks over TCP.
pub fn answer(place: &Place<'_>, words: &[&[u8]]) -> Result<Vec<u8>, Failure> {
    let (asked, busiest) = busiest(words)?;
    let request = request(words, &asked)?;
    let reply = Client::connect(place.host, place.port, place.limit)?.ask(&request)?;
    Ok(shown(&request, reply, busiest))
}

/// Asks by datagrams; without a way to be answered, tells, and has nothing to show.
pub fn by_datagrams(
    place: &Place<'_>,
    way: Option<Way>,
    retry: Duration,
    words: &[&[u8]],
) -> Result<Vec<u8>, Failure> {
    let (asked, busiest) = busiest(words)?;
    let request = request(words, &asked)?;
    let connect = |way| Client::by_datagrams(place.host, place.port, place.limit, way);
    match way {
        Some(way) => Ok(shown(&request, connect(way)?.ask(&request)?, busiest)),
        None => {
            connect(Way { retry, ..Way::default() })?.tell(&request)?;
            Ok(Vec::new())
        }
    }
}

fn shown(request: &Request<'_>, mut reply: Reply<'_>, busiest: Option<usize>) -> Vec<u8> {
    match (request, &mut reply) {
        (Request::Lease { .. }, Reply::Leased { id, size, duration_ms }) => {
            line(format!("You have leased {size} bytes for {duration_ms} MS with id {id}"))
        }
        (_, Reply::Set { id, .. }) => line(format!("Data set for lease {id}")),
        (_, Reply::Data { id, data, .. }) => got(id.to_string().as_bytes(), data),
        (_, Reply::Table(rows)) => drawn_table(rows, busiest),
        (_, reply) => {
            let mut out = Output::default();
            text::encode(reply, usize::MAX, &mut out);
            out.bytes
        }
    }
}

/// Words as the shell has them: data is not escaped, and a lease has a default duration.
fn request<'a>(words: &[&'a [u8]], asked: &'a [u8]) -> Result<Request<'a>, Failure> {
    let wrong = |error: Error| Failure::NoAnswer(error.to_string());
    let command = words[0].to_ascii_lowercase();
    match (command.as_slice(), &words[1..]) {
        (b"lease", [size]) => lease(size, DEFAULT_MS),
        (b"lease", [size, duration]) => lease(size, duration),
        (b"lease", _) => Err(form("lease SIZE [MS]")),
        (b"set", [id, data]) => {
            let id = LeaseId::parse(id).map_err(wrong)?;
            Ok(Request::Set { id, data: (*data).into() })
        }
        (b"set", _) => Err(form("set ID DATA, with the data in quotes")),
        _ => text::parse(asked).map_err(wrong),
    }
}

fn lease<'a>(size: &[u8], duration: &[u8]) -> Result<Request<'a>, Failure> {
    let (size, duration_ms) = (parse(size, "SIZE")?, parse(duration, "MS")?);
    Ok(Request::Lease { size, duration_ms, id_kind: IdKind::Uuid })
}
