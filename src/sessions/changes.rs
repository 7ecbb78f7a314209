//! The log of changes: the processes that joined and ended, for those that watch.
//!
//! ```text
//!   log       40 joined a │ 41 joined b │ 42 left a │ 43 joined c │
//!   watcher 7  └ begun, place                                      └ seen: hears joined b and c
//!   watcher 9                              └ begun, place          └ seen: hears left a, joined c
//! ```
//!
//! The wrong way is a notice for each watcher: a join beside 1,024 watchers then makes 1,024
//! copies while the tables are locked, and watchers that never listen keep millions of them. Here a
//! change is written once, and a watcher has its place in the log.
//!
//! A watcher reads in *batches*: from its place to the end that the log has at that moment. A
//! process that joined and ended within one batch is left out, because nothing can be done with it
//! any more. A process that joined in one batch and ended in a later one is told twice, as it was.
//!
//! **Invariants**
//!
//! 1. A watcher hears `joined` for each process that joined after the watcher's list was made. It
//!    hears `left` for each process that ended and was in that list or in a `joined`. The order is
//!    that of the events. Processes that joined and ended within one batch are left out. All this
//!    holds as long as the watcher does not fall out of the log (invariant 2).
//! 2. The log has at most [`MAX_CHANGES`] changes. A watcher whose place is no longer in it is told
//!    `missed`, and watches no more.
//! 3. Without watchers the log is empty.
//!
//! **Lock** the tables. **Cost** O(1) for a change, and O(1) for each change that a watcher reads.
//!
//! **Simplified** changes that all watchers have read stay until [`MAX_CHANGES`] newer ones came.
//! The log takes at most 7 MiB, however many watchers there are.
//!
//! **Source** ours. A reader that falls out of a bounded log has to read the whole list again, as
//! with inotify (`IN_Q_OVERFLOW`).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::cooperative::process::ProcessNumber;
use crate::sessions::notice::NoticeNumber;
use crate::sessions::words::Notice;

/// The most changes that the log keeps: eight times the default bound on the count of processes
/// (8,192, by `--max-clients`).
pub(super) const MAX_CHANGES: usize = 65_536;

/// The number of a change: 0 for the first one since the start, and one more for each.
pub(super) type ChangeNumber = u64;

/// A process joined or ended.
#[derive(Debug)]
struct Change {
    /// The number by which this change stands before or after the notices of a process.
    order: NoticeNumber,
    name: Arc<str>,
    what: Happened,
}

/// The kind of a change. A join and the end of the same process have each other's place, so that a
/// batch with both can leave both out.
#[derive(Debug, Clone, Copy)]
enum Happened {
    /// A join. `left` is the place of the process's end, if it has ended.
    Joined { left: Option<ChangeNumber> },
    /// An end. `joined` is the place of the process's join.
    Left { joined: ChangeNumber },
}

/// The place of one watcher. Its present batch is `begun..seen`, and it has read up to `place`.
#[derive(Debug, Clone, Copy)]
struct Watcher {
    begun: ChangeNumber,
    place: ChangeNumber,
    seen: ChangeNumber,
}

/// The log, and the processes that watch.
#[derive(Debug, Default)]
pub(super) struct Changes {
    log: VecDeque<Change>,
    /// The place of the oldest change in the log.
    first: ChangeNumber,
    watchers: BTreeMap<ProcessNumber, Watcher>,
}

impl Changes {
    /// Lets a process hear of all changes from now on. Skips the older changes that it has not read
    /// yet, because it gets a new list now.
    pub fn watch(&mut self, process: ProcessNumber) {
        let end = self.end();
        self.watchers.insert(process, Watcher { begun: end, place: end, seen: end });
    }

    /// Ends the watch of a process.
    pub fn forget(&mut self, process: ProcessNumber) {
        self.watchers.remove(&process);
        if self.watchers.is_empty() {
            self.first = self.end();
            self.log.clear();
        }
    }

    /// Returns whether a process watches.
    pub fn has_watcher(&self, process: ProcessNumber) -> bool {
        self.watchers.contains_key(&process)
    }

    /// Returns whether a process watches, and has to hear of a change that it has not read.
    pub fn has_unread(&mut self, process: ProcessNumber) -> bool {
        self.skip(process);
        self.watchers.get(&process).is_some_and(|watcher| watcher.place < self.end())
    }

    /// Returns the processes that watch.
    pub fn watchers(&self) -> impl ExactSizeIterator<Item = ProcessNumber> {
        self.watchers.keys().copied()
    }

    /// Writes that a process joined. Returns the place, for [`Changes::left`].
    pub fn joined(&mut self, order: NoticeNumber, name: Arc<str>) -> ChangeNumber {
        self.append(Change { order, name, what: Happened::Joined { left: None } })
    }

    /// Writes that a process ended, which joined at that place.
    pub fn left(&mut self, order: NoticeNumber, name: Arc<str>, joined: ChangeNumber) {
        let place = self.append(Change { order, name, what: Happened::Left { joined } });
        // The join, if the log still has it, gets the place of the end. So a batch that has both
        // changes can leave both out.
        let index = joined.checked_sub(self.first).map(|index| index as usize);
        if let Some(change) = index.and_then(|index| self.log.get_mut(index)) {
            change.what = Happened::Joined { left: Some(place) };
        }
    }

    /// Takes the next change that a watcher has to hear, if the change is older than notice number
    /// `before`, the process's oldest notice; `before` is `None` if no notice waits. Returns `None`
    /// if there is no such change, or if the process does not watch.
    pub fn next(&mut self, process: ProcessNumber, before: Option<NoticeNumber>) -> Option<Notice> {
        if self.watchers.get(&process)?.place < self.first {
            self.forget(process);
            return Some(Notice::Missed);
        }
        self.skip(process);
        let watcher = self.watchers.get_mut(&process)?;
        let change = self.log.get((watcher.place - self.first) as usize)?;
        if before.is_some_and(|before| before < change.order) {
            return None;
        }
        watcher.place += 1;
        let name = change.name.to_string();
        Some(match change.what {
            Happened::Joined { .. } => Notice::Joined { name },
            Happened::Left { .. } => Notice::Left { name },
        })
    }

    /// Moves a watcher past the changes that it does not have to hear: those of processes that
    /// joined and ended within one batch. A watcher that fell out of the log stays where it is.
    fn skip(&mut self, process: ProcessNumber) {
        let (first, end) = (self.first, self.end());
        let Some(watcher) = self.watchers.get_mut(&process) else { return };
        while first <= watcher.place && watcher.place < end {
            // The watcher has read its batch, and the next batch begins.
            if watcher.place == watcher.seen {
                (watcher.begun, watcher.seen) = (watcher.place, end);
            }
            let is_heard = match self.log[(watcher.place - first) as usize].what {
                // The process is still there, or its end is in a later batch.
                Happened::Joined { left } => left.is_none_or(|left| left >= watcher.seen),
                // The join is in an earlier batch, or in the list that the watcher got.
                Happened::Left { joined } => joined < watcher.begun,
            };
            if is_heard {
                return;
            }
            watcher.place += 1;
        }
    }

    /// Returns the place that the next change will get.
    fn end(&self) -> ChangeNumber {
        self.first + self.log.len() as u64
    }

    /// Adds a change at the end, and returns its place.
    fn append(&mut self, change: Change) -> ChangeNumber {
        let place = self.end();
        // Without watchers nobody will read the change, so only its place is used up.
        if self.watchers.is_empty() {
            self.first += 1;
            return place;
        }
        if self.log.len() == MAX_CHANGES {
            self.log.pop_front();
            self.first += 1;
        }
        self.log.push_back(change);
        place
    }
}

#[cfg(test)]
#[path = "changes_tests.rs"]
mod tests;
