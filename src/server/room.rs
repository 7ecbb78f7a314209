//! How many clients the limits of the system leave room for.
//!
//! | limit | `ulimit` | a client takes | looked at |
//! | --- | --- | --- | --- |
//! | open files | `-n` | one descriptor | once, at the start: it bounds `--max-clients` |
//! | address space, data | `-v`, `-d` | a stack and more | before each spawn, if the limit is set |
//! | threads | `-u` | one thread | not here: the spawn fails, and that is an answer |
//!
//! A client over a limit must be told `busy`. Without this file, a client for which no descriptor
//! is left would wait in the backlog without an answer. A client for which no address space is left
//! would be worse. Each new thread of Rust first makes a second stack, for the handler of a stack
//! overflow; if the system has no room for that stack, the process aborts.
//!
//! **Invariants** before each spawn, `MARGIN` bytes and the bytes that the account of buffers may
//! still hand out are free, under each of the limits of address space and data that is set.
//!
//! **Lock** none. The accepting thread alone asks.
//!
//! **Simplified** before a spawn only the limits of this process are read. A container limits the
//! memory that is used, not the address space: over that limit the kernel ends the process. Threads
//! that were spawned and have not run yet are not in the figures; the margin is for them.
//!
//! **Source** getrlimit(2) and proc(5), `/proc/self/limits` and `/proc/self/statm`; glibc's malloc,
//! which reserves 64 MiB of addresses for each of its arenas.

use std::fs;

use crate::server::buffers::Buffers;

/// The largest `--max-clients`. Linux allows a process 65,530 mappings (pieces of its address
/// space), and a thread takes four of them. So at about 16,000 threads `spawn` returns no error: it
/// aborts the process. 14,000 threads leave 9,500 mappings for everything else.
pub const MAX_CLIENTS: usize = 14_000;

/// The file descriptors that the server needs beside those of its clients: three standard streams,
/// the listener, the UDP socket, a pipe for signals, and 64 for clients that are turned away.
const OWN_DESCRIPTORS: u64 = 80;

/// The bytes that must be free before a spawn: 64 MiB for the arena of malloc that a new thread may
/// reserve, and 4 MiB for the stacks of this thread and of the threads that were spawned and have
/// not run yet.
const MARGIN: u64 = 68 << 20;

/// The size of a page, in bytes. `/proc/self/statm` counts pages; std cannot ask for their size. On
/// a system with larger pages the figures here are too small, and a client is refused too late.
const PAGE: u64 = 4096;

/// The limits that bound the number of clients. A limit of the system is `None` if it is not set or
/// cannot be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SystemRoom {
    /// The most clients at a time: the wanted number, or fewer if the descriptors allow only fewer,
    /// but at least one.
    pub clients: usize,
    /// The most open files.
    pub open_files: Option<u64>,
    /// The most bytes of address space.
    address_space: Option<u64>,
    /// The most bytes of address space that only this process uses, and may write.
    data: Option<u64>,
}

impl SystemRoom {
    /// Reads the limits of this process. std has no call for it, and `getrlimit` of the C library
    /// would need `unsafe`.
    pub fn for_clients(wanted: usize) -> Self {
        Self::parse(&fs::read_to_string("/proc/self/limits").unwrap_or_default(), wanted)
    }

    /// Reads the soft limits, which are those that the system enforces.
    fn parse(limits: &str, wanted: usize) -> Self {
        let soft = |name: &str| {
            let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        let open_files = soft("Max open files");
        // The server takes its descriptors first, but at most half of a very small limit.
        let fitting = |limit: u64| limit - OWN_DESCRIPTORS.min(limit.div_ceil(2));
        let fitting = open_files.and_then(|limit| usize::try_from(fitting(limit)).ok());
        Self {
            clients: wanted.min(fitting.unwrap_or(usize::MAX)).max(1),
            open_files,
            address_space: soft("Max address space"),
            data: soft("Max data size"),
        }
    }

    /// Returns a refusal, with the cause and the cure, if there is no room for one more client
    /// beside the `connected` ones; `None` if there is room.
    pub fn refusal(&self, connected: usize, buffers: &Buffers) -> Option<String> {
        if connected >= self.clients {
            return Some(format!("all {} places are taken; try again later", self.clients));
        }
        let limit = self.limit_without_room(buffers.left())?;
        Some(format!("{limit} leaves no room for another client; try again later"))
    }

    /// Returns the limit, in words, that leaves no room for one more thread; `None` if there is
    /// room. `buffers` is the number of bytes that buffers may still take. Reads a file only if the
    /// process has such a limit.
    fn limit_without_room(&self, buffers: u64) -> Option<&'static str> {
        if self.address_space.is_none() && self.data.is_none() {
            return None;
        }
        self.limit_without_room_beside(
            &fs::read_to_string("/proc/self/statm").unwrap_or_default(),
            buffers,
        )
    }

    /// Does the work of [`SystemRoom::limit_without_room`]. `statm` is the text of
    /// `/proc/self/statm`: the first number is the pages of the whole address space, the sixth
    /// those of data and stack.
    fn limit_without_room_beside(&self, statm: &str, buffers: u64) -> Option<&'static str> {
        let pages: Vec<u64> =
            statm.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        // A number that cannot be read counts as too much: clients may have taken the last
        // descriptor, and then the file cannot be opened.
        let used = |at: usize| pages.get(at).map(|pages| pages.saturating_mul(PAGE));
        let is_short = |limit: Option<u64>, at: usize| {
            let left = |limit: u64| limit.saturating_sub(used(at).unwrap_or(u64::MAX));
            limit.is_some_and(|limit| left(limit) < MARGIN + buffers)
        };
        match (is_short(self.address_space, 0), is_short(self.data, 5)) {
            (true, _) => Some("the limit of address space (ulimit -v)"),
            (_, true) => Some("the limit of data (ulimit -d)"),
            _ => None,
        }
    }
}

/// Returns the bytes of memory that this process may have: the least of the machine's memory, the
/// limit of the control group and the limits of the process. If none can be read, 1 GiB.
pub fn system_memory() -> u64 {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    // The 1 is a number of clients; only the limits of memory are used here.
    let limits = SystemRoom::parse(&read("/proc/self/limits"), 1);
    // The line `0::/path` names the control group of this process (version 2, see cgroups(7)).
    let in_group = read("/proc/self/cgroup").lines().find_map(|line| {
        let group = line.strip_prefix("0::")?;
        read(&format!("/sys/fs/cgroup{group}/memory.max")).trim().parse::<u64>().ok()
    });
    // A container often cannot see the path of its group; the file of its group is at the top then.
    let of_group = read("/sys/fs/cgroup/memory.max").trim().parse().ok();
    let of_machine = machine_memory(&read("/proc/meminfo"));
    let all = [limits.address_space, limits.data, in_group, of_group, of_machine];
    all.into_iter().flatten().min().unwrap_or(1 << 30)
}

/// Returns the bytes of the machine's memory. `meminfo` is the text of `/proc/meminfo`, which
/// counts in KiB.
fn machine_memory(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: &str = "\
Limit                     Soft Limit           Hard Limit           Units     \n\
Max data size             104857600            unlimited            bytes     \n\
Max open files            1024                 1048576              files     \n\
Max address space         unlimited            unlimited            bytes     \n";

    #[test]
    fn the_soft_limits_are_read_and_no_limit_is_none() {
        let room = SystemRoom::parse(LIMITS, 9000);
        let limits = (room.clients, room.open_files, room.address_space, room.data);
        assert_eq!(limits, (944, Some(1024), None, Some(100 << 20)));
        let unlimited = SystemRoom { clients: 9000, ..SystemRoom::default() };
        assert_eq!(SystemRoom::parse("", 9000), unlimited);
    }

    #[test]
    fn clients_get_the_descriptors_that_the_server_does_not_need() {
        let of = |files: u64| {
            SystemRoom::parse(&format!("Max open files {files} {files} files"), 8192).clients
        };
        assert_eq!([20_000, 8192, 200, 24, 1, 0].map(of), [8192, 8112, 120, 12, 1, 1]);
        let room = SystemRoom { clients: 2, ..SystemRoom::default() };
        assert_eq!(room.refusal(1, &Buffers::new(0)), None);
        assert_eq!(
            room.refusal(2, &Buffers::new(0)).unwrap(),
            "all 2 places are taken; try again later"
        );
    }

    #[test]
    fn a_thread_needs_room_under_each_limit() {
        let mib = |mib: u64| mib << 20;
        let used = format!("{} 1 1 1 0 {} 0", mib(300) / PAGE, mib(80) / PAGE);
        let limit_without_room = |address_space, data| {
            let room = SystemRoom { address_space, data, ..SystemRoom::default() };
            room.limit_without_room_beside(&used, 0).map(|limit| limit.split('-').nth(1).unwrap())
        };
        assert_eq!(limit_without_room(None, None), None);
        assert_eq!(limit_without_room(Some(mib(368)), Some(mib(148))), None);
        assert_eq!(limit_without_room(Some(mib(368) - 1), None), Some("v)"));
        assert_eq!(
            limit_without_room(Some(mib(100)), Some(mib(148))),
            Some("v)"),
            "a limit lowered while it runs"
        );
        assert_eq!(limit_without_room(None, Some(mib(148) - 1)), Some("d)"));
        let limited = SystemRoom { data: Some(mib(900)), ..SystemRoom::default() };
        assert!(
            limited.limit_without_room_beside("", 0).is_some(),
            "no descriptor to read the file"
        );
    }
}
