//! **Goal** a message whose sender died is told to be lost. **Invariant** a receiver gets the bytes that were sent, or is told once that they are lost; it never reads memory that belongs to another process now.
//!
//! *Predict first:* the message lies in the sender's block, and the block goes back when the sender ends. What does the location in the inbox lead to then?

use std::collections::VecDeque;

/// An item of an inbox: the place of a message, or a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mail {
    At { block: usize, length: usize },
    Lost,
}

/// The result of a receive.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    Message(Vec<u8>),
    Lost,
    Nothing,
}

/// Blocks by their number, each with its owner, and one inbox.
#[derive(Default)]
pub struct Engine {
    pub blocks: Vec<(u32, Vec<u8>)>,
    pub inbox: VecDeque<Mail>,
}

impl Engine {
    /// A process fills a block of its own and sends it: only its location goes into the inbox.
    pub fn send(&mut self, sender: u32, data: &[u8]) {
        self.blocks.push((sender, data.to_vec()));
        self.inbox.push_back(Mail::At { block: self.blocks.len() - 1, length: data.len() });
    }

    /// A process ends; all of its blocks go to `next`, who fills them at once.
    pub fn end(&mut self, process: u32, next: u32) {
        // YOUR TURN: who still has a location in these blocks? Remove this line.
        for (owner, bytes) in &mut self.blocks {
            if *owner == process {
                *owner = next;
                bytes.fill(b'#');
            }
        }
    }

    /// Receives the oldest message.
    pub fn receive(&mut self) -> Received {
        match self.inbox.pop_front() {
            Some(Mail::At { block, length }) => {
                Received::Message(self.blocks[block].1[..length].to_vec())
            }
            Some(Mail::Lost) => Received::Lost,
            None => Received::Nothing,
        }
    }
}
