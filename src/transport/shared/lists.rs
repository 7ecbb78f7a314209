//! Lists: leases, sessions, connections.
//!
//! **Invariants** at most [`MOST`] of each, however many there are; no id but its first digits.
//!
//! **Lock** the tables, once for each list. Who is connected is asked of the spawning thread, by a
//! message and without a lock.
//!
//! **Source** ours.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use super::leases::rounded_up;
use super::{Shared, hold};
use crate::message::Reply;
use crate::message::resource::{Listed, Listing};
use crate::transport::events::{Event, Seen};

/// How many of a kind are listed.
const MOST: usize = 512;

/// How long the spawning thread may take: it may be making threads.
const CENSUS: Duration = Duration::from_secs(1);

impl Shared {
    pub(super) fn list(&self, what: Listed) -> Reply<'_> {
        let (columns, total, rows): (&[&'static str], u64, Vec<Vec<String>>) = match what {
            Listed::Leases => {
                let (total, leases) =
                    hold(&self.tables).manager.leases().soonest(MOST, Instant::now());
                let row = |lease: &crate::service::lease::Listed| {
                    let left = rounded_up(lease.left).to_string();
                    let numbers = [lease.offset, lease.block, lease.size].map(|n| n.to_string());
                    let [offset, block, size] = numbers;
                    vec![offset, block, size, lease.id.shown(), left]
                };
                let columns = &["offset", "block", "size", "id", "left_ms"];
                (columns, total, leases.iter().map(row).collect())
            }
            Listed::Sessions => {
                let (total, pairs) = {
                    let tables = hold(&self.tables);
                    (tables.figures().sessions, tables.pairs(MOST))
                };
                let row = |pair: &crate::service::engine::Pair| {
                    let end = |at: usize| {
                        let state = if pair.is_open[at] { "open" } else { "closed" };
                        [pair.names[at].clone(), state.to_string(), pair.waiting[at].to_string()]
                    };
                    [end(0), end(1)].concat()
                };
                let columns = &[
                    "opener",
                    "opener_end",
                    "opener_waiting",
                    "other",
                    "other_end",
                    "other_waiting",
                ];
                (columns, total, pairs.iter().map(row).collect())
            }
            Listed::Connections => {
                let columns = &["client", "speaks", "does", "requests", "connected_ms", "process"];
                let (total, rows) = self.connections();
                (columns, total, rows)
            }
        };
        let columns = columns.iter().map(|&column| column.into()).collect();
        Reply::List(Box::new(Listing { what, total, columns, rows }))
    }

    /// Who is connected, the first at first; nobody while the server stops.
    fn connections(&self) -> (u64, Vec<Vec<String>>) {
        let (sender, receiver) = channel();
        let asked = self.events.get().map(|events| events.send(Event::Census(sender)));
        let seen = asked.map(|_| receiver.recv_timeout(CENSUS).unwrap_or_default());
        let mut seen = seen.unwrap_or_default();
        let total = seen.len() as u64;
        seen.sort_unstable_by_key(|seen| seen.client);
        seen.truncate(MOST);
        let tables = hold(&self.tables);
        let row = |seen: &Seen| {
            let process = tables.manager.name_of(seen.client).unwrap_or("-").to_string();
            let (speaks, does) = (seen.speaks.to_string(), seen.does.word().to_string());
            let connected = seen.connected.as_millis().to_string();
            vec![
                seen.client.to_string(),
                speaks,
                does,
                seen.requests.to_string(),
                connected,
                process,
            ]
        };
        (total, seen.iter().map(row).collect())
    }
}
