//! # Chapter 1: a number is handed out once
//!
//! **The question.** A list of 100,000 numbers is shuffled. Many clients ask for the next ones at
//! the same time, each on a thread of its own. How does every number go out exactly once?
//!
//! **The wrong way.** A counter says which number is next. Each thread loads it, takes the numbers
//! from there on, and stores the counter behind them:
//!
//! ```text
//!   thread A                      counter   thread B
//!   loads 3                          3
//!                                    3      loads 3
//!   takes list[3], stores 4          4
//!                                    4      takes list[3], stores 4      the same number
//! ```
//!
//! Both threads loaded 3 before either stored 4, so both took the number at index 3. Nothing is
//! wrong with either thread. The mistake is that a second thread may come between the load and the
//! store of the first one.
//!
//! **The right way.** A lock around load, add and store: a [`Mutex`](std::sync::Mutex). The second
//! thread waits until the first one has stored, and then loads 4. The lock is held for a few
//! additions; the numbers are looked up, and the reply is written, after it was unlocked. That is
//! [`draw::Numbers::draw`], and `take_locked` in the same file is the critical section.
//!
//! **What is guarded by what**
//!
//! | data | guarded by |
//! | --- | --- |
//! | the list | nothing: it never changes |
//! | the counter, the record, the count of undelivered numbers | the draw's lock |
//! | the counter of a server without the lock | nothing, on purpose |
//!
//! **What was simplified.** Everything is in memory and ends with the process. One lock for the whole
//! list: a list for millions of draws a second would be divided.
//!
//! | file | what |
//! | --- | --- |
//! | [`draw`] | the counter, `take`, and the lock |
//! | [`list`] | the shuffled list, and the numbers of one draw |
//! | [`record`] | who took which indices |
//! | [`commands`] | `draw` and `table` as messages |
//! | [`table`] | the homework's table, made of the record |
//! | [`unlocked`] | the counter without a lock |
//! | [`parking`] | where a lab server's draws wait, step by step |
//!
//! **Source** `loot-box.txt`: the specification, and its two tables, with the lock and without.

pub mod commands;
pub mod draw;
pub mod list;
pub mod parking;
pub mod record;
pub mod table;
pub mod unlocked;
