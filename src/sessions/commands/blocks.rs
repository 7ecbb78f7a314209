//! The commands that change a process's own blocks: register, grow, shrink.
//!
//! ```text
//!   > join alice 65536        block 0, 64 KiB
//!   > register 4096           < registered 1 4096        one more block
//!   > grow 100000             < block 131072             block 0: the missing 34,464 become 65,536
//!   > shrink 65536            < block 65536
//!   > grow 8192 1             < block 8192               block 1
//! ```
//!
//! SIZE of `grow` and `shrink` is the least size that the block has afterwards, not the difference.
//! So a client that repeats a `grow` after a lost reply takes no memory twice: the second `grow
//! 100000` gets `bad-request`, because the block has 131,072 bytes already. A repeated `register`
//! is different: it adds one more block.
//!
//! **Lock** the tables, for the change itself. `grow` ends expired leases before that, and
//! `register` when memory is missing; this locks the tables and the blocks of those leases in turn.
//! No byte is copied, since a block grows and shrinks around its messages. `register` is a
//! rendezvous: its function stands in [`crate::sessions::entering`].
//!
//! **Source** paragraphs 24 and 39 of `interprocess-communication-patent.txt`: processes grow and
//! contract the blocks that are registered to them.

use std::time::Instant;

use crate::common::caller::Caller;
use crate::common::description::{Execute, command, reply};
use crate::common::error::Error;
use crate::server::shared::Shared;

command! {
    /// Registers one more block of the process's own.
    0x25 "register SIZE" Register -> Registered {
        /// Bytes, at least 1; rounded up to a power of two.
        size: u64,
    }
}

reply! {
    /// A block was registered.
    0xa5 "registered" Registered {
        /// Its number, for `grow` and `shrink`: 0 is the block of the join.
        block: u64,
        /// Its bytes.
        size: u64,
    }
}

command! {
    /// Makes one of the process's own blocks larger.
    0x26 "grow SIZE [BLOCK]" Grow -> Resized {
        /// The least bytes that the block has afterwards.
        size: u64,
        /// The block's number; 0 is the block of the join.
        block: u64 = 0,
    }
}

reply! {
    /// The answer to `grow` and `shrink`.
    0xa6 "block" Resized {
        /// The bytes that the block has now. They may be the same as before.
        size: u64,
    }
}

impl Execute<Shared> for Grow {
    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Result<Resized, Error> {
        // Expired leases that the reaper has not ended yet would keep memory from this request. The
        // lock is free between the two calls, so another request may take that memory first.
        shared.memory.reap_all(Instant::now());
        let size = shared.engine(|engine, _| engine.grow(caller.client, self.block, self.size))?;
        Ok(Resized { size })
    }
}

command! {
    /// Makes one of the process's own blocks smaller. Its reply is that of `grow`.
    0x27 "shrink SIZE [BLOCK]" Shrink -> Resized {
        /// The bytes that the process needs. The block may keep more: its extents are powers of
        /// two.
        size: u64,
        /// The block's number; 0 is the block of the join.
        block: u64 = 0,
    }
}

impl Execute<Shared> for Shrink {
    fn execute(&self, shared: &Shared, caller: Caller, _: &mut Vec<u8>) -> Result<Resized, Error> {
        let size = shared
            .engine(|engine, now| engine.shrink(caller.client, self.block, self.size, now))?;
        Ok(Resized { size })
    }
}
