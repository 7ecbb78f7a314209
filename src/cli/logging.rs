//! The log of a server: lines that a thread of their own writes to standard error.
//!
//! ```text
//!   client-1 ─┐
//!   client-2 ─┼─► queue of 1024 lines ──► the `log` thread, each 20 ms ──► standard error
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
//! **Lock** the lock of [`LogPiece`], which only the `log` thread takes. The channel has a lock
//! inside.
//!
//! **Simplified** the first lines are kept and the later ones dropped, which is simpler than the
//! other way round.
//!
//! **Source** pipe(7), for the capacity of a pipe.

use std::io::{self, Write};
use std::iter;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::Builder;
use std::time::{Duration, Instant};

use env_logger::{Builder as LoggerBuilder, Env, Logger, Target};
use log::{Level, Log as Logs, Metadata, Record};

use crate::common::lock::lock;

/// The most lines that wait to be written. A line has some 100 bytes.
const QUEUE: usize = 1024;

/// The longest time that the drop of the log waits until the queue is written.
const END: Duration = Duration::from_millis(100);

/// The time that the `log` thread sleeps after each piece that it has written.
const REST: Duration = Duration::from_millis(20);

/// The time between two tries to put something into a full queue.
const TRY_AGAIN: Duration = Duration::from_millis(2);

/// An entry of the queue.
enum LogEntry {
    /// A line without its format: its level, the module that logs, its text. The `log` thread
    /// formats it, because there the code and the buffers are in the processor's caches. In a
    /// client's thread that has just started, the format of two lines takes 3 % of the time of a
    /// connection for one request.
    Line(Level, &'static str, String),
    /// Finished lines, each with its line end.
    Lines(String),
    /// A request for an answer. The `log` thread answers when all entries before this one are
    /// written.
    Written(SyncSender<()>),
}

/// The sending side of the queue. The crate `log` passes the records of all threads to it.
struct LogQueue {
    entries: SyncSender<LogEntry>,
    /// Knows from `RUST_LOG` which records are wanted.
    logger: Arc<Logger>,
    /// The number of lines that were dropped and not reported yet. Relaxed: no other data depends
    /// on it.
    dropped: Arc<AtomicU64>,
}

/// The lines that are written next. The logger puts them in, the `log` thread takes them out.
#[derive(Clone, Default)]
struct LogPiece(Arc<Mutex<Vec<u8>>>);

/// The log of a server. Its drop waits until the entries in the queue are written, but not longer
/// than [`END`].
pub(super) struct Log {
    /// `None` if there is no thread: then each line is written where it is made.
    entries: Option<SyncSender<LogEntry>>,
}

impl Log {
    /// Starts the log, on standard error or standard output. `level` counts only if the environment
    /// has no `RUST_LOG`. Call it once: a process has one logger.
    pub(super) fn start<W: Write + 'static>(level: &str, output: fn() -> W) -> Self {
        let mut builder = LoggerBuilder::from_env(Env::default().default_filter_or(level));
        let piece = LogPiece::default();
        let logger = builder.target(Target::Pipe(Box::new(piece.clone()))).build();
        let (most, logger) = (logger.filter(), Arc::new(logger));
        let (entries, queue) = sync_channel(QUEUE);
        let log = LogQueue { entries: entries.clone(), logger, dropped: Arc::default() };
        let (logger, dropped) = (log.logger.clone(), log.dropped.clone());
        let thread = Builder::new().name("log".into()).spawn(move || {
            write_all(&queue, &logger, &piece, &dropped, output(), REST);
        });
        // Without its thread, the log lets each thread write its lines itself, on standard error.
        // The caller makes threads of its own after this, and reports that the system has none.
        if thread.is_err() {
            // A new builder: one builds a logger only once.
            LoggerBuilder::from_env(Env::default().default_filter_or(level)).init();
            return Self { entries: None };
        }
        if log::set_boxed_logger(Box::new(log)).is_ok() {
            log::set_max_level(most);
        }
        Self { entries: Some(entries) }
    }

    /// Writes lines without a time and a level, all together. They appear whatever `RUST_LOG` says.
    /// If the queue is full, these lines are lost and not counted.
    pub(super) fn say(&self, lines: String) {
        match &self.entries {
            Some(entries) => drop(entries.try_send(LogEntry::Lines(lines))),
            None => drop(io::stderr().write_all(lines.as_bytes())),
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let Some(entries) = &self.entries else { return };
        let deadline = Instant::now() + END;
        let (written, done) = sync_channel(1);
        // A full queue may soon have room: the `log` thread may be slow and not stuck.
        while entries.try_send(LogEntry::Written(written.clone())).is_err() {
            if Instant::now() >= deadline {
                return;
            }
            std::thread::sleep(TRY_AGAIN);
        }
        // Without an answer the program ends all the same: the last lines are not worth a longer
        // wait.
        let _ = done.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    }
}

impl Logs for LogQueue {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.logger.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.logger.matches(record) {
            return;
        }
        let module = record.module_path_static().unwrap_or("leasebox");
        let line = LogEntry::Line(record.level(), module, record.args().to_string());
        if self.entries.try_send(line).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Does nothing, because the `log` thread writes by itself.
    fn flush(&self) {}
}

impl Write for LogPiece {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        lock(&self.0).extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl LogPiece {
    /// Writes the lines to `out`. An error is ignored: there is no other place to report it.
    fn write_to(&self, out: &mut impl Write) {
        let mut lines = lock(&self.0);
        let _ = out.write_all(&lines);
        lines.clear();
    }
}

/// Writes the entries of the queue until its last sender is gone. After each piece it sleeps for
/// `rest`, so that lines gather. A line gets the time at which it is formatted.
///
/// While this thread sleeps, a thread that logs need not wake it up. Each client logs two lines.
/// With a wake-up and a write for each of them, a connection for one request took 40 % longer.
fn write_all(
    queue: &Receiver<LogEntry>,
    logger: &Logger,
    piece: &LogPiece,
    dropped: &AtomicU64,
    mut out: impl Write,
    rest: Duration,
) {
    while let Ok(first) = queue.recv() {
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let text = format!("{lost} lines of the log were dropped: nobody read them in time\n");
            lock(&piece.0).extend_from_slice(text.as_bytes());
        }
        // The bound ends the piece although other threads log on and on.
        for entry in iter::once(first).chain(queue.try_iter().take(QUEUE)) {
            match entry {
                LogEntry::Line(level, module, text) => {
                    let mut record = Record::builder();
                    record.level(level).target(module).module_path_static(Some(module));
                    logger.log(&record.args(format_args!("{text}")).build());
                }
                LogEntry::Lines(lines) => lock(&piece.0).extend_from_slice(lines.as_bytes()),
                LogEntry::Written(done) => {
                    piece.write_to(&mut out);
                    // The receiver may have given up at its deadline.
                    let _ = done.try_send(());
                }
            }
        }
        piece.write_to(&mut out);
        std::thread::sleep(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_dropped_and_counted_and_nobody_waits() {
        let piece = LogPiece::default();
        let mut builder = LoggerBuilder::new();
        builder.filter_level(log::LevelFilter::Info).format_timestamp(None);
        let logger = Arc::new(builder.target(Target::Pipe(Box::new(piece.clone()))).build());
        let (entries, queue) = sync_channel(2);
        let log = LogQueue { entries, logger: logger.clone(), dropped: Arc::default() };
        let dropped = log.dropped.clone();
        for text in ["one", "two", "three", "four"] {
            log.log(&Record::builder().level(Level::Info).args(format_args!("{text}")).build());
            log.log(&Record::builder().level(Level::Debug).args(format_args!("no")).build());
        }
        drop(log);
        let mut out = Vec::new();
        write_all(&queue, &logger, &piece, &dropped, &mut out, Duration::ZERO);
        let text = String::from_utf8(out).unwrap();
        let lost = "2 lines of the log were dropped: nobody read them in time\n";
        assert_eq!(text, format!("{lost}[INFO  leasebox] one\n[INFO  leasebox] two\n"));
    }
}
