//! Commands as leasebox frames: the words become a request, the reply becomes words.
//!
//! ```text
//!   lease 64 5000 ─► Request::Lease ─► frame ─► server
//!   You have leased 64 bytes …  ◄─ Reply::Leased ◄─ frame ◄─┘
//! ```
//!
//! The shell has split the line already: `set ID "two words"` is three words. Joined with spaces
//! they would be parsed as a text line, in which data is escaped. So a command that ends with data
//! goes through the parser of RESP instead, whose bulk strings hold any bytes:
//!
//! ```text
//!   set 7 a\nb   line    set 7 a\nb                      the data has a line break
//!                bulks   $3 set   $1 7   $4 a\nb         the data has a backslash and an n
//! ```
//!
//! **Invariants** data that is one word of the shell arrives at the server as the shell gave it,
//! byte by byte. (Data of several words, as in `send 3 two words`, is parsed as a line.)
//!
//! **Lock** none. **Source** [`crate::protocol::text`] and [`crate::protocol::resp`] for the two
//! parsers.

use std::time::Duration;

use crate::cli::client::statement::statement_of;
use crate::cli::client::{
    ALL_ROWS_REQUEST, DEFAULT_MS, Destination, Failure, busiest, drawn_table, form, got_line, line,
    parse, printable,
};
use crate::client::Client;
use crate::client::exchange::Way;
use crate::commands::{Attach, Data, Lease, Leased, Reply, Request, WasSet};
use crate::common::error::Error;
use crate::common::id::{IdKind, parse_decimal};
use crate::protocol::output::Output;
use crate::protocol::resp::bulk;
use crate::protocol::text::{self, words::Words};

/// The request for `table ROWS busiest` by datagrams. A row has 16 bytes, and 48 bytes stand before
/// the rows (header, token, count, padding): 500 rows have 8048 bytes and fit in 8 KiB, the
/// server's default `--datagram`.
const DATAGRAM_ROWS_REQUEST: &[u8] = b"table 500";

/// Sends the command over TCP and returns the answer as text. With `--process` the connection
/// attaches to the process first, and speaks for it until it closes.
///
/// # Errors
/// Fails with a [`Failure`]. If the attach fails, the command is not sent.
pub fn answer(place: &Destination<'_>, words: &[&[u8]]) -> Result<Vec<u8>, Failure> {
    let (asked, busiest) = busiest(words, ALL_ROWS_REQUEST)?;
    let bulks = bulks(words);
    let request = request(words, &asked, &bulks)?;
    let mut client = Client::connect(place.host, place.port, place.left())?;
    client.set_limit(place.left());
    client.set_longest(place.max_message);
    if let Some(token) = place.process {
        client.call(Attach { token })?;
    }
    Ok(shown(&request, client.ask(&request)?, busiest))
}

/// Sends the command by datagrams and returns the answer as text. `way` is `None` for the R
/// protocol: there is no reply, and the text is empty.
///
/// # Errors
/// Fails with a [`Failure`]. Once it has its token, R fails only if the request does not fit a
/// datagram or the time is over: a datagram that is not sent, or is lost, looks like success.
pub fn by_datagrams(
    place: &Destination<'_>,
    way: Option<Way>,
    retry: Duration,
    words: &[&[u8]],
) -> Result<Vec<u8>, Failure> {
    let (asked, busiest) = busiest(words, DATAGRAM_ROWS_REQUEST)?;
    let bulks = bulks(words);
    let request = request(words, &asked, &bulks)?;
    // Every request by datagrams needs a token, which the server sends in a Welcome. So also the R
    // protocol sends Hello, and repeats it until the Welcome comes.
    let known = way.unwrap_or(Way { retry, ..Way::default() });
    let mut client = Client::by_datagrams(place.host, place.port, place.left(), known)?;
    client.set_limit(place.left());
    match way {
        Some(_) => Ok(shown(&request, client.ask(&request)?, busiest)),
        None => {
            client.tell(&request)?;
            Ok(Vec::new())
        }
    }
}

/// Returns the reply as text: the homework's words, a table, a statement, or the server's text.
fn shown(request: &Request<'_>, mut reply: Reply<'_>, busiest: Option<usize>) -> Vec<u8> {
    match (request, &mut reply) {
        // A `renew` has the reply `Leased` too, but it leases nothing: it gets the server's text.
        (Request::Lease(_), Reply::Leased(Leased { id, size, duration_ms })) => {
            line(format!("You have leased {size} bytes for {duration_ms} MS with id {id}"))
        }
        (_, Reply::Set(WasSet { id, .. })) => line(format!("Data set for lease {id}")),
        (_, Reply::Data(Data { id, data, .. })) => got_line(id.to_string().as_bytes(), data),
        (_, Reply::Table(rows)) => drawn_table(rows, busiest),
        (_, reply) => statement_of(reply).map_or_else(|| as_text(reply), String::into_bytes),
    }
}

/// Returns the reply as the line that a text client would receive. It has no limit of length: the
/// reply is in memory already.
fn as_text(reply: &Reply<'_>) -> Vec<u8> {
    let mut out = Output::default();
    text::encode(reply, usize::MAX, &mut out);
    let text = String::from_utf8_lossy(&out.bytes);
    line(printable(text.trim_end_matches('\n')))
}

/// Returns the request of the words. A command that ends with data is parsed from `bulks`, any
/// other from `line`. The request borrows from these two.
///
/// # Errors
/// Fails with the parser's error, before anything is sent.
fn request<'a>(words: &[&[u8]], line: &'a [u8], bulks: &'a [u8]) -> Result<Request<'a>, Failure> {
    let wrong = |error: Error| Failure::NoAnswer(error.text.into_owned());
    let command = words[0].to_ascii_lowercase();
    match (command.as_slice(), &words[1..]) {
        (b"lease", [size]) => lease(size, DEFAULT_MS),
        (b"lease", [size, duration]) => lease(size, duration),
        (b"lease", _) => Err(form("lease SIZE [MS]")),
        // MS may be missing, with a word of the data in its place. The parser's error would not
        // name MS.
        (b"deliver", [_, ms, _]) if parse_decimal(ms).is_none() => {
            Err(Failure::NoAnswer("MS is no number of milliseconds; give digits".into()))
        }
        _ if ends_with_data(words) => text::parse_words(Words::Bulks(bulks)).map_err(wrong),
        (b"set", _) => Err(form("set ID DATA, with the data in quotes")),
        _ => text::parse(line).map_err(wrong),
    }
}

/// Returns whether the words are a command that ends with data of one word: its form has as many
/// words, and the last one is `DATA` or `[DATA]`. A command with data of several words has more.
fn ends_with_data(words: &[&[u8]]) -> bool {
    Request::COMMANDS.iter().any(|(_, _, form)| {
        let form: Vec<&str> = form.split(' ').collect();
        form.len() == words.len()
            && form[0].as_bytes().eq_ignore_ascii_case(words[0])
            && matches!(form.last(), Some(&("DATA" | "[DATA]")))
    })
}

/// Returns the words as bulk strings of RESP: a length, and then that many bytes. So a word may
/// hold spaces and line breaks.
fn bulks(words: &[&[u8]]) -> Vec<u8> {
    words.iter().flat_map(|word| bulk(word)).collect()
}

/// Returns a lease request. Leasebox frames have room for a UUID, which nobody can guess, so the
/// server gives each of their leases a UUID, and `id_kind` is not sent. (MemoryLease frames have
/// room only for a number.)
fn lease<'a>(size: &[u8], duration: &[u8]) -> Result<Request<'a>, Failure> {
    let (size, duration_ms) = (parse(size, "SIZE")?, parse(duration, "MS")?);
    Ok(Request::Lease(Lease { size, duration_ms, id_kind: IdKind::Uuid }))
}
