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
//!   loads 2                          2
//!                                    2      loads 2
//!   takes list[2], stores 3          3
//!                                    3      takes list[2], stores 3      the same number
//! ```
//!
//! Both threads loaded 2 before either stored 3, so both took the number at index 2. Each thread
//! alone is correct. The mistake is that a second thread may run between the load and the store of
//! the first one.
//!
//! **The right way.** A [`Mutex`](std::sync::Mutex) is locked from load to store. The second
//! thread waits until the first one has stored, and then loads 3. The lock is held for a few
//! additions; a thread looks the numbers up, and writes the reply, after it has unlocked. The draw
//! is [`draw::Numbers::draw`]; `take_locked` in the same file is the critical section.
//!
//! **Why not one atomic step?** `fetch_add` would load, add and store in one instruction. Python's
//! `pop()` is one step too, because the interpreter has a lock of its own. Both are correct, but
//! neither program would show the lock that this chapter is about.
//!
//! | word | means |
//! | --- | --- |
//! | index | a place in the list, from 0 |
//! | counter | the index of the number that goes out next |
//! | draw | a request for the next numbers, such as `draw 4` |
//! | take | one load of the counter, one addition, one store |
//! | race | a mistake that depends on the order of the steps of threads: here an index goes out twice |
//! | record | all turns so far: which client took which indices |
//! | turn | an entry of the record: a range of indices, and the client that took them |
//! | undelivered | of a number: it was drawn, and as far as the server can tell no client got it |
//! | lab server | a server without the lock (`--lab`), on which each draw waits before each load and store |
//! | parked | of a draw on a lab server: it waits before its next step |
//! | plan | the clients whose steps are next on a lab server, in their order |
//!
//! **The data and their locks**
//!
//! | data | guarded by |
//! | --- | --- |
//! | the list | no lock: it never changes |
//! | the counter, the record, the count of undelivered numbers | the draw's lock |
//! | the counter of a server without the lock | no lock, on purpose |
//! | the parked draws of a lab server, and the plan of their steps | the parking's lock |
//!
//! **Simplified.** All data are in memory and end with the process. One lock guards the whole list;
//! a server for millions of draws a second would divide the list among several locks.
//!
//! | file | contents |
//! | --- | --- |
//! | [`draw`] | the counter, `take`, and the lock |
//! | [`list`] | the shuffled list |
//! | [`locking`] | how often a draw locks |
//! | [`taken`] | the numbers of one draw |
//! | [`record`] | the indices that each client took |
//! | [`commands`] | `draw` and `table` as messages |
//! | [`table`] | the homework's table, made from the record |
//! | [`unlocked`] | the counter without a lock |
//! | [`parking`] | the draws of a lab server park here before each step |
//!
//! **Source** `loot-box.txt`: the specification, and its two tables, with the lock and without.

pub mod commands;
pub mod draw;
pub mod list;
pub mod locking;
pub mod parking;
pub mod record;
pub mod table;
pub mod taken;
pub mod unlocked;
