//! How often a draw of n numbers locks. The server's options choose it:
//!
//! ```text
//!   request   lock ─ take n ─ unlock                       --lock request
//!   number    lock ─ take 1 ─ unlock   lock ─ take 1 …     --lock number
//!   none      load ─ (window) ─ store  lock ─ record …     --no-lock: the race
//!   lab       ┤load ─ ┤store           lock ─ record …     --lab: ┤ the thread parks here
//! ```
//!
//! The *window* is a wait that makes the race likely ([`crate::numbers::unlocked`]). A parked
//! thread waits until its client is next in a plan ([`crate::numbers::parking`]).
//!
//! **Cost** a draw of n numbers locks once with `--lock request`. With `--lock number` it locks for
//! each number. Its time under one lock does not grow with n.
//!
//! **Lock** none here. **Source** `loot-box.txt`, "with lock" and "without lock".

/// The work that a thread does under one hold of the draw's lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locking {
    /// A whole request: its numbers are neighbours in the list.
    Request,
    /// One number: the numbers of several requests mix.
    Number,
    /// Only the record of each number: the take runs without the lock, so the race can happen.
    None,
}

impl Locking {
    /// Returns the word that `stats` shows.
    pub fn word(self) -> &'static str {
        match self {
            Locking::Request => "request",
            Locking::Number => "number",
            Locking::None => "none",
        }
    }
}
