//! A registered block: its memory manager, where its bytes lie, and the seats at it.
//!
//! ```text
//!   logical    0          64Ki     96Ki
//!              │ message │ message │ …        the manager deals sub-blocks of these
//!   physical   │ extent  │  extent │          520: each is a block of the arena
//! ```
//!
//! **Invariants**
//!
//! 1. The extents lie one after the other from logical address 0 on, and the manager deals
//!    all of them.
//! 2. No extent that holds a used sub-block is given back while the process lives.
//!
//! **Lock** the tables. The bytes are guarded by the lock of the extent that they lie in, which
//! a [`Place`] takes along; who copies has a seat first ([`crate::sessions::seat`]).
//!
//! **Simplified** an extent is never moved: a further one does for growth, wherever there is
//! memory.
//!
//! **Source** `interprocess-communication-patent.txt`: memory blocks 114, managers 118.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use crate::common::id::LeaseId;
use crate::memory::buddy::{Buddy, MIN_BLOCK};
use crate::sessions::administration::Span;
use crate::sessions::seat::{Seat, Side};

/// Where the bytes of a sub-block, or a part of it, lie.
#[derive(Debug, Clone)]
pub struct Place<H> {
    /// All of them, nearly always.
    pub first: Piece<H>,
    /// What lies in further extents.
    pub more: Vec<Piece<H>>,
    /// How many hold the lock of the block's bytes or wait for it now.
    pub contenders: Arc<AtomicU32>,
}

/// What lies in one extent.
#[derive(Debug, Clone)]
pub struct Piece<H> {
    /// What its owner kept for the extent.
    pub handle: H,
    /// Bytes from the extent's start.
    pub at: u64,
    /// Bytes.
    pub length: u64,
}

#[derive(Debug)]
pub(super) struct Extent<H> {
    pub id: LeaseId,
    pub span: Span,
    pub handle: H,
}

#[derive(Debug)]
pub(super) struct MessageBlock<H> {
    /// The bytes that its process asked for.
    pub asked: u64,
    pub manager: Buddy,
    pub extents: Vec<Extent<H>>,
    seats: [Seat; 2],
    contenders: Arc<AtomicU32>,
}

impl<H: Clone> MessageBlock<H> {
    /// One of no bytes, as asked for.
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

    /// Deals `size` bytes from now on; `used` are the addresses of all used sub-blocks, in order.
    /// False, and nothing is changed, when one lies beyond.
    pub fn resize(&mut self, size: u64, used: &[u64]) -> bool {
        let resized = self.manager.resized(size, used);
        let fits = resized.is_some();
        resized.into_iter().for_each(|manager| self.manager = manager);
        fits
    }

    /// Where the last of those used sub-blocks ends, in bytes.
    pub fn end_of(&self, used: &[u64]) -> u64 {
        used.last().and_then(|&last| self.manager.end_of(last)).unwrap_or(0)
    }

    pub fn spans(&self) -> Vec<Span> {
        self.extents.iter().map(|extent| extent.span).collect()
    }

    /// A sub-block for so many bytes; its logical address. Step 506.
    pub fn allocate(&mut self, length: u64) -> Option<u64> {
        self.manager.allocate(length.max(1)).ok().map(|block| block.offset)
    }

    /// Takes a sub-block back: step 524.
    pub fn release(&mut self, address: u64) {
        let released = self.manager.release(address);
        debug_assert!(released.is_ok(), "a message's sub-block was not used: {released:?}");
    }

    /// The bytes of the sub-block that serves a message of that length.
    pub fn rounded(length: u64) -> u64 {
        Buddy::rounded(length.max(1)).unwrap_or(u64::MAX)
    }

    /// Step 520: maps logical addresses to physical ones. `None` beyond the block.
    pub fn map(&self, address: u64, length: u64) -> Option<Place<H>> {
        let end = address.checked_add(length)?;
        let is_before = |extent: &Extent<H>| extent.span.at + extent.span.size <= address;
        // Nothing may be wanted of what lies behind the last byte.
        let first = self.extents.partition_point(is_before);
        let first = first.min(self.extents.len().saturating_sub(1));
        let mut pieces =
            self.extents.get(first..)?.iter().map(|Extent { span, handle, .. }| {
                let (from, to) = (address.max(span.at), end.min(span.at + span.size));
                let length = to.saturating_sub(from);
                Piece { handle: handle.clone(), at: from.saturating_sub(span.at), length }
            });
        let first = pieces.next()?;
        let more = if first.length == length {
            Vec::new()
        } else {
            pieces.take_while(|piece| piece.length > 0).collect()
        };
        Some(Place { first, more, contenders: self.contenders.clone() })
    }

    /// How much smaller it gets by shrinking towards `to` bytes: whole extents are dropped from
    /// the end on, and the last one is halved.
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

    /// Says which invariant is broken, if one is.
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
