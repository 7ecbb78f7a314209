//! What looks at a draw server from outside, and a simulation of processes that share memory.
//!
//! | file | what |
//! | --- | --- |
//! | [`record`] | recorded draws: duplicates, gaps, numbers out of range |
//! | [`shuffle`] | whether numbers came in a random order |
//! | [`grader`] | any draw server, graded from outside |
//! | [`table`] | the homework's table of counter, thread and result |
//! | [`schedule`] | who does the next step: every order, the simple ones first |
//! | [`explorer`] | the server's own draw under each of them |
//! | [`space_time`] | one run as a table, a picture and the reason why |
//! | [`telling`] | what a search and a run look like as text |
//! | [`step_by_step`] | a person chooses who runs next |
//! | [`simulation`] | processes that share memory, over the server's manager |
//! | [`lossy`] | a datagram proxy that loses, repeats and reorders |
//! | [`replay`] | a schedule carried out by real clients of a lab server |

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
