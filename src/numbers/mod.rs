//! Chapter 1: a number is handed out once.

pub mod draw;
pub mod list;
pub mod parking;
pub mod table;
