//! The solution of e5_01: collateral is the garbage that does not secure a loan yet. What a loan
//! secures is taken from it, and comes back with the repayment.

/// A process: the garbage that it has reported, and the part of it that secures its loans.
#[derive(Default)]
pub struct Process {
    pub freeable: u64,
    pub secured: u64,
}

impl Process {
    /// Lends `size` bytes if the collateral covers them; returns whether it did.
    pub fn lend(&mut self, size: u64) -> bool {
        if self.freeable.saturating_sub(self.secured) < size {
            return false;
        }
        self.secured += size;
        true
    }

    /// A loan of `size` bytes comes back: its garbage was collected.
    pub fn repay(&mut self, size: u64) {
        let repaid = size.min(self.secured);
        self.secured -= repaid;
        self.freeable = self.freeable.saturating_sub(repaid);
    }
}
