//! `list`: all leases, sessions, connections or blocks of processes, as far as others may see them.
//!
//! ```text
//!   > list leases
//!   < list leases 2 offset,block,size,id,left_ms 0,64,64,8a6…,4200 1024,1024,1000,f03…,60000
//!
//!   list KIND TOTAL COLUMN,COLUMN,… VALUE,VALUE,… VALUE,VALUE,…
//! ```
//!
//! | column | meaning |
//! | --- | --- |
//! | `offset`, `block` | the place of the lease's block in the arena; the block's bytes |
//! | `size`, `id` | the bytes that the client asked for; the start of the lease's id |
//! | `left_ms` | the time that the lease has left, rounded up |
//! | `opener`, `other` | the processes of a session; the first one opened it |
//! | `…_end`, `…_waiting` | `open` or `closed`; the messages that this process has yet to receive |
//! | `client`, `requests` | the client's number; the requests that were answered |
//! | `connected_ms` | the time since the client was accepted |
//! | `speaks`, `does` | the connection's format; its thread's activity |
//! | `process` | the name of the client's process, `-` for none; the name of the block's process |
//! | `pool` | the pool that gave the block |
//!
//! Leases come in the order in which they end, connections in the order in which they came,
//! blocks in the order in which their processes joined, sessions in the order of their processes'
//! names. If there are more than 512 sessions, any 512 of them are listed. `list blocks` shows the
//! blocks in the first memory space only. The macro `command!` below declares the command: its
//! number in frames, its text form, its struct, the type of its reply, and its fields.
//!
//! **Invariants**
//!
//! 1. A list has at most 512 rows, however many things there are. `total` counts all of them, also
//!    leases that have expired and that the reaper has not removed yet.
//! 2. A list shows three digits of a UUID and none of a numeric id, because a client that knows the
//!    whole id can use the lease.
//! 3. Each row has as many values as there are columns. No value holds a space or a comma.
//!
//! **Lock** the tables', once for each list: the rows are copied, and words are made of them after
//! the unlock. `list connections` takes the clients' lock, unlocks it, and then takes the tables'
//! for the names of the processes. If a client closes in between, its row is still shown. Before
//! all that a request may sleep at the [turnstile](super::turnstile).
//!
//! **Simplified** a list has no second page. **Source** ours.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use super::clients::ConnectionSnapshot;
use super::shared::Shared;
use crate::common::caller::Caller;
use crate::common::description::{
    Answer, Execute, Executed, Field, MIN_STRING, Message, Sink, Source, choice, command,
};
use crate::common::error::{Code, Error, Malformed};
use crate::common::id::parse_decimal;
use crate::common::line::put;
use crate::cooperative::manager::HeldRow;
use crate::memory::lease::LeaseRow;
use crate::memory::service::rounded_up;
use crate::sessions::Pair;

/// The most rows of a list. It bounds the length of the reply, and the time under each lock.
const MAX_ROWS: usize = 512;

/// The bytes of the longest list. A request is executed only if its connection has so much memory
/// for the answer; otherwise it fails, and the connection tries again with more.
const MAX_LIST_BYTES: u64 = 128 * 1024;

choice! {
    /// The kinds of list.
    Listed[
        "there is no such list; give leases, sessions, connections or blocks",
        "asks for a list that there is not"
    ] {
        /// Leases and their blocks, in the order in which they end.
        Leases = "leases",
        /// Sessions: the two processes of each.
        Sessions = "sessions",
        /// Connections, with the activity of each.
        Connections = "connections",
        /// The blocks of processes, with the name of each one's process.
        Blocks = "blocks",
    }
}

command! {
    /// Lists the things of one kind, at most 512 of them.
    0x2a "list leases|sessions|connections|blocks" List -> Box<Listing> {
        /// The kind.
        what: Listed,
    }
}

/// A list. Names and values hold no space and no comma.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The kind.
    pub what: Listed,
    /// The number of things of this kind; the rows may be fewer.
    pub total: u64,
    /// The names of the values of a row.
    pub columns: Vec<Cow<'static, str>>,
    /// The rows, each with a value for each column.
    pub rows: Vec<Vec<String>>,
}

/// The columns whose values are always texts. In JSON the values of other columns become numbers if
/// they look like numbers. A name must stay a text: a process may be called `12`.
const TEXT_COLUMNS: [&str; 4] = ["id", "process", "opener", "other"];

impl<'a> Message<'a> for Listing {
    /// Reads a list from a frame. All values stand in one sequence, row after row. The reader cuts
    /// it into rows, each with as many values as there are columns.
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        let (what, total) = (Listed::read(source)?, source.u64()?);
        let columns: Vec<Cow<'static, str>> =
            source.list(MIN_STRING, |source| Ok(source.text()?.into_owned().into()))?;
        let values: Vec<String> = Field::read(source)?;
        if columns.is_empty() || !values.len().is_multiple_of(columns.len()) {
            return Err(Malformed("has a list whose rows are not as long as its columns").into());
        }
        let rows = values.chunks(columns.len()).map(<[String]>::to_vec).collect();
        Ok(Listing { what, total, columns, rows })
    }

    /// Writes a list. A frame gets the columns, and all values in one sequence. JSON and XML get a
    /// list of rows, in which each value has its column's name.
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
        // The name of a single row, for XML: `lease` of `leases`.
        let one = what.word().trim_end_matches('s');
        sink.list(what.word(), one, rows, |row, sink| {
            for (column, value) in columns.iter().zip(row) {
                match parse_decimal(value.as_bytes()).filter(|_| !TEXT_COLUMNS.contains(&&**column))
                {
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

/// The number of all things of a kind, and the rows of the listed ones.
type RowsAndTotal = (u64, Vec<Vec<String>>);

const STOPPING: &str = "the server stops, and lists nothing more; ask again when it runs";

impl Execute<Shared> for List {
    /// Waits at the turnstile, if the client is a connection. Then copies the rows under the locks,
    /// and makes words of them.
    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Executed<Self> {
        let what = self.what;
        caller.check_room(MAX_LIST_BYTES)?;
        // One thread serves all datagrams; it must not wait at the turnstile. So it has no stay:
        // `Some(None)`. The outer `None` means that the server stops.
        let stay = if caller.is_connected { shared.lists.enter().map(Some) } else { Some(None) };
        let Some(_stay) = stay else { return Err(Error::new(Code::Busy, STOPPING)) };
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
            Listed::Blocks => (&["offset", "block", "pool", "process"], blocks(shared)),
        };
        let columns = columns.iter().map(|&column| column.into()).collect();
        Ok(Box::new(Listing { what, total, columns, rows }))
    }
}

/// Returns the leases, in the order in which they end.
fn leases(shared: &Shared) -> RowsAndTotal {
    let (total, leases) =
        shared.memory.with_tables(|tables, now| tables.leases.soonest(MAX_ROWS, now));
    let row = |lease: &LeaseRow| {
        let [offset, block, size] =
            [lease.offset, lease.block, lease.size].map(|number| number.to_string());
        vec![offset, block, size, lease.id.shown(), rounded_up(lease.left).to_string()]
    };
    (total, leases.iter().map(row).collect())
}

/// Returns the blocks of processes in the first memory space, in the order in which the processes
/// joined.
fn blocks(shared: &Shared) -> RowsAndTotal {
    let (total, blocks) = shared
        .memory
        .with_tables(|tables, _| tables.processes.held_blocks(&tables.leases, MAX_ROWS));
    let row = |held: &HeldRow| {
        let [offset, block] = [held.offset, held.block].map(|number| number.to_string());
        vec![offset, block, held.pool.word().to_string(), held.process.to_string()]
    };
    (total, blocks.iter().map(row).collect())
}

/// Returns the sessions, one row for each: first its opener, then the other process.
fn pairs(shared: &Shared) -> RowsAndTotal {
    let (total, pairs) = shared.memory.with_tables(|tables, _| {
        (tables.sessions.figures().sessions, tables.sessions.pairs(MAX_ROWS))
    });
    let row = |pair: &Pair| {
        let end = |at: usize| {
            let state = if pair.is_open[at] { "open" } else { "closed" };
            [pair.names[at].clone(), state.to_string(), pair.waiting[at].to_string()]
        };
        [end(0), end(1)].concat()
    };
    (total, pairs.iter().map(row).collect())
}

/// Returns the connections, in the order in which they came.
///
/// # Errors
/// Fails with `refused` for a sender of datagrams: one thread serves all datagrams, and this list
/// takes two locks for up to 512 clients.
fn connections(shared: &Shared, caller: Caller) -> Result<RowsAndTotal, Error> {
    if !caller.is_connected {
        let text = "one thread serves all datagrams, and would wait for the answer; ask by TCP";
        return Err(Error::new(Code::Refused, text));
    }
    let (total, seen) = shared.clients.seen(MAX_ROWS, Instant::now());
    let processes: Vec<Option<Arc<str>>> = shared.memory.with_tables(|tables, _| {
        seen.iter().map(|seen| tables.processes.name_of(seen.client)).collect()
    });
    let row = |(seen, process): (&ConnectionSnapshot, Option<Arc<str>>)| {
        let [client, requests] = [seen.client, seen.requests].map(|number| number.to_string());
        let (speaks, does) = (seen.speaks.word().to_string(), seen.does.word().to_string());
        let connected = seen.connected.as_millis().to_string();
        let process = process.map_or_else(|| "-".to_string(), |name| name.to_string());
        vec![client, speaks, does, requests, connected, process]
    };
    Ok((total as u64, seen.iter().zip(processes).map(row).collect()))
}

#[cfg(test)]
#[path = "lists_tests.rs"]
mod tests;
