//! Blocks that grow and shrink while messages lie in them.
//!
//! ```text
//!   in place      │ 64 │ free │            ──►  │    128    │           its right buddy is free
//!   by an extent  │ 64 │ another's │       ──►  │ 64 │  …  │ 64 │      a piece elsewhere
//!   from its end  │ 64 │ used, 64 │ 64 │  ──►  │ 64 │ used, 64 │
//!                 │ 64 │ 64 │ used, 64 │  ──►  refused: a message lies at the end
//! ```
//!
//! A block grows by one piece or more. It takes a piece in place when the piece is as large as the
//! block's last extent, and the right buddy of that extent is free in the arena. Otherwise the
//! piece is a further extent, anywhere in the arena. A block shrinks from its end: by whole
//! extents, and by halves of the last one. So no message ever moves, its logical address stays, and
//! a copy under way goes on. The wrong way is to move the block to a larger place as `realloc`
//! does: all copies would have to stop first.
//!
//! A block of 96 KiB that grows by 64 KiB takes two pieces of 32 KiB. A piece of 64 KiB would start
//! at 96 KiB, which is no multiple of 64 KiB. Sub-blocks start at multiples of their sizes too, so
//! few of them lie across the border of two extents.
//!
//! **Invariants**
//!
//! 1. A used sub-block is never given back.
//! 2. When a block grows, it gets all the bytes that it should, or none.
//! 3. The process's entry, the account of administrative memory and the block's allocator change
//!    together with the extents.
//!
//! **Lock** the tables. No thread copies in bytes that are given back, because no used sub-block
//! lies there.
//!
//! **Cost** a change of size goes through the messages in all blocks of the process. For each piece
//! that it adds it builds the block's allocator anew: a step for each message in the block.
//!
//! **Simplified** free sub-blocks between messages stay: messages are never moved together.
//!
//! **Source** `interprocess-communication-patent.txt`, paragraphs 24 and 39.

use std::time::Instant;

use crate::common::caller::ClientNumber;
use crate::common::error::{Code, Error};
use crate::cooperative::manager::{Manager, memory_of, too_much};
use crate::cooperative::process::ProcessNumber;
use crate::memory::buddy::Buddy;
use crate::memory::lease::power_of_two_within;
use crate::sessions::Engine;
use crate::sessions::administration::{SPAN, Use};
use crate::sessions::block::{BlockKey, MessageBlock};

/// The most extents of a block. It bounds the pieces of one copy, and the block's *spans*: the
/// places of its extents, of which each takes 32 bytes of administrative memory.
const MAX_EXTENTS: usize = 32;

/// The cause that the log names when a `grow` or `shrink` changes a block's size.
const ASKED: &str = "it asked";

impl<W: Clone> Engine<'_, W> {
    /// Lets a block of `client`'s process have at least `size` bytes, and returns how many it has.
    /// The block grows by a power of two: from 64 KiB to 100 KiB it gets 36 KiB, rounded up to 64,
    /// and has 128. When the call fails, the block has got nothing; but blocks that grew by
    /// themselves, this one too, may have shrunk to make room.
    ///
    /// # Errors
    /// `bad-request` for fewer bytes than it has; `not-found` when there is no such block;
    /// `refused` when the client belongs to no process, the block has too many extents, or the
    /// process has too much of administrative memory; `out-of-memory` when committed or
    /// administrative memory is short.
    pub fn grow(&mut self, client: ClientNumber, block: u64, size: u64) -> Result<u64, Error> {
        let (key, now) = self.own_block(client, block)?;
        if size < now {
            let text = format!("the block has {now} bytes already; grow it to more, or shrink it");
            return Err(Error::new(Code::BadRequest, text));
        }
        if size > now {
            let missing = Buddy::rounded(size - now).unwrap_or(u64::MAX);
            self.make_room(self.processes.space_of(key.0), missing);
            // The sum is above 64 bits only for a size that no block can have.
            self.enlarge(key, now.saturating_add(missing), ASKED)?;
        }
        // This is set also when the block has the size already: it may have grown to it by itself,
        // and must not shrink by itself any more.
        self.set_asked(key, size);
        self.notify_unblocked(key.0);
        Ok(self.own_block(client, block)?.1)
    }

    /// Shrinks a block of `client`'s process towards `size` bytes, by whole extents and by halves
    /// of the last one, and returns how many bytes the block has now: at least `size`. Unchanged
    /// when it fails.
    ///
    /// # Errors
    /// `bad-request` for more bytes than it has; `not-found` when there is no such block; `refused`
    /// when the client belongs to no process, or messages lie in the bytes to be given back.
    pub fn shrink(
        &mut self,
        client: ClientNumber,
        block: u64,
        size: u64,
        now: Instant,
    ) -> Result<u64, Error> {
        let (key, before) = self.own_block(client, block)?;
        if size > before {
            let text = format!("the block has {before} bytes; shrink it to fewer, or grow it");
            return Err(Error::new(Code::BadRequest, text));
        }
        self.shrink_block(key, size, ASKED)?;
        self.set_asked(key, size);
        self.serve_waiters(now);
        Ok(self.own_block(client, block)?.1)
    }

    /// Returns the key of a block of `client`'s process, and its bytes.
    ///
    /// # Errors
    /// `refused` when the client belongs to no process; `not-found` when there is no such block.
    fn own_block(&self, client: ClientNumber, block: u64) -> Result<(BlockKey, u64), Error> {
        let number = self.processes.number_of(client)?;
        let key = (number, usize::try_from(block).unwrap_or(usize::MAX));
        let text = "the process has no block of that number; register it first";
        let found = self.sessions.block(key).ok_or_else(|| Error::new(Code::NotFound, text))?;
        Ok((key, found.size()))
    }

    /// Notes the size that a process asked for, and whether the block is larger than that.
    fn set_asked(&mut self, key: BlockKey, size: u64) {
        if let Some(block) = self.sessions.block_mut(key) {
            block.asked = size;
        }
        self.note_grown(key.0);
    }

    /// Enters the process in `grown`, if one of its blocks is larger than was asked for; otherwise
    /// removes it. The blocks of the processes in `grown` shrink when committed memory is short.
    pub(super) fn note_grown(&mut self, number: ProcessNumber) {
        let process = self.sessions.registered.get(&number);
        if process.is_some_and(|p| p.blocks.iter().any(|block| block.size() > block.asked)) {
            self.sessions.grown.insert(number);
        } else {
            self.sessions.grown.remove(&number);
        }
    }

    /// Lets a block grow to `to` bytes, by pieces that start at multiples of their sizes. `to` is
    /// more than the block has. `why` is the cause, for the log. Unchanged when it fails.
    ///
    /// # Errors
    /// `out-of-memory`; `refused` when the block would have too many extents, or its process's
    /// share of administrative memory is used up.
    pub(super) fn enlarge(&mut self, key: BlockKey, to: u64, why: &str) -> Result<(), Error> {
        // The callers have looked the block up, so it is there.
        let Some(before) = self.sessions.block(key).map(MessageBlock::size) else { return Ok(()) };
        let space = self.processes.space_of(key.0);
        let (free, _) = self.leases.free_in(space);
        let most = self.processes.room_in(space, key.0, free);
        if to - before > most {
            let what = format!("{} bytes more of {}", to - before, memory_of(space));
            return Err(too_much(&what, most));
        }
        let used = self.used_in(key);
        let (mut size, mut how) = (before, "in place");
        while size < to {
            // The largest power of two that divides `size`; a block of 0 bytes takes a piece of any
            // size.
            let aligned = 1_u64.checked_shl(size.trailing_zeros()).unwrap_or(u64::MAX);
            let piece = aligned.min(power_of_two_within(to - size));
            if !self.double(key, &used, piece) {
                how = "by an extent";
                // Pieces that were taken before are given back. No message can lie in them yet.
                let extended = self.extend(key, &used, piece);
                extended.inspect_err(|_| drop(self.cut_end(key, before)))?;
            }
            size += piece;
        }
        self.changed(key, ("grew", how), why);
        Ok(())
    }

    /// Doubles the last extent in place, if it has exactly `missing` bytes and its right buddy in
    /// the arena is free. The count of extents stays, so no further span is charged. Returns false,
    /// and changes nothing, when it cannot.
    fn double(&mut self, key: BlockKey, used: &[u64], missing: u64) -> bool {
        let Some(block) = self.sessions.block_mut(key) else { return false };
        let Some(last) = block.extents.last_mut().filter(|last| last.span.size == missing) else {
            return false;
        };
        let mut manager = Manager::over(self.leases, self.processes);
        let Some(doubled) = manager.double_extent(key.0, last.id) else { return false };
        last.span.size = doubled;
        block.resize(block.size() + missing, used);
        true
    }

    /// Adds an extent of `missing` bytes to the end of a block, and charges its span. Unchanged
    /// when it fails.
    fn extend(&mut self, key: BlockKey, used: &[u64], missing: u64) -> Result<(), Error> {
        // `block_mut` would borrow all of `sessions`, and the charge below needs the account.
        let process = self.sessions.registered.get_mut(&key.0);
        let block = process.and_then(|process| process.blocks.get_mut(key.1));
        // The block is there: the callers of `enlarge` have looked it up.
        let Some(block) = block else { return Ok(()) };
        if block.extents.len() >= MAX_EXTENTS {
            let text =
                format!("a block has at most {MAX_EXTENTS} extents; grow it by more at once");
            return Err(Error::new(Code::Refused, text));
        }
        let administration = &mut self.sessions.administration;
        administration.charge(key.0, Use::Entry, SPAN)?;
        let mut manager = Manager::over(self.leases, self.processes);
        let extent = manager.take_extent(key.0, missing);
        let extent = extent.inspect_err(|_| administration.refund(key.0, Use::Entry, SPAN))?;
        block.append(self.leases, key.0, used, extent);
        Ok(())
    }

    /// Shrinks a block towards `to` bytes as [`Self::cut_end`] does, and publishes its new size if
    /// that has changed. `why` is the cause, for the log.
    ///
    /// # Errors
    /// `refused` when messages lie in the end that would be given back.
    pub(super) fn shrink_block(&mut self, key: BlockKey, to: u64, why: &str) -> Result<(), Error> {
        if self.cut_end(key, to)? {
            self.changed(key, ("shrank", "from its end"), why);
        }
        Ok(())
    }

    /// Cuts off the end of a block, down towards `to` bytes. Returns false when there is nothing to
    /// cut: no whole extent, and no half of the last one, lies behind `to`.
    ///
    /// # Errors
    /// `refused` when messages lie in that end; nothing is cut then.
    fn cut_end(&mut self, key: BlockKey, to: u64) -> Result<bool, Error> {
        let used = self.used_in(key);
        let Some(block) = self.sessions.block_mut(key) else { return Ok(false) };
        let sizes = block.shrunk(to);
        let size: u64 = sizes.iter().sum();
        if size == block.size() {
            return Ok(false);
        }
        // `resize` refuses when a used sub-block lies beyond `size`, and then nothing is dropped.
        if !block.resize(size, &used) {
            let end = block.end_of(&used);
            let text =
                format!("messages lie there up to {end} bytes; receive them, or shrink to that");
            return Err(Error::new(Code::Refused, text));
        }
        let mut manager = Manager::over(self.leases, self.processes);
        let dropped = block.extents.split_off(sizes.len());
        dropped.iter().for_each(|extent| manager.drop_extent(key.0, extent.id));
        // Halves the last extent that is left down to its size.
        if let (Some(last), Some(&size)) = (block.extents.last_mut(), sizes.last()) {
            while last.span.size > size
                && let Some(left) = manager.halve_extent(key.0, last.id)
            {
                last.span.size = left;
            }
        }
        self.sessions.administration.refund(key.0, Use::Entry, SPAN * dropped.len() as u64);
        Ok(true)
    }

    /// Returns the addresses of the used sub-blocks of a block, in order. Cost: all messages in the
    /// blocks of the process.
    pub(super) fn used_in(&self, key: BlockKey) -> Vec<u64> {
        let here = self.sessions.messages_in(key);
        let mut used: Vec<u64> = here.map(|(_, message)| message.address).collect();
        used.sort_unstable();
        used
    }

    /// Publishes the new size of a block: in its process's entry, in `grown`, in the count of
    /// changes, and in the log. `what` is "grew" or "shrank", `how` the way, and `why` the cause.
    fn changed(&mut self, key: BlockKey, (what, how): (&str, &str), why: &str) {
        let (number, index) = key;
        self.publish_spans(number);
        self.note_grown(number);
        self.sessions.counts.resized += 1;
        let Some(process) = self.sessions.registered.get(&number) else { return };
        let size = process.blocks.get(index).map_or(0, MessageBlock::size);
        let name = process.name.clone();
        self.processes
            .write(|| format!("{name}'s block {index} {what} {how} to {size} bytes: {why}"));
    }
}
