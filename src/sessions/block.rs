//! A registered block: its memory manager, its extents, and its two seats.
//!
//! ```text
//!   logical    0           32Ki         64Ki         96Ki
//!              │    message of 64 KiB    │  message   │  dealt by the manager: a buddy allocator
//!              ├─ extent A ─┼─ extent B ─┼─ extent C ─┤
//!   physical    at 512Ki     at 128Ki     at 640Ki          each extent is a block of the arena
//! ```
//!
//! A process sees its block as one range of logical addresses. In the arena the block may lie in
//! several extents, because a block that grows takes memory where some is free. The manager deals
//! logical addresses and does not know the extents, so a message may lie in several of them too. In
//! the picture the message at 0 has two pieces: the 32 KiB of A, and the 32 KiB of B.
//!
//! **Invariants**
//!
//! 1. The extents lie one after the other from logical address 0 on, and the manager deals exactly
//!    their bytes ([`MessageBlock::check`]).
//! 2. An extent that holds a used sub-block is not given back while its process lives.
//!
//! **Lock** the tables' lock guards a [`MessageBlock`]. The block's bytes have locks of their own,
//! one for each extent. A [`Place`] has the handles of these locks, so a thread unlocks the tables
//! first and then copies. The thread takes a seat before it asks for a lock of the bytes
//! ([`crate::sessions::seat`]).
//!
//! **Cost** a sub-block is taken and released in O(log size). An address is mapped in O(log
//! extents) and a step for each piece. [`MessageBlock::resize`] takes one step for each used
//! sub-block.
//!
//! **Simplified** an extent never moves, and a message never moves. A block that grows doubles its
//! last extent in place, or gets a further one. A bigger system would move the extents of a block
//! next to each other, so that each message has one piece.
//!
//! **Source** `interprocess-communication-patent.txt`: memory blocks 114, managers 118.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use crate::common::id::LeaseId;
use crate::cooperative::process::ProcessNumber;
use crate::memory::buddy::{Buddy, MIN_BLOCK};
use crate::memory::contents::Handle;
use crate::memory::lease::LeaseTable;
use crate::sessions::Sessions;
use crate::sessions::administration::Span;
use crate::sessions::message::{MessageId, StoredMessage};
use crate::sessions::seat::{Seat, Side};

/// The key of a block: the process that owns it, and the block's index among those of the process.
pub(super) type BlockKey = (ProcessNumber, usize);

/// The place in the arena of a sub-block's bytes, or of a part of them. A copy uses it after the
/// tables are unlocked.
#[derive(Debug, Clone)]
pub struct Place {
    /// The piece in the first extent that the bytes touch. It nearly always has all the bytes.
    pub first: Piece,
    /// The pieces in further extents, in order. An empty `Vec` allocates nothing, so a copy of one
    /// piece costs no allocation.
    pub more: Vec<Piece>,
    /// The number of threads that now hold a lock of the block's bytes or wait for one. It is a
    /// figure for `stats`, and guards nothing.
    pub contenders: Arc<AtomicU32>,
}

/// The part of a place that lies in one extent.
#[derive(Debug, Clone)]
pub struct Piece {
    /// The handle that opens the contents of the extent.
    pub handle: Handle,
    /// The piece's start, in bytes from the extent's start.
    pub at: u64,
    /// The piece's bytes.
    pub length: u64,
}

/// One block of the arena, as a part of a registered block.
#[derive(Debug)]
pub(super) struct Extent {
    /// Its id in the lease table. No client ever sees it, so no request can set or release it.
    pub id: LeaseId,
    pub span: Span,
    pub handle: Handle,
}

/// A registered block of a process.
#[derive(Debug)]
pub(super) struct MessageBlock {
    /// The bytes that its process asked for. The block may have grown by itself to more. Then it
    /// gives the additional bytes back when memory is short.
    pub asked: u64,
    /// The allocator that deals the logical addresses from 0 to the block's size.
    pub manager: Buddy,
    /// The extents, in the order of their logical addresses.
    pub extents: Vec<Extent>,
    /// The seats; the index is a [`Side`].
    seats: [Seat; 2],
    /// Counted without the tables' lock, by the threads that copy: each has a clone of the `Arc`.
    contenders: Arc<AtomicU32>,
}

impl<W> Sessions<W> {
    /// Returns a block; `None` if there is no such process, or it has no such block.
    pub(super) fn block(&self, (owner, index): BlockKey) -> Option<&MessageBlock> {
        self.registered.get(&owner)?.blocks.get(index)
    }

    /// Returns a block to change it.
    pub(super) fn block_mut(&mut self, (owner, index): BlockKey) -> Option<&mut MessageBlock> {
        self.registered.get_mut(&owner)?.blocks.get_mut(index)
    }

    /// Returns the messages and values in all blocks of a process, in the order of their numbers.
    /// The owner is the first part of a message's id, so they are neighbours in the map.
    pub(super) fn messages_of(
        &self,
        owner: ProcessNumber,
    ) -> impl Iterator<Item = (&MessageId, &StoredMessage)> {
        self.messages.range((owner, 0)..=(owner, u64::MAX))
    }

    /// Returns the messages and values in one block, in the order of their numbers.
    pub(super) fn messages_in(
        &self,
        (owner, index): BlockKey,
    ) -> impl Iterator<Item = (&MessageId, &StoredMessage)> {
        self.messages_of(owner).filter(move |(_, message)| message.block == index)
    }
}

impl MessageBlock {
    /// Makes a block of 0 bytes, with no extent.
    pub fn new() -> Self {
        Self {
            asked: 0,
            manager: Buddy::new(0),
            extents: Vec::new(),
            seats: Default::default(),
            contenders: Arc::default(),
        }
    }

    pub fn size(&self) -> u64 {
        self.manager.size()
    }

    pub fn seat(&mut self, side: Side) -> &mut Seat {
        &mut self.seats[side as usize]
    }

    pub fn seats(&self) -> &[Seat; 2] {
        &self.seats
    }

    /// Makes the manager deal `size` bytes. `used` has the addresses of all used sub-blocks, in
    /// order. Returns false, and changes nothing, when a used sub-block would end beyond `size`.
    ///
    /// The caller adds extents before this call when the block grows, and drops them after it when
    /// the block shrinks. So the manager never deals bytes that no extent has.
    pub fn resize(&mut self, size: u64, used: &[u64]) -> bool {
        let Some(manager) = self.manager.resized(size, used) else { return false };
        self.manager = manager;
        true
    }

    /// Adds an extent of the process `number` to the block's end. `used` has the addresses of all
    /// used sub-blocks, in order, because the manager is made anew for the new size. Does nothing
    /// when the lease table has no such extent of that process.
    pub fn append(
        &mut self,
        leases: &LeaseTable,
        number: ProcessNumber,
        used: &[u64],
        (id, size): (LeaseId, u64),
    ) {
        let Some(handle) = leases.handle_of_held(id, number) else { return };
        let (at, offset) = (self.size(), handle.offset);
        self.extents.push(Extent { id, span: Span { at, offset, size }, handle });
        // Cannot be refused: no used sub-block ends beyond a size that is larger than before.
        self.resize(at + size, used);
    }

    /// Returns the end of the last used sub-block, 0 when there is none. The block cannot shrink to
    /// fewer bytes.
    pub fn end_of(&self, used: &[u64]) -> u64 {
        used.last().and_then(|&last| self.manager.end_of(last)).unwrap_or(0)
    }

    pub fn spans(&self) -> Vec<Span> {
        self.extents.iter().map(|extent| extent.span).collect()
    }

    /// Step 506: takes a sub-block for `length` bytes and returns its logical address, or `None`
    /// when no free one is large enough now.
    ///
    /// A message of 0 bytes takes the smallest sub-block, because [`Self::release`] finds a
    /// sub-block by its address.
    pub fn allocate(&mut self, length: u64) -> Option<u64> {
        self.manager.allocate(length.max(1)).ok().map(|block| block.offset)
    }

    /// Step 524: gives the sub-block at `address` back to the manager. The caller has removed the
    /// message that lay there.
    pub fn release(&mut self, address: u64) {
        let released = self.manager.release(address);
        debug_assert!(released.is_some(), "a message's sub-block was not used");
    }

    /// Returns the bytes of the sub-block for a message of that length: a power of two, at least
    /// 32. For a length that no block can have it returns `u64::MAX`, which is more than every
    /// bound, so the caller refuses the message.
    pub fn rounded(length: u64) -> u64 {
        Buddy::rounded(length.max(1)).unwrap_or(u64::MAX)
    }

    /// Step 520: returns the place in the arena of the `length` bytes that begin at a logical
    /// address. The bytes must lie in the block, as those of a used sub-block do. Returns `None`
    /// when the block has no extent.
    pub fn map(&self, address: u64, length: u64) -> Option<Place> {
        let end = address.checked_add(length)?;
        let is_before = |extent: &Extent| extent.span.at + extent.span.size <= address;
        let first = self.extents.partition_point(is_before);
        // A peek may ask for 0 bytes at the block's end, behind all extents. The last extent then
        // gives a piece of 0 bytes.
        let first = first.min(self.extents.len().saturating_sub(1));
        let mut pieces =
            self.extents.get(first..)?.iter().map(|Extent { span, handle, .. }| {
                // In an extent behind the bytes, `to` is not more than `from`: the length is 0, and
                // `take_while` below ends there.
                let (from, to) = (address.max(span.at), end.min(span.at + span.size));
                let length = to.saturating_sub(from);
                Piece { handle: *handle, at: from.saturating_sub(span.at), length }
            });
        let first = pieces.next()?;
        let more = if first.length == length {
            Vec::new()
        } else {
            pieces.take_while(|piece| piece.length > 0).collect()
        };
        Some(Place { first, more, contenders: self.contenders.clone() })
    }

    /// Returns the sizes of the extents that are left when the block shrinks towards `to` bytes:
    /// whole extents are dropped from the end, and the last one that is left is halved while it can
    /// be. Extents stay powers of two, so the result may be more than `to`.
    ///
    /// Extents of 64 and 32 KiB, shrunk towards 20 KiB: the second is dropped (64 ≥ 20), the first
    /// is halved (32 ≥ 20) and not halved again (16 < 20). The result is one extent of 32 KiB.
    pub fn shrunk(&self, to: u64) -> Vec<u64> {
        let mut sizes: Vec<u64> = self.extents.iter().map(|extent| extent.span.size).collect();
        let mut size = self.size();
        while let Some(last) = sizes.last_mut() {
            if size - *last >= to {
                size -= *last;
                sizes.pop();
            } else if *last > MIN_BLOCK && size - *last / 2 >= to {
                *last /= 2;
                size -= *last;
            } else {
                break;
            }
        }
        sizes
    }

    /// Checks invariant 1 of this file, and the manager's own; the error names the broken one.
    /// Invariant 2 needs the messages, so [`crate::sessions::check`] checks it.
    pub fn check(&self) -> Result<(), String> {
        self.manager.check()?;
        let mut at = 0;
        for Extent { span, .. } in &self.extents {
            if span.at != at {
                return Err(format!("an extent stands at {} instead of {at}", span.at));
            }
            at += span.size;
        }
        if at != self.size() {
            return Err(format!("extents of {at} bytes have a manager of {}", self.size()));
        }
        Ok(())
    }
}
