//! Blocks that grow and shrink by themselves, and the events that cause this.
//!
//! | trigger | effect |
//! | --- | --- |
//! | a message does not fit: step 508 | the first block grows, up to 4 times the size asked for |
//! | memory is needed or low | blocks that grew shrink towards the size asked for |
//! | memory comes back | a block grows, if step 508 found no memory for it before |
//!
//! ```text
//!   asked for 64 KiB, and a message of 40 KiB needs a sub-block of 64 KiB:
//!   │ used, 32 │ free, 32 │                    506: no sub-block is free that is large enough
//!              ▲ the messages end at 32; the next multiple of 64 is 64; 64 + 64 = 128 ≤ 4 × 64
//!   │ used, 32 │ free, 32 │      new, 64      │    the message lies at 64 KiB
//! ```
//!
//! **Invariants**
//!
//! 1. While a process waits for memory for a message, the engine tries again for another message of
//!    that length or more only when a free piece is large enough or some block could shrink. So a
//!    client that repeats a `send` without success costs the others little each time.
//! 2. `grown` has the processes with a block that is larger than was asked for, until a shrink has
//!    taken all that they can give. When a message is freed in such a block, its process is entered
//!    again.
//!
//! **Lock** the tables. All this happens while other clients wait for the lock, so each loop over
//! processes is bounded: by [`MAX_TRIES`], or by the number of processes that grew.
//!
//! **Simplified** only the first block of a process grows by itself, and only when a message does
//! not fit. A bigger system predicts from earlier messages how much a block will need.
//!
//! **Source** `interprocess-communication-patent.txt`, step 508, paragraphs 24 and 39.

use std::time::Instant;

use crate::cooperative::process::ProcessNumber;
use crate::memory::lease::{Ending, SpaceNumber};
use crate::sessions::Engine;
use crate::sessions::block::MessageBlock;
use crate::sessions::words::Notice;

/// A block that grows by itself may get this many times the size asked for. Without a bound, one
/// sender whose receivers do not read would take the whole committed pool.
const MAX_GROWTH: u64 = 4;

/// The most processes whose block the engine tries to grow each time memory comes back. The others
/// wait until memory comes back again, or until the reaper calls [`Engine::look_after_blocks`].
/// More tries would keep the tables locked for longer.
const MAX_TRIES: usize = 8;

impl<W: Clone> Engine<'_, W> {
    /// Grows the first block for a message or a value of `length` bytes, and returns whether there
    /// is room. If the block cannot grow now, and with `is_told`, enters the process in
    /// `waiting_for_memory`: the block grows later, and the process hears of it. Does not try at
    /// all when the try would fail as the last one did, or when the block may not grow so far; then
    /// the queue stays as it is. `why` is the cause, for the log.
    pub(super) fn grow_for(
        &mut self,
        number: ProcessNumber,
        length: u64,
        is_told: bool,
        why: &str,
    ) -> bool {
        if self.would_fail_again(number, length) || self.size_for(number, length).is_none() {
            return false;
        }
        self.make_room(self.processes.space_of(number), length);
        let first = (number, 0);
        let size = self.sessions.block(first).map_or(0, MessageBlock::size);
        // `size_for` computes the size again, because `make_room` may have shrunk this very block.
        // If messages were freed since `wanted_bytes` was set, the block may be large enough as it
        // is.
        if let Some(to) = self.size_for(number, length)
            && (to <= size || self.enlarge(first, to, why).is_ok())
        {
            if let Some(process) = self.sessions.registered.get_mut(&number) {
                process.wanted_bytes = None;
            }
            return true;
        }
        // `replace` notes the length in any case. If it replaces an older length, the process is in
        // the queue already.
        if is_told
            && let Some(process) = self.sessions.registered.get_mut(&number)
            && process.wanted_bytes.replace(length).is_none()
            // The process may be in the queue already: when its session ends, `part_from` clears
            // `wanted_bytes` and does not touch the queue.
            && !self.sessions.waiting_for_memory.contains(&number)
        {
            self.sessions.waiting_for_memory.push_back(number);
        }
        false
    }

    /// Returns whether another try would fail: an earlier try for as many bytes or fewer failed, no
    /// block can give any, and the process's space has no free piece of that size.
    fn would_fail_again(&self, number: ProcessNumber, length: u64) -> bool {
        let wanted = self.sessions.registered.get(&number).and_then(|process| process.wanted_bytes);
        let space = self.processes.space_of(number);
        let is_there = self.leases.has_room_in(space, MessageBlock::rounded(length));
        wanted.is_some_and(|wanted| wanted <= length) && self.sessions.grown.is_empty() && !is_there
    }

    /// Returns the size that the first block must have, so that `length` bytes fit behind all its
    /// messages. The buddy allocator puts a sub-block at a multiple of its own size, so the end of
    /// the messages is rounded up to such a multiple. `None` if the block may not grow so far.
    fn size_for(&self, number: ProcessNumber, length: u64) -> Option<u64> {
        let first = (number, 0);
        let block = self.sessions.block(first)?;
        let needed = MessageBlock::rounded(length);
        let most = block.asked.saturating_mul(MAX_GROWTH);
        // This check is cheap, so it comes first: `used_in` reads all messages of the process.
        if block.size() >= most || needed > most {
            return None;
        }
        let end = block.end_of(&self.used_in(first));
        let to = end.checked_next_multiple_of(needed)?.checked_add(needed)?;
        (to <= most).then_some(to)
    }

    /// Gives back blocks whose contents are marked released, and serves all that wait for memory.
    pub fn give_back(&mut self, endings: Vec<Ending>, now: Instant) {
        self.manager().give_back(endings, now);
        self.grow_waiting_blocks();
        self.wake_for_block();
    }

    /// Serves all that waits for memory: requests, messages that did not fit, and clients that wait
    /// for a block or for administrative memory.
    pub(super) fn serve_waiters(&mut self, now: Instant) {
        // Nothing is given back here: the call serves the requests, the messages and the blocks.
        self.give_back(Vec::new(), now);
        self.wake_next_join();
    }

    /// Grows blocks for the messages that found no memory, in the order of the queue
    /// `waiting_for_memory`. A process that gets no memory again goes to the end of the queue; one
    /// whose block may not grow so far is removed.
    fn grow_waiting_blocks(&mut self) {
        for _ in 0..self.sessions.waiting_for_memory.len().min(MAX_TRIES) {
            let Some(number) = self.sessions.waiting_for_memory.pop_front() else { return };
            let process = self.sessions.registered.get_mut(&number);
            // `wanted_bytes` is taken out: `would_fail_again` would otherwise prevent the new try.
            // A try that fails sets it again.
            let wanted = process.and_then(|process| process.wanted_bytes.take());
            let is_told = true;
            let why = "another's release";
            if wanted.is_some_and(|length| self.grow_for(number, length, is_told, why)) {
                self.notify_unblocked(number);
            }
        }
    }

    /// Sends a process `unblocked` for each session in which a message did not fit. The callers
    /// have freed something in the process's blocks, or let a block grow. The message may still not
    /// fit; then the next `send` notes the session again.
    pub(super) fn notify_unblocked(&mut self, number: ProcessNumber) {
        let Some(process) = self.sessions.registered.get_mut(&number) else { return };
        for session in std::mem::take(&mut process.blocked_sessions) {
            self.notify(number, Notice::Unblocked { session });
        }
    }

    /// Shrinks the blocks that grew, if no free piece of a space has `size` bytes. Does nothing if
    /// even the empty space has too few bytes. The caller takes the bytes afterwards. In space 0
    /// only the committed bytes count.
    pub fn make_room(&mut self, space: SpaceNumber, size: u64) {
        let could_ever = self.leases.could_have_room_in(space, size);
        if !self.sessions.grown.is_empty() && could_ever && !self.leases.has_room_in(space, size) {
            self.shrink_grown_blocks();
        }
    }

    /// Shrinks the blocks that grew, if the committed pool is below its low-water mark or a request
    /// waits for memory. Then serves everything that waits for memory. The reaper calls this each
    /// time that a planned check of the free bytes is due.
    pub fn look_after_blocks(&mut self, now: Instant) {
        if self.leases.committed().missing_to_low_water() > 0
            || self.processes.requests_waiting() > 0
        {
            self.shrink_grown_blocks();
        }
        self.serve_waiters(now);
    }

    /// Shrinks all blocks that grew, to the end of their messages or the size asked for, whichever
    /// is more. Each process is removed from `grown`, also when its blocks could not shrink:
    /// otherwise each call would try them again.
    fn shrink_grown_blocks(&mut self) {
        for number in std::mem::take(&mut self.sessions.grown) {
            let blocks =
                self.sessions.registered.get(&number).map_or(0, |process| process.blocks.len());
            for key in (0..blocks).map(|index| (number, index)) {
                let Some(block) = self.sessions.block(key) else { continue };
                let to = block.asked.max(block.end_of(&self.used_in(key)));
                // Cannot be refused: no message lies behind `to`.
                let _ = self.shrink_block(key, to, "the arena is low");
            }
            // `shrink_block` enters the process again if a block is still larger than was asked
            // for.
            self.sessions.grown.remove(&number);
        }
    }
}
