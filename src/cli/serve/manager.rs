//! The options of the memory manager (chapter 5) and of the communications engine, which carries
//! messages between processes (chapter 6).
//!
//! A *pool* is a share of the memory, from which the manager gives blocks to processes for certain
//! reasons. A *low-water mark* is the part of a pool that the manager tries to keep free.
//!
//! **Lock** none. **Source** `cooperative-memory-management.txt` for pools, caps and low-water
//! marks; `interprocess-communication-patent.txt` for administrative memory and the rendezvous.

use std::time::Duration;

use clap::Args;

use crate::cli::pools::{self, Plan};
use crate::cli::units;
use crate::cooperative::manager::{CollectBy, Rules, ServeBy, default_low_water};
use crate::cooperative::pool::Shares;

#[derive(Args)]
pub(super) struct ManagerArguments {
    /// The division of memory, such as committed=50%,gl=5%,gp=10%,le=25%,lp=10%, in bytes or
    /// percent; or a file of such pairs, a line each, and of committed.NAME=SIZE for a process's
    /// own block
    #[arg(long, value_parser = pools::plan, value_name = "PAIRS|FILE")]
    pools: Option<Plan>,
    /// The most that one process may owe each pool, in bytes or percent of the pool; the whole pool
    /// when left out
    #[arg(long, value_parser = pools::shares, value_name = "PAIRS")]
    pub(super) caps: Option<Shares>,
    /// Ask processes for memory when less than this of a pool is free; when left out, 25% of each
    /// pool, but 0% of committed
    #[arg(long, value_parser = pools::shares, value_name = "PAIRS")]
    low_water: Option<Shares>,
    /// Which process to ask for memory first: freeable is the one with the most freeable
    /// bytes, effect the one with the most freeable bytes times efficiency
    #[arg(long, value_parser = units::one_of(COLLECT_BY), default_value = "effect")]
    collect_by: CollectBy,
    /// Which request of several with one urgency to serve first: the first that came, or by status
    /// the one whose process has the lowest efficiency, and then the least garbage left
    #[arg(long, value_parser = units::one_of(SERVE_BY), default_value = "arrival")]
    serve_by: ServeBy,
    /// Ask all processes, at this interval, to return what their garbage can repay, however much is
    /// free; when left out, only when a pool is low or a request waits
    #[arg(long, value_parser = units::duration, value_name = "DURATION")]
    collect_every: Option<Duration>,
    /// Give a block, without a request, to a process that reports an efficiency below this, in
    /// percent
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=100), value_name = "PERCENT")]
    boost_below: Option<u8>,
    /// The size of a process's own block when it joins without a size, and of the block that
    /// --boost-below gives
    #[arg(long, default_value = "64KiB", value_parser = units::size, value_name = "SIZE")]
    block: u64,
    /// Administrative memory: the most that the entries of processes, sessions and messages take
    #[arg(long, default_value = "1MiB", value_parser = units::size, value_name = "SIZE")]
    pub(super) admin: u64,
    /// Let messages outlive their sender's process for this time; when left out, they end with it
    #[arg(long, value_parser = units::duration, value_name = "DURATION")]
    pub(super) keep_messages: Option<Duration>,
    /// The time that a join or register tries to lock the tables; also the time that it then waits
    /// for room in full administrative memory, or for a free block
    #[arg(long, default_value = "1s", value_parser = units::duration, value_name = "DURATION")]
    pub(super) rendezvous: Duration,
    /// The time that a client without a connection (over UDP) may be silent; then it is removed
    /// from its process, and a process without clients ends
    #[arg(long, default_value = "30s", value_parser = units::duration, value_name = "DURATION")]
    process_idle: Duration,
}

/// The words of `--collect-by`.
const COLLECT_BY: [(&str, CollectBy); 2] =
    [("freeable", CollectBy::Freeable), ("effect", CollectBy::Effect)];

/// The words of `--serve-by`.
const SERVE_BY: [(&str, ServeBy); 2] = [("arrival", ServeBy::Arrival), ("status", ServeBy::Status)];

impl ManagerArguments {
    /// Returns the division of memory among the pools; without `--pools`, a share for no pool.
    pub(super) fn shares(&self) -> Shares {
        self.pools.as_ref().map(|plan| plan.shares.clone()).unwrap_or_default()
    }

    /// Returns the rules of the memory manager: the flags, and the defaults of all fields that have
    /// no flag.
    pub(super) fn rules(&self) -> Rules {
        let mut low_water = default_low_water();
        // `--low-water gl=10%` changes one mark; the other pools keep their defaults.
        if let Some(marks) = &self.low_water {
            low_water.extend(marks);
        }
        Rules {
            block: self.block,
            fixed: self.pools.as_ref().map(|plan| plan.fixed.clone()).unwrap_or_default(),
            low_water,
            collect_by: self.collect_by,
            serve_by: self.serve_by,
            collect_every: self.collect_every,
            boost_below: self.boost_below,
            idle: self.process_idle,
            ..Rules::default()
        }
    }
}
