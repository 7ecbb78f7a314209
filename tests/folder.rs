//! `grade --folder`: each submission is built, started, graded and ended, whatever it does.

mod support;

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

use support::folders::{OTHER_LANGUAGES, Submissions, is_there, names};
use support::students::with_status;
use support::{shown, wait_for};

#[test]
fn right_servers_in_seven_languages_are_guessed_and_graded() {
    let submissions = Submissions::new();
    let right = OTHER_LANGUAGES.into_iter().filter(|(.., check)| check.is_none());
    for (file, _, kind, _) in right.filter(|(_, tool, ..)| is_there(tool)) {
        submissions.add_loot(&format!("{file} {kind}"), file, kind);
    }
    submissions.add_python("in python", "correct.py --shape lines");
    let (stdout, stderr, code) = shown(&submissions.grade(&[]));
    let rows = submissions.rows();
    assert_eq!(rows.len(), names(&submissions.folder).len());
    for (name, row) in rows {
        assert_eq!((&*row["score"], &*row["verdict"]), ("100", "right"), "{name}: {stdout}");
        assert!(stderr.contains(&format!("{name}: {}", row["started by"])), "{stderr}");
    }
    assert_eq!(code, Some(0));
}

#[test]
fn wrong_servers_in_other_languages_lose_the_check_of_their_fault() {
    let submissions = Submissions::new();
    let wrong = OTHER_LANGUAGES.into_iter().filter(|(.., check)| check.is_some());
    for (file, _, kind, _) in wrong.filter(|(_, tool, ..)| is_there(tool)) {
        submissions.add_loot(&format!("{file} {kind}"), file, kind);
    }
    let (stdout, ..) = shown(&submissions.grade(&[]));
    for (file, _, kind, check) in OTHER_LANGUAGES {
        let name = format!("{file} {kind}");
        let (Some(row), Some(check)) = (submissions.rows().remove(&name), check) else { continue };
        assert_eq!(row["verdict"], "wrong", "{name}: {stdout}");
        let report = submissions.report(&name, "json");
        assert_eq!(with_status(&report, "failed"), [check], "{name}: {report}");
        assert_eq!(row[check], "0", "{name}");
    }
}

#[test]
fn submissions_that_are_hard_to_start_to_watch_or_to_end_lose_nothing() {
    let submissions = Submissions::new();
    let tricks = [
        "forks",
        "ignores_sigterm",
        "binds_8888",
        "prints_100_mb",
        "needs_3_seconds",
        "deletes_its_folder",
        "kills_its_parent",
        "reads_its_list",
    ];
    for trick in tricks {
        submissions.add_python(trick, &format!("tricks.py --trick {trick}"));
    }
    let count: u32 = support::students::NUMBERS.parse().unwrap();
    // 7 has no common factor with the length, so each number comes once.
    let list: Vec<String> = (0..count).map(|at| (at * 7919 % count + 1).to_string()).collect();
    let list = list.join("\n");
    submissions.add("reads_its_list", "list.txt", &list);
    let (stdout, _, code) = shown(&submissions.grade(&["--chaos", "off"]));
    for trick in tricks {
        let report = submissions.report(trick, "json");
        // Its list is no random one.
        let expected: &[&str] = if trick == "reads_its_list" { &["random"] } else { &[] };
        assert_eq!(with_status(&report, "failed"), expected, "{trick}: {stdout}");
        let printed = submissions.report(trick, "log").len();
        let prints = if trick == "prints_100_mb" { 1 << 20 } else { 0 };
        assert!((prints..=1 << 20).contains(&printed), "{trick}: {printed}");
        let files = names(&submissions.folder.join(trick));
        assert!(files.contains(&"tricks.py".to_string()), "{trick}: {files:?}");
    }
    assert_eq!(code, Some(0));
    let left = support::processes_of("tricks.py --trick");
    assert_eq!(left, [""; 0]);
}

#[test]
fn a_submission_is_ended_by_its_limits_and_told_which() {
    let submissions = Submissions::new();
    for trick in ["uses_much_memory", "has_many_processes", "writes_a_long_file"] {
        submissions.add_python(trick, &format!("tricks.py --trick {trick}"));
    }
    let limits =
        ["--limit-memory", "200MiB", "--limit-processes", "20", "--limit-file-size", "1MiB"];
    submissions.grade(&[&["--chaos", "off"], &limits[..]].concat());
    for (trick, why) in [
        ("uses_much_memory", "--limit-memory is 200 MiB"),
        ("has_many_processes", "processes, --limit-processes is 20"),
        ("writes_a_long_file", "File too large"),
    ] {
        let report = submissions.report(trick, "txt");
        assert!(report.contains(why), "{trick}: {report}");
    }
}

#[test]
fn in_a_sandbox_a_submission_writes_into_its_own_copy_alone() {
    let submissions = Submissions::new();
    submissions.add_python("writes_beside", "tricks.py --trick writes_beside");
    submissions.add_python("right", "correct.py --shape lines");
    let has_go = is_there("go");
    if has_go {
        // Its compiler wants a folder for its cache.
        submissions.add_loot("in go", "loot.go", "right");
    }
    let in_home =
        |more: &[&str]| submissions.command(more).env("HOME", &submissions.home).output().unwrap();
    let (_, stderr, code) = shown(&in_home(&["--chaos", "off", "--sandbox"]));
    if code == Some(2) {
        // Where bwrap is missing, or may not be used, that is said, and nothing is graded.
        assert!(stderr.starts_with("leasebox: --sandbox: bwrap "), "{stderr}");
        eprintln!("skipped: {stderr}");
    } else {
        assert!(!names(&submissions.home).contains(&"leasebox-was-here".to_string()));
        assert!(submissions.report("right", "txt").contains("sandbox: bwrap"));
        for (name, _) in [("right", true), ("in go", has_go)].into_iter().filter(|(_, is)| *is) {
            assert_eq!(submissions.rows()[name]["score"], "100", "{name}: {stderr}");
        }
    }
    let _ = fs::remove_dir_all(submissions.folder.join("in go"));
    let without = in_home(&["--chaos", "off"]);
    assert_eq!(without.status.code(), Some(0));
    assert!(names(&submissions.home).contains(&"leasebox-was-here".to_string()));
}

#[test]
fn a_grading_that_is_killed_goes_on_where_it_was() {
    let submissions = Submissions::new();
    // The path in the command tells the test which processes are its own.
    let list = submissions.home.join("list");
    for name in ["a", "b"] {
        let words = format!("correct.py --shape lines --list {}", list.display());
        submissions.add_python(name, &words);
    }
    let table = submissions.home.join("grades/grades.csv");
    let mut killed = submissions.command(&["--chaos", "off"]);
    let mut killed = killed.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for("the first row", || table.exists());
    let place = submissions.home.to_str().unwrap();
    wait_for("the second submission", || !names(&submissions.home.join("temporary")).is_empty());
    killed.kill().unwrap();
    killed.wait().unwrap();
    let temporary = submissions.home.join("temporary");
    wait_for("the end of all that was started", || {
        support::processes_of(place).is_empty() && names(&temporary).is_empty()
    });
    let before = submissions.rows();
    assert_eq!(before.len(), 1);
    let (_, stderr, code) = shown(&submissions.grade(&["--chaos", "off"]));
    assert_eq!(submissions.rows()["a"], before["a"], "graded once");
    assert!(!stderr.contains("a: python3"), "{stderr}");
    assert_eq!((submissions.rows().len(), code), (2, Some(0)));
}

#[test]
fn a_score_that_fell_although_the_files_are_the_same_is_named() {
    let submissions = Submissions::new();
    // A name that a spreadsheet would run, if it were no text.
    submissions.add_python("=1+2, \"ä\"", "correct.py --shape lines");
    assert_eq!(submissions.grade(&["--chaos", "off"]).status.code(), Some(0));
    let table = submissions.home.join("grades/grades.csv");
    let previous = submissions.home.join("previous.csv");
    fs::rename(&table, &previous).unwrap();
    let weights = submissions.home.join("weights.txt");
    fs::write(&weights, "# the list\nlinearizable 30\nunique 0\n").unwrap();
    let previous = previous.to_str().unwrap();
    let (_, stderr, code) = shown(&submissions.grade(&["--previous", "nowhere.csv"]));
    assert!(code == Some(2) && stderr.contains("give another --previous"), "{stderr}");
    let more = ["--chaos", "off", "--previous", previous, "--clients", "3"];
    let (stdout, _, code) = shown(&submissions.grade(&more));
    assert!(!stdout.contains("fell"), "{stdout}");
    assert_eq!(code, Some(0));
    // The same files, and a limit that they cannot keep.
    let more = [&more[..], &["--limit-memory", "1MiB"]].concat();
    let (stdout, _, code) = shown(&submissions.grade(&more));
    assert!(stdout.contains("=1+2, \"ä\" fell from 100 to 0, although"), "{stdout}");
    assert_eq!(code, Some(1));
}

#[test]
fn what_cannot_be_graded_is_told_apart_from_what_is_wrong() {
    let submissions = Submissions::new();
    submissions.add("no program", "README.md", "hello");
    submissions.add("ends", "server.py", "import sys; sys.exit('no module loot')");
    submissions.add("does not build", "run.txt", "false\n./server\n");
    submissions.add("lacks its own file", "run.txt", "./server {port}\n");
    submissions.add("lacks a tool", "run.txt", "leasebox-has-no-such-tool\n./server\n");
    submissions.add("lacks a tool at its start", "run.txt", "leasebox-has-no-such-tool {port}\n");
    if !is_there("go") {
        submissions.add("in go", "main.go", "net.Listen");
    }
    let (stdout, _, code) = shown(&submissions.grade(&[]));
    let rows = submissions.rows();
    for (name, verdict, why) in [
        ("no program", "not started", "it has no run.txt, and no file in "),
        ("ends", "not started", "ended with exit 1 before it listened: no module loot"),
        ("does not build", "not started", "false ended with exit 1"),
        ("lacks its own file", "not started", "ended with exit 127 before it listened"),
        ("lacks a tool", "not graded", "leasebox-has-no-such-tool was not found on this machine"),
        ("lacks a tool at its start", "not graded", "-tool was not found on this machine"),
        ("in go", "not graded", "go was not found; install it, and grade again"),
    ] {
        let Some(row) = rows.get(name) else { continue };
        assert_eq!(row["verdict"], verdict, "{name}: {stdout}");
        assert!(row["why"].contains(why), "{name}: {stdout}");
    }
    assert_eq!(code, Some(2));
}

#[test]
fn submissions_of_any_name_have_a_row_and_a_page() {
    let submissions = Submissions::new();
    for name in ["a\nb", "<b>", "-rf", "=1+1", "'=x", "\u{1b}[31m", &"n".repeat(250)] {
        submissions.add(name, "README.md", "no program");
    }
    let raw = std::ffi::OsStr::from_bytes(b"nul\xff");
    fs::create_dir(submissions.folder.join(raw)).unwrap();
    std::os::unix::fs::symlink("nowhere", submissions.folder.join("dangling")).unwrap();
    let (stdout, stderr, _) = shown(&submissions.grade(&[]));
    assert!(!stdout.contains('\u{1b}'), "{stdout:?}");
    assert!(stderr.contains("dangling is no file and no folder"), "{stderr}");
    assert_eq!(submissions.rows().len(), 8, "{stdout}");
    let index = fs::read_to_string(submissions.home.join("grades/index.html")).unwrap();
    let links = index.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    for link in links {
        let mut bytes = Vec::new();
        let mut rest = link.bytes();
        while let Some(byte) = rest.next() {
            let mut digit = || char::from(rest.next().unwrap()).to_digit(16).unwrap() as u8;
            bytes.push(if byte == b'%' { 16 * digit() + digit() } else { byte });
        }
        let file = submissions.home.join("grades").join(std::ffi::OsStr::from_bytes(&bytes));
        assert!(file.is_file(), "{link}");
    }
}

#[test]
fn a_folder_that_is_empty_or_no_table_is_refused() {
    let submissions = Submissions::new();
    let (_, stderr, code) = shown(&submissions.grade(&[]));
    assert!(stderr.contains("is empty; each file or folder in it is a submission"), "{stderr}");
    assert_eq!(code, Some(2));
    submissions.add("a", "server.py", "");
    fs::create_dir_all(submissions.home.join("grades")).unwrap();
    fs::write(submissions.home.join("grades/grades.csv"), "name,score\nali,100\n").unwrap();
    let (_, stderr, code) = shown(&submissions.grade(&[]));
    assert!(stderr.contains("is no grades.csv of this version"), "{stderr}");
    assert_eq!(code, Some(2));
    let weights = submissions.add("a", "weights.txt", "unique much").join("weights.txt");
    let more = ["--weights", weights.to_str().unwrap()];
    fs::remove_file(submissions.home.join("grades/grades.csv")).unwrap();
    let (_, stderr, code) = shown(&submissions.grade(&more));
    assert!(stderr.contains("has a line that is no check and its points"), "{stderr}");
    assert_eq!(code, Some(2));
}
