//! Finds the commands that build and start a submission: those of its `run.txt`, or a guess by its
//! files.
//!
//! ```text
//!   run.txt            each line is a command; the last one starts the server
//!     make
//!     ./server {port}
//! ```
//!
//! | files | built by | started by |
//! | --- | --- | --- |
//! | `.py` | | `python3 FILE {port}` |
//! | `.c`, `.cpp`, `.cc` | `cc` or `c++ -O2 -pthread` | `./leasebox-server {port}` |
//! | `.java` | `javac -d classes` with all of them | `java -cp classes CLASS {port}` |
//! | `.js` | | `node FILE {port}` |
//! | `.rs` | `rustc -O`, or `cargo build --release` beside a `Cargo.toml` | the program |
//! | `.go` | `go build` | `./leasebox-server {port}` |
//!
//! A submission often has a client beside its server, and sometimes the course's client in another
//! language. So the guess takes the file that looks most like a server. First comes a file that
//! listens, or that imports a file that listens; then a file that no other file imports; then a
//! file with `server` in its name, or `main`.
//!
//! **Invariants** A guess reads at most [`MOST_READ`] bytes of a file, and no file outside the
//! submission: it follows no link.
//!
//! **Lock** none. **Simplified** A server that wants more words than a port needs a `run.txt`.
//!
//! **Source** the manuals of the compilers named above.

mod manifest;

use std::cmp::Reverse;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The most bytes of a file that a guess reads.
const MOST_READ: u64 = 1 << 20;

/// The most bytes of a `run.txt`.
const LONGEST_RUN: u64 = 8192;

/// The deepest folder that is searched, and the most files that are found.
const DEEPEST: usize = 5;
const MOST_FILES: usize = 2000;

/// Folders with files that no student wrote.
const FOREIGN: [&str; 7] =
    ["node_modules", "target", "__pycache__", "__MACOSX", "build", "venv", "site-packages"];

/// The endings of the languages that are guessed.
const LANGUAGES: [&str; 8] = ["py", "c", "cpp", "cc", "java", "js", "rs", "go"];

/// Texts that stand in a program that listens, in all these languages.
const LISTENS: [&str; 9] = [
    "listen(",
    "ServerSocket",
    "createServer",
    "TcpListener",
    "socketserver",
    "start_server",
    "create_server",
    "net.Listen",
    "tcp::acceptor",
];

/// The name of a program that is built here.
const PROGRAM: &str = "leasebox-server";

/// The commands that build and start a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recipe {
    /// The folder of the submission in which the commands run.
    pub(super) folder: PathBuf,
    /// The commands that build it, in this order.
    pub(super) build: Vec<String>,
    /// The command that starts it, with `{port}` for the port.
    pub(super) start: String,
    /// The compiler or interpreter that a guess needs; `None` for the commands of a person.
    pub(super) tool: Option<&'static str>,
}

impl Recipe {
    /// Returns the recipe for the command of `--start`. It builds nothing.
    pub(super) fn of_command(start: &str) -> Self {
        Self { folder: PathBuf::new(), build: Vec::new(), start: start.into(), tool: None }
    }

    /// Checks that the tool of a guess is on the `PATH`.
    ///
    /// # Errors
    /// Fails with one line that names it.
    pub(super) fn check_tool(&self) -> Result<(), String> {
        let is_there = |tool: &str| {
            let path = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&path).any(|folder| folder.join(tool).is_file())
        };
        match self.tool.filter(|tool| !is_there(tool)) {
            Some(tool) => Err(format!("{tool} was not found; install it, and grade again")),
            None => Ok(()),
        }
    }

    /// Returns all commands on one line.
    pub(super) fn line(&self) -> String {
        let commands = self.build.iter().chain([&self.start]).cloned().collect::<Vec<_>>();
        commands.join(" && ")
    }

    /// Reads the `run.txt` of a submission, or guesses. `submission` is a folder, or one file.
    ///
    /// # Errors
    /// Fails with one line if there is neither a command nor a file of a known language.
    pub(super) fn of(submission: &Path) -> Result<Self, String> {
        let top = &only_folder_of(submission);
        let run = top.join("run.txt");
        if is_plain(&run, fs::FileType::is_file) {
            let (build, start) = commands(&run)?;
            return Ok(Self { folder: relative(top, submission), build, start, tool: None });
        }
        let mut files = Vec::new();
        if !submission.is_file() {
            find(top, 0, &mut files);
        } else if LANGUAGES.contains(&extension(submission)) {
            files.push(submission.to_path_buf());
        }
        // `Reverse` takes the first by name among files with equal likeness, so that each
        // machine guesses the same. The compiler gets the files in this order too.
        files.sort();
        let looked: Vec<SourceFile> = files.iter().map(|file| SourceFile::at(file)).collect();
        let server = looked.iter().max_by_key(|look| (look.likeness(&looked), Reverse(look.file)));
        let server = server.map(|look| look.file);
        let server =
            server.ok_or("it has no run.txt, and no file in .py .c .cpp .java .js .rs .go")?;
        let parent = server.parent().unwrap_or(top);
        // Java compiles files of several folders together, so these commands run at the top. The
        // commands of other languages run beside the server's file.
        let is_java = extension(server) == "java";
        let top = if is_java && submission.is_dir() { top } else { parent };
        let base = if submission.is_file() { parent } else { submission };
        Ok(Guess { base, top, server, files: &files }.recipe())
    }
}

/// A guess: `server` is one of `files`, `top` the folder in which the commands run, and `base` the
/// folder of the submission: no file above it is read.
struct Guess<'g> {
    base: &'g Path,
    top: &'g Path,
    server: &'g Path,
    files: &'g [PathBuf],
}

impl Guess<'_> {
    /// Returns the recipe in the server's language.
    fn recipe(&self) -> Recipe {
        let file = quoted(&relative(self.server, self.top));
        let program = format!("./{PROGRAM} {{port}}");
        let (tool, build, start) = match extension(self.server) {
            "py" => ("python3", vec![], format!("python3 {file} {{port}}")),
            "js" => ("node", vec![], format!("node {file} {{port}}")),
            "c" => {
                let build = format!("cc -O2 -pthread -o {PROGRAM} {} -lm", self.parts());
                ("cc", vec![build], program)
            }
            "java" => {
                let class = class_of(self.server);
                let build = format!("javac -d classes {}", self.parts());
                ("javac", vec![build], format!("java -cp classes {class} {{port}}"))
            }
            "rs" => self.rust(&file),
            "go" => ("go", vec![format!("go build -o {PROGRAM} {}", self.parts())], program),
            // `.cpp` and `.cc`
            _ => {
                let build = format!("c++ -O2 -std=c++17 -pthread -o {PROGRAM} {}", self.parts());
                ("c++", vec![build], program)
            }
        };
        Recipe { folder: relative(self.top, self.base), build, start, tool: Some(tool) }
    }

    /// Returns the names of the server's file and of the files of its language that belong to it,
    /// as words for the shell: all files in Java. In C, C++ and Go a file in another folder is left
    /// out. So is a file with a `main` of its own: it is another program, such as a client.
    fn parts(&self) -> String {
        let language = extension(self.server);
        let is_near = |file: &PathBuf| file.parent() == self.server.parent();
        let is_part = |file: &&PathBuf| {
            let belongs =
                |text: String| language == "java" || is_near(file) && !has_main(&text, language);
            *file == self.server || extension(file) == language && read(file).is_ok_and(belongs)
        };
        let parts = self.files.iter().filter(is_part);
        parts.map(|file| quoted(&relative(file, self.top))).collect::<Vec<_>>().join(" ")
    }

    /// Returns the tool, the commands that build, and the command that starts a server in Rust.
    /// With a `Cargo.toml` beside the file, or above `src`, it uses `cargo`, and the manifest has
    /// the name of the program ([`manifest`]). Otherwise it uses `rustc`.
    fn rust(&self, file: &str) -> (&'static str, Vec<String>, String) {
        let has_above = self.top.ends_with("src") && self.top != self.base;
        let above = self.top.parent().filter(|_| has_above);
        let package = [Some(self.top), above].into_iter().flatten().find_map(|folder| {
            let path = folder.join("Cargo.toml");
            let text = read(&path).ok()?;
            let server = self.server.file_name()?.to_string_lossy();
            let name = manifest::program(&text, &server)?;
            Some((name, quoted(&relative(&path, self.top))))
        });
        match package {
            Some((name, manifest)) => {
                let build = "cargo build --release --target-dir leasebox-target --manifest-path";
                let program = Path::new("leasebox-target/release").join(name);
                let start = format!("{} {{port}}", quoted(&program));
                ("cargo", vec![format!("{build} {manifest}")], start)
            }
            None => {
                let build = format!("rustc -O --edition 2021 -o {PROGRAM} {file}");
                ("rustc", vec![build], format!("./{PROGRAM} {{port}}"))
            }
        }
    }
}

/// Reads the commands of a `run.txt`: those that build, and the last one, which starts.
fn commands(run: &Path) -> Result<(Vec<String>, String), String> {
    let mut bytes = Vec::new();
    let opened =
        File::open(run).and_then(|file| file.take(LONGEST_RUN + 1).read_to_end(&mut bytes));
    opened.map_err(|error| format!("its run.txt cannot be read ({error})"))?;
    if bytes.len() as u64 > LONGEST_RUN {
        return Err(format!("its run.txt has more than {LONGEST_RUN} bytes"));
    }
    let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
    let text = text.ok_or("its run.txt is no text in UTF-8; save it as UTF-8")?;
    // Some editors on Windows put the mark U+FEFF before a text in UTF-8.
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut build: Vec<String> = lines.map(str::to_string).collect();
    let start = build.pop().ok_or("its run.txt is empty; its last line must start it")?;
    Ok((build, start))
}

/// The facts about a file by which a guess finds the server. The file is read once for all
/// comparisons.
struct SourceFile<'f> {
    file: &'f Path,
    listens: bool,
    /// All words of the lines that import other files, in Python or JavaScript.
    imports: HashSet<String>,
}

impl<'f> SourceFile<'f> {
    fn at(file: &'f Path) -> Self {
        let text = read(file).unwrap_or_default();
        let is_import = |line: &&str| {
            line.starts_with("import ") || line.starts_with("from ") || line.contains("require(")
        };
        let is_letter = |letter: char| letter.is_alphanumeric() || letter == '_';
        let imports = text.lines().map(str::trim).filter(is_import);
        let words = imports.flat_map(|line| line.split(|letter| !is_letter(letter)));
        let listens = LISTENS.iter().any(|word| text.contains(word));
        Self { file, listens, imports: words.map(str::to_string).collect() }
    }

    /// Returns how much the file looks like a server. The values are compared in this order:
    /// whether it listens or imports a file that listens; whether no other file imports it; whether
    /// its name has `server`, or `main`.
    fn likeness(&self, all: &[SourceFile<'_>]) -> (bool, bool, bool, bool) {
        let name = stem(self.file).to_ascii_lowercase();
        let of_language = |other: &&SourceFile<'_>| {
            other.file != self.file && extension(other.file) == extension(self.file)
        };
        let others = || all.iter().filter(of_language);
        let takes_in = |other: &SourceFile<'_>| self.imports.contains(&stem(other.file));
        let serves = self.listens || others().any(|other| other.listens && takes_in(other));
        let own = stem(self.file);
        let is_part = others().any(|other| other.imports.contains(&own));
        (serves, !is_part, name.contains("server"), name.contains("main"))
    }
}

fn stem(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Returns whether the text of a file in C, C++ or Go has the function `main`.
fn has_main(text: &str, language: &str) -> bool {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let heads: &[&str] =
        if language == "go" { &["func main("] } else { &["int main", "void main"] };
    heads.iter().any(|head| words.contains(head))
}

/// Returns the name of a file's class, with its package.
fn class_of(file: &Path) -> String {
    let (stem, text) = (stem(file), read(file).unwrap_or_default());
    let package =
        text.lines().find_map(|line| line.trim().strip_prefix("package ")?.strip_suffix(';'));
    match package {
        Some(package) => format!("{}.{stem}", package.trim()),
        None => stem,
    }
}

/// Returns the highest folder that holds something else than a single folder. An archive often has
/// a single folder, with everything in it.
fn only_folder_of(submission: &Path) -> PathBuf {
    let mut top = submission.to_path_buf();
    for _ in 0..DEEPEST {
        match &entries(&top)[..] {
            [only] if is_plain(only, fs::FileType::is_dir) => top.clone_from(only),
            _ => break,
        }
    }
    top
}

/// Returns the files and folders in a folder, without hidden ones and those of [`FOREIGN`].
fn entries(folder: &Path) -> Vec<PathBuf> {
    let is_own = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        !name.starts_with('.') && !FOREIGN.contains(&&*name)
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(is_own).collect()
}

/// Returns whether a path is of this type, without following a link.
fn is_plain(path: &Path, is: fn(&fs::FileType) -> bool) -> bool {
    fs::symlink_metadata(path).is_ok_and(|about| is(&about.file_type()))
}

/// Adds to `files` the files of a known language in a folder, and in the folders below it.
fn find(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    for path in entries(folder) {
        if files.len() >= MOST_FILES {
            return;
        }
        if is_plain(&path, fs::FileType::is_dir) {
            // A virtual environment of Python has this file, whatever its name is.
            if depth < DEEPEST && !path.join("pyvenv.cfg").exists() {
                find(&path, depth + 1, files);
            }
        } else if is_plain(&path, fs::FileType::is_file) && LANGUAGES.contains(&extension(&path)) {
            files.push(path);
        }
    }
}

fn extension(file: &Path) -> &str {
    file.extension().and_then(|extension| extension.to_str()).unwrap_or_default()
}

/// Reads the beginning of a file as text. Fails for anything but a plain file: the read of a pipe
/// could wait for ever.
fn read(file: &Path) -> std::io::Result<String> {
    if !is_plain(file, fs::FileType::is_file) {
        return Err(std::io::ErrorKind::NotFound.into());
    }
    let mut bytes = Vec::new();
    File::open(file)?.take(MOST_READ).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Returns a path relative to a folder. The path is below the folder, or below the folder's parent.
fn relative(path: &Path, folder: &Path) -> PathBuf {
    match (path.strip_prefix(folder), folder.parent().map(|parent| path.strip_prefix(parent))) {
        (Ok(below), _) => below.to_path_buf(),
        (Err(_), Some(Ok(beside))) => Path::new("..").join(beside),
        _ => path.to_path_buf(),
    }
}

/// Returns a path as one word for the shell. A path that begins with a dash gets `./` before it,
/// because a tool would take it for an option. A command here is UTF-8 text, so for a name that is
/// no UTF-8 the word calls `printf`, which makes the bytes from their octal numbers.
fn quoted(path: &Path) -> String {
    let Some(text) = path.to_str() else {
        let bytes = path.as_os_str().as_encoded_bytes().iter();
        let bytes: String = bytes.map(|byte| format!("\\{byte:03o}")).collect();
        // 055 is the dash.
        let folder = if bytes.starts_with("\\055") { "./" } else { "" };
        return format!("\"{folder}$(printf '{bytes}')\"");
    };
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "./_-".contains(letter);
    let text = if text.starts_with('-') { format!("./{text}") } else { text.to_string() };
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
#[path = "recipe_tests.rs"]
mod tests;
