//! Lists: leases, sessions, connections.
//!
//! **Invariants** at most [`MOST`] of each, however many there are; no id but its first digits.
//!
//! **Lock** the tables, once for each list; words are made of it afterwards. Who is connected has a
//! lock of its own.
//!
//! **Source** ours.

use std::sync::Arc;
use std::time::Instant;

use crate::cooperative::manager::Caller;
use crate::memory::lease::LeaseRow;
use crate::message::resource::{Listed, Listing};
use crate::message::{Code, Error, Reply};
use crate::server::clients::Seen;
use crate::server::shared::leases::rounded_up;
use crate::server::shared::{Shared, hold};
use crate::sessions::Pair;

/// How many of a kind are listed.
const MOST: usize = 512;

/// The rows of a list, and how many there would be.
type Rows = (u64, Vec<Vec<String>>);

impl Shared {
    pub(super) fn list(&self, caller: Caller, what: Listed) -> Result<Reply<'_>, Error> {
        let (columns, (total, rows)): (&[&'static str], Rows) = match what {
            Listed::Leases => (&["offset", "block", "size", "id", "left_ms"], self.leases()),
            Listed::Sessions => (
                &["opener", "opener_end", "opener_waiting", "other", "other_end", "other_waiting"],
                self.pairs(),
            ),
            Listed::Connections => (
                &["client", "speaks", "does", "requests", "connected_ms", "process"],
                self.connections(caller)?,
            ),
        };
        let columns = columns.iter().map(|&column| column.into()).collect();
        Ok(Reply::List(Box::new(Listing { what, total, columns, rows })))
    }

    fn leases(&self) -> Rows {
        let (total, leases) = {
            let tables = hold(&self.tables);
            tables.leases.soonest(MOST, Instant::now())
        };
        let row = |lease: &LeaseRow| {
            let [offset, block, size] =
                [lease.offset, lease.block, lease.size].map(|number| number.to_string());
            vec![offset, block, size, lease.id.shown(), rounded_up(lease.left).to_string()]
        };
        (total, leases.iter().map(row).collect())
    }

    fn pairs(&self) -> Rows {
        let (total, pairs) = {
            let tables = hold(&self.tables);
            (tables.sessions.figures().sessions, tables.sessions.pairs(MOST))
        };
        let row = |pair: &Pair| {
            let end = |at: usize| {
                let state = if pair.is_open[at] { "open" } else { "closed" };
                [pair.names[at].clone(), state.to_string(), pair.waiting[at].to_string()]
            };
            [end(0), end(1)].concat()
        };
        (total, pairs.iter().map(row).collect())
    }

    /// Who is connected, the first at first.
    fn connections(&self, caller: Caller) -> Result<Rows, Error> {
        if !caller.is_connected {
            let text = "one thread serves all datagrams, and would wait for the answer; ask by TCP";
            return Err(Error::new(Code::Refused, text));
        }
        let mut seen = self.clients.seen(Instant::now());
        let total = seen.len() as u64;
        seen.sort_unstable_by_key(|seen| seen.client);
        seen.truncate(MOST);
        let processes: Vec<Option<Arc<str>>> = {
            let tables = hold(&self.tables);
            seen.iter().map(|seen| tables.processes.name_of(seen.client)).collect()
        };
        let row = |(seen, process): (&Seen, Option<Arc<str>>)| {
            let [client, requests] = [seen.client, seen.requests].map(|number| number.to_string());
            let (speaks, does) = (seen.speaks.word().to_string(), seen.does.word().to_string());
            let connected = seen.connected.as_millis().to_string();
            let process = process.map_or_else(|| "-".to_string(), |name| name.to_string());
            vec![client, speaks, does, requests, connected, process]
        };
        Ok((total, seen.iter().zip(processes).map(row).collect()))
    }
}

#[cfg(test)]
#[path = "lists_tests.rs"]
mod tests;
