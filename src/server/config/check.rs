//! The checks of a configuration: each value has a range, and no two values contradict each other.
//!
//! **Invariants** no value is corrected: a value out of its range is refused, and the error names
//! the flag, the value and the range.
//!
//! **Lock** none. **Source** ours.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::cooperative::manager::check_name;
use crate::memory::buddy::MIN_BLOCK;
use crate::memory::lease::{MAX_ENTRIES, MAX_SPACES};
use crate::numbers::list::NumberList;
use crate::numbers::locking::Locking;
use crate::protocol::datagram::MAX_DATAGRAM;
use crate::protocol::http::asked::is_readable_host;
use crate::server::config::{Config, SpacePlan};
use crate::server::holding::least_for_all;
use crate::server::room::MAX_CLIENTS;

/// The smallest `max_message`, in bytes: the length of the longest text line.
const MIN_MESSAGE: usize = crate::protocol::text::MAX_LINE;

/// The largest `max_message`, in bytes. MemoryLease frames carry the size of a lease as a positive
/// `i32`, and this is the largest power of two that it can hold.
const MAX_MESSAGE: usize = 1 << 30;

/// The smallest `--datagram`, in bytes: every error reply fits into it.
const MIN_DATAGRAM: u64 = 512;

/// The most clients in the history: with replies of 64 KiB they take 64 GiB.
const MAX_HISTORY: u64 = 1 << 20;

/// The least administrative memory, in bytes. A quarter of it, the most for one process, holds a
/// process with a block, a session and some messages.
const MIN_ADMIN: u64 = 4096;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

const NO_BOOST: &str =
    "a boost gives --block bytes, and --block is 0; give --block more, or leave --boost-below out";

const LOG_ON_OVER_UDP: &str = "datagrams have no log-on; leave --udp out, or --user";

const WAITING_OVER_UDP: &str = "one thread serves all datagrams, and would wait for one draw's window or step; leave --udp \
     out, or --lab and --race-window";

/// The longest race window. The stop cannot cut short a window that is under way, so a window is no
/// longer than the stop's grace.
const MAX_WINDOW: Duration = Duration::from_secs(1);

impl Config {
    /// Checks each value that has a range, and that no two values contradict each other.
    ///
    /// # Errors
    /// Fails with the text of the first fault.
    pub(super) fn check(&self) -> Result<(), String> {
        let most_numbers = u64::from(NumberList::MAX);
        range("--numbers", u64::from(self.numbers), 1, most_numbers, "")?;
        self.check_memory()?;
        self.check_clients()?;
        let (least, most) = (MIN_MESSAGE as u64, MAX_MESSAGE as u64);
        range("--max-message", self.limits.policy.max_message as u64, least, most, " bytes")?;
        // A value that was not given has no range to keep: the check gets one that is inside.
        let least = least_for_all(self.limits.policy.max_message);
        range("--buffers", self.buffers.unwrap_or(least), least, 1 << 50, " bytes")?;
        let year = 365 * 24 * 60 * 60 * 1000;
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        range("--max-lease", ms(self.max_lease), 1, 100 * year, " ms")?;
        range("--request-timeout", ms(self.limits.request_timeout), 1, year, " ms")?;
        range("--write-timeout", ms(self.limits.write_timeout), 1, year, " ms")?;
        range("--idle-timeout", ms(self.limits.idle_timeout), 0, year, " ms")?;
        range("--collect-every", self.rules.collect_every.map_or(year, ms), 100, year, " ms")?;
        let us = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        range("--race-window", us(self.race_window), 0, us(MAX_WINDOW), " us")?;
        self.check_processes()?;
        range("--rendezvous", ms(self.rendezvous), 0, 60_000, " ms")?;
        range("--keep-messages", ms(self.keep_messages), 0, year, " ms")?;
        range("--process-idle", ms(self.rules.idle), 1000, DAY_MS, " ms")?;
        if let Some(udp) = &self.udp {
            let most = MAX_DATAGRAM as u64;
            range("--datagram", udp.longest as u64, MIN_DATAGRAM, most, " bytes")?;
            range("--history", udp.max_clients as u64, 1, MAX_HISTORY, " clients")?;
            range("--history-time", ms(udp.history_time), 1000, DAY_MS, " ms")?;
            if self.lab || !self.race_window.is_zero() {
                return Err(WAITING_OVER_UDP.into());
            }
        }
        self.check_hosts_and_log_on()?;
        self.check_who_can_reach_it()
    }

    /// Checks the memory and its spaces. All spaces together have at most 1 TiB; the sets of the
    /// allocator have room for 2 TiB ([`crate::memory::bits`]). Spaces follow one another, so each
    /// begins at a multiple of the smallest block.
    fn check_memory(&self) -> Result<(), String> {
        let SpacePlan { first, others } = &self.spaces;
        range("--memory", self.all_memory(), MIN_BLOCK, 1 << 40, " bytes")?;
        // No space follows a single one, so it may have any size; its last bytes stay unused.
        if others.is_empty() {
            return Ok(());
        }
        let names: Vec<&String> =
            std::iter::once(first).chain(others.iter().map(|(n, _)| n)).collect();
        if let Some(error) = names.iter().find_map(|name| check_name(name).err()) {
            return Err(format!("--memory: {}", error.text));
        }
        if names.len() > MAX_SPACES || names.iter().collect::<BTreeSet<_>>().len() < names.len() {
            return Err(format!(
                "--memory has 1 to {MAX_SPACES} spaces, each with a name of its own"
            ));
        }
        let sizes = std::iter::once(self.memory).chain(others.iter().map(|(_, size)| *size));
        for size in sizes {
            if size < MIN_BLOCK || !size.is_multiple_of(MIN_BLOCK) {
                let text =
                    format!("--memory: {size} bytes are no space; give multiples of {MIN_BLOCK}");
                return Err(text);
            }
        }
        Ok(())
    }

    /// Checks the blocks of processes, and the administrative memory.
    fn check_processes(&self) -> Result<(), String> {
        range("--block", self.rules.block, 0, 1 << 40, " bytes")?;
        if self.rules.boost_below.is_some() && self.rules.block == 0 {
            return Err(NO_BOOST.into());
        }
        if let Some(error) = self.rules.fixed.keys().find_map(|name| check_name(name).err()) {
            return Err(format!("--pools: committed.NAME: {}", error.text));
        }
        range("--admin", self.admin, MIN_ADMIN, 1 << 30, " bytes")
    }

    /// Checks how many clients there may be, in all and of one address, and how many leases.
    fn check_clients(&self) -> Result<(), String> {
        let most = MAX_CLIENTS as u64;
        range("--max-clients", self.max_clients as u64, 1, most, "")?;
        let of_address = self.limits.addresses.most.unwrap_or(1) as u64;
        range("--max-clients-per-address", of_address, 1, most, "")?;
        range("--max-leases", self.max_leases.unwrap_or(1) as u64, 1, MAX_ENTRIES as u64, "")
    }

    /// Checks the host names. Refuses `--user` together with `--udp`, because datagrams have no
    /// log-on.
    fn check_hosts_and_log_on(&self) -> Result<(), String> {
        let policy = &self.limits.policy;
        let is_name = |name: &String| {
            !name.is_empty() && !name.contains(':') && is_readable_host(name.as_bytes())
        };
        if !policy.hosts.iter().all(is_name) {
            return Err("--host is a name alone; give it without a port or a scheme".into());
        }
        if policy.user.is_some() && self.udp.is_some() {
            return Err(LOG_ON_OVER_UDP.into());
        }
        Ok(())
    }

    /// Refuses a server without the lock that other machines could reach, unless the user gave
    /// `--yes-it-is-broken`. A lab server is refused even then: any client could hold up the draws
    /// of all others.
    fn check_who_can_reach_it(&self) -> Result<(), String> {
        let why = match self.locking {
            Locking::Request | Locking::Number => return Ok(()),
            Locking::None if self.address.ip().is_loopback() => return Ok(()),
            Locking::None if self.lab => {
                "a lab server lets anybody hold up anybody's draw; give a loopback --bind, \
                 such as 127.0.0.1"
            }
            Locking::None if self.broken_in_public => return Ok(()),
            Locking::None => {
                "without the lock numbers come twice, and --bind lets other machines draw \
                 them; give a loopback --bind, or --yes-it-is-broken"
            }
        };
        Err(why.into())
    }
}

/// Checks that `least <= value <= most`. The error names the flag, the value and the range.
fn range(name: &str, value: u64, least: u64, most: u64, unit: &str) -> Result<(), String> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(format!("{name} {value}{unit} is out of range; give {least} to {most}{unit}"))
}
