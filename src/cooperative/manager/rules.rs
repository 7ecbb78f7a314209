//! The rules of a manager: its configuration.
//!
//! **Lock** none: a manager has its rules from the start. **Source**
//! `cooperative-memory-management.txt` for the marks, the efficiency and the status; the numbers
//! are ours.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cooperative::manager::CollectBy;
use crate::cooperative::pool::{Share, Shares};
use crate::cooperative::words::Pool;

/// The order in which waiting requests with the same reason are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServeBy {
    /// The request that came first is served first.
    Arrival,
    /// The request of the process with the lowest efficiency is served first: its last collection
    /// freed the smallest share of the examined bytes, so without memory it has to collect most
    /// often. Among processes of equal efficiency, the one with the least freeable bytes comes
    /// first, and then the request that came first.
    Status,
}

/// The configuration of a manager; never changes while it runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// The bytes of a process's own block when its join names no size; also the bytes of a block
    /// that a process gets without asking (`boost_below`).
    pub block: u64,
    /// The bytes of own blocks that the user fixed in a file, by the process's name.
    pub fixed: BTreeMap<String, u64>,
    /// The low-water mark of each pool: with fewer free bytes the manager asks for memory.
    pub low_water: Shares,
    /// The order in which processes are asked for memory.
    pub collect_by: CollectBy,
    /// The order in which waiting requests with the same reason are served.
    pub serve_by: ServeBy,
    /// The interval at which the manager asks all processes to return the bytes that their garbage
    /// can repay, however many bytes are free. With `None` it asks only when a pool is low or a
    /// request waits.
    pub collect_every: Option<Duration>,
    /// An efficiency in percent. A process that reports a lower one gets a block without asking, a
    /// *boost*, if a request for efficiency would be granted. For a process without collateral an
    /// urgent request for efficiency decides instead. With `None` no process gets a boost.
    pub boost_below: Option<u8>,
    /// The time for which a client without a connection may be silent; after it the client no
    /// longer belongs to its process. The server sees the end of a connection, but cannot see that
    /// such a client has gone.
    pub idle: Duration,
    /// The most processes. A process that has ended counts until all its blocks are given back.
    pub most: usize,
    /// Whether lines for the log are collected. If false, no text is composed.
    pub journal: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            // 64 KiB, as `--block`.
            block: 64 << 10,
            fixed: BTreeMap::new(),
            low_water: default_low_water(),
            collect_by: CollectBy::Effect,
            serve_by: ServeBy::Arrival,
            collect_every: None,
            boost_below: None,
            idle: Duration::from_secs(30),
            // The default of `--max-clients`, because each process has a client. A server puts its
            // own limit of clients here.
            most: 8192,
            journal: false,
        }
    }
}

/// Returns the default low-water marks: a quarter of each pool that lends or grants, and 0 for the
/// committed pool. Figure 12 repays committed memory last, so a process would first have to repay
/// all other debts before the committed pool gets a byte. The manager asks for so much only when a
/// request waits.
pub fn default_low_water() -> Shares {
    let percent = |pool| if pool == Pool::Committed { 0 } else { 25 };
    Pool::ALL.map(|pool| (pool, Share::Percent(percent(pool)))).into()
}
