//! A running submission: its processes, the port on which it listens, its end.
//!
//! ```text
//!   sh (limits) ── sh -c "python3 server.py 40123"   a process group of its own, a mark, a clean
//!     │                                              environment
//!     ├─ /proc: which port does a process of this family listen on?  ──►  127.0.0.1:PORT
//!     ├─ its output: the end is kept, the rest is dropped
//!     └─ the end: SIGTERM to the group, a second later SIGKILL to the whole family
//! ```
//!
//! A student's server may listen on another port than it is told, print 100 MB, ignore SIGTERM,
//! leave children behind or kill its parent. So the port is read from the system, and not from the
//! command. A submission has ended when none of its processes is left.
//!
//! **Invariants** When a [`Submission`] is dropped, no process of its family is left.
//!
//! **Lock** one around the kept output, which two threads write and the report reads.
//!
//! **Source** proc(5) for all that [`processes`](super::processes) reads.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::cli::grade::lacks::lack;
use crate::cli::grade::limits::StartLimits;
use crate::cli::grade::processes::{Family, MARK, listening_at, signal};
use crate::cli::grade::started::NotGraded;
use crate::cli::grade::workplace::Workplace;
use crate::common::lock::lock;

/// The most bytes of its last lines that the report shows.
const LAST_WORDS: usize = 2048;

/// The variables that a submission gets from this program's environment. They say where its tools
/// are.
const KEPT_IN_ENVIRONMENT: [&str; 8] =
    ["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "RUSTUP_HOME", "CARGO_HOME", "JAVA_HOME"];

/// The longest wait until a submission listens.
const LISTENS_WITHIN: Duration = Duration::from_secs(15);

/// The longest wait for a port that is in use: Linux's `TIME_WAIT`, 60 s, and some more.
const PORT_IS_FREE_WITHIN: Duration = Duration::from_secs(75);
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The time between two looks of [`wait_for`].
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The time that a submission has to end after SIGTERM.
const ENDS_WITHIN: Duration = Duration::from_secs(1);

/// The longest wait, after the end of a submission, for the last bytes of its output.
const LAST_WORDS_WITHIN: Duration = Duration::from_millis(500);

/// The longest wait for the end of a server that failed a check, and may be about to end.
const ENDS_SOON: Duration = Duration::from_millis(300);

/// The names of the signals by which programs end, on Linux.
const SIGNALS: [(i32, &str); 9] = [
    (4, "SIGILL"),
    (6, "SIGABRT"),
    (7, "SIGBUS"),
    (8, "SIGFPE"),
    (9, "SIGKILL"),
    (11, "SIGSEGV"),
    (13, "SIGPIPE"),
    (15, "SIGTERM"),
    (25, "SIGXFSZ, it wrote a file longer than --limit-file-size"),
];

/// All that is needed to start a command of a submission.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start<'s> {
    /// A line of shell; `{port}` in it stands for a free port.
    pub(super) line: &'s str,
    /// The folder in which the line runs.
    pub(super) folder: &'s Path,
    /// The port on which it will listen; `None` for whichever it listens on.
    pub(super) port: Option<u16>,
    /// With a seed, Python changes threads at random.
    pub(super) chaos_seed: Option<u64>,
    /// The submission's own folder. Chaos works on the Python files below it, and on those below
    /// the workplace.
    pub(super) origin: &'s Path,
    /// The limits of its memory, processes and files.
    pub(super) limits: &'s StartLimits,
}

impl Start<'_> {
    /// Gives the shell the environment of the submission: the variables for the tools, the mark,
    /// and those for chaos if there is a seed.
    fn give_environment(&self, shell: &mut Command, mark: &str, place: &Workplace) {
        for name in KEPT_IN_ENVIRONMENT {
            if let Some(value) = std::env::var_os(name) {
                shell.env(name, value);
            }
        }
        shell.env(MARK, mark);
        if let Some(seed) = self.chaos_seed {
            shell.env("PYTHONPATH", place.chaos()).env("CHAOS_SEED", seed.to_string());
            // A colon in a path would cut it in two, which costs only the chaos in that folder.
            let roots = [place.folder.as_path(), self.origin].map(Path::as_os_str);
            shell.env("CHAOS_ROOT", roots.join(std::ffi::OsStr::new(":")));
        }
    }
}

/// A running submission.
pub(super) struct Submission {
    child: Child,
    /// Its processes.
    pub(super) family: Family,
    output: Arc<Mutex<Vec<u8>>>,
    /// The most bytes of the output that are kept.
    kept: usize,
    /// The threads that read the output; they end when no process has it open.
    readers: Vec<JoinHandle<()>>,
    /// The file with the number of the process group. If this program is killed, a shell, the
    /// workplace's watcher, reads it and ends the group.
    group_file: PathBuf,
    /// Why a limit ended it.
    broke_limit: Arc<OnceLock<String>>,
    /// Ends the watch over the limits when it is dropped.
    _watched: Sender<()>,
    /// The address on which it listens. Until then, a free port, which stood in its command.
    pub(super) address: SocketAddr,
}

impl Submission {
    /// Starts the server and waits until it listens. If its port is in use, it is started again and
    /// again: if an earlier server closed its connections first, Linux keeps its port in use for a
    /// minute. If the port is in use after that, another program has it.
    ///
    /// # Errors
    /// Fails if it cannot be started, ends, or does not listen in time.
    pub(super) fn start(start: &Start<'_>, place: &Workplace) -> Result<Self, NotGraded> {
        let late = Instant::now() + PORT_IS_FREE_WITHIN;
        loop {
            let mut submission = Self::spawn(start, place).map_err(NotGraded::ByMachine)?;
            match submission.await_listening(start.port) {
                Ok(()) => return Ok(submission),
                Err(why) if submission.met_a_port_in_use() => {
                    if Instant::now() > late {
                        let cure = "end the program that has its port, see ss -ltnp";
                        return Err(NotGraded::ByMachine(format!("{cure}: {why}")));
                    }
                    thread::sleep(TRY_AGAIN_AFTER);
                }
                Err(why) => return Err(submission.blame(why)),
            }
        }
    }

    /// Starts the line of shell.
    ///
    /// # Errors
    /// Fails with one line if the system refuses.
    pub(super) fn spawn(start: &Start<'_>, place: &Workplace) -> Result<Self, String> {
        // The listener is dropped at once, so that the server can have its port.
        let free = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|l| l.local_addr());
        let free = free().map_err(|error| format!("no port is free ({error}); end something"))?;
        let line = start.line.replace("{port}", &free.port().to_string());
        let mut shell = start.limits.command(&line, start.folder, place);
        shell.process_group(0).env_clear();
        let mark = format!("{}-{:08x}", place.mark, rand::random::<u32>());
        start.give_environment(&mut shell, &mark, place);
        shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = shell.spawn().map_err(|error| {
            format!("the shell cannot be started ({error}); end something else")
        })?;
        let output = Arc::new(Mutex::new(Vec::new()));
        let kept = start.limits.kept();
        let readers = [
            keep_output(child.stdout.take(), &output, kept),
            keep_output(child.stderr.take(), &output, kept),
        ];
        let family = Family { group: child.id(), mark };
        let group_file = place.group_file();
        // An error is ignored: without the file the watcher still finds processes by their mark.
        let _ = std::fs::write(&group_file, family.group.to_string());
        let (_watched, over) = channel();
        let broke_limit = Arc::new(OnceLock::new());
        start.limits.watch_over(family.clone(), over, &broke_limit);
        let readers = readers.into_iter().flatten().collect();
        Ok(Self {
            child,
            family,
            output,
            kept,
            readers,
            group_file,
            broke_limit,
            _watched,
            address: free,
        })
    }

    /// Waits until a process of the submission listens, and stores the address. With `port`, only a
    /// socket on this port counts.
    fn await_listening(&mut self, port: Option<u16>) -> Result<(), String> {
        let listened = wait_for(LISTENS_WITHIN, || {
            let addresses = listening_at(&self.family.processes());
            let fits = |address: &&SocketAddr| port.is_none_or(|port| address.port() == port);
            // If there are several sockets, the one with the lowest port is taken, and IPv4 before
            // IPv6.
            let found =
                addresses.iter().filter(fits).min_by_key(|a| (a.port(), a.is_ipv6(), a.ip()));
            if let Some(&address) = found {
                self.address = address;
                return Some(Ok(()));
            }
            let how = self.ending()?;
            Some(Err(format!("the server {how} before it listened{}", self.last_words())))
        });
        listened.unwrap_or_else(|| {
            let seconds = LISTENS_WITHIN.as_secs();
            Err(format!("the server did not listen within {seconds} s{}", self.last_words()))
        })
    }

    /// Waits for the end of a command that builds, at most for `within`.
    ///
    /// # Errors
    /// Fails with one line if the command fails, or takes longer.
    pub(super) fn await_end(&mut self, within: Duration) -> Result<(), String> {
        // The shell's own end counts. A helper that it leaves behind ends with the family.
        let ended = wait_for(within, || match self.child.try_wait() {
            Ok(Some(status)) if status.success() => Some(Ok(())),
            Ok(None) => None,
            _ => {
                // `ending` has an answer only when no process of the family is left.
                self.family.end();
                let how = self.ending().unwrap_or_else(|| "failed".to_string());
                Some(Err(format!("{how}{}", self.last_words())))
            }
        });
        let late = "was not done when the time for building was over";
        ended.unwrap_or_else(|| Err(format!("{late}{}", self.last_words())))
    }

    /// Returns whose fault `why` is: this machine's, if the output names a missing tool or a full
    /// disk; otherwise the submission's.
    pub(super) fn blame(&self, why: String) -> NotGraded {
        match lack(&self.output()) {
            Some(lack) => NotGraded::ByMachine(format!("{lack}: {why}")),
            None => NotGraded::BySubmission(why),
        }
    }

    /// Returns whether it said that its port is in use, in the words of the C library or of Node.
    fn met_a_port_in_use(&self) -> bool {
        let output = String::from_utf8_lossy(&lock(&self.output)).to_ascii_lowercase();
        output.contains("address already in use") || output.contains("eaddrinuse")
    }

    /// Returns how the submission ended; `None` while one of its processes runs.
    pub(super) fn ending(&mut self) -> Option<String> {
        let status: ExitStatus = self.child.try_wait().ok()??;
        if !self.family.processes().is_empty() {
            return None;
        }
        // The last bytes of its output may still be in the pipe.
        wait_for(LAST_WORDS_WITHIN, || {
            self.readers.iter().all(JoinHandle::is_finished).then_some(())
        });
        if let Some(why) = self.broke_limit.get() {
            return Some(why.clone());
        }
        // If a signal ended the command, the shell that set the limits exits with 128 and the
        // number of the signal. Linux has the signals 1 to 64.
        let signal = status.signal().or(status.code().map(|code| code - 128));
        Some(match (signal.filter(|signal| (1..=64).contains(signal)), status.code()) {
            (Some(signal), _) => match SIGNALS.iter().find(|(number, _)| *number == signal) {
                Some((_, name)) => format!("was ended by {name}"),
                None => format!("was ended by signal {signal}"),
            },
            (None, code) => format!("ended with exit {}", code.unwrap_or_default()),
        })
    }

    /// Waits up to [`ENDS_SOON`] for the end, and returns how the submission ended. A server that
    /// has just lost a connection may be about to end.
    pub(super) fn ending_soon(&mut self) -> Option<String> {
        wait_for(ENDS_SOON, || self.ending())
    }

    /// Returns the last bytes of the output: as many as are kept.
    pub(super) fn output(&self) -> Vec<u8> {
        let output = lock(&self.output);
        output[output.len().saturating_sub(self.kept)..].to_vec()
    }

    /// Returns the last two lines of the output, behind a colon; an empty text if there are none.
    /// The lines are escaped, so that they cannot steer the terminal.
    pub(super) fn last_words(&self) -> String {
        let output = self.output();
        let output = &output[output.len().saturating_sub(LAST_WORDS)..];
        let lines = output.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        let lines: Vec<String> = lines.map(|line| line.escape_ascii().to_string()).collect();
        let last = lines[lines.len().saturating_sub(2)..].join(" | ");
        if last.is_empty() { last } else { format!(": {last}") }
    }
}

impl Drop for Submission {
    fn drop(&mut self) {
        // SIGTERM lets a server end in order. Whatever is left a second later gets SIGKILL.
        signal("TERM", &[format!("-{}", self.family.group)]);
        wait_for(ENDS_WITHIN, || self.ending());
        self.family.end();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.group_file);
    }
}

/// Calls `look` every 20 ms until it returns something, and returns that. Returns `None` if nothing
/// came in the time `within`.
fn wait_for<T>(within: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let late = Instant::now() + within;
    while Instant::now() < late {
        if let Some(found) = look() {
            return Some(found);
        }
        thread::sleep(LOOK_EVERY);
    }
    None
}

/// Reads an output to its end in a thread, and keeps the last bytes.
fn keep_output(
    stream: Option<impl Read + Send + 'static>,
    output: &Arc<Mutex<Vec<u8>>>,
    kept: usize,
) -> Option<JoinHandle<()>> {
    let (mut stream, output) = (stream?, output.clone());
    // If the system refuses the thread, the pipe fills and the submission waits. Its checks then
    // fail.
    let reading = move || {
        let mut piece = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut piece) {
            let mut output = lock(&output);
            output.extend_from_slice(&piece[..count]);
            // The output is cut only when it is twice too long. A cut at each piece would move all
            // kept bytes each time. (`--limit-output` may have any size, so the product saturates.)
            if output.len() > kept.saturating_mul(2) {
                let over = output.len() - kept;
                output.drain(..over);
            }
        }
    };
    thread::Builder::new().spawn(reading).ok()
}
