//! The solution of e5_02: the figure asks four questions, in its own order, and each answer
//! leaves a smaller A for the next one.

/// Debts or refills in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bytes {
    pub lp: u64,
    pub le: u64,
    pub gp: u64,
    pub gl: u64,
    pub committed: u64,
}

/// Divides `freed` bytes among the pools that are owed.
pub fn repay(freed: u64, owed: &Bytes) -> Bytes {
    let (mut refill, mut left) = (Bytes::default(), freed);
    let mut pour = |debt: u64, pool: &mut u64| {
        *pool = debt.min(left);
        left -= *pool;
    };
    pour(owed.lp, &mut refill.lp);
    pour(owed.le, &mut refill.le);
    pour(owed.gp, &mut refill.gp);
    pour(owed.gl, &mut refill.gl);
    refill.committed = left;
    refill
}
