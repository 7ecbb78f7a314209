//! The long runs of the grader, `./run.sh soak`: each server of the classroom many times, and how
//! often the grader was right about it. `LEASEBOX_ROUNDS` is how often; without it 20 times, and
//! once on one core.

mod support;

use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use support::folders::{OTHER_LANGUAGES, Submissions, is_there};
use support::students::{
    CLASS_FAULTS, FAULTS, NUMBERS, SAYINGS, SHAPES, Student, four_at_once, grade, with_status,
};
use support::{Running, scratch};

/// A server of the classroom.
struct Known {
    name: String,
    /// The checks that it loses: the first one in any case, the others perhaps.
    checks: Vec<&'static str>,
    /// Starts it, grades it, and returns the report in JSON.
    grade: Box<dyn Fn() -> String + Send + Sync>,
}

impl Known {
    fn new(
        name: impl Into<String>,
        checks: &[&'static str],
        grade: impl Fn() -> String + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), checks: checks.to_vec(), grade: Box::new(grade) }
    }

    /// A server in Python, started with these words.
    fn python(script: &'static str, words: [&'static str; 2], checks: &[&'static str]) -> Self {
        Self::new(format!("{script} {}", words[1]), checks, move || {
            let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
            Student::start(script, &words).grade(&["--format", "json"]).0
        })
    }

    /// A server that tells its list, so that its order is judged too.
    fn with_list(script: &'static str, shape: &'static str, checks: &[&'static str]) -> Self {
        Self::new(format!("{script} {shape}"), checks, move || {
            let list = scratch("list");
            let file = list.to_str().unwrap();
            let mut words = vec!["--list", file];
            if !shape.is_empty() {
                words.extend(["--shape", shape]);
            }
            let student = Student::start(script, &words);
            let (report, _) = student.grade(&["--format", "json", "--order", file]);
            std::fs::remove_file(list).unwrap();
            report
        })
    }

    /// leasebox itself.
    fn leasebox(lock: &'static str) -> Self {
        Self::new(format!("leasebox --lock {lock}"), &[], move || {
            let server = Running::start(&["--numbers", NUMBERS, "--seed", "7", "--lock", lock]);
            let port = server.address.port().to_string();
            grade(&port, &["--seed", "7", "--format", "json"]).0
        })
    }

    /// A submission in a folder, which is built, started with chaos, and graded.
    fn submission(
        name: impl Into<String>,
        checks: &[&'static str],
        add: impl Fn(&Submissions) + Send + Sync + 'static,
    ) -> Self {
        Self::new(name, checks, move || {
            let submissions = Submissions::new();
            add(&submissions);
            submissions.grade(&["--timeout", "60s"]);
            submissions.report("it", "json")
        })
    }

    /// Grades it once.
    fn outcome(&self) -> Outcome {
        let Ok(report) = catch_unwind(std::panic::AssertUnwindSafe(&self.grade)) else {
            return Outcome::Wrong("it was not graded, see above".into());
        };
        let failed = with_status(&report, "failed");
        let is_its_fault = |check: &&str| self.checks.contains(check);
        let is_found = self.checks.first().is_none_or(|first| failed.contains(first));
        let is_full = report.lines().any(|line| line == "  \"score\": 100,");
        let is_open = !with_status(&report, "not-shown").is_empty()
            || with_status(&report, "undecidable").contains(&"unique");
        match failed.iter().all(is_its_fault) {
            true if is_found && is_full == self.checks.is_empty() => Outcome::Right,
            true if is_open => Outcome::NotShown(report),
            _ => Outcome::Wrong(report),
        }
    }
}

/// What a grading was worth.
enum Outcome {
    /// A right server lost nothing, or a wrong one lost the check of its fault and no other.
    Right,
    /// Nothing false was said, but the report leaves open whether it is right.
    NotShown(String),
    /// A right server lost points, a wrong one got them all, or lost another check.
    Wrong(String),
}

/// All servers, right and wrong.
fn classroom() -> Vec<Known> {
    let mut all = vec![Known::leasebox("request"), Known::leasebox("number")];
    all.push(Known::with_list("not_linearizable.py", "", &["linearizable"]));
    all.extend(SHAPES.map(|shape| Known::with_list("correct.py", shape, &[])));
    all.extend(SAYINGS.map(|saying| Known::python("dialects.py", ["--say", saying], &[])));
    all.extend(FAULTS.map(|(script, checks)| Known::python(script, ["", ""], checks)));
    let faulty = |(fault, checks)| Known::python("faults.py", ["--fault", fault], checks);
    all.extend(CLASS_FAULTS.map(faulty));
    let loot = OTHER_LANGUAGES.into_iter().filter(|(_, tool, ..)| is_there(tool));
    all.extend(loot.map(|(file, _, kind, check)| {
        let add = move |submissions: &Submissions| submissions.add_loot("it", file, kind);
        Known::submission(format!("{file} {kind}"), &Vec::from_iter(check), add)
    }));
    for engine in ["threading", "socketserver", "executor", "processes", "asyncio", "selectors"] {
        for (lock, check) in [("yes", None), ("no", Some("unique"))] {
            // One thread without tasks needs no lock.
            let check = check.filter(|_| engine != "selectors");
            let words = format!("engines.py --engine {engine} --lock {lock}");
            let name = words.clone();
            let add = move |submissions: &Submissions| submissions.add_python("it", &words);
            all.push(Known::submission(name, &Vec::from_iter(check), add));
        }
    }
    all
}

fn rounds(default: usize) -> usize {
    std::env::var("LEASEBOX_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Grades all of them `rounds` times, and prints each report that was not right. Returns how many
/// were right, not shown and wrong.
fn grade_all(rounds: usize) -> [usize; 3] {
    let all = classroom();
    let counts: Mutex<BTreeMap<&str, [usize; 3]>> = Mutex::default();
    let known = (1..=rounds).flat_map(|round| all.iter().map(move |known| (round, known)));
    four_at_once(known, |(round, known)| {
        let (place, said) = match known.outcome() {
            Outcome::Right => (0, None),
            Outcome::NotShown(report) => (1, Some(("not shown", report))),
            Outcome::Wrong(report) => (2, Some(("WRONG", report))),
        };
        if let Some((word, report)) = said {
            println!("round {round}, {}: {word}\n{report}", known.name);
        }
        counts.lock().unwrap().entry(&known.name).or_default()[place] += 1;
        if all.last().is_some_and(|last| last.name == known.name) {
            println!("round {round} of {rounds}: {} servers", all.len());
        }
    });
    let counts = counts.into_inner().unwrap();
    for (name, [right, not_shown, wrong]) in counts.iter().filter(|(_, c)| c[1] + c[2] > 0) {
        println!("{name}: {right} right, {not_shown} not shown, {wrong} wrong");
    }
    let sum = |place: usize| counts.values().map(|count| count[place]).sum();
    [sum(0), sum(1), sum(2)]
}

#[test]
#[ignore = "long: ./run.sh soak"]
fn the_grader_is_right_about_every_server_20_times_in_a_row() {
    let [right, not_shown, wrong] = grade_all(rounds(20));
    println!("{right} verdicts right, {not_shown} not shown, {wrong} wrong");
    assert_eq!((not_shown, wrong), (0, 0));
}

/// Lets this process, all its threads and their children, run on these cores alone.
fn pin(cores: &str) {
    let process = std::process::id().to_string();
    let mut taskset = Command::new("taskset");
    let output = taskset.args(["-a", "-p", "-c", cores, &process]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// On one core with a second load, a race may stay unseen. Then the report must say so.
#[test]
#[ignore = "long: ./run.sh soak"]
fn the_grader_is_never_wrong_on_one_core_with_a_load_beside_it() {
    if !is_there("taskset") {
        return;
    }
    let cores = thread::available_parallelism().unwrap().get();
    let is_over = AtomicBool::new(false);
    pin("0");
    let [right, not_shown, wrong] = thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        let counts = grade_all(rounds(1));
        is_over.store(true, Ordering::Relaxed);
        counts
    });
    pin(&format!("0-{}", cores - 1));
    println!("one core: {right} verdicts right, {not_shown} not shown, {wrong} wrong");
    assert_eq!(wrong, 0);
}
