//! All orders of the steps of three clients: a get, a release and a lease of one block.
//!
//! ```text
//!   G, a get       find (tables' lock)     read (block's lock)
//!   R, a release   strike (tables')        mark released (block's)    give back (tables')
//!   L, a lease     lease (tables')         set (block's)
//! ```
//!
//! The *tenant* of a block is the client whose lease has the block. To *strike* a lease is to take
//! it out of the lease table; its block is not free yet.
//!
//! A get unlocks the tables before it locks the block. In between it has only the handle of the
//! block. Meanwhile the lease may end, and the block may get another tenant. The release marks the
//! contents released *before* it gives the block back to the allocator, so the get finds the mark.
//! In the other order the next tenant may set the block before the mark is there: then the get
//! returns the bytes of another tenant.
//!
//! All steps are the server's own: those of [`LeaseTable`], [`Arena`] and [`OpenContents`]. Each
//! step happens under one lock from its begin to its end, so one thread can do the steps in the
//! order of a schedule.
//!
//! **Invariants** a schedule always gives the same run.
//!
//! **Lock** none here: the steps of one thread.
//!
//! **Source** invariant 3 of [`crate::memory::service`].

use std::ops::ControlFlow;
use std::time::Instant;

use crate::common::id::{IdKind, LeaseId};
use crate::lab::schedule::Schedules;
use crate::memory::arena::Arena;
use crate::memory::contents::Handle;
use crate::memory::lease::{Ending, LeaseTable};

#[cfg(doc)]
use crate::memory::contents::OpenContents;

/// The clients, by their letters, each with the number of its steps.
pub const CLIENTS: [(char, usize); 3] = [('G', 2), ('R', 3), ('L', 2)];

/// The size of the arena in bytes. It has room for one block, so the next lease gets this block.
const ARENA: u64 = 32;
/// The duration of both leases in milliseconds. It has no effect, because the time stands still.
const LEASE_MS: u64 = 1000;
const OLD: &[u8] = b"the old tenant's";
const NEW: &[u8] = b"the new tenant's";

/// The order of a release's last two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseOrder {
    /// The server's: mark the contents released, then give the block back.
    MarkFirst,
    /// Broken: give the block back, then mark the contents released.
    GiveBackFirst,
}

/// The result of one schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRun {
    /// The text about each step, in the order of the schedule.
    pub steps: Vec<String>,
    /// Whether the get returned the bytes of the new tenant.
    pub has_leaked: bool,
}

/// The findings of all schedules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantFindings {
    /// The number of schedules that were run. No schedule is left out.
    pub tried: u64,
    /// The number of schedules in which the get returned the bytes of the new tenant.
    pub leaks: u64,
    /// A schedule of those with the fewest preemptions among them; `None` if `leaks` is 0.
    pub smallest: Option<Vec<u8>>,
}

/// Returns the schedules of the three clients' steps.
pub fn schedules() -> Schedules {
    Schedules::new(CLIENTS.map(|(_, steps)| steps).to_vec())
}

/// Runs all schedules, those with few preemptions first.
pub fn explore_tenants(order: ReleaseOrder) -> TenantFindings {
    let schedules = schedules();
    let mut found = TenantFindings { tried: 0, leaks: 0, smallest: None };
    for preemptions in 0..=schedules.length() {
        // The closure below never returns `Break`, so the result of `visit` says nothing.
        let _ = schedules.visit(preemptions, &mut |schedule| {
            found.tried += 1;
            if run_tenants(schedule, order).has_leaked {
                found.leaks += 1;
                found.smallest.get_or_insert_with(|| schedule.to_vec());
            }
            ControlFlow::Continue(())
        });
    }
    found
}

/// Runs one schedule. Skips a step of an unknown client.
pub fn run_tenants(schedule: &[u8], order: ReleaseOrder) -> TenantRun {
    let mut tenants = Tenants::new(order);
    let mut done = [0; CLIENTS.len()];
    let mut steps = Vec::new();
    for &client in schedule {
        let Some(nth) = done.get_mut(usize::from(client)) else { continue };
        *nth += 1;
        steps.push(tenants.step(client, *nth));
    }
    TenantRun { steps, has_leaked: tenants.has_leaked }
}

/// The memory, and what each client holds between its steps.
struct Tenants {
    order: ReleaseOrder,
    arena: Arena,
    leases: LeaseTable,
    now: Instant,
    /// The id of the old tenant's lease. G reads it, and R releases it.
    id: LeaseId,
    /// The handle of the block, from G's step 1 on.
    found: Option<Handle>,
    /// The block of the struck lease, until R gives it back.
    ending: Option<Ending>,
    /// The handle of the struck lease, whose contents R marks released.
    struck: Option<Handle>,
    /// The lease of the new tenant, from L's step 1 on.
    leased: Option<LeaseId>,
    /// Whether G has read the new tenant's bytes.
    has_leaked: bool,
}

impl Tenants {
    /// Makes the memory. The old tenant has leased its only block and has set the bytes.
    fn new(order: ReleaseOrder) -> Self {
        let mut leases = LeaseTable::with_known_seed(ARENA);
        let arena = Arena::new(ARENA);
        let arena = arena.unwrap_or_else(|error| unreachable!("32 bytes are there: {error}"));
        let now = Instant::now();
        let id = leases.lease(ARENA, LEASE_MS, IdKind::Uuid, now);
        let id = id.unwrap_or_else(|error| unreachable!("the arena is empty: {error}"));
        let mut tenants = Self {
            order,
            arena,
            leases,
            now,
            id,
            found: None,
            ending: None,
            struck: None,
            leased: None,
            has_leaked: false,
        };
        tenants.set(id, OLD);
        tenants
    }

    /// Does step `nth` of a client, counted from 1, and returns a text about it.
    fn step(&mut self, client: u8, nth: usize) -> String {
        // R marks in its step 2 if the mark comes first, and otherwise in its step 3.
        let marks_now = (nth == 2) == (self.order == ReleaseOrder::MarkFirst);
        match (CLIENTS[usize::from(client)].0, nth) {
            ('G', 1) => self.find(),
            ('G', _) => self.read(),
            ('R', 1) => self.strike(),
            ('R', _) if marks_now => self.mark(),
            ('R', _) => self.give_back(),
            (_, 1) => self.lease(),
            (..) => match self.leased {
                Some(id) => self.set(id, NEW),
                None => "has nothing to set".into(),
            },
        }
    }

    fn find(&mut self) -> String {
        self.found = self.leases.find(self.id, self.now).ok();
        if self.found.is_some() { "finds the lease" } else { "finds no such lease" }.into()
    }

    fn read(&mut self) -> String {
        let Some(found) = &self.found else { return "has nothing to read".into() };
        let mut data = Vec::new();
        let Ok(contents) = self.arena.open(found) else {
            return "finds the mark: not-found".into();
        };
        match contents.get(ARENA, &mut data) {
            Ok(()) => {
                self.has_leaked = data == NEW;
                format!("reads {:?}", String::from_utf8_lossy(&data))
            }
            Err(why) => format!("fails: {why:?}"),
        }
    }

    fn strike(&mut self) -> String {
        self.ending = self.leases.end(self.id, self.now).ok();
        self.struck = self.ending.as_ref().map(|ending| ending.handle);
        "strikes the lease".into()
    }

    fn mark(&mut self) -> String {
        if let Some(struck) = &self.struck {
            self.arena.release(struck);
        }
        "marks the contents released".into()
    }

    fn give_back(&mut self) -> String {
        if let Some(ending) = self.ending.take() {
            self.leases.give_back(ending);
        }
        "gives the block back".into()
    }

    fn lease(&mut self) -> String {
        self.leased = self.leases.lease(ARENA, LEASE_MS, IdKind::Uuid, self.now).ok();
        if self.leased.is_some() { "gets the block" } else { "is refused: no block is free" }.into()
    }

    fn set(&mut self, id: LeaseId, data: &[u8]) -> String {
        // No call can fail: nobody ends the lease `id` before the set, the time stands still, and
        // the data is shorter than the block. So the results can be ignored.
        if let Ok(handle) = self.leases.find(id, self.now)
            && let Ok(mut contents) = self.arena.open(&handle)
        {
            let _ = contents.set(data, self.now);
        }
        format!("sets {:?}", String::from_utf8_lossy(data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_the_mark_first_no_schedule_shows_another_tenants_bytes() {
        let found = explore_tenants(ReleaseOrder::MarkFirst);
        assert_eq!(found, TenantFindings { tried: 210, leaks: 0, smallest: None });
    }

    #[test]
    fn with_the_block_given_back_first_some_do() {
        let found = explore_tenants(ReleaseOrder::GiveBackFirst);
        assert!(found.tried == 210 && found.leaks > 0, "{found:?}");
        let run = run_tenants(&found.smallest.unwrap(), ReleaseOrder::GiveBackFirst);
        assert!(run.has_leaked);
        assert!(run.steps.contains(&"reads \"the new tenant's\"".into()), "{run:?}");
    }

    #[test]
    fn a_get_before_the_release_reads_its_own_bytes() {
        let run = run_tenants(&[0, 0, 1, 1, 1, 2, 2], ReleaseOrder::MarkFirst);
        assert_eq!(run.steps[1], "reads \"the old tenant's\"");
        assert_eq!(run.steps[5], "gets the block");
    }
}
