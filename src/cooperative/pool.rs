//! The pools: five accounts over the one arena.
//!
//! ```text
//!   arena of 1000 bytes, divided 50 %, 5 %, 10 %, 25 %, 10 %
//!   │ committed 544 │ GL 32 │ GP 96 │ LE 224 │ LP 96 │ 8 │
//!   box 750           752     754     756      758     ▲ no block fits in here
//!     └ 496, and the 48 bytes that the other four lost by rounding down to whole blocks
//! ```
//!
//! GL, GP, LE and LP are the pools granted leak, granted pause, loaned efficiency and loaned pause;
//! [`crate::cooperative`] says what they are for. A box is a step of the source's figures.
//!
//! A pool is a number of bytes, not a place: a block of one pool may lie beside a block of another.
//! The benefit is that a pool wastes no bytes at a border. The price is that a pool may have enough
//! free bytes while the arena has no free block of the needed size. This refusal is called
//! `fragmented`.
//!
//! **Invariants**
//!
//! 1. In each pool, the free bytes, the bytes that processes owe, and the bytes of blocks on their
//!    way back add up to its size. In the committed pool the bytes of plain leases, which belong to
//!    no process, are added too.
//! 2. The sizes add up to the arena, rounded down to whole blocks, and never change.
//! 3. No cap is larger than its pool.
//!
//! The manager's `check` tests invariant 1. **Lock** the tables': the caller holds it.
//!
//! **Simplified** The pools are divided once, at the start. A bigger system would move bytes
//! between pools when one of them is always low.
//!
//! **Source** `cooperative-memory-management.txt`, figures 7A and 7B.

use std::collections::BTreeMap;

use crate::cooperative::words::{Amounts, Pool};
use crate::memory::buddy::MIN_BLOCK;
use crate::memory::lease::Committed;

/// A part of a whole: of the arena, or of one pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// A number of bytes.
    Bytes(u64),
    /// Hundredths of the whole; the command line takes 0 to 100.
    Percent(u64),
}

impl Share {
    /// Returns the bytes of this part of `whole`. Percents round down.
    pub fn of(self, whole: u64) -> u64 {
        match self {
            Share::Bytes(bytes) => bytes,
            // 128 bits: 100 % of 2^60 bytes is 100 × 2^60 before the division, more than 64 bits
            // hold.
            Share::Percent(percent) => (u128::from(whole) * u128::from(percent) / 100) as u64,
        }
    }
}

/// A share for each pool that has one: the sizes of `--pools`, the caps of `--caps`, the marks of
/// `--low-water`.
pub type Shares = BTreeMap<Pool, Share>;

/// The size, the free bytes and the cap of each pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolAmounts {
    /// The bytes of each pool; never changes.
    size: Amounts,
    /// The free bytes of each pool. For the committed pool this is always 0: plain leases take
    /// committed bytes too, and do not go through the manager. So the lease table counts the free
    /// committed bytes ([`Committed`]).
    free: Amounts,
    /// The most that one process may owe each pool; never changes. A cap below the pool's size
    /// keeps one process from taking the whole pool; the default is the size.
    cap: Amounts,
}

impl PoolAmounts {
    /// Figure 7A: divides an arena of `arena` bytes, rounded down to whole blocks.
    ///
    /// Box 700 determines the committed memory: the share that the user gave for it, or all that
    /// the others leave. Box 704 divides the rest among the other pools. Each share rounds down to
    /// whole blocks, and the committed pool takes the bytes that the other pools lose by that.
    /// Without any shares the committed pool has the whole arena. A pool without a cap, or with a
    /// cap above its size, has its own size as the cap.
    ///
    /// # Errors
    /// Fails with a sentence that names the cause and the cure, when a size in bytes is no multiple
    /// of the smallest block, when the shares add up to more than the arena, or when they add up to
    /// less although the committed pool has a share.
    pub fn divided(arena: u64, shares: &Shares, caps: &Shares) -> Result<Self, String> {
        let arena = arena - arena % MIN_BLOCK;
        for (pool, share) in shares {
            if let Share::Bytes(bytes) = share
                && !bytes.is_multiple_of(MIN_BLOCK)
            {
                let word = pool.word();
                return Err(format!(
                    "{word}={bytes} is no multiple of {MIN_BLOCK} bytes; round it"
                ));
            }
        }
        let part = |pool| {
            let bytes = shares.get(&pool).map_or(0, |share| share.of(arena));
            bytes - bytes % MIN_BLOCK
        };
        // This check comes before the subtraction: shares of more than the arena would make that
        // overflow.
        check_sum(arena, shares)?;
        let others = Pool::ALL.into_iter().filter(|&pool| pool != Pool::Committed).map(part);
        let committed = arena - others.sum::<u64>();
        let size =
            Amounts::each(|pool| if pool == Pool::Committed { committed } else { part(pool) });
        let mut free = size;
        free[Pool::Committed] = 0;
        let cap =
            Amounts::each(|pool| caps.get(&pool).map_or(size[pool], |cap| cap.of(size[pool])));
        Ok(Self { size, free, cap: Amounts::each(|pool| cap[pool].min(size[pool])) })
    }

    /// Returns each pool's size in bytes.
    pub fn size(&self) -> &Amounts {
        &self.size
    }

    /// Returns the free bytes of each pool; those of the committed pool come from the lease table.
    pub fn free(&self, committed: &Committed) -> Amounts {
        let mut free = self.free;
        free[Pool::Committed] = committed.free();
        free
    }

    /// Returns the most that one process may owe each pool, in bytes.
    pub fn cap(&self) -> &Amounts {
        &self.cap
    }

    /// Takes `bytes` from the free bytes of a pool. The caller has checked that so many are free.
    pub(super) fn charge(&mut self, pool: Pool, bytes: u64, committed: &mut Committed) {
        match pool {
            Pool::Committed => committed.charge(bytes),
            pool => self.free.subtract(&Amounts::in_one_pool(pool, bytes)),
        }
    }

    /// Adds bytes to the free bytes of each pool. One returned block may refill several pools:
    /// figure 12 divides its bytes among the pools that the process owes.
    pub(super) fn refill(&mut self, amounts: &Amounts, committed: &mut Committed) {
        let mut others = *amounts;
        others[Pool::Committed] = 0;
        self.free.add(&others);
        committed.refill(amounts[Pool::Committed]);
    }
}

/// Checks that the shares add up to the arena, or that they leave bytes for a committed pool that
/// has no share. The sum is in hundredths of a byte, so that rounding loses nothing: three shares
/// of 33 % and one of 1 % are exactly the whole.
///
/// # Errors
/// Fails with a sentence that names the sum and the cure.
fn check_sum(arena: u64, shares: &Shares) -> Result<(), String> {
    let whole = u128::from(arena) * 100;
    let hundredths = |share: &Share| match *share {
        Share::Bytes(bytes) => u128::from(bytes) * 100,
        Share::Percent(percent) => u128::from(arena) * u128::from(percent),
    };
    let sum: u128 = shares.values().map(hundredths).sum();
    if sum == whole || (sum < whole && !shares.contains_key(&Pool::Committed)) {
        return Ok(());
    }
    let sum = sum / 100;
    Err(format!(
        "they sum to {sum} bytes, the arena has {arena}; make them sum to that, or leave committed out"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cooperative::words::Pool::{
        Committed, GrantedLeak, GrantedPause, LoanedEfficiency, LoanedPause,
    };

    fn shares(of: &[(Pool, Share)]) -> Shares {
        let shares: Shares = of.iter().copied().collect();
        assert_eq!(shares.len(), of.len(), "a pool stands twice");
        shares
    }

    fn sizes(arena: u64, of: &[(Pool, Share)]) -> Result<[u64; 5], String> {
        PoolAmounts::divided(arena, &shares(of), &Shares::default())
            .map(|pools| Pool::ALL.map(|pool| pools.size()[pool]))
    }

    const PERCENTS: [(Pool, Share); 5] = [
        (Committed, Share::Percent(50)),
        (GrantedLeak, Share::Percent(5)),
        (GrantedPause, Share::Percent(10)),
        (LoanedEfficiency, Share::Percent(25)),
        (LoanedPause, Share::Percent(10)),
    ];

    #[test]
    fn percents_are_divided_in_whole_blocks_and_committed_takes_what_rounding_leaves() {
        assert_eq!(sizes(3200, &PERCENTS), Ok([1600, 160, 320, 800, 320]));
        let sizes = sizes(1000, &PERCENTS).unwrap();
        assert_eq!(sizes.iter().sum::<u64>(), 992, "all but what no block fits in");
        assert!(sizes.iter().all(|size| size % MIN_BLOCK == 0) && sizes[0] > 496, "{sizes:?}");
    }

    #[test]
    fn what_is_left_out_is_empty_and_committed_is_the_rest() {
        let only = |pool, bytes| [(pool, Share::Bytes(bytes))];
        assert_eq!(sizes(1024, &[]), Ok([1024, 0, 0, 0, 0]));
        assert_eq!(sizes(1024, &only(GrantedPause, 96)), Ok([928, 0, 96, 0, 0]));
        assert_eq!(sizes(1000, &[]), Ok([992, 0, 0, 0, 0]));
    }

    #[test]
    fn what_does_not_sum_to_the_arena_is_refused() {
        let two = |committed, gp| sizes(1024, &[(Committed, committed), (GrantedPause, gp)]);
        use Share::{Bytes, Percent};
        assert!(two(Bytes(1024 - 96), Bytes(96)).is_ok());
        for (committed, gp) in [
            (Bytes(1024), Bytes(96)),
            (Bytes(896), Bytes(96)),
            (Bytes(1000), Bytes(24)),
            (Percent(50), Percent(49)),
            (Percent(60), Percent(50)),
            (Bytes(u64::MAX - 31), Bytes(u64::MAX - 31)),
            (Percent(0), Bytes(u64::MAX - 31)),
        ] {
            let error = two(committed, gp).unwrap_err();
            assert!(error.contains("sum to") || error.contains("multiple"), "{error}");
        }
    }

    #[test]
    fn a_cap_is_a_part_of_its_pool_and_never_more_than_it() {
        let all = shares(&PERCENTS);
        let caps =
            shares(&[(LoanedPause, Share::Percent(50)), (GrantedLeak, Share::Bytes(1 << 40))]);
        let pools = PoolAmounts::divided(3200, &all, &caps).unwrap();
        assert_eq!(pools.cap()[LoanedPause], 160);
        assert_eq!(pools.cap()[GrantedLeak], 160);
        assert_eq!(pools.cap()[Committed], 1600);
    }
}
