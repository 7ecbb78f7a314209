//! The pools: accounts over the one arena.
//!
//! ```text
//!   arena  │ committed 750        │ GL 752 │ GP 754 │ LE 756     │ LP 758 │     sizes
//!          │ used ……… │ free      │ free   │ u│free │ used │ free│ free   │     what is lent is not free
//! ```
//!
//! A pool is a number of bytes, not a place: a block that one pool gives may lie beside
//! one of another. So a pool may have the bytes, and the arena no free block that large.
//!
//! **Invariants** what is free in a pool and what is charged to it are its size, and all
//! sizes are the arena's (the manager's `check` counts it).
//!
//! **Lock** the tables. **Source** `cooperative-memory-management.txt`, figures 7A and 7B.

use crate::cooperative::words::{Amounts, Pool};
use crate::memory::buddy::MIN_BLOCK;
use crate::memory::lease::Committed;

/// A part of something, as it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// So many bytes.
    Bytes(u64),
    /// So many hundredths.
    Percent(u64),
}

impl Share {
    /// That part of `whole`, in bytes, percents rounded down.
    pub fn of(self, whole: u64) -> u64 {
        match self {
            Share::Bytes(bytes) => bytes,
            Share::Percent(percent) => (u128::from(whole) * u128::from(percent) / 100) as u64,
        }
    }
}

/// A share for each pool that has one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shares([Option<Share>; Pool::ALL.len()]);

impl Shares {
    /// The share of a pool.
    pub fn get(&self, pool: Pool) -> Option<Share> {
        self.0[pool as usize]
    }

    /// Gives a pool a share; answers the one that it had.
    pub fn set(&mut self, pool: Pool, share: Share) -> Option<Share> {
        self.0[pool as usize].replace(share)
    }

    /// The same share for every pool.
    pub fn all(share: Share) -> Self {
        Self([Some(share); Pool::ALL.len()])
    }
}

/// What can be given, pool by pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolAmounts {
    size: Amounts,
    /// Of all but the committed pool.
    free: Amounts,
    cap: Amounts,
}

impl PoolAmounts {
    /// Figure 7A: divides an arena of `arena` bytes. Committed memory is determined first
    /// (700): what was asked for it, or what the others leave. The rest is divided into the
    /// other pools (704); what is lost by rounding down to whole blocks is committed too. No
    /// process may owe a pool more than its cap of it; without a cap, all of it. Without
    /// shares all of the arena is committed.
    ///
    /// # Errors
    /// What is wrong, and the cure.
    pub fn divided(arena: u64, shares: &Shares, caps: &Shares) -> Result<Self, String> {
        let arena = arena - arena % MIN_BLOCK;
        for pool in Pool::ALL {
            if let Some(Share::Bytes(bytes)) = shares.get(pool)
                && !bytes.is_multiple_of(MIN_BLOCK)
            {
                let word = pool.word();
                return Err(format!(
                    "{word}={bytes} is no multiple of {MIN_BLOCK} bytes; round it"
                ));
            }
        }
        let part = |pool| {
            let bytes = shares.get(pool).map_or(0, |share: Share| share.of(arena));
            bytes - bytes % MIN_BLOCK
        };
        check_sum(arena, shares)?;
        let others = Pool::ALL.into_iter().filter(|&pool| pool != Pool::Committed).map(part);
        let committed = arena - others.sum::<u64>();
        let size =
            Amounts::each(|pool| if pool == Pool::Committed { committed } else { part(pool) });
        let mut free = size;
        free[Pool::Committed] = 0;
        let cap = Amounts::each(|pool| caps.get(pool).map_or(size[pool], |cap| cap.of(size[pool])));
        Ok(Self { size, free, cap: Amounts::each(|pool| cap[pool].min(size[pool])) })
    }

    /// Each pool's size in bytes.
    pub fn size(&self) -> &Amounts {
        &self.size
    }

    /// The free bytes of each pool; the lease table counts the committed ones.
    pub fn free(&self, committed: &Committed) -> Amounts {
        let mut free = self.free;
        free[Pool::Committed] = committed.free();
        free
    }

    /// The most that one process may owe each pool, in bytes.
    pub fn cap(&self) -> &Amounts {
        &self.cap
    }

    /// Takes bytes of a pool that are free.
    pub(super) fn charge(&mut self, pool: Pool, bytes: u64, committed: &mut Committed) {
        match pool {
            Pool::Committed => committed.charge(bytes),
            pool => self.free.subtract(&Amounts::of(pool, bytes)),
        }
    }

    /// Gives bytes back to each pool.
    pub(super) fn refill(&mut self, amounts: &Amounts, committed: &mut Committed) {
        let mut others = *amounts;
        others[Pool::Committed] = 0;
        self.free.add(&others);
        committed.refill(amounts[Pool::Committed]);
    }
}

/// All shares are the arena, or leave something for committed; in hundredths, so that nothing
/// is lost by rounding.
fn check_sum(arena: u64, shares: &Shares) -> Result<(), String> {
    let whole = u128::from(arena) * 100;
    let hundredths = |pool| match shares.get(pool) {
        Some(Share::Bytes(bytes)) => u128::from(bytes) * 100,
        Some(Share::Percent(percent)) => u128::from(arena) * u128::from(percent),
        None => 0,
    };
    let sum: u128 = Pool::ALL.into_iter().map(hundredths).sum();
    if sum == whole || (sum < whole && shares.get(Pool::Committed).is_none()) {
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
        let mut shares = Shares::default();
        of.iter().for_each(|&(pool, share)| assert_eq!(shares.set(pool, share), None));
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
