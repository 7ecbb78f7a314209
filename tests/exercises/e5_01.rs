//! **Goal** the same garbage secures one loan, not two. **Invariant** what secures the loans is never more than the garbage that was reported; a refusal changes nothing.
//!
//! *Predict first:* a process has 100 bytes of garbage and asks twice for a loan of 80. What should the second answer be, and why is it a loss for all others if it is yes?

/// A process: the garbage that it has reported, and the part of it that secures its loans.
#[derive(Default)]
pub struct Process {
    pub freeable: u64,
    pub secured: u64,
}

impl Process {
    /// Lends `size` bytes if the collateral covers them; returns whether it did.
    pub fn lend(&mut self, size: u64) -> bool {
        // YOUR TURN: has this garbage been promised already? Remove this line.
        if self.freeable < size {
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
