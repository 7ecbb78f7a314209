//! Lesson 1, the race: the reader chooses which client does the next step, and sees the lines of
//! `take`, the server's function that draws numbers.
//!
//! ```text
//!   step 1   A loads the index 0    counter 0
//!   step 2   B loads the index 0    counter 0     both will draw list[0], so it comes twice
//! ```
//!
//! A draw takes the numbers of a shuffled list, from the index in the counter on. For each number
//! it loads the counter and stores it, raised; with a lock these two are one step, a take. A
//! schedule is the order of the clients' steps: each move is the letter of the client that steps.
//! Each view runs the explorer ([`crate::lab::explorer`]), and so the server's own draw, from the
//! first step to the last that was chosen.
//!
//! **Invariants** a view shows for each client the numbers that its draw returns.
//!
//! **Lock** none here; the threads and their locks are the explorer's.
//!
//! **Source** `loot-box.txt`: both of its tables are schedules here.

use super::Lesson;
use super::settings::Settings;
use super::view::{flag, list, number, numbers, record, text};
use crate::lab::explorer::{Case, Event, Run, Stage};
use crate::lab::replay::replay;
use crate::lab::schedule::Schedules;
use crate::lab::search::{Bound, SearchWay, explore};
use crate::lab::space_time::{Diagram, explain};
use crate::lab::telling::{LOCKS, how_many, letters, read_drawers, read_letters, read_schedule};
use crate::numbers::locking::Locking;
use crate::numbers::parking::Step;
use crate::protocol::http::value::Value;

/// The lesson.
pub const LESSON: Lesson = Lesson {
    name: "race",
    title: "The race",
    question: "two clients, one counter. How does one number come twice?",
    html: include_str!("pages/race.html"),
    script: include_str!("pages/race.js"),
    settings: &["clients", "lock", "seed", "moves"],
    questions: &[("view", view), ("all", all), ("random", random), ("source", source)],
    between: "",
    runs: &[
        ("The homework's second table", "clients=A:4,B:2&lock=none&moves=AAAAABABAABB"),
        ("The smallest mistake", "clients=A:1,B:1&lock=none&moves=ABAB"),
        ("A lock around the increment alone", "clients=A:4,B:2&lock=increment&moves=AAAABBAAABAB"),
        ("A lock around each number", "clients=A:4,B:2&lock=number&moves=AABAAB"),
        ("A lock around the whole request", "clients=A:4,B:2&lock=request&moves=BA"),
    ],
};

/// The most steps that one search runs, in all its schedules together. They take at most a quarter
/// of a second, even if five clients step by turns.
const MOST_STEPS: u64 = 20_000;

/// The source file that has `take`.
const DRAW: &str = include_str!("../numbers/draw.rs");

/// Reads the case from the settings: the clients, and the lock under which they draw.
fn case(settings: &Settings) -> Result<Case, String> {
    let drawers = read_drawers(settings.text_or("clients", "A:4,B:2"))?;
    let lock = settings.text_or("lock", "none");
    let found = LOCKS.into_iter().find(|(word, _)| *word == lock);
    let (_, (locking, increments)) =
        found.ok_or("lock is none, number, request or increment; give one")?;
    // On this page, reading the list is no step of its own.
    Ok(Case { drawers, locking, reads: false, increments })
}

/// Returns the beginning of a schedule: the client of each letter of `moves`, as its index.
fn begun(case: &Case, schedules: &Schedules, moves: &str) -> Result<Vec<u8>, String> {
    let begun = read_letters(case, moves).filter(|begun| schedules.complete(begun).is_some());
    begun.ok_or_else(|| "moves have a letter of no client, or too many of one; undo".into())
}

/// Answers with the state after the moves: the clients, the counter, the steps, and the numbers
/// that come twice.
fn view(settings: &Settings) -> Result<Value, String> {
    let case = case(settings)?;
    let schedules = case.schedules();
    let moves = begun(&case, &schedules, settings.text("moves"))?;
    let stage = Stage::new(case.clone())?;
    stage.go_on(&moves)?;
    let run = stage.so_far();
    // Two loads of one index decide that a number comes twice. Until both clients have stored, the
    // page says that it will come. `explain` says "came", in two lines; the page shows one line.
    let everybody: Vec<u32> = (0..case.drawers.len()).flat_map(|at| has(&case, &run, at)).collect();
    let has_come = |number| everybody.iter().filter(|had| **had == number).count() > 1;
    let twice = explain(&case, &run).into_iter().map(|twice| {
        let why = twice.why.replace("\n  ", " ");
        let tense = if has_come(twice.number) { "came" } else { "will come" };
        record([
            ("number", number(twice.number)),
            ("steps", numbers(twice.steps.map(|step| step as u64))),
            ("why", text(why.replacen("came", tense, 1))),
        ])
    });
    let counter = run.events.iter().rfind(|e| e.step.changes_counter()).map_or(0, |e| e.stored);
    Ok(record([
        ("clients", list((0..case.drawers.len()).map(|at| client(&case, &run, at)))),
        ("list", numbers(case.list().into_iter().map(u64::from))),
        ("counter", number(counter)),
        ("length", number(schedules.length())),
        ("schedules", text(how_many(schedules.count()))),
        ("steps", list(steps(&case, &run))),
        ("twice", list(twice)),
        ("is_over", flag(moves.len() == schedules.length())),
    ]))
}

/// Returns a client for the page: its name and count, its next step, the index that it has loaded
/// and not stored yet, and the numbers that it has. `at` is its index in the case.
fn client(case: &Case, run: &Run, at: usize) -> Value {
    let drawer = &case.drawers[at];
    let own = || run.events.iter().filter(|event| usize::from(event.client) == at);
    let next = case.next_step(drawer, own().count());
    let loaded =
        own().next_back().filter(|event| event.step == Step::Load).map(|event| event.loaded);
    let has = has(case, run, at);
    record([
        ("name", text(drawer.name)),
        ("count", number(drawer.count)),
        ("next", next.map_or(Value::Null, |step| text(step.word()))),
        ("loaded", loaded.map_or(Value::Null, number)),
        ("has", numbers(has.into_iter().map(u64::from))),
    ])
}

/// Returns the numbers that the client at the index `at` has: a number counts when the client has
/// loaded its index and has then stored the counter.
fn has(case: &Case, run: &Run, at: usize) -> Vec<u32> {
    let list = case.list();
    let own = run.events.iter().filter(|event| usize::from(event.client) == at);
    let taken = own.filter(|event| event.step.changes_counter()).flat_map(Event::indices);
    taken.filter_map(|index| list.get(index as usize).copied()).collect()
}

/// Returns the steps, each as its client, its text, and the counter after it.
fn steps(case: &Case, run: &Run) -> Vec<Value> {
    let mut diagram = Diagram::new(case);
    let step = |event: &Event| {
        // `true` asks for a phrase instead of a short form.
        let (counter, words) = diagram.step(event, true);
        record([
            ("client", number(event.client)),
            ("counter", number(counter)),
            ("words", text(words)),
        ])
    };
    run.events.iter().map(step).collect()
}

/// Answers with counts over all schedules, or over as many as a search may run ([`MOST_STEPS`]),
/// and with the smallest schedule that gives a number twice.
fn all(settings: &Settings) -> Result<Value, String> {
    let case = case(settings)?;
    let most = MOST_STEPS / case.schedules().length().max(1) as u64;
    let bound = Bound { preemptions: None, schedules: most };
    // The page shows no progress, so the function that is told it does nothing.
    let way = SearchWay::FewPreemptionsFirst;
    let findings = explore(&case, &Stage::new(case.clone())?, way, bound, |_| {})?;
    let smallest = findings.smallest.as_ref().map(|one| letters(&case, &one.schedule));
    Ok(record([
        ("tried", number(findings.tried)),
        ("count", text(how_many(findings.count))),
        ("is_all", flag(findings.is_complete)),
        ("racy", number(findings.racy)),
        ("outcomes", number(findings.outcomes)),
        ("most", number(findings.most_duplicates)),
        ("smallest", smallest.map_or(Value::Null, text)),
    ]))
}

/// Answers with the moves, completed by the steps that are left in a random order. Each order is
/// equally likely; the same `seed` gives the same order.
fn random(settings: &Settings) -> Result<Value, String> {
    let case = case(settings)?;
    let schedules = case.schedules();
    let moves = begun(&case, &schedules, settings.text("moves"))?;
    let seed = settings.number_or("seed", 1, 0..=u64::MAX)?;
    let all = schedules.random(&moves, seed);
    Ok(record([("moves", text(letters(&case, &all)))]))
}

/// Answers with the lines of the server's source that draw, and the step that each line does. The
/// call in a line shows its step; most lines do none.
fn source(settings: &Settings) -> Result<Value, String> {
    let case = case(settings)?;
    let mut lines = Vec::new();
    // With a lock, `take_locked` calls `take` while it holds the lock.
    if case.locking != Locking::None {
        lines.extend(function("    fn take_locked("));
    }
    lines.extend(function("pub fn take<"));
    let step_of = |line: &str| match case.locking {
        Locking::None if line.contains("counter.load()") => "load",
        Locking::None if line.contains("counter.store(") => "store",
        Locking::Number | Locking::Request if line.contains("lock(&") => "take",
        _ => "",
    };
    let line = |(at, line): &(usize, &str)| {
        record([("number", number(*at)), ("text", text(*line)), ("step", text(step_of(line)))])
    };
    Ok(record([("file", text("src/numbers/draw.rs")), ("lines", list(lines.iter().map(line)))]))
}

/// Returns the lines of a function of the draw, from its name to its closing brace, with their
/// numbers.
fn function(begins: &str) -> Vec<(usize, &'static str)> {
    let indent = begins.len() - begins.trim_start().len();
    let end = format!("{}}}", " ".repeat(indent));
    let from = DRAW.lines().enumerate().skip_while(|(_, line)| !line.starts_with(begins));
    let mut is_over = false;
    // The line of the closing brace is still taken; the line after it ends the loop.
    let lines = from.take_while(|(_, line)| !std::mem::replace(&mut is_over, *line == end));
    lines.map(|(at, line)| (at + 1, line)).collect()
}

/// Carries the whole schedule out on a lab server, with a connection for each client. Steps that
/// the moves lack follow, client by client.
///
/// # Errors
/// Fails with one line: for a case with a lock, which no lab server has, and as [`replay`] does.
pub fn replayed(settings: &Settings, host: &str, port: u16) -> Result<Value, String> {
    let case = case(settings)?;
    if case.locking != Locking::None || case.increments {
        return Err("a lab server draws without the lock; choose lock none".into());
    }
    let schedule = read_schedule(&case, settings.text("moves"))?;
    let received = replay(&case, &Stage::new(case.clone())?, &schedule, host, port)?;
    let all: Vec<u32> = received.concat();
    let is_twice = |number: &u32| all.iter().filter(|other| *other == number).count() > 1;
    let row = |(at, own): (usize, &Vec<u32>)| {
        record([
            ("name", text(case.drawers[at].name)),
            ("received", numbers(own.iter().map(|&number| u64::from(number)))),
            ("twice", numbers(own.iter().filter(|n| is_twice(n)).map(|&number| u64::from(number)))),
        ])
    };
    Ok(record([
        ("server", text(format!("{host} {port}"))),
        ("schedule", text(letters(&case, &schedule))),
        ("clients", list(received.iter().enumerate().map(row))),
    ]))
}
