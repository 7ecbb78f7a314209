//! Pairs of a pool and its share, for `--pools`, `--caps` and `--low-water`: their form on the
//! command line and in a file.
//!
//! ```text
//!   committed=50%,gl=5%,gp=10%,le=25%,lp=10%        percent of the arena, or of the pool
//!   gl=64KiB,le=1MiB                                bytes
//!   pools.conf                                      a file: a pair a line, # begins a comment,
//!                                                   committed.NAME=1MiB fixes a process's own block
//! ```
//!
//! The five pools are those of [`Pool`]: `committed` has the memory that processes run on, and the
//! others have memory that processes get for a time, for certain reasons. A share of `--pools` is a
//! part of the arena, so its percents are of the arena. A share of `--caps` or `--low-water` is a
//! part of one pool, so its percents are of that pool.
//!
//! **Invariants** a pool that is named twice, an unknown name, and a share of more than 100 % are
//! errors. The sum of the shares is checked later, when the size of the arena is known
//! ([`crate::cooperative::pool`]).
//!
//! **Lock** none. **Simplified** a text with `=` is read as pairs, so the name of a file cannot
//! hold `=`.
//!
//! **Source** figure 7A of `cooperative-memory-management.txt`: a configuration file or the user
//! determines the committed memory.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;

use crate::cli::units;
use crate::cooperative::pool::{Share, Shares};
use crate::cooperative::words::Pool;

/// The division of the memory among the pools, and the processes whose committed memory is fixed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The share of each pool.
    pub shares: Shares,
    /// The fixed bytes of committed memory of some processes, by their names. The processes join
    /// later.
    pub fixed: BTreeMap<String, u64>,
}

/// The longest file that is read, in bytes. A line with the longest name and size has 64 bytes, so
/// over 16,000 processes fit: more than `--max-clients` can be.
const MAX_FILE: u64 = 1 << 20;

/// Reads pairs, or a file of pairs: a value without `=` is the name of a file. Only a file can fix
/// the memory of processes.
///
/// # Errors
/// Fails with the cause and, in a file, the number of the line.
pub fn plan(text: &str) -> Result<Plan, String> {
    if text.contains('=') {
        return Ok(Plan { shares: shares(text)?, fixed: BTreeMap::new() });
    }
    let why = |error| {
        format!(
            "the file cannot be read ({error}); give pairs such as gp=10%, or a text file of them"
        )
    };
    // Reads with a bound instead of asking for the length: a device such as `/dev/zero` has none.
    let mut file = fs::File::open(text).map_err(why)?.take(MAX_FILE + 1);
    let mut text = String::new();
    if file.read_to_string(&mut text).map_err(why)? as u64 > MAX_FILE {
        return Err(format!("the file is too long; give one of at most {MAX_FILE} bytes"));
    }
    read(&text)
}

/// Reads the text of a file, line by line.
///
/// # Errors
/// Fails with the number of the first wrong line, counted from 1.
fn read(text: &str) -> Result<Plan, String> {
    let mut plan = Plan::default();
    for (at, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let (name, value) = line
            .split_once('=')
            .map(|(name, value)| (name.trim(), value.trim()))
            .ok_or_else(|| format!("line {} is no pair such as gp=10%", at + 1))?;
        let added = match name.strip_prefix("committed.") {
            Some(process) => units::size(value).and_then(|bytes| {
                match plan.fixed.insert(process.to_string(), bytes) {
                    None => Ok(()),
                    Some(_) => Err(format!("{name} stands twice; leave one out")),
                }
            }),
            None => add(&mut plan.shares, name, value),
        };
        added.map_err(|why| format!("line {}: {why}", at + 1))?;
    }
    Ok(plan)
}

/// Reads pairs with commas between them. A comma at the end is an error.
///
/// # Errors
/// Fails with the cause and the form.
pub fn shares(text: &str) -> Result<Shares, String> {
    let mut shares = Shares::default();
    for pair in text.split(',') {
        let (name, value) = pair.split_once('=').ok_or("give pairs such as gl=5%,gp=64KiB")?;
        add(&mut shares, name.trim(), value.trim())?;
    }
    Ok(shares)
}

/// Adds one pair to the shares. Fails for an unknown pool, a wrong share, or a pool that has a
/// share already.
fn add(shares: &mut Shares, name: &str, value: &str) -> Result<(), String> {
    let pool = Pool::ALL.into_iter().find(|pool| pool.word() == name);
    let pool = pool.ok_or("a pool is one of committed, gl, gp, le and lp; give its name")?;
    let share = match value.strip_suffix('%') {
        Some(percent) => percent.parse().ok().filter(|percent| *percent <= 100).map(Share::Percent),
        None => Some(Share::Bytes(units::size(value)?)),
    };
    let share = share.ok_or("a share is bytes, or 0% to 100%")?;
    // `insert` returns the earlier share. A second share of one pool is an error: if the last one
    // counted, a typing error, `gp` for `gl`, would not be noticed.
    match shares.insert(pool, share) {
        None => Ok(()),
        Some(_) => Err(format!("{name} stands twice; leave one out")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_in_bytes_and_percent() {
        let shares = shares("gl=5%, gp=64KiB,lp=0%").unwrap();
        assert_eq!(shares.get(&Pool::GrantedLeak), Some(&Share::Percent(5)));
        assert_eq!(shares.get(&Pool::GrantedPause), Some(&Share::Bytes(65536)));
        assert_eq!(shares.get(&Pool::LoanedPause), Some(&Share::Percent(0)));
        assert_eq!(shares.get(&Pool::Committed), None);
    }

    #[test]
    fn what_is_no_pair_is_refused() {
        for wrong in
            ["gl", "gx=5%", "gl=101%", "gl=-1%", "gl=", "gl=5%,gl=6%", "gl=5%,", "gl=5 apples"]
        {
            assert!(shares(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_file_may_fix_the_committed_memory_of_processes() {
        let plan =
            read("# how it is divided\ngp = 10%\n\ncommitted.db=1MiB # the large one\n").unwrap();
        assert_eq!(plan.shares.get(&Pool::GrantedPause), Some(&Share::Percent(10)));
        assert_eq!(plan.fixed, BTreeMap::from([("db".to_string(), 1 << 20)]));
        for wrong in ["gp", "gp=1\ngp=2", "committed.a=1\ncommitted.a=1", "committed.a=1%", "x=1"] {
            assert!(read(wrong).is_err_and(|why| why.contains("line ")), "{wrong}");
        }
        assert!(super::plan("no-such-file").is_err_and(|why| why.contains("cannot be read")));
        assert!(super::plan("/dev/zero").is_err_and(|why| why.contains("too long")));
    }
}
