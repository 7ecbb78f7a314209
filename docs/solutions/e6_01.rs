//! The solution of e6_01: when a process ends, the locations in its blocks are looked for in the
//! inboxes and become losses, before the block goes to anybody else.

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
        for mail in &mut self.inbox {
            if let Mail::At { block, .. } = *mail
                && self.blocks[block].0 == process
            {
                *mail = Mail::Lost;
            }
        }
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
