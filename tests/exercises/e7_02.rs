//! **Goal** find a schedule with three duplicates. **Invariant** it is a schedule of A:4 and B:2 without the lock, two steps for each number, and the explorer, which runs the server's own draw, counts three.
//!
//! *Predict first:* what must B have done, and not yet done, when A has gone on to its last number? Use `leasebox race --step`, or
//! lesson 1.

/// A letter for each step: A has 8 of them, B has 4.
pub fn schedule() -> &'static str {
    // YOUR TURN: this one is well. Remove this line.
    "AAAAAAAABBBB"
}
