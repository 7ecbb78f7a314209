//! A submission that `grade --start` runs: its process, the port on which it listens, its end.
//!
//! ```text
//!   sh -c "python3 server.py 40123"   in a process group of its own, with a clean environment
//!     │
//!     ├─ /proc: which port does a process of this group listen on?  ──►  127.0.0.1:PORT
//!     ├─ its output: the last 2 KiB are kept, the rest is dropped
//!     └─ the end: SIGTERM to the group, a second later SIGKILL to it and to all descendants
//! ```
//!
//! A student's server may listen on a port of its own whatever it is told, print 100 MB, ignore
//! SIGTERM or leave children behind. So the port is read from the system, and not from the command.
//!
//! **Invariants** When a [`Submission`] is dropped, no process of its group or descent is left. When
//! this program itself is killed, its group is ended: a watcher reads from a pipe that only this
//! program holds open, and the end of the pipe wakes it.
//!
//! **Lock** one around the kept output, between the two threads that read it and the report.
//!
//! **Simplified** It runs in the present folder and without limits of memory. A container gives both.
//!
//! **Source** proc(5) for `/proc/PID/stat`, `/proc/PID/fd` and `/proc/net/tcp`.

use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::lock::lock;

/// The most bytes of the output that are kept: what a program prints before it ends says why.
const KEPT: usize = 2048;

/// The longest wait until it listens.
const LISTENS_WITHIN: Duration = Duration::from_secs(15);

/// The longest wait for a port that is in use: Linux's `TIME_WAIT`, 60 s, and some more.
const PORT_IS_FREE_WITHIN: Duration = Duration::from_secs(75);
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The time between two looks at a process.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The time that a submission has to end after SIGTERM.
const ENDS_WITHIN: Duration = Duration::from_secs(1);

/// The file that lets Python change threads between any two bytecodes.
const SITECUSTOMIZE: &str = include_str!("../../lab/grader/sitecustomize.py");

/// A running submission.
pub struct Submission {
    child: Child,
    output: Arc<Mutex<Vec<u8>>>,
    /// Ends the group when this program is gone; `None` if it could not be started.
    watcher: Option<Child>,
    /// The folder of `sitecustomize.py`, if there is one.
    chaos: Option<PathBuf>,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Submission {
    /// Starts the command, with `{port}` replaced by a free port, and waits until it listens. With a
    /// seed, Python changes threads at random. If its port is in use, it is started again and
    /// again: Linux keeps the port of a server that closed its connections first for a minute.
    ///
    /// # Errors
    /// Fails with one line if it cannot be started, ends, or does not listen in time.
    pub fn start(
        command: &str,
        port: Option<u16>,
        chaos_seed: Option<u64>,
    ) -> Result<Self, String> {
        let late = Instant::now() + PORT_IS_FREE_WITHIN;
        loop {
            let mut submission = Self::spawn(command, chaos_seed)?;
            match submission.await_listening(port) {
                Ok(()) => return Ok(submission),
                Err(_) if submission.met_a_port_in_use() && Instant::now() < late => {
                    thread::sleep(TRY_AGAIN_AFTER);
                }
                Err(why) => return Err(why),
            }
        }
    }

    /// Starts the command.
    fn spawn(command: &str, chaos_seed: Option<u64>) -> Result<Self, String> {
        let free = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|l| l.local_addr());
        let free = free().map_err(|error| format!("no port is free ({error}); end something"))?;
        let line = command.replace("{port}", &free.port().to_string());
        let chaos = chaos_seed.map(|_| chaos_folder()).transpose()?;
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]).process_group(0).env_clear();
        for name in ["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR"] {
            if let Some(value) = std::env::var_os(name) {
                shell.env(name, value);
            }
        }
        if let (Some(folder), Some(seed)) = (&chaos, chaos_seed) {
            shell.env("PYTHONPATH", folder).env("CHAOS_SEED", seed.to_string());
            shell.env("CHAOS_ROOT", std::env::current_dir().unwrap_or_default());
        }
        shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = shell
            .spawn()
            .map_err(|error| format!("--start: the shell cannot be started ({error})"))?;
        let output = Arc::new(Mutex::new(Vec::new()));
        keep_output(child.stdout.take(), &output);
        keep_output(child.stderr.take(), &output);
        let watcher = watch(child.id());
        Ok(Self { child, output, watcher, chaos, address: free })
    }

    /// Waits until a process of the submission listens, and notes where.
    fn await_listening(&mut self, port: Option<u16>) -> Result<(), String> {
        let late = Instant::now() + LISTENS_WITHIN;
        while Instant::now() < late {
            let ports = listening_ports(&self.processes());
            let found = match port {
                Some(port) => ports.contains(&port).then_some(port),
                None => ports.iter().min().copied(),
            };
            if let Some(port) = found {
                self.address.set_port(port);
                return Ok(());
            }
            if let Some(how) = self.ending() {
                return Err(format!(
                    "the submission {how} before it listened{}",
                    self.last_words()
                ));
            }
            thread::sleep(LOOK_EVERY);
        }
        let seconds = LISTENS_WITHIN.as_secs();
        Err(format!("the submission did not listen within {seconds} s{}", self.last_words()))
    }

    /// Returns the processes of its group, and their descendants in other groups.
    fn processes(&self) -> HashSet<u32> {
        let all = process_table();
        let group = self.child.id();
        let mut ours: HashSet<u32> =
            all.iter().filter(|(_, _, g)| *g == group).map(|&(pid, ..)| pid).collect();
        ours.insert(group);
        // A child may stand before its parent in the table, so the search goes on until it finds
        // nothing more.
        loop {
            let before = ours.len();
            let children = all.iter().filter(|(_, parent, _)| ours.contains(parent));
            let children: Vec<u32> = children.map(|&(pid, ..)| pid).collect();
            ours.extend(children);
            if ours.len() == before {
                return ours;
            }
        }
    }

    /// Returns whether it said that its port is in use, in the words of the C library or of Node.
    fn met_a_port_in_use(&self) -> bool {
        let output = String::from_utf8_lossy(&lock(&self.output)).to_ascii_lowercase();
        output.contains("address already in use") || output.contains("eaddrinuse")
    }

    /// Returns how the submission ended; `None` while it runs.
    pub fn ending(&mut self) -> Option<String> {
        let status: ExitStatus = self.child.try_wait().ok()??;
        Some(match (status.code(), status.signal()) {
            // The shell says so of its last command.
            (Some(code @ 129..=192), _) => format!("was ended by signal {}", code - 128),
            (Some(code), _) => format!("ended with exit {code}"),
            (None, Some(signal)) => format!("was ended by signal {signal}"),
            (None, None) => "ended".to_string(),
        })
    }

    /// Returns the end of what it printed, behind a colon; nothing if it printed nothing. Escaped, so
    /// that it cannot steer the terminal.
    pub fn last_words(&self) -> String {
        let output = lock(&self.output);
        let lines = output.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        let lines: Vec<String> = lines.map(|line| line.escape_ascii().to_string()).collect();
        let last = lines.iter().rev().take(2).rev().cloned().collect::<Vec<_>>().join(" | ");
        if last.is_empty() { last } else { format!(": {last}") }
    }
}

impl Drop for Submission {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        // Before the end: a child whose parent has ended belongs to nobody.
        let descendants = self.processes();
        kill("-TERM", std::slice::from_ref(&group));
        let late = Instant::now() + ENDS_WITHIN;
        while Instant::now() < late && self.ending().is_none() {
            thread::sleep(LOOK_EVERY);
        }
        let left = process_table().into_iter().filter(|(pid, ..)| descendants.contains(pid));
        let mut targets: Vec<String> = left.map(|(pid, ..)| pid.to_string()).collect();
        targets.push(group);
        kill("-KILL", &targets);
        let _ = self.child.wait();
        if let Some(watcher) = &mut self.watcher {
            let _ = watcher.kill();
            let _ = watcher.wait();
        }
        if let Some(folder) = &self.chaos {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

/// Starts the watcher of a process group.
fn watch(group: u32) -> Option<Child> {
    let mut shell = Command::new("sh");
    // `env` takes the system's `kill`: that of some shells knows no `--`.
    let script = "read _; exec env kill -KILL -- \"-$0\"";
    shell.args(["-c", script, &group.to_string()]).process_group(0);
    shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
}

/// Writes `sitecustomize.py` into a new folder. Its name is random, and it must not exist: in a
/// folder of another user's, Python would run that user's file.
fn chaos_folder() -> Result<PathBuf, String> {
    let name = format!("leasebox-chaos-{:016x}", rand::random::<u64>());
    let folder = std::env::temp_dir().join(name);
    fs::create_dir(&folder)
        .and_then(|()| fs::write(folder.join("sitecustomize.py"), SITECUSTOMIZE))
        .map_err(|error| {
            let shown = folder.display();
            format!("{shown} cannot be written ({error}); give TMPDIR a folder with room")
        })?;
    Ok(folder)
}

/// Reads an output to its end in a thread, and keeps the last bytes.
fn keep_output(stream: Option<impl Read + Send + 'static>, kept: &Arc<Mutex<Vec<u8>>>) {
    let (Some(mut stream), kept) = (stream, kept.clone()) else { return };
    // Without the thread the pipe fills, and the submission waits; the grading shows that.
    let _ = thread::Builder::new().spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut piece) {
            let mut kept = lock(&kept);
            kept.extend_from_slice(&piece[..count]);
            let over = kept.len().saturating_sub(KEPT);
            kept.drain(..over);
        }
    });
}

/// Sends a signal with the system's own program.
fn kill(signal: &str, targets: &[String]) {
    let quiet = || Stdio::null();
    let _ = Command::new("kill").args([signal, "--"]).args(targets).stderr(quiet()).status();
}

/// Returns each process with its parent and its group. One that ends meanwhile is left out.
fn process_table() -> Vec<(u32, u32, u32)> {
    let entry = |entry: fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        // The name, in brackets, may hold spaces and brackets: `1 (a) b) S 0 1 …`.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(1);
        Some((pid, fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(entry).collect()
}

/// Returns the TCP ports on which these processes listen.
fn listening_ports(processes: &HashSet<u32>) -> HashSet<u16> {
    let mut sockets = HashSet::new();
    for pid in processes {
        let links = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let targets = links.filter_map(|link| fs::read_link(link.path()).ok());
        sockets.extend(targets.filter_map(|target| {
            Some(target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_string())
        }));
    }
    let lists = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
    let lines = lists.iter().flatten().flat_map(|list| list.lines());
    let port = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        // sl, local address, remote address, state, …, inode; 0A is LISTEN.
        let (local, state, socket) = (words.get(1)?, words.get(3)?, words.get(9)?);
        let is_ours = *state == "0A" && sockets.contains(*socket);
        is_ours.then(|| u16::from_str_radix(local.rsplit(':').next()?, 16).ok())?
    };
    lines.filter_map(port).collect()
}
