//! The place where a submission is built and runs: copies of its files, in a folder of its own.
//!
//! ```text
//!   submissions/ali/            the student's files, which nothing here changes
//!     │ copied once
//!     ▼
//!   TMPDIR/leasebox-5f0c…/built/     the commands that build it run here
//!     │ copied for each start
//!     ▼
//!   TMPDIR/leasebox-5f0c…/run/       the server runs here, and may delete all of it
//!   TMPDIR/leasebox-5f0c…/chaos/     sitecustomize.py, which pauses the threads of a Python server
//! ```
//!
//! **Invariants**
//!
//! 1. A link is copied as a link: no file from outside comes in. A pipe, a socket or a device is
//!    left out.
//! 2. The name of the folder is random, and the folder must not exist before. In a folder that
//!    another user made, Python would run that user's `sitecustomize.py`.
//! 3. When a [`Workplace`] is dropped, its folder is removed. When this program itself is killed, a
//!    watcher, a shell, ends the processes there and removes the folder. The watcher reads from a
//!    pipe that only this program holds open, and the end of the pipe wakes it.
//!
//! **Lock** none. **Source** proc(5) for what the watcher reads.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::cli::grade::started::NotGraded;
use crate::common::fingerprint::Fingerprint;

/// The most bytes and the most entries (files, folders, links) of a submission that is copied.
const MOST_BYTES: u64 = 256 << 20;
const MOST_ENTRIES: usize = 20_000;

/// The file that makes *chaos*. Python loads a file of this name when it starts, if the file's
/// folder is on `PYTHONPATH`. This file pauses threads between two bytecodes, at random, so that
/// another thread runs there and a race shows itself more often.
const SITECUSTOMIZE: &str = include_str!("../../lab/grader/sitecustomize.py");

/// A folder for one submission. The drop removes it.
#[derive(Debug)]
pub(super) struct Workplace {
    /// The folder of this workplace.
    pub(super) folder: PathBuf,
    /// The folder in which the submission is built: a copy of its files. With `--start` it is the
    /// user's own folder, if that folder is too large to be copied or holds `TMPDIR`.
    pub(super) built: PathBuf,
    /// The first part of the mark of each process that is started here.
    pub(super) mark: String,
    /// The shell that cleans up if this program is killed; `None` if it could not be started.
    watcher: Option<Child>,
}

impl Workplace {
    /// Makes a workplace with a copy of the files of `origin`, a folder or one file. The caller has
    /// seen by [`contents`] or [`fingerprint`] that they are not too many.
    ///
    /// # Errors
    /// Fails with one line if they cannot be read or written.
    pub(super) fn with_copy_of(origin: &Path) -> Result<Self, String> {
        let mut place = Self::in_place(origin)?;
        place.built = place.folder.join("built");
        let name = origin.file_name().filter(|_| origin.is_file());
        let copied = fs::create_dir(&place.built).and_then(|()| match name {
            Some(name) => fs::copy(origin, place.built.join(name)).map(drop),
            None => copy_folder(origin, &place.built),
        });
        copied.map_err(|error| no_room(origin, &error))?;
        Ok(place)
    }

    /// Makes a workplace whose commands run in `origin` itself.
    ///
    /// # Errors
    /// Fails with one line if the folder of the workplace cannot be made.
    pub(super) fn in_place(origin: &Path) -> Result<Self, String> {
        let mark = format!("{:016x}", rand::random::<u64>());
        let folder = std::env::temp_dir().join(format!("leasebox-{mark}"));
        // The watcher comes first: this program may be killed at any moment.
        let mut watcher = watch(&mark, &folder);
        if let Err(error) = fs::create_dir(&folder) {
            end(&mut watcher);
            return Err(no_room(&folder, &error));
        }
        let place = Self { folder, built: origin.to_path_buf(), mark, watcher };
        place.renew_chaos()?;
        Ok(place)
    }

    /// Returns the folder of `sitecustomize.py`.
    pub(super) fn chaos(&self) -> PathBuf {
        self.folder.join("chaos")
    }

    /// Writes `sitecustomize.py` anew: an earlier start may have changed it. The removal of the
    /// folder also removes the marks of an earlier start, `loaded` and `over`.
    fn renew_chaos(&self) -> Result<(), String> {
        let chaos = self.chaos();
        remove(&chaos);
        fs::create_dir(&chaos)
            .and_then(|()| fs::write(chaos.join("sitecustomize.py"), SITECUSTOMIZE))
            .map_err(|error| no_room(&chaos, &error))
    }

    /// Returns the file whose existence ends the chaos of this start; `None` if no Python of this
    /// start has loaded chaos. `sitecustomize.py` makes the file `loaded` when it is loaded.
    pub(super) fn loaded_chaos(&self) -> Option<PathBuf> {
        self.chaos().join("loaded").exists().then(|| self.chaos().join("over"))
    }

    /// Returns the folder in which the server runs: a copy for each start, or the user's own
    /// folder.
    pub(super) fn run(&self) -> PathBuf {
        let is_copy = self.built.starts_with(&self.folder);
        if is_copy { self.folder.join("run") } else { self.built.clone() }
    }

    /// Returns the file with the number of the process group that runs here, for the watcher.
    pub(super) fn group_file(&self) -> PathBuf {
        self.folder.join("group")
    }

    /// Makes a fresh copy of what was built, for one start.
    ///
    /// # Errors
    /// Fails if it cannot be written, or if the submission has removed what was built.
    pub(super) fn renew(&self) -> Result<(), NotGraded> {
        self.renew_chaos().map_err(NotGraded::ByMachine)?;
        let run = self.run();
        if run == self.built {
            return Ok(());
        }
        remove(&run);
        if !self.built.exists() {
            let why = "it removed the folder in which it was built";
            return Err(NotGraded::BySubmission(why.to_string()));
        }
        let copied = fs::create_dir(&run).and_then(|()| copy_folder(&self.built, &run));
        copied.map_err(|error| NotGraded::ByMachine(no_room(&run, &error)))
    }
}

/// Returns why a file cannot be copied or made, in one line.
fn no_room(path: &Path, error: &io::Error) -> String {
    format!("{} cannot be copied or made ({error}); give TMPDIR a folder with room", path.display())
}

impl Drop for Workplace {
    fn drop(&mut self) {
        // The watcher ends last: if this program is killed meanwhile, the watcher removes the rest.
        remove(&self.folder);
        end(&mut self.watcher);
    }
}

/// Removes a folder, whatever a submission has made in it: a tree that is too deep for the library,
/// or folders that may not be written.
fn remove(folder: &Path) {
    if fs::remove_dir_all(folder).is_err() && folder.exists() {
        let mut shell = Command::new("sh");
        shell.args(["-c", REMOVE]).arg(folder).stderr(Stdio::null());
        let _ = shell.status();
    }
}

/// The script that removes the folder `$0`, also if its owner has no permissions in it.
const REMOVE: &str = r#"rm -rf -- "$0" || { chmod -R u+rwx -- "$0"; rm -rf -- "$0"; }"#;

/// Ends a watcher whose folder is removed, or was never made.
fn end(watcher: &mut Option<Child>) {
    if let Some(watcher) = watcher {
        let _ = watcher.kill();
        let _ = watcher.wait();
    }
}

/// The script of the watcher; `$0` is the mark, `$1` the folder. The first `read` waits for the end
/// of the pipe. The search for the mark runs twice: during the first one a process may have made a
/// child, or may not have had its mark yet.
const WATCH: &str = r#"read _
read -r group <"$1/group" && kill -s KILL -- "-$group"
for _ in 1 2; do
    for file in $(grep -lsz "^LEASEBOX_RUN=$0-" /proc/[0-9]*/environ); do
        pid=${file#/proc/}
        kill -s KILL "${pid%/environ}"
    done
    sleep 0.2
done
rm -rf -- "$1" || { chmod -R u+rwx -- "$1"; rm -rf -- "$1"; }"#;

/// Starts the watcher, in a process group of its own: a signal that ends this program's group, such
/// as Ctrl-C, must not end the watcher too.
fn watch(mark: &str, folder: &Path) -> Option<Child> {
    let mut shell = Command::new("sh");
    shell.args(["-c", WATCH, mark]).arg(folder);
    shell.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    shell.spawn().ok()
}

/// Returns each file, folder and link of a submission, if it is small enough to be copied.
///
/// # Errors
/// Fails with a line that names both bounds, in MiB and in files, or with the system's error. (The
/// line says files, but folders and links are counted too.)
pub(super) fn contents(origin: &Path) -> Result<Vec<(PathBuf, fs::Metadata)>, String> {
    let (mut bytes, mut found) = (0, Vec::new());
    let mut left = vec![origin.to_path_buf()];
    while let Some(path) = left.pop() {
        let about = fs::symlink_metadata(&path).map_err(|error| error.to_string())?;
        bytes += if about.is_file() { about.len() } else { 0 };
        if bytes > MOST_BYTES || found.len() == MOST_ENTRIES {
            let most = MOST_BYTES >> 20;
            return Err(format!("it has more than {most} MiB or {MOST_ENTRIES} files"));
        }
        if about.is_dir() {
            let inside =
                fs::read_dir(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let mut inside: Vec<PathBuf> = inside.flatten().map(|entry| entry.path()).collect();
            // The system lists a folder in any order, and the fingerprint must not depend on it.
            inside.sort();
            left.extend(inside);
        }
        found.push((path, about));
    }
    Ok(found)
}

/// Returns the fingerprint of a submission's files: their names, their contents and their
/// permissions. A link counts with the path to which it leads.
///
/// # Errors
/// Fails with one line if it is too large, or cannot be read.
pub(super) fn fingerprint(origin: &Path) -> Result<String, String> {
    let failed = |why: String| format!("{} cannot be read ({why})", origin.display());
    let mut fingerprint = Fingerprint::of(&[]);
    for (path, about) in contents(origin).map_err(failed)? {
        let name = path.strip_prefix(origin).unwrap_or(&path).as_os_str().as_encoded_bytes();
        if about.is_file() {
            let bytes = fs::read(&path).map_err(|error| failed(error.to_string()))?;
            fingerprint.add(name);
            fingerprint.add(&bytes);
            fingerprint.add(&about.permissions().mode().to_le_bytes());
        } else if let Ok(target) = fs::read_link(&path) {
            fingerprint.add(name);
            fingerprint.add(target.as_os_str().as_encoded_bytes());
        }
    }
    Ok(fingerprint.text())
}

/// Copies the files of a folder into another one.
fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let (entry, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
        let target = to.join(entry.file_name().unwrap_or_default());
        if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&entry)?, target)?;
        } else if kind.is_dir() {
            fs::create_dir(&target)?;
            copy_folder(&entry, &target)?;
        } else if kind.is_file() {
            fs::copy(&entry, target)?;
        }
    }
    Ok(())
}
