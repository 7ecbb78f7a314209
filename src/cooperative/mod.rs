//! Chapter 5: headroom is shared.

pub mod decision;
pub mod figures;
pub mod manager;
pub mod pool;
pub mod pressure;
pub mod process;
pub mod repayment;
pub mod words;
