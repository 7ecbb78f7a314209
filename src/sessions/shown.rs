//! A snapshot of the blocks: the place of each message, and the copies at each seat. The lessons
//! draw it; no command shows it.
//!
//! **Invariants** the snapshot shows one moment: the caller has locked the tables, or is the only
//! user of them.
//!
//! **Lock** the tables. **Source** `interprocess-communication-patent.txt`: figure 1 has the
//! blocks, and paragraph 42 the seats.

use super::Sessions;
use super::block::MessageBlock;
use super::message::{MessageId, StoredMessage};
use super::receipt::CopyNumber;
use crate::common::description::message;

/// One registered block of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockSnapshot {
    /// The name of its process.
    pub name: String,
    /// The process has ended. Copies in the block are under way, or its messages are kept.
    pub has_ended: bool,
    /// The block's bytes.
    pub size: u64,
    /// The places of the bytes in the arena: the offset and the bytes of each extent, in the order
    /// of their logical addresses.
    pub extents: Vec<(u64, u64)>,
    /// The messages that lie in it.
    pub messages: Vec<MessageSnapshot>,
    /// The copies at the owner's seat, and at the engine's: the first has it, the others wait.
    pub seats: [Vec<CopyNumber>; 2],
}

// The macro makes `write`, with which a lesson shows the fields as JSON. No client sends or gets
// it.
message! {
    /// One message in a block.
    MessageSnapshot {
        /// Its number.
        number: u64,
        /// Its logical address, in bytes from the block's start.
        address: u64,
        /// Its bytes.
        length: u64,
        /// The count of inboxes that it is in, and of copies that read it; for a value also its
        /// name.
        readers: u64,
    }
}

impl<W> Sessions<W> {
    /// Returns all blocks, in the order of their processes.
    pub fn snapshot(&self) -> Vec<BlockSnapshot> {
        let mut blocks = Vec::new();
        for (&owner, process) in &self.registered {
            for (at, block) in process.blocks.iter().enumerate() {
                blocks.push(BlockSnapshot {
                    name: process.name.to_string(),
                    has_ended: process.has_ended,
                    size: block.size(),
                    extents: block.spans().iter().map(|span| (span.offset, span.size)).collect(),
                    messages: self.messages_in((owner, at)).map(snapshot_of).collect(),
                    seats: seats(block),
                });
            }
        }
        blocks
    }
}

/// Returns a message or value as the snapshot shows it.
fn snapshot_of((&(_, number), message): (&MessageId, &StoredMessage)) -> MessageSnapshot {
    let &StoredMessage { address, length, readers, .. } = message;
    MessageSnapshot { number, address, length, readers }
}

fn seats(block: &MessageBlock) -> [Vec<CopyNumber>; 2] {
    block.seats().each_ref().map(|seat| seat.copies().collect())
}
