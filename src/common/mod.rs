//! What every chapter shares, and nothing else of the project: ids, and marks.

pub mod id;
pub mod marks;
