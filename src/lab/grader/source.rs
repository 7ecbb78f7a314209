//! What the homework forbids, looked for in a server's source.
//!
//! ```text
//!   server.py:12: queue.     import queue.SimpleQueue as Box
//! ```
//!
//! Structures that are safe for threads by themselves would draw without a lock of the
//! student's own. Every use is listed for a person to judge: a `pop` of another list is
//! fine, and a word in a comment is none.
//!
//! **Invariants** reads only; follows no link; every file and the list have a bound.
//!
//! **Lock** none. **Source** `loot-box.txt`, specification 3.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Words that stand for such structures, in the languages that students use.
const FORBIDDEN: [&str; 22] = [
    "pop",
    "shift()",
    "Queue",
    "queue.",
    "deque",
    "fetch_add",
    "fetch_update",
    "compare_exchange",
    "AtomicInteger",
    "AtomicLong",
    "AtomicU",
    "AtomicI",
    "std::atomic",
    "atomic<",
    "_Atomic",
    "sync/atomic",
    "Interlocked",
    "mpsc",
    "channel",
    "chan ",
    "itertools.count",
    "CopyOnWriteArrayList",
];

/// The longest file that is read, in bytes.
const LONGEST: u64 = 4 << 20;

/// Findings and files, at most.
const MOST_FINDINGS: usize = 200;
const MOST_FILES: usize = 10_000;

/// One line that holds such a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which file.
    pub file: String,
    /// Which line, from 1.
    pub line: usize,
    /// The word.
    pub word: &'static str,
    /// The line itself, shortened.
    pub text: String,
}

/// Looks through a file, or every file below a directory.
///
/// # Errors
/// When `path` itself cannot be read.
pub fn look(path: &Path) -> io::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut left = vec![path.to_path_buf()];
    let mut files = 0;
    if !fs::metadata(path)?.is_dir() {
        read(path, &mut findings)?;
        return Ok(findings);
    }
    while let Some(place) = left.pop() {
        let mut entries: Vec<PathBuf> = match fs::read_dir(&place) {
            Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).collect(),
            Err(error) if place == path => return Err(error),
            Err(_) => continue,
        };
        entries.sort();
        for entry in entries {
            let is_hidden =
                entry.file_name().is_some_and(|n| n.as_encoded_bytes().starts_with(b"."));
            match fs::symlink_metadata(&entry) {
                Ok(about) if about.is_dir() && !is_hidden => left.push(entry),
                Ok(about) if about.is_file() && files < MOST_FILES => {
                    files += 1;
                    // One that cannot be read is not the student's to hide behind: it is named.
                    if let Err(error) = read(&entry, &mut findings) {
                        findings.push(unreadable(&entry, &error));
                    }
                }
                _ => {}
            }
            if findings.len() >= MOST_FINDINGS {
                return Ok(findings);
            }
        }
    }
    Ok(findings)
}

fn unreadable(path: &Path, error: &io::Error) -> Finding {
    let file = path.display().to_string();
    Finding { file, line: 0, word: "unreadable", text: error.to_string() }
}

fn read(path: &Path, findings: &mut Vec<Finding>) -> io::Result<()> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(LONGEST).read_to_end(&mut bytes)?;
    if bytes.contains(&0) {
        // No source text.
        return Ok(());
    }
    for (at, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        let text = String::from_utf8_lossy(line);
        let Some(word) = FORBIDDEN.into_iter().find(|word| holds(&text, word)) else { continue };
        if findings.len() >= MOST_FINDINGS {
            return Ok(());
        }
        let text = text.trim().chars().take(80).collect();
        findings.push(Finding { file: path.display().to_string(), line: at + 1, word, text });
    }
    Ok(())
}

/// Whether the word stands there and not within a longer name (`popular`, `stopping`).
fn holds(text: &str, word: &str) -> bool {
    let is_name = |letter: Option<char>| letter.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        // Words of a whole family, and those with a sign of their own, may go on.
        let open_end = word.ends_with(['.', '<', ')', ' ', 'U', 'I']);
        let open_start = word == "Queue" || word == "fetch_add";
        (open_start || !is_name(before)) && (open_end || !is_name(after) || word == "Queue")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_within_longer_names_are_others() {
        for (text, word) in [
            ("x = numbers.pop()", "pop"),
            ("from queue import LifoQueue", "Queue"),
            ("import queue.SimpleQueue", "queue."),
            ("counter.fetch_add(1, Relaxed)", "fetch_add"),
            ("static AtomicInteger next;", "AtomicInteger"),
            ("use std::sync::atomic::AtomicUsize;", "AtomicU"),
            ("c := make(chan int)", "chan "),
            ("std::atomic<int> counter", "std::atomic"),
        ] {
            assert!(holds(text, word), "{text}: {word}");
        }
        for (text, word) in [
            ("popular = 1", "pop"),
            ("stop_population()", "pop"),
            ("merchant x", "chan "),
            ("changed", "chan "),
            ("queued.x", "queue."),
            ("channels_open", "channel"),
        ] {
            assert!(!holds(text, word), "{text}: {word}");
        }
    }

    #[test]
    fn every_use_is_listed_with_file_and_line() {
        let place = std::env::temp_dir().join(format!("leasebox-source-{}", std::process::id()));
        fs::create_dir_all(place.join("sub")).unwrap();
        fs::write(place.join("a.py"), "import os\nx = box.pop()\n").unwrap();
        fs::write(place.join("sub/b.py"), "import queue\nq = queue.Queue()\n").unwrap();
        fs::write(place.join("sub/c.bin"), b"pop\0pop\n").unwrap();
        let found = look(&place).unwrap();
        let shown: Vec<_> = found.iter().map(|f| (f.line, f.word, f.text.as_str())).collect();
        assert_eq!(shown, [(2, "pop", "x = box.pop()"), (2, "Queue", "q = queue.Queue()")]);
        assert_eq!(look(&place.join("a.py")).unwrap().len(), 1);
        assert!(look(&place.join("none")).is_err());
        fs::remove_dir_all(place).unwrap();
    }
}
