//! # Chapter 7: the race, seen, proved, graded
//!
//! **The question.** A server without a lock hands a number out twice, but only now and then. How can a
//! student see it happen, how can somebody be certain that it cannot happen, and how is it found in a
//! server that somebody else wrote?
//!
//! **The wrong way.** Run the server a thousand times and hope. A race that needs two threads to meet
//! within a microsecond may never show on one machine, and show every day on another.
//!
//! **The right way.** Three tools, each with its own kind of certainty.
//!
//! ```text
//!   explorer │ runs the server's own draw under EVERY order of its steps: a proof for small cases
//!   grader   │ draws from a running server over its socket: whatever it finds, did happen
//!   check    │ reads what was recorded: duplicates, gaps, and whether any order of draws explains it
//! ```
//!
//! **What is guarded by what.** The [`explorer`] decides which thread runs, through the parking of
//! [`crate::numbers::parking`]; the [`grader`]'s threads share a ledger behind one lock.
//!
//! **What was simplified.** The explorer takes a whole locked draw as one step: that a mutex keeps others
//! out is the standard library's promise. The grader can prove a fault, and can only fail to find one.
//!
//! | word | means |
//! | --- | --- |
//! | step | one load or store of a draw |
//! | schedule | which client does each step |
//! | preemption | a switch away from a client that has steps left |
//! | window | the time between loading the counter and storing it |
//! | parked | a draw that waits before its next step |
//! | operation, history | one request with its times and its answer; all of them |
//!
//! | file | what |
//! | --- | --- |
//! | [`explorer`] over [`schedule`] | the server's own draw under every order, the simple ones first |
//! | [`telling`], [`space_time`], [`table`] | a run as text, as a picture, as the homework's table |
//! | [`step_by_step`], [`replay`] | a person chooses who runs next; real clients carry a schedule out |
//! | [`grader`] | any draw server, graded from outside |
//! | [`record`], [`shuffle`] | recorded draws: duplicates, gaps, and whether the order looks random |
//! | [`simulation`] | processes that share memory, on a simulated clock |
//! | [`lossy`] | a datagram proxy that loses, repeats and reorders |
//!
//! **Source** `loot-box.txt` for the table; Herlihy and Wing for what an order explains.

pub mod commands;
pub mod explorer;
pub mod grader;
pub mod lossy;
pub mod record;
pub mod replay;
pub mod schedule;
pub mod shuffle;
pub mod simulation;
pub mod space_time;
pub mod step_by_step;
pub mod table;
pub mod telling;
