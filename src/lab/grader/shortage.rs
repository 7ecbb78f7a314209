//! What the grading machine itself ran short of: descriptors, memory, ports, threads.
//!
//! A connection that this machine cannot make looks like a server that takes none. No mark may
//! depend on that. So a draw that fails in this way is no fault of the server, and the report says
//! at its top that this machine ran short.
//!
//! **Lock** none: the first note is stored once.
//!
//! **Source** errno(3) and connect(2), on Linux.

use std::io;
use std::sync::{Arc, OnceLock};

/// A note of what this machine ran short of while it graded; empty if it ran short of nothing. All
/// clones share the one note.
#[derive(Debug, Clone, Default)]
pub struct Shortage(Arc<OnceLock<String>>);

/// The errors of a machine that has no more of something, by Linux's numbers: EAGAIN, ENOMEM,
/// ENFILE and EMFILE (file descriptors), EADDRNOTAVAIL (local ports), ENOBUFS.
const SHORT_OF: [i32; 6] = [11, 12, 23, 24, 99, 105];

impl Shortage {
    /// Notes an error if it is this machine's own.
    pub fn note(&self, error: &io::Error) {
        if error.raw_os_error().is_some_and(|number| SHORT_OF.contains(&number)) {
            self.add(format!(
                "no connection could be made: {error}; raise ulimit -n, or end something"
            ));
        }
    }

    /// Notes what this machine ran short of. Later notes are dropped: the first one says enough.
    pub fn add(&self, what: String) {
        // Fails if there is a note already.
        let _ = self.0.set(what);
    }

    /// Returns the first note.
    pub fn first(&self) -> Option<&String> {
        self.0.get()
    }
}
