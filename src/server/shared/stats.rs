//! The server's figures.
//!
//! **Invariants** names and their order are fixed; each group is read under one hold of its lock.
//!
//! **Lock** the draw, then the tables, one after the other. **Source** ours.

use std::sync::atomic::Ordering;

use crate::message::Reply;
use crate::numbers::draw::Locking;
use crate::server::shared::{DatagramGauges, Shared, Tables, hold};
use crate::sessions::Figures;

impl Shared {
    pub(super) fn stats(&self) -> Reply<'_> {
        let drawn = self.drawn();
        let undelivered = hold(&self.draw).undelivered();
        let (memory, engine) = {
            let tables = hold(&self.tables);
            (memory_figures(&tables), tables.sessions.figures())
        };
        let mut figures: Vec<(&str, String)> = vec![
            ("numbers", self.list.len().to_string()),
            ("drawn", drawn.to_string()),
            ("remaining", (self.list.len() - drawn).to_string()),
            ("undelivered", undelivered.to_string()),
            ("lock", self.locking.word().to_string()),
            ("clients", self.clients.count().to_string()),
        ];
        figures.extend(memory);
        figures.extend(self.session_figures(&engine));
        if let Some(DatagramGauges { history, resent }) = &self.datagrams {
            figures.push(("history", history.load(Ordering::Relaxed).to_string()));
            figures.push(("resent", resent.load(Ordering::Relaxed).to_string()));
        }
        if self.locking == Locking::None {
            figures.insert(0, ("warning", "no-lock-so-numbers-come-twice".to_string()));
        }
        Reply::Stats(figures.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }

    fn session_figures(&self, figures: &Figures) -> [(&'static str, String); 10] {
        let Figures { admin, admin_used, sessions, messages, counts } = *figures;
        [
            ("admin", admin),
            ("admin_used", admin_used),
            ("sessions", sessions),
            ("messages", messages),
            ("locked", self.locked.load(Ordering::Relaxed)),
            ("full", counts.full),
            ("blocked", counts.blocked),
            ("lost", counts.lost),
            ("resized", counts.resized),
            ("contenders", self.contenders.load(Ordering::Relaxed).into()),
        ]
        .map(|(name, value)| (name, value.to_string()))
    }
}

fn memory_figures(tables: &Tables) -> [(&'static str, String); 11] {
    let Tables { leases, processes, .. } = tables;
    let (filling, requested) = (leases.filling(), leases.requested());
    let percent = |share: f64| format!("{share:.1}%");
    [
        ("memory", leases.buddy().size().to_string()),
        ("unused", filling.unused.to_string()),
        ("leases", leases.len().to_string()),
        ("requested", requested.to_string()),
        ("used", filling.used.to_string()),
        ("free", filling.free.to_string()),
        ("largest_free", filling.largest_free.to_string()),
        ("internal_fragmentation", percent(filling.internal_fragmentation(requested))),
        ("external_fragmentation", percent(filling.external_fragmentation())),
        ("processes", processes.processes().to_string()),
        ("waiting", processes.requests_waiting().to_string()),
    ]
}
