//! What a search and a run look like as text.
//!
//! ```text
//!   schedules tried        495, all there are
//!   with a duplicate       480
//!   distinct outcomes      54
//!   most duplicates        3
//!   fewest preemptions     1
//! ```
//!
//! **Invariants** what was not tried is not claimed: "20000 of 116396280" when a bound
//! cut the search off.
//!
//! **Lock** none.
//!
//! **Source** the words of Musuvathi and Qadeer, as in [`crate::lab::schedule`].

use std::fmt::Write;

use crate::lab::explorer::{Case, Drawer, Findings, Run, Stage};
use crate::lab::space_time::{explain, homework_table, picture};
use crate::numbers::draw::Locking;
use crate::numbers::parking::Stuck;

/// Numbers of the list that are shown.
const MAX_SHOWN: usize = 12;

/// How many schedules there are.
pub fn how_many(count: Option<u128>) -> String {
    count.map_or("more than 10^38".into(), |count| count.to_string())
}

/// What is explored.
pub fn tell_case(case: &Case) -> String {
    let clients: Vec<String> =
        case.drawers.iter().map(|d| format!("{} draws {}", d.name, d.count)).collect();
    let numbers = case.list();
    let mut list: Vec<String> = numbers.iter().take(MAX_SHOWN).map(u32::to_string).collect();
    if numbers.len() > MAX_SHOWN {
        list.push("…".into());
    }
    let (lock, steps) = match (case.locking, case.reads) {
        (Locking::Request, _) => ("request", "all numbers of a request in one step"),
        (Locking::Number, _) => ("number", "each number in one step"),
        (Locking::None, false) => ("none", "2 steps a number: load; read and store"),
        (Locking::None, true) => ("none", "3 steps a number: load, read, store"),
    };
    let (clients, list) = (clients.join(", "), list.join(" "));
    format!("clients  {clients}\nlist     {list}\nlock     {lock}, {steps}\n\n")
}

/// What a search found, and its smallest counterexample.
///
/// # Errors
/// [`Stuck`], which would be a mistake in here.
pub fn tell_findings(case: &Case, stage: &Stage, findings: &Findings) -> Result<String, Stuck> {
    let all = findings.count == Some(u128::from(findings.tried));
    let count = how_many(findings.count);
    let Findings { tried, racy, outcomes, most_duplicates, .. } = *findings;
    let mut text = if all {
        format!("schedules tried        {tried}, all there are\n")
    } else {
        format!("schedules tried        {tried} of {count}, those with the fewest preemptions\n")
    };
    let _ = writeln!(text, "with a duplicate       {racy}");
    let _ = writeln!(text, "distinct outcomes      {outcomes}");
    let _ = writeln!(text, "most duplicates        {most_duplicates}");
    match &findings.smallest {
        Some(smallest) => {
            let _ = writeln!(text, "fewest preemptions     {}", smallest.preemptions);
            text += "\nThe smallest counterexample:\n\n";
            text += &tell_run(case, stage, &smallest.schedule)?;
        }
        None if all => text += "\nNo schedule gives a number twice.\n",
        None => text += "\nNone of those tried gives a number twice; the others were not tried.\n",
    }
    Ok(text)
}

/// A schedule as it is written.
pub fn letters(case: &Case, schedule: &[u8]) -> String {
    let name = |&client: &u8| case.drawers.get(usize::from(client)).map(|drawer| drawer.name);
    schedule.iter().filter_map(name).collect()
}

/// Runs one schedule and shows it.
///
/// # Errors
/// As [`tell_findings`].
pub fn tell_run(case: &Case, stage: &Stage, schedule: &[u8]) -> Result<String, Stuck> {
    let run = stage.run(schedule)?;
    let preemptions = case.schedules().preemptions(schedule);
    let mut text = format!("schedule {}, preemptions {preemptions}\n\n", letters(case, schedule));
    text += &homework_table(case, &run);
    text += &picture(case, &run);
    text.push('\n');
    text += &verdict(case, &run);
    Ok(text)
}

/// What each client received, and why a number came twice.
pub fn verdict(case: &Case, run: &Run) -> String {
    let mut text = String::new();
    for (drawer, received) in case.drawers.iter().zip(&run.received) {
        let numbers: Vec<String> = received.iter().map(u32::to_string).collect();
        let _ = writeln!(text, "{} received {}", drawer.name, numbers.join(" "));
    }
    for sentence in explain(case, run) {
        let _ = writeln!(text, "{sentence}");
    }
    if run.duplicates() == 0 {
        text += "no number came twice\n";
    }
    text
}

/// Reads a schedule; what is left out follows client by client.
///
/// # Errors
/// What is wrong with it, and the cure.
pub fn read_schedule(case: &Case, text: &str) -> Result<Vec<u8>, String> {
    let at = |letter: char| {
        let named = |drawer: &Drawer| drawer.name == letter.to_ascii_uppercase();
        case.drawers.iter().position(named).map(|at| at as u8)
    };
    let begun: Option<Vec<u8>> = text.chars().map(at).collect();
    let begun = begun.ok_or("a letter of --schedule is none of --clients; give those alone")?;
    let schedules = case.schedules();
    schedules.complete(&begun).ok_or_else(|| {
        let all = letters(case, &schedules.complete(&[]).unwrap_or_default());
        format!("--schedule gives a client more steps than it has; all of them are {all}")
    })
}
