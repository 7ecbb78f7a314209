//! **Goal** returned memory repays in figure 12's order. **Invariant** the loaned pause pool first, then loaned efficiency, granted pause, granted leak; the rest is committed. No pool gets more than it
//! is owed, and no byte is lost.
//!
//! *Predict first:* why are the two pools for pauses not repaid one after the other? (See [figure 12](drawings/figure-12.svg).)

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
    // YOUR TURN: in the order of the figure. Remove this line.
    pour(owed.gp, &mut refill.gp);
    pour(owed.lp, &mut refill.lp);
    pour(owed.le, &mut refill.le);
    pour(owed.gl, &mut refill.gl);
    refill.committed = left;
    refill
}
