//! The repayment of debts by returned memory: figure 12, box by box.
//!
//! ```text
//!   A came back ─► LP, at most W ─► B ─► LE, at most X ─► C ─► GP, at most Y ─► D ─► GL, at most Z
//!                                                                            the rest ─► committed
//! ```
//!
//! LP, LE, GP and GL are the pools: loaned pause, loaned efficiency, granted pause, granted leak.
//! A is the number of bytes that came back. B, C and D are the bytes that are left after LP, LE and
//! GP got their parts. W, X, Y and Z are the bytes that the process still owes LP, LE, GP and GL.
//! In the figure they are the bytes that the process "obtained" from these pools. Here the repaid
//! bytes are subtracted: otherwise the process would repay the same debt twice.
//!
//! A returned block need not go to the pool that gave it. In this example a process owes 16 KiB to
//! LP, 64 to LE, 32 to GP and 64 to GL, and returns a block of 64 KiB that GL gave:
//!
//! ```text
//!              A = 64        B = 48        C = 0         D = 0
//!   refill     LP 16         LE 48         GP 0          GL 0        committed 0
//!   still owed LP 0          LE 16         GP 32         GL 64
//! ```
//!
//! Loans come before grants: they were lent to be repaid. LP stands first, because the document
//! wants the loan against a pause repaid as soon as possible.
//!
//! **Invariants** The refill adds up to A. No loaned or granted pool gets more than it is owed. The
//! committed pool gets the bytes that are left. The process owes the committed pool at least these
//! bytes: a process's debts and the bytes of its blocks have the same sum
//! ([`crate::cooperative::process`]).
//!
//! **Lock** none: [`repay`] is a pure function. **Source** `cooperative-memory-management.txt`,
//! figure 12, with its letters.

use crate::cooperative::figures::Path;
use crate::cooperative::words::{Amounts, Pool};

/// Divides `freed` bytes, the figure's A, among the pools by the debts `owed`. Returns the bytes
/// for each pool, and the path, which is the list of the boxes that were passed. A pool that is
/// owed nothing has no refill box in the path.
pub fn repay(freed: u64, owed: &Amounts) -> (Amounts, Path) {
    let mut path = Path::starting_at(1250);
    let mut refill = Amounts::default();
    // This is the figure's A at first, and B, C and D after LP, LE and GP.
    let mut left = freed;
    for (pool, question_box, refill_box) in [
        (Pool::LoanedPause, 1252, 1254),
        (Pool::LoanedEfficiency, 1256, 1258),
        (Pool::GrantedPause, 1260, 1262),
        (Pool::GrantedLeak, 1264, 1266),
    ] {
        path.pass(question_box);
        if owed[pool] > 0 {
            path.pass(refill_box);
            refill[pool] = owed[pool].min(left);
            left -= refill[pool];
        }
    }
    path.pass(1268);
    refill[Pool::Committed] = left;
    (refill, path)
}

/// The order of figure 12: the pool that is repaid first stands first.
pub const ORDER: [Pool; 5] = [
    Pool::LoanedPause,
    Pool::LoanedEfficiency,
    Pool::GrantedPause,
    Pool::GrantedLeak,
    Pool::Committed,
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn amounts(lp: u64, le: u64, gp: u64, gl: u64) -> Amounts {
        let mut amounts = Amounts::in_one_pool(Pool::LoanedPause, lp);
        amounts[Pool::LoanedEfficiency] = le;
        amounts[Pool::GrantedPause] = gp;
        amounts[Pool::GrantedLeak] = gl;
        amounts
    }

    #[test]
    fn debts_are_repaid_in_the_figures_order_and_the_rest_is_committed() {
        let owed = amounts(10, 20, 30, 40);
        let cases = [
            (0, amounts(0, 0, 0, 0), 0),
            (7, amounts(7, 0, 0, 0), 0),
            (25, amounts(10, 15, 0, 0), 0),
            (61, amounts(10, 20, 30, 1), 0),
            (104, amounts(10, 20, 30, 40), 4),
        ];
        for (freed, expected, committed) in cases {
            let (refill, path) = repay(freed, &owed);
            let mut expected = expected;
            expected[Pool::Committed] = committed;
            assert_eq!(refill, expected, "of {freed}");
            let all = "1250-1252-1254-1256-1258-1260-1262-1264-1266-1268";
            assert_eq!(path.to_string(), all);
        }
    }

    #[test]
    fn a_pool_that_is_owed_nothing_is_not_refilled() {
        let (refill, path) = repay(64, &amounts(0, 0, 5, 0));
        assert_eq!(path.to_string(), "1250-1252-1256-1260-1262-1264-1268");
        assert_eq!((refill[Pool::GrantedPause], refill[Pool::Committed]), (5, 59));
    }

    proptest! {
        #[test]
        fn as_a_naive_model_pours(freed in 0..500_u64, lp in 0..99_u64, le in 0..99_u64, gp in 0..99_u64, gl in 0..99_u64) {
            let owed = amounts(lp, le, gp, gl);
            let (refill, _) = repay(freed, &owed);
            // The model gives each byte to the first pool in the order that is still owed one.
            let mut model = Amounts::default();
            for _ in 0..freed {
                let next = ORDER.into_iter().find(|&pool| pool == Pool::Committed || model[pool] < owed[pool]);
                model[next.unwrap()] += 1;
            }
            prop_assert_eq!(refill, model);
        }
    }
}
