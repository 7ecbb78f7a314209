//! The log of a server: lines that a thread of their own writes to standard error.
//!
//! ```text
//!   client-1 ─┐
//!   client-2 ─┼─► queue of 1024 lines ──► the `log` thread, each 5 ms ──► standard error
//!   accept ───┘   full: the line is dropped and counted
//! ```
//!
//! Standard error may be a pipe whose reader has stopped reading. When 64 KiB are in the pipe, a
//! write to it waits. The wrong way is to write where the line is made: every client's thread that
//! has something to log then waits too, and so does the stop.
//!
//! **Invariants**
//!
//! 1. No thread that logs waits for standard error. (The message of a panic is std's own, and may
//!    wait.)
//! 2. A line of the log that was dropped is counted. The count stands before the next line that is
//!    written, so before older ones that were in the queue.
//! 3. At the end the queue has 100 ms to be written.
//!
//! **Lock** none of ours: the channel has one inside.
//!
//! **Simplified** the first lines are kept and the later ones dropped, which is simpler than the
//! other way round.
//!
//! **Source** pipe(7), for the capacity of a pipe.

use std::io::{self, Write};
use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

/// The most lines that wait to be written. A line has some 100 bytes.
const QUEUE: usize = 1024;

/// The longest wait at the end.
const END: Duration = Duration::from_millis(100);

/// The rest of the `log` thread after each piece that it has written.
const REST: Duration = Duration::from_millis(5);

/// The time between two tries to put something into a full queue.
const TRY_AGAIN: Duration = Duration::from_millis(2);

/// What the `log` thread gets.
enum LogEntry {
    /// A line with its end.
    Line(Vec<u8>),
    /// All lines before this one are written when the answer comes.
    Written(SyncSender<()>),
}

/// The end of the queue that a logger writes into.
struct LogQueue {
    entries: SyncSender<LogEntry>,
    /// The lines that were dropped since the last one that was written. Relaxed: no other data
    /// depends on it.
    dropped: Arc<AtomicU64>,
}

/// The log of a server. When this is dropped, what waits is written, if standard error takes it.
pub(super) struct Log {
    /// `None` if there is no thread: then each line is written where it is made.
    entries: Option<SyncSender<LogEntry>>,
}

impl Log {
    /// Starts the log, on standard error or standard output. `level` is that of `RUST_LOG` if the
    /// environment has none. Call it once: a process has one logger.
    pub(super) fn start<W: Write + 'static>(level: &str, output: fn() -> W) -> Self {
        let log = env_logger::Env::default().default_filter_or(level);
        let mut logger = env_logger::Builder::from_env(log);
        let (entries, queue) = sync_channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let counted = dropped.clone();
        let thread = Builder::new().name("log".into()).spawn(move || {
            write_all(&queue, &counted, output(), REST);
        });
        // Without a thread this program will say so elsewhere.
        let entries = thread.is_ok().then_some(entries);
        if let Some(entries) = entries.clone() {
            logger.target(env_logger::Target::Pipe(Box::new(LogQueue { entries, dropped })));
        }
        logger.init();
        Self { entries }
    }

    /// Writes lines that are no entry of the log, as one piece.
    pub(super) fn say(&self, lines: String) {
        match &self.entries {
            Some(entries) => drop(entries.try_send(LogEntry::Line(lines.into_bytes()))),
            None => drop(io::stderr().write_all(lines.as_bytes())),
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let Some(entries) = &self.entries else { return };
        let deadline = Instant::now() + END;
        let (written, done) = sync_channel(1);
        // The queue may be full, and its reader only slow.
        while entries.try_send(LogEntry::Written(written.clone())).is_err() {
            if Instant::now() >= deadline {
                return;
            }
            std::thread::sleep(TRY_AGAIN);
        }
        let _ = done.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    }
}

impl Write for LogQueue {
    /// Takes a whole line: the logger writes each with one call.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.entries.try_send(LogEntry::Line(line.to_vec())).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes what comes out of the queue until its last sender is gone, and rests for `rest` after each
/// piece, so that lines gather. An error is ignored: there is no other place to report it.
///
/// While this thread rests, a thread that logs need not wake it up. Each client leaves two lines;
/// with a wake-up and a write for each of them, a connection for one request cost 40 % more.
fn write_all(queue: &Receiver<LogEntry>, dropped: &AtomicU64, mut out: impl Write, rest: Duration) {
    let mut piece = Vec::new();
    while let Ok(first) = queue.recv() {
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let text = format!("{lost} lines of the log were dropped: nobody read them in time\n");
            piece.extend_from_slice(text.as_bytes());
        }
        for entry in iter::once(first).chain(queue.try_iter().take(QUEUE)) {
            match entry {
                LogEntry::Line(line) => piece.extend_from_slice(&line),
                LogEntry::Written(done) => {
                    let _ = out.write_all(&piece);
                    piece.clear();
                    let _ = done.try_send(());
                }
            }
        }
        let _ = out.write_all(&piece);
        piece.clear();
        std::thread::sleep(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_dropped_and_counted_and_nobody_waits() {
        let (entries, queue) = sync_channel(2);
        let dropped = Arc::new(AtomicU64::new(0));
        let mut log = LogQueue { entries, dropped: dropped.clone() };
        for line in ["one\n", "two\n", "three\n", "four\n"] {
            assert_eq!(log.write(line.as_bytes()).unwrap(), line.len());
        }
        drop(log);
        let mut out = Vec::new();
        write_all(&queue, &dropped, &mut out, Duration::ZERO);
        let text = String::from_utf8(out).unwrap();
        let lost = "2 lines of the log were dropped: nobody read them in time\n";
        assert_eq!(text, format!("{lost}one\ntwo\n"));
    }
}
