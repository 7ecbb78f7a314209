//! When blocks grow and shrink without being asked.
//!
//! | trigger | does |
//! | --- | --- |
//! | a message does not fit: step 508 | grow, up to 4 times what was asked for |
//! | the arena is low | blocks that grew shrink to what they use, at least what was asked for |
//! | another's memory comes back | grow, if step 508 found none before |
//!
//! **Invariants** who found nothing is not tried again before something was freed: a client that
//! asks in vain, over and over, costs the others no more than its question.
//!
//! **Lock** the tables. **Source** `interprocess-communication-patent.txt`, step 508, paragraphs 24
//! and 39.

use std::time::Instant;

use crate::cooperative::process::ProcessNumber;
use crate::memory::lease::Ending;
use crate::sessions::Engine;
use crate::sessions::block::MessageBlock;
use crate::sessions::sizing::Trigger;
use crate::sessions::words::Notice;

/// How often what was asked for a block may grow to by itself.
const MAX_GROWTH: u64 = 4;

/// How many of those who want memory are tried at once: the others wait for more, or for the next
/// look.
const MAX_TRIES: usize = 8;

impl<H: Clone, W: Clone> Engine<'_, H, W> {
    /// Step 508: one try to make room for a message in the first block. Answers whether there
    /// is.
    pub(super) fn grow_for(&mut self, number: ProcessNumber, length: u64) -> bool {
        self.grow_by(number, length, Trigger::Unfit)
    }

    fn grow_by(&mut self, number: ProcessNumber, length: u64, why: Trigger) -> bool {
        if self.is_in_vain(number, length) || self.size_for(number, length).is_none() {
            return false;
        }
        self.make_room(length);
        let size = self.block_of(number, 0).map_or(0, |(_, size)| size);
        // What was wanted before may fit by now.
        if let Some(to) = self.size_for(number, length)
            && (to <= size || self.enlarge(number, 0, to, why).is_ok())
        {
            self.sessions
                .registered
                .get_mut(&number)
                .into_iter()
                .for_each(|process| process.wants = None);
            return true;
        }
        if let Some(process) = self.sessions.registered.get_mut(&number)
            && process.wants.replace(length).is_none()
        {
            self.sessions.wanting.push_back(number);
        }
        false
    }

    /// Whether as much was not there before, and nothing came back since: who asks over and over
    /// shall cost the others no more than a look.
    fn is_in_vain(&self, number: ProcessNumber, length: u64) -> bool {
        let wants = self.sessions.registered.get(&number).and_then(|process| process.wants);
        let is_there = self.leases.has_room(MessageBlock::<H>::rounded(length));
        wants.is_some_and(|wants| wants <= length) && self.sessions.grown.is_empty() && !is_there
    }

    /// What the first block would have to grow to, so that a sub-block for so many bytes stands
    /// at a multiple of its size behind all messages; `None` beyond what it may grow to.
    fn size_for(&self, number: ProcessNumber, length: u64) -> Option<u64> {
        let block = self.sessions.registered.get(&number)?.blocks.first()?;
        let (missing, most) =
            (MessageBlock::<H>::rounded(length), block.asked.saturating_mul(MAX_GROWTH));
        // Not to go through the messages where it is of no use.
        if block.size() >= most || missing > most {
            return None;
        }
        let end = block.end_of(&self.used_in(number, 0));
        let to = end.checked_next_multiple_of(missing)?.checked_add(missing)?;
        (to <= most).then_some(to)
    }

    /// Returns blocks whose contents are marked released, and serves who waited for memory.
    pub fn give_back(&mut self, endings: Vec<Ending<H>>, now: Instant) {
        self.manager().give_back(endings, now);
        self.grow_who_want();
    }

    pub(super) fn came_back(&mut self, now: Instant) {
        self.give_back(Vec::new(), now);
        self.tell_entrant();
    }

    /// Memory came back: who wanted some for a message is given it, who waited longest first.
    fn grow_who_want(&mut self) {
        for _ in 0..self.sessions.wanting.len().min(MAX_TRIES) {
            let Some(number) = self.sessions.wanting.pop_front() else { return };
            let process = self.sessions.registered.get_mut(&number);
            let wants = process.and_then(|process| process.wants.take());
            if wants.is_some_and(|length| self.grow_by(number, length, Trigger::Release)) {
                self.tell_unfit(number);
            }
        }
    }

    /// Something was freed in the process's blocks: those of its sessions are told for which a
    /// message did not fit.
    pub(super) fn tell_unfit(&mut self, number: ProcessNumber) {
        let Some(process) = self.sessions.registered.get_mut(&number) else { return };
        for session in std::mem::take(&mut process.unfit) {
            self.notify(number, Notice::Unblocked { session });
        }
    }

    /// Before so much committed memory is taken: when it is not there in one piece, blocks that
    /// grew give back what they do not use.
    pub fn make_room(&mut self, size: u64) {
        let could_ever = self.leases.could_have_room(size);
        if !self.sessions.grown.is_empty() && could_ever && !self.leases.has_room(size) {
            self.shrink_who_grew();
        }
    }

    /// Now and then: shrinks blocks when less of the committed pool is free than shall be, or
    /// somebody waits for memory; and tries the next of those who want some for a message.
    pub fn look_after_blocks(&mut self, now: Instant) {
        if self.leases.committed().missing() > 0 || self.processes.requests_waiting() > 0 {
            self.shrink_who_grew();
        }
        self.came_back(now);
    }

    /// Whoever has nothing to give now is asked again when something of its blocks was freed.
    fn shrink_who_grew(&mut self) {
        for number in std::mem::take(&mut self.sessions.grown) {
            let blocks =
                self.sessions.registered.get(&number).map_or(0, |process| process.blocks.len());
            for index in 0..blocks {
                let used = self.used_in(number, index);
                let block = self.sessions.registered.get(&number).and_then(|p| p.blocks.get(index));
                let Some(block) = block else { continue };
                let to = block.asked.max(block.end_of(&used));
                let _ = self.diminish(number, index, to, Trigger::LowArena);
            }
            self.sessions.grown.remove(&number);
        }
    }
}
