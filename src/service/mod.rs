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
//! ```

pub mod arena;
pub mod bits;
pub mod buddy;
pub mod ids;
pub mod lease;
pub mod lootbox;
pub mod picture;
pub mod rows;
