//! The rules of a manager: its configuration.
//!
//! **Lock** none: a manager has its rules from the start. **Source** `cooperative-memory-management.txt`
//! for the marks, the efficiency and the status; the numbers are ours.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cooperative::manager::CollectBy;
use crate::cooperative::pool::Shares;
use crate::cooperative::words::Pool;

/// The order in which requests of one urgency are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServeBy {
    /// The first that came.
    Arrival,
    /// The one whose process the wait hurts most, by its status: its last collection freed the
    /// smallest share of what it examined, so it would have to collect most often. Of equal ones
    /// the one that has the least garbage left to collect; then the first that came.
    Status,
}

/// The configuration of a manager; never changes while it runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// The bytes of a process's own block when its join names none; also of a block that a process
    /// gets without asking (`boost_below`).
    pub block: u64,
    /// The bytes of own blocks that the user fixed in a file, by the process's name.
    pub fixed: BTreeMap<String, u64>,
    /// The low-water mark of each pool: with fewer free bytes the manager asks for memory.
    pub low_water: Shares,
    /// The order in which processes are asked for memory.
    pub collect_by: CollectBy,
    /// The order in which requests of one urgency are served.
    pub serve_by: ServeBy,
    /// The time between two requests to all processes to return what their garbage can repay,
    /// however much is free. `None`: they are asked only when a pool is low or a request waits.
    pub collect_every: Option<Duration>,
    /// A process that reports an efficiency below this, in percent, gets a block without asking (a
    /// *boost*), if a request for efficiency would get one; one without garbage, if an urgent
    /// request would. `None`: no process does.
    pub boost_below: Option<u8>,
    /// The time for which a client without a connection may be silent; after it the client no
    /// longer belongs to its process. The server sees the end of a connection, but cannot see that
    /// such a client has gone.
    pub idle: Duration,
    /// The most processes. One that has ended counts until all its blocks are given back.
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
/// committed pool. Figure 12 repays committed memory last. So a process would have to return all
/// that it owes the other pools before the committed pool gets a byte. The manager asks for so much
/// only when a request waits.
pub fn default_low_water() -> Shares {
    use crate::cooperative::pool::Share::Percent;
    let mut shares = Shares::all(Percent(25));
    shares.set(Pool::Committed, Percent(0));
    shares
}
