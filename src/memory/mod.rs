//! Chapter 2: memory is handed out once.

pub mod arena;
pub mod bits;
pub mod buddy;
pub mod ids;
pub mod lease;
pub mod picture;
