//! What the server knows, as pure state machines: no socket, no thread, no clock.
//!
//! Time and chance are arguments. The locks around these types are put on in one
//! place, `transport::shared`; the one exception is the draw's counter, which is
//! reached through a trait so that the same draw runs with a lock, without one,
//! and in a model checker.
//!
//! ```text
//!   lootbox   a list, a counter, and who drew what; rows shows it
//!   lease  ── ids      names that nobody can guess
//!          ── buddy ── bits    which part of the arena is whose
//!   arena     the bytes themselves, and one block's contents
//!
//!   manager ── decision, repayment   figures 8 to 12, as pure functions; figures names the boxes
//!           ── process, pool         what is held and owed, and by what there is to give
//!           ── pressure              how much of the time somebody waited
//!
//!   engine  ── manager, buddy        sessions over processes and their own blocks; steps names
//!                                    those of figures 4 and 5
//! ```

pub mod arena;
pub mod bits;
pub mod buddy;
pub mod decision;
pub mod engine;
pub mod figures;
pub mod ids;
pub mod lease;
pub mod lootbox;
pub mod manager;
pub mod picture;
pub mod pool;
pub mod pressure;
pub mod process;
pub mod repayment;
pub mod rows;
pub mod steps;
