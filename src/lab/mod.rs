//! # Chapter 7: the race, seen, proved, graded
//!
//! **The question.** A server without a lock gives a number out twice, but only now and then. How
//! does a student see it happen? How is it certain that it cannot happen with the lock? And how is
//! it found in a server that somebody else wrote?
//!
//! **The wrong way.** Run the server a thousand times and hope. A race that needs two threads to
//! meet within a microsecond may never happen on one machine, and every day on another.
//!
//! **The right way.** Three tools, each with its own kind of certainty.
//!
//! ```text
//!   explorer │ runs the server's own draw under EVERY order of its steps: a proof for small cases
//!   grader   │ draws from a running server over its socket: finds faults that did happen
//!   record   │ reads the recorded draws of clients: duplicates, gaps, a random order or not
//! ```
//!
//! **What is guarded by what.** The [`explorer`] decides which thread runs: it parks each thread
//! before its next step, with [`crate::numbers::parking`]. The [`grader`]'s threads share a ledger
//! behind one lock, and a list of failures behind another.
//!
//! **What was simplified.** For the explorer, all work under one hold of the lock is one step: the
//! standard library promises that a mutex keeps other threads out. The grader can prove a fault if
//! it understood the replies, and can never prove that there is none.
//!
//! | word | means |
//! | --- | --- |
//! | take | a load of the counter, an addition, and a store |
//! | step | one load or store of the counter, or the read of a number; with the lock, one take |
//! | case | the clients of an exploration, how much each draws, and the lock |
//! | schedule | the order of all steps of a case, as the client of each step |
//! | counterexample | a schedule in which a number goes out twice |
//! | preemption | a switch away from a client that has steps left |
//! | kind | all schedules that differ only in the order of independent steps: of two reads, for example |
//! | window | the time between loading the counter and storing it |
//! | parked | waiting before the next step of a draw |
//! | operation | one request of the grader with its times and its answer |
//! | ledger | the grader's record of all operations; Herlihy and Wing call it a history |
//! | tenant | the client whose lease has a block of memory at a time |
//! | placement | the faults of a simulated network, each with the number of its datagram |
//!
//! | file | what |
//! | --- | --- |
//! | [`search`] over [`explorer`] and [`schedule`] | the server's own draw under every order, the simple ones first |
//! | [`telling`], [`space_time`], [`table`] | a run as text, as a picture, as the homework's table |
//! | [`step_by_step`], [`replay`] | a person chooses who runs next; real clients carry a schedule out |
//! | [`commands`] | the commands of a lab server: `parked` and `step` |
//! | [`tenants`] | a get, a release and a lease of one block, under every order of their steps |
//! | [`grader`] | any draw server, graded from outside |
//! | [`record`], [`shuffle`] | recorded draws: duplicates, gaps, and whether the order looks random |
//! | [`history`] | recorded requests with their times: could one counter have given them? |
//! | [`simulation`] | processes that share memory, on a simulated clock |
//! | [`lossy`] | a datagram proxy that loses, repeats and reorders |
//! | [`weather`] | one exchange by datagrams under every placement of a few faults |
//!
//! **Source** `loot-box.txt` for the table; Herlihy and Wing, "Linearizability" (1990), for the
//! orders that one counter can explain.

pub mod commands;
pub mod explorer;
pub mod grader;
pub mod history;
pub mod lossy;
pub mod record;
pub mod replay;
pub mod schedule;
pub mod search;
pub mod shuffle;
pub mod simulation;
pub mod space_time;
pub mod step_by_step;
pub mod table;
pub mod telling;
pub mod tenants;
pub mod weather;
