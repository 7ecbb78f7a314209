//! A search of a server's source for the structures that the homework forbids.
//!
//! ```text
//!   server.py:12: Queue queue.    import queue.SimpleQueue as Box
//!   ▲ file    ▲ line ▲ words      ▲ the line itself
//! ```
//!
//! A structure that is thread-safe by itself would draw without a lock of the student's own, and
//! the lock is the lesson. Such a server passes every test from outside, so only its source shows
//! it.
//!
//! A finding costs no points: the report lists it for a person to judge. The search also finds a
//! `pop` from another list, which is allowed, and words in comments.
//!
//! **Invariants**
//!
//! 1. The search only reads, and follows no link below the directory.
//! 2. The length of a file, the count of files and the count of findings each have a bound. The
//!    report counts the findings over the bound, and the files that were skipped. All entries after
//!    the bound count as one.
//!
//! **Lock** none.
//!
//! **Simplified** It compares words and parses no language. A parser would leave comments and
//! strings out, but would need a grammar for each language.
//!
//! **Source** `loot-box.txt`, specification 3: no `pop` or other thread-safe function of a list.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// The words for structures and operations that need no lock of the student's own, in the languages
/// that students use. A word counts only if it is not a part of a longer name, with one exception:
/// at a `*` the name may go on.
const FORBIDDEN: [&str; 35] = [
    // Functions that take a number out of a list.
    "pop",
    "pop_back",
    "pop_front",
    "popleft",
    "popitem",
    "shift()",
    "poll()",
    "remove(0)",
    // Queues that are thread-safe by themselves. `deque` is Python's; that of C++ has the same
    // name and is found too, although it is not thread-safe.
    "*Queue*",
    "ConcurrentLinkedDeque*",
    "LinkedBlockingDeque*",
    "queue.*",
    "deque",
    // Atomic operations of C, C++, Rust, Java and Go: they count without a lock.
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
    // Channels: one thread sends the numbers, and each number is received once.
    "mpsc",
    "channel",
    "chan *",
    // Python's iterators, which advance without a switch of threads, and shared counters with a
    // lock.
    "itertools*",
    "multiprocessing*",
    // Java's atomic operations, and its list that copies itself for each change.
    "getAndIncrement",
    "incrementAndGet",
    "CopyOnWriteArrayList",
];

/// The words of locks, in small letters; each counts within longer names too, such as `RLock`,
/// `ReentrantLock`, `pthread_mutex_t` and `std::lock_guard`. JavaScript needs none: it has one
/// thread.
const LOCKS: [&str; 6] = ["lock", "mutex", "synchronized", "semaphore", "monitor", "critical"];

/// The longest file that is searched, in bytes. A larger one is data or was generated.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// The longest text of a line in the report, in characters.
const MAX_TEXT: usize = 80;

/// The most findings, and the most files, directories and links that are looked at, so that a
/// library in the directory does not fill the report.
const MAX_FINDINGS: usize = 200;
const MAX_ENTRIES: usize = 10_000;

/// One line of a file that holds forbidden words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub file: String,
    /// The line's number, from 1.
    pub line: usize,
    /// The forbidden words that the line holds.
    pub words: Vec<&'static str>,
    /// The line, shortened.
    pub text: String,
}

/// The result of a search in all files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Looked {
    /// The findings, up to a bound.
    pub findings: Vec<Finding>,
    /// The count of findings over the bound.
    pub more: usize,
    /// Whether a file has one of the words of locks, such as `mutex`.
    pub has_lock: bool,
    /// The files and directories that were not searched: they are unreadable, too long, no text, no
    /// plain files (links, for example), or too many.
    pub skipped: Vec<String>,
}

/// Searches a file, or every file below a directory. Leaves out hidden files and directories below
/// it.
///
/// # Errors
/// Fails if `path` itself cannot be read, and with `InvalidInput` if it is neither a file nor a
/// directory. The search skips each file that it cannot read and returns no error. So a `path` that
/// is a file is opened once before the search, only for the error.
pub fn look(path: &Path) -> io::Result<Looked> {
    let mut looked = Looked::default();
    let about = fs::metadata(path)?;
    if about.is_file() {
        fs::File::open(path)?;
        looked.read(path);
        return Ok(looked);
    }
    // Opening a named pipe would wait for a writer.
    if !about.is_dir() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "neither a file nor a directory"));
    }
    // A queue of our own, and no recursion: a deep directory cannot overflow the thread's stack.
    // The files near the top come first, so a library below them cannot use up the bounds.
    let mut left = VecDeque::from(entries(path)?);
    let mut entries_seen = 0;
    while let Some(entry) = left.pop_front() {
        if entries_seen == MAX_ENTRIES {
            looked.skipped.push(format!("all after the first {MAX_ENTRIES} entries"));
            break;
        }
        entries_seen += 1;
        // `symlink_metadata` describes a link and not its target, so links end in the last arm.
        // Following a link to a directory above would never end.
        match fs::symlink_metadata(&entry) {
            Ok(about) if about.is_dir() => match entries(&entry) {
                Ok(inside) => left.extend(inside),
                Err(_) => looked.skip(&entry),
            },
            Ok(about) if about.is_file() => looked.read(&entry),
            _ => looked.skip(&entry),
        }
    }
    Ok(looked)
}

/// Returns the paths in a directory, without hidden ones. The system lists them in any order;
/// sorting gives two gradings the same report.
fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let paths = fs::read_dir(directory)?.flatten().map(|entry| entry.path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| !is_hidden(path)).collect();
    paths.sort();
    Ok(paths)
}

/// Replaces control characters, so that a student's text cannot steer the terminal or forge a line
/// of the report.
pub fn without_controls(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

/// Returns whether the name begins with a dot, like `.git`.
fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

impl Looked {
    /// Adds a path to those that were skipped.
    fn skip(&mut self, path: &Path) {
        self.skipped.push(without_controls(&path.display().to_string()));
    }

    /// Searches one file and adds its findings. Skips a file with a NUL, because it is no text.
    fn read(&mut self, path: &Path) {
        let mut bytes = Vec::new();
        let read = fs::File::open(path)
            // One byte more than allowed shows that the file is too long, and no more of it is
            // read.
            .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes))
            .is_ok();
        if !read || bytes.len() as u64 > MAX_FILE_BYTES || bytes.contains(&0) {
            return self.skip(path);
        }
        let small = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        // `block` and `clock` are no locks.
        let small = small.replace("block", "").replace("clock", "");
        self.has_lock |= LOCKS.iter().any(|word| small.contains(word));
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
            let text = without_controls(text.trim()).chars().take(MAX_TEXT).collect();
            let file = without_controls(&path.display().to_string());
            self.findings.push(Finding { file, line: at + 1, words, text });
        }
    }
}

/// Returns whether the text holds the word. The word does not count as a part of a longer name
/// (`popular`, `stop_population`), unless it has a `*` at that end. A word that ends with `)` needs
/// no `*`: the name has ended there.
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
    fn a_lock_is_seen_within_a_longer_name_and_a_clock_is_none() {
        let has_lock = |text: &str| {
            let path = std::env::temp_dir().join(format!("leasebox-lock-{}", std::process::id()));
            fs::write(&path, text).unwrap();
            let looked = look(&path).unwrap();
            fs::remove_file(&path).unwrap();
            looked.has_lock
        };
        assert!(has_lock("static pthread_mutex_t guard;"));
        assert!(has_lock("private final ReentrantLock l = new ReentrantLock();"));
        assert!(!has_lock("now = time.clock()  # a code block"));
    }

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
        let device = look(Path::new("/dev/null")).map_err(|error| error.kind());
        assert_eq!(device, Err(ErrorKind::InvalidInput), "it might never end");
        fs::remove_dir_all(place).unwrap();
    }

    #[test]
    fn a_directory_with_too_many_entries_is_left_and_the_file_above_it_is_searched() {
        let place = std::env::temp_dir().join(format!("leasebox-many-{}", std::process::id()));
        let library = place.join("env");
        fs::create_dir_all(&library).unwrap();
        (0..=MAX_ENTRIES)
            .for_each(|at| drop(fs::File::create(library.join(at.to_string())).unwrap()));
        fs::write(place.join("server.py"), "x = box.pop()\n").unwrap();
        let found = look(&place).unwrap();
        assert_eq!(found.skipped, ["all after the first 10000 entries"]);
        assert_eq!(found.findings.len(), 1);
        fs::remove_dir_all(place).unwrap();
    }
}
