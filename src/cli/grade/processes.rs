//! Reads from the system which processes a submission has, on which ports they listen, and how much
//! memory and processor time they use.
//!
//! ```text
//!   /proc/PID/stat       name, state, parent, group, …, resident pages
//!   /proc/PID/environ    LEASEBOX_RUN=5f0c…   the mark, which children inherit
//!   /proc/PID/fd/5  ──►  socket:[81234]  ◄──  a line of /proc/net/tcp: state LISTEN, port 40123
//! ```
//!
//! A server may make children, and put them into a session of their own (setsid). Such a child
//! leaves the process group of the submission, and if its parent ends, nothing in its `stat` leads
//! to the submission. But the child has the mark.
//!
//! **Invariants** A process that ends while it is looked at is left out; none of these functions
//! fails.
//!
//! **Lock** none.
//!
//! **Simplified** A process that leaves the group and also empties its environment is not found,
//! and one that forks faster than it is ended goes on. With `--sandbox` the system ends both.
//!
//! **Source** proc(5).

use std::collections::HashSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::{Command, Stdio};

/// The name of the mark in the environment.
pub(super) const MARK: &str = "LEASEBOX_RUN";

/// The processes of a submission: those in its group, and those with its mark.
#[derive(Debug, Clone)]
pub(super) struct Family {
    /// The process group that was made for it.
    pub(super) group: u32,
    /// The value of [`MARK`]: the mark of the workplace, a dash, and a random number of this start.
    pub(super) mark: String,
}

impl Family {
    /// Returns the processes of the group, and those that have the mark. One that has ended and
    /// that nobody has waited for (a zombie) is not among them.
    pub(super) fn processes(&self) -> HashSet<u32> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        pids.filter(|&pid| self.has(pid)).collect()
    }

    /// Returns whether a process belongs to the family and still runs.
    fn has(&self, pid: u32) -> bool {
        let Some(fields) = stat(pid) else { return false };
        let is_in_group = fields.get(2).is_some_and(|group| *group == self.group.to_string());
        let mark = format!("{MARK}={}", self.mark);
        let has_mark = || {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|&byte| byte == 0).any(|entry| entry == mark.as_bytes())
        };
        // A process whose first thread has ended is shown as a zombie, although its other threads
        // may still serve.
        let is_over = || fields.first().is_none_or(|state| state == "Z") && threads(pid).len() < 2;
        (is_in_group || has_mark()) && !is_over()
    }

    /// Kills all processes of the family, and looks again, because a process may have made a child
    /// meanwhile. It gives up after [`TRIES`] looks.
    pub(super) fn end(&self) {
        for _ in 0..TRIES {
            let mut targets: Vec<String> = self.processes().iter().map(u32::to_string).collect();
            if targets.is_empty() {
                return;
            }
            // A minus sign stands before a group. The whole group is killed too: it may have got a
            // process since the list was read.
            targets.push(format!("-{}", self.group));
            signal("KILL", &targets);
        }
    }
}

/// The most tries to end a family. A process that forks for ever can escape each time.
const TRIES: usize = 20;

/// Returns the fields behind the name: state, parent, group and so on.
fn stat(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The kernel cuts a long name, perhaps in the middle of a letter.
    let stat = String::from_utf8_lossy(&stat);
    // The name, in brackets, may hold spaces and brackets: `1 (a) b) S 0 1 …`.
    Some(stat.rsplit_once(')')?.1.split_whitespace().map(str::to_string).collect())
}

/// Returns the processor time of a process and of the children that it has waited for, in clock
/// ticks.
pub(super) fn ticks(pid: u32) -> Option<u64> {
    let fields = stat(pid)?;
    // utime, stime, cutime and cstime: the state is the third field in proc(5), and the first here.
    let times = [14, 15, 16, 17].map(|field: usize| fields.get(field - 3)?.parse::<u64>().ok());
    times.into_iter().sum()
}

/// Returns the threads of a process.
fn threads(pid: u32) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// Returns the bytes of memory that these processes use. Memory that several processes share, as a
/// child shares its parent's, counts once: the system's figure Pss, in KiB, divides it among them.
pub(super) fn memory(processes: &HashSet<u32>) -> u64 {
    let share = |pid: &u32| {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let line = text.lines().find(|line| line.starts_with("Pss:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    processes.iter().filter_map(share).sum::<u64>().saturating_mul(1024)
}

/// Sends a signal, by its name, to processes or, with a minus sign, to groups. It uses the `kill`
/// that is built into the shell: not every system has the program `kill`. An error is ignored: a
/// process may have ended already.
pub(super) fn signal(name: &str, targets: &[String]) {
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"kill -s "$0" -- "$@""#, name]).args(targets).stderr(Stdio::null());
    let _ = shell.status();
}

/// Returns the TCP addresses on which these processes listen. For a process that listens on all
/// addresses it is the loopback address.
pub(super) fn listening_at(processes: &HashSet<u32>) -> HashSet<SocketAddr> {
    let mut sockets = HashSet::new();
    for pid in processes {
        // All threads of a process have the same files, so the first thread that shows some is
        // enough. A thread that has ended shows none.
        let folders = threads(*pid).into_iter().map(|thread| thread.join("fd"));
        let open = folders.map(|fd| fs::read_dir(fd).into_iter().flatten().flatten());
        let links = open.map(|links| links.collect::<Vec<_>>()).find(|links| !links.is_empty());
        let links = links.unwrap_or_default().into_iter();
        let targets = links.filter_map(|link| fs::read_link(link.path()).ok());
        sockets.extend(targets.filter_map(|target| {
            Some(target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_string())
        }));
    }
    let lists = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
    let lines = lists.iter().flatten().flat_map(|list| list.lines());
    let address = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        // sl, local address, remote address, state, …, inode; 0A is LISTEN.
        let (local, state, socket) = (words.get(1)?, words.get(3)?, words.get(9)?);
        let is_ours = *state == "0A" && sockets.contains(*socket);
        is_ours.then(|| reachable(local)).flatten()
    };
    lines.filter_map(address).collect()
}

/// Reads an address of `/proc/net/tcp`, such as `0100007F:1F90`, and returns the address to which a
/// client on this machine connects. The kernel prints each 4 bytes of the IP address as one number
/// in this machine's byte order.
fn reachable(local: &str) -> Option<SocketAddr> {
    let (ip, port) = local.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| u32::from_str_radix(ip.get(8 * at..8 * at + 8)?, 16).ok();
    let ip = match ip.len() {
        8 => IpAddr::from(word(0)?.to_ne_bytes()),
        _ => {
            let mut bytes = [0; 16];
            for at in 0..4 {
                bytes[4 * at..4 * at + 4].copy_from_slice(&word(at)?.to_ne_bytes());
            }
            Ipv6Addr::from(bytes).to_canonical()
        }
    };
    // Most servers that listen on all IPv6 addresses listen on all IPv4 ones too.
    let ip = if ip.is_unspecified() { IpAddr::from(Ipv4Addr::LOCALHOST) } else { ip };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_process_grows_while_it_works() {
        let before = ticks(std::process::id()).unwrap();
        let late = std::time::Instant::now() + std::time::Duration::from_secs(30);
        // A tick is 10 ms.
        while ticks(std::process::id()).unwrap() < before + 2 {
            assert!(std::time::Instant::now() < late);
        }
        assert_eq!(ticks(0), None);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn an_address_of_the_kernel_is_one_that_a_client_reaches() {
        for (local, expected) in [
            ("0100007F:1F90", "127.0.0.1:8080"),
            ("0101007F:1F90", "127.0.1.1:8080"),
            ("00000000:22B8", "127.0.0.1:8888"),
            ("00000000000000000000000000000000:22B8", "127.0.0.1:8888"),
            ("00000000000000000000000001000000:22B8", "[::1]:8888"),
            ("0000000000000000FFFF00000100007F:22B8", "127.0.0.1:8888"),
        ] {
            assert_eq!(reachable(local), expected.parse().ok(), "{local}");
        }
        assert_eq!(reachable("nonsense"), None);
    }
}
