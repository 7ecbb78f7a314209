//! `list`: leases, sessions and connections, as others may see them.
//!
//! In text: `list leases`, `list sessions` or `list connections` is answered with
//! `list WHAT TOTAL COLUMN,COLUMN,… VALUE,VALUE,… …`: a row of values for each, the leases that end
//! first, the connections that came first, any sessions. Ids are their first digits.
//!
//! **Invariants** at most 512 of each, however many there are; no id but its first digits:
//! a client that has an id has the lease.
//!
//! **Lock** the tables, once for each list; words are made of it afterwards. The connections have a
//! lock of their own.
//!
//! **Source** ours.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use super::clients::ConnectionSnapshot;
use super::shared::Shared;
use crate::common::caller::Caller;
use crate::common::description::{
    Answer, Execute, Field, LEAST_STRING, Message, Sink, Source, choice, command,
};
use crate::common::error::{Code, Error, Malformed};
use crate::common::id::parse_decimal;
use crate::common::line::put;
use crate::memory::lease::LeaseRow;
use crate::memory::service::rounded_up;
use crate::sessions::Pair;

/// How many of a kind are listed.
const MAX_ROWS: usize = 512;

choice! {
    /// The kinds of list.
    Listed[
        "there is no such list; give leases, sessions or connections",
        "asks for a list that there is not"
    ] {
        /// Leases and the blocks they lie in, the one that ends first at first.
        Leases = "leases",
        /// Sessions: who talks with whom.
        Sessions = "sessions",
        /// Connections, and what each does.
        Connections = "connections",
    }
}

impl Listed {
    /// The name of one of them.
    fn one(self) -> &'static str {
        match self {
            Listed::Leases => "lease",
            Listed::Sessions => "session",
            Listed::Connections => "connection",
        }
    }
}

command! {
    /// Lists all things of one kind.
    0x2a "list leases|sessions|connections" List -> Box<Listing> {
        /// Which kind.
        what: Listed,
    }
}

/// A list: as many values in each row as there are columns. Names and values hold no space and
/// no comma.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Of what.
    pub what: Listed,
    /// How many there are, of which no more than the first are listed.
    pub total: u64,
    /// The names of a row's values.
    pub columns: Vec<Cow<'static, str>>,
    /// One for each.
    pub rows: Vec<Vec<String>>,
}

/// Columns that are names, whatever they look like.
const NAMES: [&str; 4] = ["id", "process", "opener", "other"];

impl<'a> Message<'a> for Listing {
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        let (what, total) = (Listed::read(source)?, source.u64()?);
        let columns: Vec<Cow<'static, str>> =
            source.list(LEAST_STRING, |source| Ok(source.text()?.into_owned().into()))?;
        let values: Vec<String> = Field::read(source)?;
        if columns.is_empty() || !values.len().is_multiple_of(columns.len()) {
            return Err(Malformed("has a list whose rows are not as long as its columns").into());
        }
        let rows = values.chunks(columns.len()).map(<[String]>::to_vec).collect();
        Ok(Listing { what, total, columns, rows })
    }

    fn write(&self, sink: &mut impl Sink) {
        let Listing { what, total, columns, rows } = self;
        if sink.is_binary() {
            what.write("what", sink);
            sink.u64("total", *total);
            sink.list("columns", "", columns, |column, sink| sink.text("", column));
            let values: Vec<&String> = rows.iter().flatten().collect();
            sink.list("values", "", &values, |value, sink| sink.text("", value));
            return;
        }
        sink.u64("total", *total);
        sink.list(what.word(), what.one(), rows, |row, sink| {
            for (column, value) in columns.iter().zip(row) {
                match parse_decimal(value.as_bytes()).filter(|_| !NAMES.contains(&&**column)) {
                    Some(number) => sink.u64(column, number),
                    None => sink.text(column, value),
                }
            }
        });
    }
}

impl Answer<'_> for Listing {
    const KIND: u8 = 0xaa;
    const WORD: &'static str = "list";

    fn line(&self, out: &mut Vec<u8>) {
        let Listing { what, total, columns, rows } = self;
        put(out, format_args!("list {} {total} {}", what.word(), columns.join(",")));
        rows.iter().for_each(|row| put(out, format_args!(" {}", row.join(","))));
    }
}

/// The rows of a list, and how many there would be.
type RowsAndTotal = (u64, Vec<Vec<String>>);

impl Execute<Shared> for List {
    type Done = Box<Listing>;

    fn execute(
        &self,
        shared: &Shared,
        caller: Caller,
        _: &mut Vec<u8>,
    ) -> Result<Self::Done, Error> {
        let what = self.what;
        let (columns, (total, rows)): (&[&'static str], RowsAndTotal) = match what {
            Listed::Leases => (&["offset", "block", "size", "id", "left_ms"], leases(shared)),
            Listed::Sessions => (
                &["opener", "opener_end", "opener_waiting", "other", "other_end", "other_waiting"],
                pairs(shared),
            ),
            Listed::Connections => (
                &["client", "speaks", "does", "requests", "connected_ms", "process"],
                connections(shared, caller)?,
            ),
        };
        let columns = columns.iter().map(|&column| column.into()).collect();
        Ok(Box::new(Listing { what, total, columns, rows }))
    }
}

fn leases(shared: &Shared) -> RowsAndTotal {
    let (total, leases) = shared.memory.read(|tables, now| tables.leases.soonest(MAX_ROWS, now));
    let row = |lease: &LeaseRow| {
        let [offset, block, size] =
            [lease.offset, lease.block, lease.size].map(|number| number.to_string());
        vec![offset, block, size, lease.id.shown(), rounded_up(lease.left).to_string()]
    };
    (total, leases.iter().map(row).collect())
}

fn pairs(shared: &Shared) -> RowsAndTotal {
    let (total, pairs) = shared
        .memory
        .read(|tables, _| (tables.sessions.figures().sessions, tables.sessions.pairs(MAX_ROWS)));
    let row = |pair: &Pair| {
        let end = |at: usize| {
            let state = if pair.is_open[at] { "open" } else { "closed" };
            [pair.names[at].clone(), state.to_string(), pair.waiting[at].to_string()]
        };
        [end(0), end(1)].concat()
    };
    (total, pairs.iter().map(row).collect())
}

/// The connected clients, in the order in which they came.
fn connections(shared: &Shared, caller: Caller) -> Result<RowsAndTotal, Error> {
    if !caller.is_connected {
        let text = "one thread serves all datagrams, and would wait for the answer; ask by TCP";
        return Err(Error::new(Code::Refused, text));
    }
    let mut seen = shared.clients.seen(Instant::now());
    let total = seen.len() as u64;
    seen.sort_unstable_by_key(|seen| seen.client);
    seen.truncate(MAX_ROWS);
    let processes: Vec<Option<Arc<str>>> = shared
        .memory
        .read(|tables, _| seen.iter().map(|seen| tables.processes.name_of(seen.client)).collect());
    let row = |(seen, process): (&ConnectionSnapshot, Option<Arc<str>>)| {
        let [client, requests] = [seen.client, seen.requests].map(|number| number.to_string());
        let (speaks, does) = (seen.speaks.word().to_string(), seen.does.word().to_string());
        let connected = seen.connected.as_millis().to_string();
        let process = process.map_or_else(|| "-".to_string(), |name| name.to_string());
        vec![client, speaks, does, requests, connected, process]
    };
    Ok((total, seen.iter().zip(processes).map(row).collect()))
}

#[cfg(test)]
#[path = "lists_tests.rs"]
mod tests;
