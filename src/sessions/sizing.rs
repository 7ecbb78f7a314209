//! Blocks that grow and shrink while they are used.
//!
//! ```text
//!   in place      │ extent      │ free │  ──►  │ extent, doubled    │
//!   by an extent  │ extent │ other's │    ──►  │ extent │ … │ extent │
//!   from its end  │ extent │ extent │     ──►  │ extent │ half │
//! ```
//!
//! The process asks for it, or else [`crate::sessions::triggers`].
//!
//! A block grows in place, where the arena's next place is free, or else by a further extent;
//! it shrinks by whole extents from its end on, and by halves of the last. So logical addresses
//! stay what they are, and messages under way where they are.
//!
//! **Invariants** a sub-block that is used is never given back.
//!
//! **Lock** the tables. What is given back holds no used sub-block, so nobody copies there.
//!
//! **Source** `interprocess-communication-patent.txt`, paragraphs 24 and 39.

use std::time::Instant;

use crate::common::caller::ClientNumber;
use crate::common::error::{Code, Error};
use crate::common::id::LeaseId;
use crate::cooperative::manager::Manager;
use crate::cooperative::process::ProcessNumber;
use crate::memory::buddy::Buddy;
use crate::memory::lease::power_of_two_within;
use crate::sessions::Engine;
use crate::sessions::administration::{SPAN, Use};
use crate::sessions::block::MessageBlock;

/// The most extents of a block.
const MAX_EXTENTS: usize = 32;

/// Why a block changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trigger {
    Asked,
    Unfit,
    LowArena,
    Release,
}

impl Trigger {
    /// As it stands in the log.
    fn word(self) -> &'static str {
        match self {
            Trigger::Asked => "it asked",
            Trigger::Unfit => "step 508",
            Trigger::LowArena => "the arena is low",
            Trigger::Release => "another's release",
        }
    }
}

impl<H: Clone, W: Clone> Engine<'_, H, W> {
    /// Lets a block of `client`'s process have at least `size` bytes; answers how many it has.
    /// Unchanged when it fails.
    ///
    /// # Errors
    /// `bad-request` for fewer than it has, `not-found`, `refused`, `out-of-memory`.
    pub fn grow(&mut self, client: ClientNumber, block: u64, size: u64) -> Result<u64, Error> {
        let number = self.processes.number_of(client)?;
        let (index, now) = self.block_of(number, block)?;
        if size < now {
            let text = format!("the block has {now} bytes already; grow it to more, or shrink it");
            return Err(Error::new(Code::BadRequest, text));
        }
        if size > now {
            let missing = Buddy::rounded(size - now).unwrap_or(u64::MAX);
            self.make_room(missing);
            let to = now.checked_add(missing).ok_or_else(|| too_much(size, 0))?;
            self.enlarge(number, index, to, Trigger::Asked)?;
        }
        self.set_asked(number, index, size);
        self.tell_unfit(number);
        Ok(self.block_of(number, block)?.1)
    }

    /// Gives back what a block of `client`'s process has over `size` bytes, as far as that can
    /// be; answers how many it has. Unchanged when it fails.
    ///
    /// # Errors
    /// `bad-request` for more than it has, `not-found`, `refused` when messages lie there.
    pub fn shrink(
        &mut self,
        client: ClientNumber,
        block: u64,
        size: u64,
        now: Instant,
    ) -> Result<u64, Error> {
        let number = self.processes.number_of(client)?;
        let (index, before) = self.block_of(number, block)?;
        if size > before {
            let text = format!("the block has {before} bytes; shrink it to fewer, or grow it");
            return Err(Error::new(Code::BadRequest, text));
        }
        self.diminish(number, index, size, Trigger::Asked)?;
        self.set_asked(number, index, size);
        self.came_back(now);
        Ok(self.block_of(number, block)?.1)
    }

    /// A block's place among its process's, and its bytes.
    pub(super) fn block_of(
        &self,
        number: ProcessNumber,
        block: u64,
    ) -> Result<(usize, u64), Error> {
        let index = usize::try_from(block).unwrap_or(usize::MAX);
        let found =
            self.sessions.registered.get(&number).and_then(|process| process.blocks.get(index));
        let text = "the process has no block of that number; register it first";
        found.map(|b| (index, b.size())).ok_or_else(|| Error::new(Code::NotFound, text))
    }

    fn set_asked(&mut self, number: ProcessNumber, index: usize, size: u64) {
        if let Some(process) = self.sessions.registered.get_mut(&number)
            && let Some(block) = process.blocks.get_mut(index)
        {
            block.asked = size;
        }
        self.note_grown(number);
    }

    /// Whether the low arena could have something back of the process.
    pub(super) fn note_grown(&mut self, number: ProcessNumber) {
        let blocks =
            self.sessions.registered.get(&number).into_iter().flat_map(|process| &process.blocks);
        if blocks.into_iter().any(|block| block.size() > block.asked) {
            self.sessions.grown.insert(number);
        } else {
            self.sessions.grown.remove(&number);
        }
    }

    /// Lets a block have `to` bytes, which are more than it has, by pieces that stand at
    /// multiples of their sizes. Unchanged when it fails.
    pub(super) fn enlarge(
        &mut self,
        number: ProcessNumber,
        index: usize,
        to: u64,
        why: Trigger,
    ) -> Result<(), Error> {
        let (_, before) = self.block_of(number, index as u64)?;
        let most = self.processes.committed_room(number, self.leases.committed().free());
        if to - before > most {
            return Err(too_much(to - before, most));
        }
        let used = self.used_in(number, index);
        let (mut size, mut how) = (before, "in place");
        while size < to {
            let aligned = 1_u64.checked_shl(size.trailing_zeros()).unwrap_or(u64::MAX);
            let piece = aligned.min(power_of_two_within(to - size));
            if !self.double(number, index, &used, piece) {
                how = "by an extent";
                let extended = self.extend(number, index, &used, piece);
                extended.inspect_err(|_| drop(self.cut(number, index, before)))?;
            }
            size += piece;
        }
        self.changed(number, index, ("grew", how), why);
        Ok(())
    }

    /// Doubles the last extent, if that is what is missing, and the place beside it is free.
    fn double(&mut self, number: ProcessNumber, index: usize, used: &[u64], missing: u64) -> bool {
        let Some(block) =
            self.sessions.registered.get_mut(&number).and_then(|p| p.blocks.get_mut(index))
        else {
            return false;
        };
        let Some(last) = block.extents.last_mut().filter(|last| last.span.size == missing) else {
            return false;
        };
        let mut manager = Manager::over(self.leases, self.processes);
        let Some(doubled) = manager.double_extent(number, last.id) else { return false };
        last.span.size = doubled;
        block.resize(block.size() + missing, used);
        true
    }

    fn extend(
        &mut self,
        number: ProcessNumber,
        index: usize,
        used: &[u64],
        missing: u64,
    ) -> Result<(), Error> {
        let Some(mut block) = self.take_block(number, index) else { return Ok(()) };
        let extended = self.extended(number, block.extents.len(), missing);
        if let Ok(extent) = extended {
            self.append(number, &mut block, used, extent);
        }
        self.put_block(number, index, block);
        extended.map(|_| ())
    }

    fn extended(
        &mut self,
        number: ProcessNumber,
        extents: usize,
        missing: u64,
    ) -> Result<(LeaseId, u64), Error> {
        if extents >= MAX_EXTENTS {
            let text =
                format!("a block has at most {MAX_EXTENTS} extents; grow it by more at once");
            return Err(Error::new(Code::Refused, text));
        }
        self.sessions.administration.charge(number, Use::Entry, SPAN)?;
        let taken = self.manager().take_extent(number, missing);
        taken.inspect_err(|_| self.sessions.administration.refund(number, Use::Entry, SPAN))
    }

    /// Gives back what a block has over `to` bytes, as far as that can be.
    pub(super) fn diminish(
        &mut self,
        number: ProcessNumber,
        index: usize,
        to: u64,
        why: Trigger,
    ) -> Result<(), Error> {
        if self.cut(number, index, to)? {
            self.changed(number, index, ("shrank", "from its end"), why);
        }
        Ok(())
    }

    /// Takes extents from a block's end; answers whether there were any to take.
    fn cut(&mut self, number: ProcessNumber, index: usize, to: u64) -> Result<bool, Error> {
        let used = self.used_in(number, index);
        let Some(mut block) = self.take_block(number, index) else { return Ok(false) };
        let (before, sizes) = (block.size(), block.shrunk(to));
        let size = sizes.iter().sum();
        if size < before && block.resize(size, &used) {
            self.drop_behind(number, &mut block, &sizes);
        }
        let (is_cut, end) = (block.size() < before, block.end_of(&used));
        self.put_block(number, index, block);
        if size < before && !is_cut {
            let text =
                format!("messages lie there up to {end} bytes; receive them, or shrink to that");
            return Err(Error::new(Code::Refused, text));
        }
        Ok(is_cut)
    }

    /// Gives back what a block's extents have over those sizes.
    fn drop_behind(&mut self, number: ProcessNumber, block: &mut MessageBlock<H>, sizes: &[u64]) {
        for extent in block.extents.split_off(sizes.len()) {
            self.manager().drop_extent(number, extent.id);
            self.sessions.administration.refund(number, Use::Entry, SPAN);
        }
        if let (Some(last), Some(&size)) = (block.extents.last_mut(), sizes.last()) {
            while last.span.size > size
                && let Some(left) = self.manager().halve_extent(number, last.id)
            {
                last.span.size = left;
            }
        }
    }

    /// The addresses of the used sub-blocks of a block, in order.
    pub(super) fn used_in(&self, number: ProcessNumber, index: usize) -> Vec<u64> {
        let messages = self.sessions.messages.range((number, 0)..=(number, u64::MAX));
        let here = messages.filter(|(_, message)| message.block == index);
        let mut used: Vec<u64> = here.map(|(_, message)| message.address).collect();
        used.sort_unstable();
        used
    }

    /// Takes a block out while it is changed together with the manager's tables.
    fn take_block(&mut self, number: ProcessNumber, index: usize) -> Option<MessageBlock<H>> {
        let block = self.sessions.registered.get_mut(&number)?.blocks.get_mut(index)?;
        Some(std::mem::replace(block, MessageBlock::new()))
    }

    fn put_block(&mut self, number: ProcessNumber, index: usize, block: MessageBlock<H>) {
        let blocks = self.sessions.registered.get_mut(&number).map(|process| &mut process.blocks);
        if let Some(place) = blocks.and_then(|blocks| blocks.get_mut(index)) {
            *place = block;
        }
    }

    /// A block has another size: its entry and the log say so.
    fn changed(
        &mut self,
        number: ProcessNumber,
        index: usize,
        (what, how): (&str, &str),
        why: Trigger,
    ) {
        self.publish_spans(number);
        self.note_grown(number);
        self.sessions.counts.resized += 1;
        let Some(process) = self.sessions.registered.get(&number) else { return };
        let size = process.blocks.get(index).map_or(0, |block| block.size());
        let (name, why) = (process.name.clone(), why.word());
        self.processes
            .write(|| format!("{name}'s block {index} {what} {how} to {size} bytes: {why}"));
    }
}

fn too_much(size: u64, most: u64) -> Error {
    let text = format!(
        "{size} bytes more of committed memory cannot be had, at most {most} can; ask for less"
    );
    Error::new(Code::OutOfMemory, text)
}
