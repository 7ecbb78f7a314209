//! The limits of a started submission, and the part of the system that enforces each of them.
//!
//! | option | the bound of | enforced by | over it |
//! | --- | --- | --- | --- |
//! | `--limit-memory` | the memory of all its processes together | a thread here, 5 times a second | it is ended |
//! | `--limit-processes` | the count of its processes, without threads | the same thread | it is ended |
//! | `--limit-files` | the descriptors of one process | the system, `ulimit -n` | `accept` or `open` fails |
//! | `--limit-file-size` | a file that it writes | the system, `ulimit -f` | SIGXFSZ |
//! | `--limit-output` | what is kept of what it prints | the threads that read it | the beginning is dropped |
//!
//! The system's own bounds of memory and processes are of no use here. The bound of memory counts
//! the stacks of threads in full, 8 MiB each, of which a thread uses some KiB: 300 honest clients
//! would break it. The bound of processes counts the threads of the whole account, and does not
//! bind `root`. So a thread of this program measures the memory and counts the processes.
//!
//! The output of a submission has no bound. It is read to its end, because a full pipe would stop
//! the submission, but only the last part is kept.
//!
//! **Invariants** If the thread here ends a submission, the report names the limit that was broken,
//! and the measured memory or count.
//!
//! **Lock** none: the reason is stored once.
//!
//! **Simplified** In a fifth of a second a program may take more than its bound. A container has
//! bounds that hold at once.
//!
//! **Source** dash(1) for `ulimit`; proc(5) for the memory that each process has for itself (Pss);
//! bwrap(1).

use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use clap::Args;

use crate::cli::grade::processes::{Family, memory};
use crate::cli::grade::workplace::Workplace;
use crate::cli::units;

/// The limits of a submission, and its sandbox.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "What the started server may do")]
pub struct StartLimits {
    /// The most memory that it uses, with all its processes
    #[arg(long = "limit-memory", value_name = "SIZE", default_value = "2GiB", requires = "starts", value_parser = units::size)]
    memory: u64,
    /// The most processes that it has at once; threads are not counted
    #[arg(
        long = "limit-processes",
        value_name = "COUNT",
        default_value_t = 256,
        requires = "starts"
    )]
    processes: usize,
    /// The most files and connections that one of its processes has open
    #[arg(long = "limit-files", value_name = "COUNT", default_value_t = 4096, requires = "starts")]
    files: u32,
    /// The longest file that it may write
    #[arg(long = "limit-file-size", value_name = "SIZE", default_value = "1GiB", requires = "starts", value_parser = units::size)]
    file_size: u64,
    /// How much is kept of what it prints: the end
    #[arg(long = "limit-output", value_name = "SIZE", default_value = "1MiB", requires = "starts", value_parser = units::size)]
    output: u64,
    /// Run it under `bwrap`: it can write into its own copy alone, and sees no other process
    #[arg(long, requires = "starts")]
    sandbox: bool,
}

/// The script of the outer shell: `$1` is the most open files, `$2` the most blocks of a file, and
/// the rest is the command. `ulimit` fails for a value above this account's limits, which then
/// stay. The shell stays as the parent of the server, because a last command, `exit`, follows: a
/// server that kills its parent must not kill the grading.
const SET_LIMITS: &str = r#"ulimit -c 0; ulimit -n "$1" 2>/dev/null; ulimit -f "$2" 2>/dev/null
shift 2; "$@"; exit $?"#;

/// The sandbox: the submission can only read the system's files, and it has a `/tmp` and processes
/// of its own. Go's compiler needs a cache that it can write.
const BWRAP: &str = "bwrap --die-with-parent --unshare-pid --unshare-ipc --ro-bind / / --dev /dev \
                     --proc /proc --tmpfs /tmp --setenv XDG_CACHE_HOME /tmp";

/// A block of `ulimit -f`, by POSIX.
const BLOCK: u64 = 512;

/// The time between two looks at the memory and the count of processes.
const LOOK_EVERY: Duration = Duration::from_millis(200);

impl StartLimits {
    /// Returns the command that runs a line of shell in `folder` under these limits.
    pub(super) fn command(&self, line: &str, folder: &Path, place: &Workplace) -> Command {
        let (files, blocks) = (self.files.to_string(), self.file_size.div_ceil(BLOCK).to_string());
        let mut shell = Command::new("sh");
        shell.args(["-c", SET_LIMITS, "limits", &files, &blocks]).current_dir(folder);
        if self.sandbox {
            shell.args(BWRAP.split_whitespace());
            // The submission may write into two folders: the copy in which it runs, and chaos's
            // folder, where chaos notes that it was loaded. The user's own folder, which is used if
            // there is no copy, can only be read.
            let copies = [place.built.clone(), place.run()];
            let copies = copies.iter().filter(|copy| folder.starts_with(copy));
            for shown in copies.chain([&place.chaos()]) {
                let is_own = shown.starts_with(&place.folder);
                shell.arg(if is_own { "--bind" } else { "--ro-bind" }).args([shown, shown]);
            }
            shell.arg("--chdir").arg(folder);
        }
        shell.args(["sh", "-c", line]);
        shell
    }

    /// Returns how many bytes of the output are kept.
    pub(super) fn kept(&self) -> usize {
        usize::try_from(self.output).unwrap_or(usize::MAX)
    }

    /// Returns the limits that can change a score, on one line. `--limit-output` cannot.
    pub(super) fn describe(&self) -> String {
        let Self { memory, processes, files, file_size, output: _, sandbox } = self;
        format!(
            "limit-memory={memory} limit-processes={processes} limit-files={files} \
             limit-file-size={file_size} sandbox={sandbox}"
        )
    }

    /// Returns a line for the report, about the sandbox.
    pub(super) fn note(&self) -> Option<String> {
        self.sandbox.then(|| "sandbox: bwrap, it could write into its own copy alone".to_string())
    }

    /// Checks with a trial that `bwrap` works here, if `--sandbox` asks for it.
    ///
    /// # Errors
    /// Fails with one line if it does not.
    pub(super) fn check(&self) -> Result<(), String> {
        if !self.sandbox {
            return Ok(());
        }
        let tried = Command::new("bwrap")
            .args(["--unshare-pid", "--ro-bind", "/", "/", "--proc", "/proc", "true"])
            .output()
            .map_err(|_| "--sandbox: bwrap was not found; install bubblewrap")?;
        if tried.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&tried.stderr);
        let said = said.lines().next().unwrap_or("it says nothing");
        Err(format!(
            "--sandbox: bwrap cannot be used here ({said}); this system must allow user namespaces"
        ))
    }

    /// Spawns a thread that measures the family every 200 ms until the sender of `over` is dropped.
    /// If a limit is broken, the thread stores the reason in `reason`, and ends the family.
    pub(super) fn watch_over(
        &self,
        family: Family,
        over: Receiver<()>,
        reason: &Arc<OnceLock<String>>,
    ) {
        let (limits, reason) = (self.clone(), reason.clone());
        // If the system refuses the thread, memory and processes have no limit, and the grading
        // goes on.
        let _ = thread::Builder::new().spawn(move || {
            while over.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                if let Some(why) = limits.broken_by(&family) {
                    // Cannot fail: nobody else stores a reason, and this thread ends here.
                    let _ = reason.set(why);
                    family.end();
                    return;
                }
            }
        });
    }

    /// Returns the rest of a sentence that begins with `the server`: it names the broken limit and
    /// the measured value. Returns `None` if no limit is broken.
    fn broken_by(&self, family: &Family) -> Option<String> {
        const MIB: u64 = 1 << 20;
        let processes = family.processes();
        // The shell that sets the limits is no part of the submission. If the family has ended,
        // there is nothing to subtract from.
        let count = processes.len().saturating_sub(1);
        if count > self.processes {
            let most = self.processes;
            return Some(format!(
                "was ended: it had {count} processes, --limit-processes is {most}"
            ));
        }
        let memory = memory(&processes);
        // `used` is rounded up and `most` down, so the text always shows a use over the limit.
        let (used, most) = (memory.div_ceil(MIB), self.memory / MIB);
        (memory > self.memory).then(|| {
            format!("was ended: it used {used} MiB of memory, --limit-memory is {most} MiB")
        })
    }
}
