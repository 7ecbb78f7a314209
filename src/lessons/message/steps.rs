//! The steps of the patent's figures 4 and 5 as a table: for each step a short text, and the lock
//! that the server holds during the step. Figure 4 registers a process and its block of memory.
//! Figure 5 is the way of a message from one process to another. A sub-block is the part of a block
//! that has one message. The engine is the part of the server that passes messages
//! ([`crate::sessions`]). It keeps processes, sessions and messages in administrative memory.
//!
//! **Lock** none: constants. **Source** `interprocess-communication-patent.txt`, figures 4 and 5;
//! the locks are those of [`crate::sessions`].

use crate::lessons::view::{number, record, text};
use crate::protocol::http::value::Value;

const NONE: &str = "no lock";
const TABLES: &str = "the tables' lock";
const BLOCK: &str = "the block's lock";

/// The number of each step, its text, and the lock that the server holds during the step.
pub const STEPS: [(u16, &str, &str); 27] = [
    (402, "begin", NONE),
    (404, "attempt to access administrative memory", NONE),
    (406, "is it locked?", NONE),
    (408, "wait, and try again", NONE),
    (410, "lock it", TABLES),
    (412, "secure a block", TABLES),
    (414, "make handles to notification events and other data of the block", TABLES),
    (416, "store them in administrative memory", TABLES),
    (418, "set the flag: the block is registered", TABLES),
    (420, "signal the engine that the process may be communicated with", TABLES),
    (422, "the engine duplicates handles and data", TABLES),
    (424, "assign a memory manager to the block", TABLES),
    (426, "unlock administrative memory", TABLES),
    (428, "end", NONE),
    (502, "begin", NONE),
    (504, "request a sub-block from a memory manager", TABLES),
    (506, "is one available?", TABLES),
    (508, "out of memory, the engine is told", TABLES),
    (510, "so are the initiating process and the destination", TABLES),
    (512, "fill the sub-block with data", BLOCK),
    (514, "write its location to administrative memory", TABLES),
    (516, "signal the destination", TABLES),
    (518, "load the location", TABLES),
    (520, "map the logical address to a physical one", TABLES),
    (522, "copy the data, or a part of it", BLOCK),
    (524, "release the sub-block to its memory manager", TABLES),
    (526, "end", NONE),
];

/// Returns a step with its text and its lock. A number that the table does not have gets an empty
/// text.
pub fn step(at: u16) -> Value {
    let found = STEPS.iter().find(|(number, ..)| *number == at);
    let (_, words, lock) = found.copied().unwrap_or((at, "", NONE));
    record([("number", number(at)), ("words", text(words)), ("lock", text(lock))])
}
