//! The buffers of one connection, and the room that it asks for before they grow.
//!
//! ```text
//!   input   the bytes of requests           16 KiB, 64 KiB, 128 KiB … 32 MiB
//!   data    the data of one answer          4 KiB, 1 MiB, the longest answer: a step each time
//!   output  replies that wait for a write   8 KiB, or 64 KiB
//!           └── their sum ──► the charge in the account of buffers
//! ```
//!
//! Before a `get` is executed, the length of its answer is unknown. So the connection executes it
//! with the memory that it has for data (its *room*). If the room is too small, the `get` fails and
//! changes nothing. Then the connection reserves the next step of the room, waits for it if
//! necessary, and executes the `get` again. Most answers fit the first step, and cost nothing here.
//!
//! **Invariants**
//!
//! 1. A buffer is charged before it grows. After the write the connection gives back each byte of
//!    the charge that its buffers do not hold.
//! 2. No lock is held while a connection waits for room.
//!
//! **Lock** only that of the account ([`super::buffers`]).
//!
//! **Simplified** until a large answer is encoded, its charge is the memory that the format needs
//! in the worst case: while data is turned into JSON, it takes up to four times its length. An
//! answer that a format gives by itself is made before its memory is reserved; HTTP makes it of two
//! parts, and for a moment holds it twice.
//!
//! **Source** ours.

use std::time::{Duration, Instant};

use crate::commands::Reply;
use crate::common::caller::{Caller, is_no_room};
use crate::common::error::{Code, Error};
use crate::protocol::Protocol;
use crate::protocol::output::{FULL, Output, SMALL_FULL};
use crate::server::buffers::{Charge, NoRoom, SMALL};
use crate::server::connection::Limits;
use crate::server::input::FIRST;
use crate::server::waiting::Waits;

/// The steps of the room for data, in bytes; the longest answer is the last one.
const STEPS: [usize; 2] = [4 * 1024, 1024 * 1024];

/// The longest answer that a format gives by itself without a reservation, in bytes: the first
/// step, and the head that HTTP puts in front, which has less than 1 KiB.
const SHORT_OWN: usize = STEPS[0] + 1024;

/// A draw of so many numbers or fewer fits the first step in every format.
const FEW_NUMBERS: u64 = 256;

/// The buffers of a connection, as they are charged. Its thread owns this struct.
#[derive(Debug)]
pub struct Holding<'a> {
    charge: Charge<'a>,
    /// The longest wait for room.
    patience: Duration,
    /// The data of the longest answer, in bytes.
    longest: usize,
    /// The room for the data of an answer, in bytes.
    data: usize,
    /// The length of the input, in bytes.
    input: usize,
    /// The memory for an output that is full, in bytes.
    output: usize,
    format: Weights,
}

/// The memory that a format needs in the worst case.
#[derive(Debug, Clone, Copy)]
struct Weights {
    /// The bytes of memory for each byte of the input.
    input: usize,
    /// The bytes of memory for each byte of an answer's data.
    data: usize,
    /// The bytes of memory for each drawn number. Its longest form outside of HTTP has 11 bytes:
    /// RESP's `:10000000` with CR LF.
    number: usize,
}

/// HTTP copies the input once more when it joins the chunks of a body. It has data as bytes, in
/// base64, and in JSON or XML at the same time. Numbers become a tree of values first.
const HTTP: Weights = Weights { input: 2, data: 4, number: 64 };
/// Text has the data itself, and beside it a line in which each byte takes up to four.
const TEXT: Weights = Weights { input: 1, data: 5, number: 12 };
/// The other formats move data into the output without a copy.
const OTHERS: Weights = Weights { input: 1, data: 1, number: 12 };
/// A connection without a charge has room for the first step in every format.
const _: () = {
    let mut formats: &[Weights] = &[HTTP, TEXT, OTHERS];
    while let [format, others @ ..] = formats {
        let input = FIRST * format.input;
        assert!(input + STEPS[0] * format.data + SMALL_FULL <= SMALL);
        formats = others;
    }
};

/// The most memory for all copies of one answer's data, as a multiple of the longest answer. It is
/// less than the `data` of HTTP and text, because a written answer is at most one message: in JSON
/// and XML its data is at most three quarters of a message, in text about one quarter.
const MOST_COPIES: usize = 3;

/// The most memory for the longest request and its answer, as a multiple of the longest answer:
/// HTTP may hold the request twice.
const MOST_OF_ONE: usize = MOST_COPIES + 2;

/// The rows of the longest list, in bytes: the accounts of as many processes as there can be
/// clients. `--max-message` does not bound lists.
const LONGEST_LIST: usize = 16 << 20;

/// Returns the most bytes of data of one answer.
fn longest_answer(max_message: usize) -> usize {
    max_message.max(LONGEST_LIST)
}

/// Returns the least memory for the buffers of all connections, in bytes: enough for any one
/// request.
pub fn least_for_all(max_message: usize) -> u64 {
    MOST_OF_ONE as u64 * longest_answer(max_message) as u64
}

impl<'a> Holding<'a> {
    /// Starts with small buffers. Until the first bytes choose a format, the weights are those of
    /// HTTP, because its input needs the most memory.
    pub fn new(charge: Charge<'a>, limits: &Limits) -> Self {
        let longest = longest_answer(limits.policy.max_message);
        let patience = limits.request_timeout;
        let format = HTTP;
        Self { charge, patience, longest, data: STEPS[0], input: 0, output: SMALL_FULL, format }
    }

    /// Sets the format of the connection, which decides how much memory its bytes need.
    pub fn set_format(&mut self, format: Protocol) {
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
        Caller { room: self.data as u64, ..caller }
    }

    /// Reserves memory for an input of `length` bytes. With `waits`, waits for room: the input has
    /// to grow.
    ///
    /// # Errors
    /// Fails if there is no room.
    pub fn grow_input(&mut self, length: usize, waits: bool) -> Result<(), NoRoom> {
        self.grow(|holding| &mut holding.input, length, waits)
    }

    /// Lets up to 64 KiB of replies gather before a write, in the place of 8 KiB, if there is room.
    /// Returns whether the output may grow; otherwise the caller writes it. An output that has
    /// grown before, or that has a `body`, does not grow: no reply may follow a body.
    pub fn grow_output(&mut self, output: &mut Output) -> bool {
        if output.full == FULL || !output.body.is_empty() {
            return false;
        }
        // Twice as much, because a vector doubles its memory when it grows.
        let grown = self.grow(|holding| &mut holding.output, 2 * FULL, false).is_ok();
        if grown {
            output.full = FULL;
        }
        grown
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
        if length <= SHORT_OWN {
            return Ok(());
        }
        self.reserve(length, true)
    }

    /// Begins a request. If its answer is too large for the room, reserves the next step and begins
    /// the request again, until the answer fits or no step is left.
    ///
    /// # Errors
    /// None: a request without an answer yet, which waits for another client, comes back as `Err`,
    /// as from [`crate::commands::Request::begin`]. A refusal is a reply. The wait for room happens
    /// in here.
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

    /// Reserves memory for the next step, if this reply says that the room was too small. Returns
    /// `None` if the reply says something else, or if no step is left: then the reply is final.
    pub fn grow_for(&mut self, reply: &Reply<'_>) -> Option<Result<(), Error>> {
        let lacks_room = matches!(reply, Reply::Error(error) if is_no_room(error));
        if !lacks_room || self.data >= self.longest {
            return None;
        }
        let next = STEPS.into_iter().find(|&step| step > self.data).unwrap_or(self.longest);
        let reserved = self.grow(|holding| &mut holding.data, next.min(self.longest), true);
        Some(reserved.map_err(|NoRoom| busy()))
    }

    /// Sets one of the three sizes to a larger one, and reserves memory for it. If there is no
    /// room, the size stays as it was.
    fn grow(
        &mut self,
        size: fn(&mut Self) -> &mut usize,
        to: usize,
        waits: bool,
    ) -> Result<(), NoRoom> {
        let before = std::mem::replace(size(self), to);
        let reserved = self.reserve(0, waits);
        if reserved.is_err() {
            *size(self) = before;
        }
        reserved
    }

    /// Reserves memory for the input, the data of an answer and the output together, and for `more`
    /// bytes. A caller that has raised one of the three fields before passes 0 for `more`. With
    /// `waits`, waits for room for at most the request timeout.
    fn reserve(&mut self, more: usize, waits: bool) -> Result<(), NoRoom> {
        let deadline = waits.then(|| Instant::now() + self.patience);
        let copies = (self.data * self.format.data).min(MOST_COPIES * self.longest);
        let input = self.input * self.format.input;
        self.charge.reserve(input + copies + self.output + more, deadline)
    }

    /// Sets the charge to the memory that the buffers really hold. The connection calls this before
    /// and after each write, and after it has freed buffers. `input` is the length of the input in
    /// bytes.
    #[inline]
    pub fn settle(&mut self, input: usize, output: &mut Output, spare: &mut Vec<u8>) {
        // Without a charge all buffers are small, and there is nothing to give back.
        if self.charge.bytes() == 0 {
            return;
        }
        // Others may need this memory soon, so the buffers are not kept for the next request.
        if self.charge.is_tight() && output.is_empty() {
            (*output, *spare) = (Output::default(), Vec::new());
        }
        self.input = input;
        if output.full == SMALL_FULL {
            self.output = SMALL_FULL;
        }
        // The spare buffer stays charged, so it is room for the data of the next answer.
        self.data = STEPS[0].max(spare.capacity() / self.format.data);
        let output = output.bytes.capacity().max(self.output) + output.body.capacity();
        self.charge.settle(input * self.format.input + output + spare.capacity());
    }
}

/// Returns the refusal of a request or an answer for whose bytes there is no room.
pub fn busy() -> Error {
    let text = "the server's buffers are full; try again later, or with less data";
    Error::new(Code::Busy, text)
}
