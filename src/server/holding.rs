//! The buffers of one connection, and the room that it asks for before they grow.
//!
//! ```text
//!   input   grows with what has come        16 KiB, 64 KiB, 128 KiB … 32 MiB
//!   data    the data of one answer          4 KiB, 1 MiB, the longest answer: a step each time
//!   output  replies that wait for a write   8 KiB, or 64 KiB
//!           └── their sum ──► the charge in the account of buffers
//! ```
//!
//! Nobody knows before a `get` how long its answer will be. So it is executed with the room that is
//! there. If that is too little it fails, and has changed nothing. Then the connection asks for the
//! next step, waits for its turn if necessary, and executes it again. Most answers fit the first
//! step, and cost nothing here.
//!
//! **Invariants**
//!
//! 1. A buffer is charged before it grows, and what is charged too much is given back after the
//!    write.
//! 2. No lock is held while a connection waits for room.
//!
//! **Lock** only that of the account ([`super::buffers`]).
//!
//! **Simplified** the charge of a large answer is what its format needs at worst, until it is
//! written: data in JSON exists four times for a moment.
//!
//! **Source** ours.

use std::time::{Duration, Instant};

use crate::commands::Reply;
use crate::common::caller::{Caller, is_no_room};
use crate::common::error::{Code, Error};
use crate::protocol::Protocol;
use crate::protocol::output::{FULL, Output, SMALL_FULL};
use crate::server::buffers::{Charge, NoRoom};
use crate::server::connection::Limits;
use crate::server::waiting::Waits;

/// The steps of the room for data, in bytes; the longest answer is the last one.
const STEPS: [u64; 2] = [4 * 1024, 1024 * 1024];

/// A draw of fewer numbers fits the first step in every format.
const FEW_NUMBERS: u64 = 256;

/// The buffers of a connection, as they are charged. Its thread owns this struct.
#[derive(Debug)]
pub struct Holding<'a> {
    charge: Charge<'a>,
    /// The longest wait for room.
    patience: Duration,
    /// The data of the longest answer, in bytes.
    longest: u64,
    /// The room for the data of an answer, in bytes.
    data: u64,
    /// The length of the input, and of a full output, in bytes.
    input: usize,
    output: usize,
    format: Weights,
}

/// The memory that a format needs for bytes, at worst.
#[derive(Debug, Clone, Copy)]
struct Weights {
    /// How often it holds the bytes of the input, and those of data.
    input: usize,
    data: usize,
    /// The bytes of a drawn number.
    number: usize,
}

/// HTTP joins the chunks of a body. It has data in base64 and then in JSON or XML, and numbers in a
/// tree of values before that.
const HTTP: Weights = Weights { input: 2, data: 4, number: 64 };
/// Text writes a byte as up to four.
const TEXT: Weights = Weights { input: 1, data: 5, number: 12 };
/// The other formats move data into the output as it is.
const OTHERS: Weights = Weights { input: 1, data: 1, number: 12 };
/// The most that all copies of one answer's data take, in longest answers: JSON and XML carry three
/// quarters of a message.
const MOST_COPIES: usize = 3;

/// The memory for the longest request and its answer, in longest answers: HTTP may hold the request
/// twice.
const MOST_OF_ONE: usize = MOST_COPIES + 2;

/// The rows of the longest list, in bytes: the accounts of as many processes as there can be
/// clients. `--max-message` does not bound lists.
const LONGEST_LIST: usize = 16 << 20;

fn longest_answer(max_message: usize) -> usize {
    max_message.max(LONGEST_LIST)
}

/// Returns the least memory for the buffers of all connections, in bytes: enough for any one
/// request.
pub fn least_for_all(max_message: usize) -> u64 {
    MOST_OF_ONE as u64 * longest_answer(max_message) as u64
}

impl<'a> Holding<'a> {
    /// Starts with small buffers.
    pub fn new(charge: Charge<'a>, limits: &Limits) -> Self {
        let longest = longest_answer(limits.policy.max_message) as u64;
        let patience = limits.request_timeout;
        let format = HTTP;
        Self { charge, patience, longest, data: STEPS[0], input: 0, output: SMALL_FULL, format }
    }

    /// Sets the format.
    pub fn speaks(&mut self, format: Protocol) {
        self.format = match format {
            Protocol::Nothing | Protocol::Http => HTTP,
            Protocol::Text => TEXT,
            Protocol::Resp | Protocol::Frames | Protocol::MemoryLease => OTHERS,
        };
    }

    /// Notes that bytes were read or written.
    pub fn moved(&self, count: usize) {
        self.charge.moved(count);
    }

    /// Notes whether this connection writes now.
    pub fn writes(&self, is_writing: bool) {
        self.charge.writes(is_writing);
    }

    /// Returns whether the server has shut this connection down, because others needed its room.
    pub fn is_closed(&self) -> bool {
        self.charge.is_closed()
    }

    /// Returns the caller with the room for the data of its answer.
    pub fn caller(&self, caller: Caller) -> Caller {
        Caller { room: self.data, ..caller }
    }

    /// Reserves memory for an input of `length` bytes. If it `has_to` grow, waits for room.
    ///
    /// # Errors
    /// Fails if there is no room.
    pub fn grow_input(&mut self, length: usize, has_to: bool) -> Result<(), NoRoom> {
        let before = std::mem::replace(&mut self.input, length);
        let reserved = self.reserve(0, has_to);
        if reserved.is_err() {
            self.input = before;
        }
        reserved
    }

    /// Lets more replies wait for one write, if there is room.
    pub fn grow_output(&mut self, output: &mut Output) -> bool {
        if output.full == FULL || !output.body.is_empty() {
            return false;
        }
        self.output = 2 * FULL;
        if self.reserve(0, false).is_err() {
            self.output = SMALL_FULL;
            return false;
        }
        output.full = FULL;
        true
    }

    /// Reserves memory for a draw of `count` numbers from a list of `numbers`.
    ///
    /// # Errors
    /// `busy`, if there is no room; nothing is drawn then.
    #[inline]
    pub fn grow_for_draw(&mut self, count: u64, numbers: u64) -> Result<(), Error> {
        if count <= FEW_NUMBERS {
            return Ok(());
        }
        // A draw of more than there are gets the rest of the list.
        let bytes = self.format.number * count.min(numbers) as usize;
        self.reserve(bytes, true).map_err(|NoRoom| busy())
    }

    /// Reserves memory for an answer of `length` bytes that the format gives by itself.
    ///
    /// # Errors
    /// Fails if there is no room.
    pub fn grow_for_own(&mut self, length: usize) -> Result<(), NoRoom> {
        if length <= STEPS[0] as usize {
            return Ok(());
        }
        self.reserve(length, true)
    }

    /// Begins a request, again with more room each time its answer was too large for the room that
    /// there was.
    ///
    /// # Errors
    /// Returns the wait of the request as `Err`, as [`crate::commands::Request::begin`] does.
    pub fn begin<'s>(
        &mut self,
        caller: Caller,
        mut begin: impl FnMut(Caller) -> Result<Reply<'s>, Waits>,
    ) -> Result<Reply<'s>, Waits> {
        loop {
            let reply = begin(self.caller(caller))?;
            match self.grow_for(&reply) {
                None => return Ok(reply),
                Some(Ok(())) => {}
                Some(Err(error)) => return Ok(Reply::Error(error)),
            }
        }
    }

    /// Reserves memory for the next step, if this reply says that there was too little room.
    /// Returns `None` if it does not, or if no step is left.
    pub fn grow_for(&mut self, reply: &Reply<'_>) -> Option<Result<(), Error>> {
        let lacks_room = matches!(reply, Reply::Error(error) if is_no_room(error));
        if !lacks_room || self.data >= self.longest {
            return None;
        }
        let before = self.data;
        let next = STEPS.into_iter().find(|&step| step > before).unwrap_or(self.longest);
        self.data = next.min(self.longest);
        let reserved = self.reserve(0, true);
        if reserved.is_err() {
            self.data = before;
        }
        Some(reserved.map_err(|NoRoom| busy()))
    }

    /// Reserves memory for all that is held, and `more`.
    fn reserve(&mut self, more: usize, waits: bool) -> Result<(), NoRoom> {
        let deadline = waits.then(|| Instant::now() + self.patience);
        let copies =
            (self.data as usize * self.format.data).min(MOST_COPIES * self.longest as usize);
        let input = self.input * self.format.input;
        self.charge.reserve(input + copies + self.output + more, deadline)
    }

    /// Sets the charge to what is really held: when the answers are there, when they are written,
    /// and when buffers were freed.
    pub fn settle(&mut self, input: usize, output: &mut Output, spare: &mut Vec<u8>) {
        if self.charge.bytes() == 0 {
            return;
        }
        if self.charge.is_tight() && output.is_empty() {
            (*output, *spare) = (Output::default(), Vec::new());
        }
        self.input = input;
        if output.full == SMALL_FULL {
            self.output = SMALL_FULL;
        }
        self.data = STEPS[0].max((spare.capacity() / self.format.data) as u64);
        let output = output.bytes.capacity().max(self.output) + output.body.capacity();
        self.charge.settle(input * self.format.input + output + spare.capacity());
    }
}

/// The refusal of a request for whose bytes there is no room.
pub fn busy() -> Error {
    let text = "the server's buffers are full; try again later, or with less data";
    Error::new(Code::Busy, text)
}
