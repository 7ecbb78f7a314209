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

/// Words that stand for such structures, in the languages that students use. One that
/// ends with `*` goes on, one that begins with it is the end of a longer name.
const FORBIDDEN: [&str; 33] = [
    "pop",
    "pop_back",
    "pop_front",
    "popleft",
    "popitem",
    "shift()",
    "poll()",
    "remove(0)",
    "*Queue*",
    "queue.*",
    "deque",
    "*fetch_add*",
    "__sync_*",
    "fetch_update",
    "compare_exchange*",
    "AtomicInteger*",
    "AtomicLong*",
    "AtomicU*",
    "AtomicI*",
    "std::atomic*",
    "atomic<*",
    "atomic_*",
    "_Atomic",
    "sync/atomic",
    "Interlocked*",
    "mpsc",
    "channel",
    "chan *",
    "itertools*",
    "multiprocessing*",
    "getAndIncrement",
    "incrementAndGet",
    "CopyOnWriteArrayList",
];

/// The longest file that is read, in bytes.
const LONGEST: u64 = 4 << 20;

/// Columns of a line that are shown.
const LONGEST_TEXT: usize = 80;

/// Findings and files, at most.
const MAX_FINDINGS: usize = 200;
const MAX_FILES: usize = 10_000;

/// One line that holds such words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which file.
    pub file: String,
    /// Which line, from 1.
    pub line: usize,
    /// The words.
    pub words: Vec<&'static str>,
    /// The line itself, shortened.
    pub text: String,
}

/// What a look through the source brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Looked {
    /// Up to a bound.
    pub findings: Vec<Finding>,
    /// Findings over the bound, which are not listed.
    pub more: usize,
    /// Files that are no text, are too long, cannot be read, or were too many.
    pub skipped: Vec<String>,
}

/// Looks through a file, or every file below a directory but for hidden ones and links.
///
/// # Errors
/// When `path` itself cannot be read.
pub fn look(path: &Path) -> io::Result<Looked> {
    let mut looked = Looked::default();
    if !fs::metadata(path)?.is_dir() {
        fs::File::open(path)?;
        looked.read(path);
        return Ok(looked);
    }
    let mut left = vec![path.to_path_buf()];
    let mut files = 0;
    while let Some(place) = left.pop() {
        let entries = match fs::read_dir(&place) {
            Err(error) if place == path => return Err(error),
            Err(_) => {
                looked.skip(&place);
                continue;
            }
            Ok(entries) => entries,
        };
        let mut entries: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
        entries.sort();
        for entry in entries.into_iter().filter(|entry| !is_hidden(entry)) {
            match fs::symlink_metadata(&entry) {
                Ok(about) if about.is_dir() => left.push(entry),
                Ok(about) if about.is_file() && files < MAX_FILES => {
                    files += 1;
                    looked.read(&entry);
                }
                _ => looked.skip(&entry),
            }
        }
    }
    Ok(looked)
}

/// A student's text shall not command the terminal or forge a line of the report.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

impl Looked {
    fn skip(&mut self, path: &Path) {
        self.skipped.push(printable(&path.display().to_string()));
    }

    fn read(&mut self, path: &Path) {
        let mut bytes = Vec::new();
        let read = fs::File::open(path)
            .and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes))
            .is_ok();
        if !read || bytes.len() as u64 > LONGEST || bytes.contains(&0) {
            return self.skip(path);
        }
        for (at, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
            let text = String::from_utf8_lossy(line);
            let words: Vec<&str> =
                FORBIDDEN.into_iter().filter(|word| holds(&text, word)).collect();
            if words.is_empty() {
                continue;
            }
            if self.findings.len() >= MAX_FINDINGS {
                self.more += 1;
                continue;
            }
            let text = printable(text.trim()).chars().take(LONGEST_TEXT).collect();
            let file = printable(&path.display().to_string());
            self.findings.push(Finding { file, line: at + 1, words, text });
        }
    }
}

/// Whether the word stands there, and not within a longer name (`popular`, `stopping`).
fn holds(text: &str, word: &str) -> bool {
    let is_name = |letter: Option<char>| letter.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let (open_start, open_end) = (word.starts_with('*'), word.ends_with('*'));
    let word = word.trim_matches('*');
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        let ends = open_end || !is_name(after) || word.ends_with(')');
        (open_start || !is_name(before)) && ends
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_within_longer_names_are_others() {
        for (text, word) in [
            ("x = numbers.pop()", "pop"),
            ("from queue import LifoQueue", "*Queue*"),
            ("import queue.SimpleQueue", "queue.*"),
            ("counter.fetch_add(1, Relaxed)", "*fetch_add*"),
            ("static AtomicInteger next;", "AtomicInteger*"),
            ("use std::sync::atomic::AtomicUsize;", "AtomicU*"),
            ("c := make(chan int)", "chan *"),
            ("std::atomic<int> counter", "std::atomic*"),
            ("__sync_fetch_and_add(&counter, 1)", "__sync_*"),
            ("numbers.remove(0)", "remove(0)"),
            ("InterlockedIncrement(&counter)", "Interlocked*"),
        ] {
            assert!(holds(text, word), "{text}: {word}");
        }
        for (text, word) in [
            ("popular = 1", "pop"),
            ("stop_population()", "pop"),
            ("merchant x", "chan *"),
            ("changed", "chan *"),
            ("queued.x", "queue.*"),
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
        let shown: Vec<_> =
            found.findings.iter().map(|f| (f.line, f.words.clone(), f.text.as_str())).collect();
        let both = vec!["*Queue*", "queue.*"];
        let expected = [(2, vec!["pop"], "x = box.pop()"), (2, both, "q = queue.Queue()")];
        assert_eq!(shown, expected);
        assert_eq!(found.skipped, [place.join("sub/c.bin").display().to_string()]);
        assert_eq!(look(&place.join("a.py")).unwrap().findings.len(), 1);
        fs::write(place.join("a.py"), "x.pop()\rnot ok 9\x1b[2J").unwrap();
        assert_eq!(look(&place.join("a.py")).unwrap().findings[0].text, "x.pop()?not ok 9?[2J");
        fs::write(place.join("a.py"), "pop\n".repeat(MAX_FINDINGS + 7)).unwrap();
        assert_eq!(look(&place.join("a.py")).unwrap().more, 7);
        assert!(look(&place.join("none")).is_err());
        fs::remove_dir_all(place).unwrap();
    }
}
