//! Folders of submissions, and their grades.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::students::NUMBERS;
use super::{BINARY, scratch};

const SERVERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/broken_servers/");

/// Servers in other languages: the file, the tool that it needs, its KIND, and the check that it loses
/// if it has a fault.
pub const OTHER_LANGUAGES: [(&str, &str, &str, Option<&str>); 17] = [
    ("loot.c", "cc", "right", None),
    ("loot.c", "cc", "no_lock", Some("unique")),
    ("loot.c", "cc", "early", Some("unique")),
    ("loot.c", "cc", "last_lost", Some("permutation")),
    ("loot.cpp", "c++", "right", None),
    ("loot.rs", "rustc", "right", None),
    ("loot.go", "go", "right", None),
    ("loot.go", "go", "no_lock", Some("unique")),
    ("Loot.java", "javac", "synchronized", None),
    ("Loot.java", "javac", "pool", None),
    ("Loot.java", "javac", "no_lock", Some("unique")),
    ("Loot.java", "javac", "a_lock_each", Some("unique")),
    ("Loot.java", "javac", "choice", Some("unique")),
    ("loot.js", "node", "json", None),
    ("loot.js", "node", "awaits", Some("unique")),
    ("loot.js", "node", "choice", Some("unique")),
    ("loot.js", "node", "dies", Some("bad-input")),
];

/// A folder of submissions, and a place for what is made of it; both are removed at the end.
pub struct Submissions {
    /// Everything of this test.
    pub home: PathBuf,
    /// What is graded.
    pub folder: PathBuf,
}

impl Submissions {
    pub fn new() -> Self {
        let home = scratch("folder");
        let folder = home.join("handed in");
        fs::create_dir_all(&folder).unwrap();
        fs::create_dir(home.join("temporary")).unwrap();
        Self { home, folder }
    }

    /// Adds a file to a submission.
    pub fn add(&self, submission: &str, file: &str, text: &str) -> PathBuf {
        let folder = self.folder.join(submission);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(file), text).unwrap();
        folder
    }

    /// Adds a server in another language, with its one KIND; how it is started is guessed.
    pub fn add_loot(&self, submission: &str, file: &str, kind: &str) {
        let text = fs::read_to_string(format!("{SERVERS}{file}")).unwrap();
        let text = text.replace("100_000", NUMBERS).replace("100000", NUMBERS);
        let first = ["#define KIND \"right\"", "KIND = \"right\"", "KIND = \"synchronized\""];
        let text = first.iter().fold(text, |text, known| {
            let word = known.split('"').nth(1).unwrap();
            text.replace(known, &known.replace(word, kind))
        });
        self.add(submission, file, &text);
    }

    /// Adds one of the servers in Python, which `run.txt` starts with these words.
    pub fn add_python(&self, submission: &str, words: &str) {
        let script = words.split(' ').next().unwrap();
        for file in ["base.py", script] {
            let text = fs::read_to_string(format!("{SERVERS}{file}")).unwrap();
            self.add(submission, file, &text);
        }
        self.add(submission, "run.txt", &format!("python3 {words} --numbers {NUMBERS}\n"));
    }

    /// The command that grades them all.
    pub fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.args(["grade", "--folder", self.folder.to_str().unwrap()]);
        // Other tests run beside this one.
        command.args(["--numbers", NUMBERS, "--repeat", "1", "--least-cores", "0"]);
        // Without a fault no submission needs more than that; the soak gives each the default.
        if !more.contains(&"--timeout") {
            command.args(["--timeout", "30s"]);
        }
        command.args(["--out", self.home.join("grades").to_str().unwrap()]).args(more);
        command.env("TMPDIR", self.home.join("temporary"));
        command
    }

    /// Grades them all, and checks that nothing is left in the folder for temporary files.
    pub fn grade(&self, more: &[&str]) -> Output {
        let output = self.command(more).output().unwrap();
        assert_eq!(names(&self.home.join("temporary")), [""; 0]);
        output
    }

    /// The table, as Python's `csv` reads it: for each submission its cells by column.
    pub fn rows(&self) -> HashMap<String, HashMap<String, String>> {
        let script = "import csv, sys\n\
                      for row in csv.DictReader(open(sys.argv[1], newline='', encoding='utf-8')):\n\
                      \x20   print('\\x1e'.join(k + '\\x1f' + v for k, v in row.items()), end='\\x1d')";
        let table = self.home.join("grades/grades.csv");
        let read = Command::new("python3").args(["-c", script]).arg(table).output().unwrap();
        let text = String::from_utf8(read.stdout).unwrap();
        let rows = text.split('\x1d').filter(|row| !row.is_empty()).map(|row| {
            let cell = |cell: &str| {
                let (column, value) = cell.split_once('\x1f').unwrap();
                (column.to_string(), value.to_string())
            };
            let cells: HashMap<String, String> = row.split('\x1e').map(cell).collect();
            (cells["submission"].clone(), cells)
        });
        rows.collect()
    }

    /// A report of a submission.
    pub fn report(&self, submission: &str, ending: &str) -> String {
        let file = self.home.join(format!("grades/reports/{submission}.{ending}"));
        fs::read_to_string(file).unwrap()
    }
}

impl Drop for Submissions {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.home);
    }
}

/// What stands in a folder.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

/// Whether a program is installed; if not, that is said.
pub fn is_there(program: &str) -> bool {
    let is_there = Command::new(program).arg("--version").output().is_ok();
    if !is_there {
        eprintln!("skipped: {program} is not installed");
    }
    is_there
}
