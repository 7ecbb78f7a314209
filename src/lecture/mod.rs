//! Chapter 8: the lecture's programs.

pub mod echo;
pub mod marshal;
pub mod modified_utf8;
