//! `serve --pid-file`: writes the number of the server's process into a file, so that a script can
//! stop the server later.
//!
//! ```text
//!   it listens ──► server.pid: 4711          kill $(cat server.pid)  ──► the stop ──► no file
//! ```
//!
//! **Invariants** the file exists before the address is printed, and until the stop is over. If
//! another server has overwritten the file meanwhile, the stop does not remove it.
//!
//! **Lock** none. **Simplified** a server that is killed (`kill -9`) leaves its file behind; the
//! next start writes over it. **Source** ours; daemons of Unix have such files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;

/// The file of this process; the drop removes it.
#[derive(Debug)]
pub(super) struct PidFile {
    path: PathBuf,
}

impl PidFile {
    /// Writes the number of this process into the file.
    ///
    /// # Errors
    /// Fails with one line if the file cannot be written.
    pub(super) fn write(path: &Path) -> Result<Self, String> {
        let text = format!("{}\n", process::id());
        fs::write(path, text).map_err(|error| {
            format!("--pid-file {}: {error}; give a file that can be written", path.display())
        })?;
        Ok(Self { path: path.to_owned() })
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        let is_ours = fs::read_to_string(&self.path)
            .is_ok_and(|text| text.trim() == process::id().to_string());
        if is_ours && let Err(error) = fs::remove_file(&self.path) {
            log::warn!("--pid-file {}: {error}; remove it by hand", self.path.display());
        }
    }
}
