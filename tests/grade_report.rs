//! The grader's report: its files, its formats as their consumers read them, its exit codes.

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::{BINARY, Running, leasebox, scratch, shown, wait_for};

const NUMBERS: &str = "5000";

/// Grades a fresh leasebox; answers what stands in the file, and the exit code.
fn graded(format: &str, server: &[&str]) -> (String, Option<i32>) {
    let server = Running::start(&[&["--numbers", NUMBERS, "--seed", "7"], server].concat());
    let port = server.address.port().to_string();
    let out = scratch("report");
    let name = out.to_str().unwrap();
    let arguments = ["grade", "127.0.0.1", &port, "--numbers", NUMBERS, "--format", format];
    let (stdout, stderr, code) = shown(&leasebox(&[&arguments[..], &["--out", name]].concat()));
    assert_eq!(stderr, "");
    assert!(stdout.contains("\nscore "), "the text stands on standard output: {stdout}");
    let text = std::fs::read_to_string(&out).unwrap();
    std::fs::remove_file(out).unwrap();
    (text, code)
}

const BROKEN: [&str; 3] = ["--no-lock", "--race-window", "100us"];

/// Runs a Python check with the text on its standard input.
fn python(script: &str, text: &str) {
    let mut child =
        Command::new("python3").args(["-c", script]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{text}");
}

#[test]
fn gradescope_reads_its_results() {
    let script = "
import json, sys
results = json.load(sys.stdin)
assert set(results) == {'score', 'output', 'tests'}, results
assert 0 < results['score'] < 100
assert len(results['tests']) == 11
for test in results['tests']:
    assert set(test) == {'name', 'score', 'max_score', 'status', 'output'}, test
    assert 0 <= test['score'] <= test['max_score'] and test['status'] in ('passed', 'failed')
earned = sum(test['score'] for test in results['tests'])
possible = sum(test['max_score'] for test in results['tests'])
assert abs(results['score'] - 100 * earned / possible) < 0.02
unique = [test for test in results['tests'] if 'twice' in test['name']][0]
assert unique['score'] == 0 and 'input: ' in unique['output'], unique
";
    let (text, code) = graded("gradescope", &BROKEN);
    python(script, &text);
    assert_eq!(code, Some(1));
}

#[test]
fn ci_servers_read_the_junit_file() {
    let script = "
import sys, xml.etree.ElementTree as tree
suites = tree.parse(sys.stdin).getroot()
suite = suites.find('testsuite')
cases = suite.findall('testcase')
assert suites.tag == 'testsuites' and len(cases) == int(suite.get('tests')) == 11
failed = [case for case in cases if case.find('failure') is not None]
assert len(failed) == int(suite.get('failures')) > 0
assert len([case for case in cases if case.find('skipped') is not None]) == int(suite.get('skipped')) == 2
for case in cases:
    assert case.get('name') and case.get('classname') and float(case.get('time')) >= 0
assert 'input: ' in [case for case in failed if 'twice' in case.get('name')][0].find('failure').text
";
    python(script, &graded("junit", &BROKEN).0);
}

#[test]
fn scripts_read_the_json() {
    let script = "
import json, sys
report = json.load(sys.stdin)
assert report['score'] == report['max_score'] == 100, report
assert {test['status'] for test in report['tests']} == {'passed', 'undecidable'}
";
    let (text, code) = graded("json", &[]);
    python(script, &text);
    assert_eq!(code, Some(0));
}

#[test]
fn a_tap_harness_reads_the_tap() {
    if Command::new("prove").arg("--version").output().is_err() {
        eprintln!("skipped: prove, of Perl, is not installed");
        return;
    }
    for (server, verdict) in [(&[][..], "Result: PASS"), (&BROKEN[..], "Result: FAIL")] {
        let (text, _) = graded("tap", server);
        let file = scratch("tap");
        std::fs::write(&file, &text).unwrap();
        let output = Command::new("prove").args(["--exec", "cat"]).arg(&file).output().unwrap();
        let (stdout, _, _) = shown(&output);
        assert!(stdout.contains(verdict) && stdout.contains("Tests=11"), "{stdout}{text}");
        assert!(!stdout.contains("Parse errors"), "{stdout}{text}");
        std::fs::remove_file(file).unwrap();
    }
}

#[test]
fn the_report_alone_is_on_standard_output() {
    let server = Running::start(&["--numbers", NUMBERS]);
    let port = server.address.port().to_string();
    let output = leasebox(&["grade", "127.0.0.1", &port, "--numbers", NUMBERS, "--format", "tap"]);
    let (stdout, stderr, code) = shown(&output);
    assert!(stdout.starts_with("TAP version 13\n"), "{stdout}");
    assert_eq!((stderr.as_str(), code), ("", Some(0)));
}

/// A server that accepts and never says a word; the report is watched meanwhile.
fn grading_of_a_mute(listener: &TcpListener, out: &Path) -> std::process::Child {
    let port = listener.local_addr().unwrap().port().to_string();
    let mut command = Command::new(BINARY);
    command.args(["grade", "127.0.0.1", &port, "--format", "gradescope", "--out"]).arg(out);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn files_beside(out: &Path) -> Vec<PathBuf> {
    let name = out.file_name().unwrap().to_str().unwrap();
    let all = std::fs::read_dir(out.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    all.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(name)).collect()
}

#[test]
fn a_grading_that_is_killed_leaves_a_file_with_a_score_of_0() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let out = scratch("killed.json");
    // What stood there before is no mark of this server.
    std::fs::write(&out, "{\"score\": 100}").unwrap();
    let mut before = std::fs::File::open(&out).unwrap();
    let mut child = grading_of_a_mute(&listener, &out);
    let read = || std::fs::read_to_string(&out).unwrap();
    wait_for("the first report", || read().contains("\"tests\""));
    assert!(read().starts_with("{\n  \"score\": 0,\n"), "{}", read());
    let mut old = String::new();
    before.read_to_string(&mut old).unwrap();
    assert_eq!(old, "{\"score\": 100}", "a new file in its place: nobody reads half a report");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(read().starts_with("{\n  \"score\": 0,\n"), "{}", read());
    for file in files_beside(&out) {
        std::fs::remove_file(file).unwrap();
    }
}

#[test]
fn a_server_that_never_answers_is_exit_2_and_a_score_of_0() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let out = scratch("mute.json");
    let mut child = grading_of_a_mute(&listener, &out);
    assert_eq!(child.wait().unwrap().code(), Some(2));
    let text = std::fs::read_to_string(&out).unwrap();
    assert!(text.contains("\"score\": 0,") && text.contains("no draw was answered"), "{text}");
    assert_eq!(files_beside(&out), [out.as_path()], "no draft is left");
    std::fs::remove_file(&out).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    drop(listener);
    let (_, stderr, code) = shown(&leasebox(&["grade", "127.0.0.1", &port]));
    assert_eq!(code, Some(2));
    assert!(stderr.contains("no draw was ever answered"), "{stderr}");
}

#[test]
fn what_is_no_plain_file_is_written_to_and_not_replaced() {
    let (link, pipe) = (scratch("link"), scratch("pipe"));
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // Held open for both, so that nobody waits for the other end.
    let held = std::fs::File::options().read(true).write(true).open(&pipe).unwrap();
    std::os::unix::fs::symlink(&pipe, &link).unwrap();
    let arguments = ["grade", "127.0.0.1", "1", "--out", link.to_str().unwrap()];
    assert_eq!(leasebox(&arguments).status.code(), Some(2));
    assert!(std::fs::metadata(&pipe).unwrap().file_type().is_fifo(), "still a pipe");
    drop(held);
    std::fs::remove_file(&link).unwrap();
    std::fs::remove_file(&pipe).unwrap();
    let file = scratch("linked");
    std::fs::write(&file, "old").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    assert_eq!(leasebox(&arguments).status.code(), Some(2));
    assert!(std::fs::read_link(&link).is_ok(), "the link is still one");
    assert!(std::fs::read_to_string(&file).unwrap().contains("score 0 of 100"));
    std::fs::remove_file(link).unwrap();
    std::fs::remove_file(file).unwrap();
}

#[test]
fn a_wrong_argument_leaves_no_old_marks_behind() {
    let out = scratch("old.json");
    std::fs::write(&out, "{\"score\": 100}").unwrap();
    let name = out.to_str().unwrap();
    let arguments = ["grade", "127.0.0.1", "1", "--timeout", "1s", "--out", name];
    assert_eq!(leasebox(&arguments).status.code(), Some(2));
    assert!(std::fs::read_to_string(&out).unwrap().contains("score 0 of 100"));
    std::fs::remove_file(out).unwrap();
}

#[test]
fn what_cannot_be_graded_is_one_line_with_the_cure() {
    let cases: [(&[&str], &str); 6] = [
        (&["no.such.host.invalid", "4120"], "unknown"),
        (&["127.0.0.1", "1", "--out", "/no/such/place/results.json"], "--out a place"),
        (&["127.0.0.1", "1", "--timeout", "1s"], "5s or more"),
        (&["127.0.0.1", "1", "--order", "/no/such/list"], "the server's list"),
        (&["127.0.0.1", "1", "--order", "/dev/null"], "the whole list"),
        (&["127.0.0.1", "1", "--source", "/no/such/place"], "the server's files"),
    ];
    for (arguments, part) in cases {
        let (stdout, stderr, code) = shown(&leasebox(&[&["grade"], arguments].concat()));
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains(part) && stderr.lines().count() == 1, "{arguments:?}: {stderr}");
    }
}

#[test]
fn what_the_homework_forbids_is_listed_and_changes_no_score() {
    let server = Running::start(&["--numbers", NUMBERS]);
    let port = server.address.port().to_string();
    let source = scratch("server.py");
    std::fs::write(&source, "import queue\nbox = queue.Queue()\nnumber = numbers.pop()\n").unwrap();
    let name = source.to_str().unwrap();
    let output = leasebox(&["grade", "127.0.0.1", &port, "--numbers", NUMBERS, "--source", name]);
    let (stdout, _, code) = shown(&output);
    assert!(
        stdout.contains(&format!("{name}:2: Queue queue.    box = queue.Queue()\n")),
        "{stdout}"
    );
    assert!(stdout.contains(&format!("{name}:3: pop    number = numbers.pop()\n")), "{stdout}");
    assert!(stdout.ends_with("\nscore 100 of 100\n"), "{stdout}");
    assert_eq!(code, Some(0));
    std::fs::remove_file(source).unwrap();
}
