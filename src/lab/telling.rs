//! The texts of `leasebox race`: a case, the findings of a search, one schedule and its run.
//!
//! ```text
//!   schedules tried        495, all there are
//!   with a duplicate       480
//!   distinct outcomes      54
//!   most duplicates        3
//!   fewest preemptions     1
//! ```
//!
//! **Invariants** the text claims nothing about schedules that were not run. If a bound ended the
//! search, the text says "20000 of 116396280", and "None of those tried" instead of "No schedule".
//!
//! **Lock** none here; running a schedule uses the explorer's.
//!
//! **Source** Musuvathi and Qadeer for the word preemption, a switch away from a client that has
//! steps left ([`crate::lab::schedule`]).

use std::fmt::Write;

use crate::lab::explorer::{Case, Drawer, Run, Stage};
use crate::lab::search::{Findings, SearchWay};
use crate::lab::space_time::{MAX_DRAWERS, explain, homework_table, picture};
use crate::numbers::locking::Locking;

/// The most numbers that one client may draw. 5 clients with 20 numbers are 300 steps at most.
const MAX_COUNT: u64 = 20;

/// The most numbers of the list that are shown: twice the homework's six.
const MAX_SHOWN: usize = 12;

/// The words for the lock of a case, with its [`Case::locking`] and its [`Case::increments`]. With
/// `increment` the draw has no lock; only the step that adds 1 has one.
pub const LOCKS: [(&str, (Locking, bool)); 4] = [
    ("request", (Locking::Request, false)),
    ("number", (Locking::Number, false)),
    ("increment", (Locking::None, true)),
    ("none", (Locking::None, false)),
];

/// Returns the number of schedules as text. `None` is a number of more than 128 bits, so more than
/// 3.4 · 10^38.
pub fn how_many(count: Option<u128>) -> String {
    count.map_or("more than 10^38".into(), |count| count.to_string())
}

/// Returns the case as text: clients, list, lock and the steps of a number.
pub fn tell_case(case: &Case) -> String {
    let clients: Vec<String> =
        case.drawers.iter().map(|d| format!("{} draws {}", d.name, d.count)).collect();
    let numbers = case.list();
    let mut list: Vec<String> = numbers.iter().take(MAX_SHOWN).map(u32::to_string).collect();
    if numbers.len() > MAX_SHOWN {
        list.push("…".into());
    }
    let (lock, steps) = match (case.locking, case.increments, case.reads) {
        (Locking::Request, ..) => ("request", "all numbers of a request in one step"),
        (Locking::Number, ..) => ("number", "each number in one step"),
        (Locking::None, false, false) => ("none", "2 steps a number: load; read and store"),
        (Locking::None, false, true) => ("none", "3 steps a number: load, read, store"),
        (Locking::None, true, false) => ("increment", "2 steps a number: load; read and raise"),
        (Locking::None, true, true) => ("increment", "3 steps a number: load, read, raise"),
    };
    let (clients, list) = (clients.join(", "), list.join(" "));
    format!("clients  {clients}\nlist     {list}\nlock     {lock}, {steps}\n\n")
}

/// Returns the findings of a search as text. If there is a counterexample, it runs the smallest one
/// once more and adds its table, its picture and its verdict.
///
/// # Errors
/// Fails as [`Stage::go_on`] does.
pub fn tell_findings(case: &Case, stage: &Stage, findings: &Findings) -> Result<String, String> {
    let Findings { tried, racy, outcomes, most_duplicates, is_complete, .. } = *findings;
    let count = how_many(findings.count);
    let which = match (findings.way, is_complete) {
        (SearchWay::FewPreemptionsFirst, true) => ", all there are".into(),
        (SearchWay::FewPreemptionsFirst, false) => {
            format!(" of {count}, those with the fewest preemptions")
        }
        (SearchWay::OneOfEachKind, true) => format!(", one of each kind; {count} are all"),
        (SearchWay::OneOfEachKind, false) => {
            format!(" of {count}, each of another kind; there are more kinds")
        }
        (SearchWay::AtRandom { .. }, _) => format!(" at random, of {count}"),
    };
    let mut text = format!("schedules tried        {tried}{which}\n");
    let _ = writeln!(text, "with a duplicate       {racy}");
    let _ = writeln!(text, "distinct outcomes      {outcomes}");
    let _ = writeln!(text, "most duplicates        {most_duplicates}");
    match &findings.smallest {
        Some(smallest) => {
            let (label, title) = match findings.way {
                SearchWay::FewPreemptionsFirst => ("fewest preemptions", "smallest"),
                // Schedules that were not run may have fewer preemptions.
                SearchWay::OneOfEachKind | SearchWay::AtRandom { .. } => {
                    ("preemptions at most", "simplest")
                }
            };
            let _ = writeln!(text, "{label:<22} {}", smallest.preemptions);
            let _ = write!(text, "\nThe {title} counterexample:\n\n");
            text += &tell_run(case, stage, &smallest.schedule)?;
        }
        None if is_complete => text += "\nNo schedule gives a number twice.\n",
        None => text += "\nNone of those tried gives a number twice; the others were not tried.\n",
    }
    Ok(text)
}

/// Returns a schedule as letters, such as `AAB`: the form that [`read_schedule`] reads. A number of
/// no client would be left out, but the callers' schedules name only clients of the case.
pub fn letters(case: &Case, schedule: &[u8]) -> String {
    let name = |&client: &u8| case.drawers.get(usize::from(client)).map(|drawer| drawer.name);
    schedule.iter().filter_map(name).collect()
}

/// Runs one complete schedule and returns its table, its picture and its verdict as text.
///
/// # Errors
/// Fails as [`Stage::go_on`] does.
pub fn tell_run(case: &Case, stage: &Stage, schedule: &[u8]) -> Result<String, String> {
    let run = stage.run(schedule)?;
    let preemptions = case.schedules().preemptions(schedule);
    let mut text = format!("schedule {}, preemptions {preemptions}\n\n", letters(case, schedule));
    text += &homework_table(case, &run);
    text += &picture(case, &run);
    text.push('\n');
    text += &verdict(case, &run);
    Ok(text)
}

/// Returns the numbers that each client received, and the reason for each that came twice.
pub fn verdict(case: &Case, run: &Run) -> String {
    let mut text = String::new();
    for (drawer, received) in case.drawers.iter().zip(&run.received) {
        let numbers: Vec<String> = received.iter().map(u32::to_string).collect();
        let _ = writeln!(text, "{} received {}", drawer.name, numbers.join(" "));
    }
    for twice in explain(case, run) {
        let _ = writeln!(text, "{}", twice.why);
    }
    if run.duplicates() == 0 {
        text += "no number came twice\n";
    }
    text
}

/// Reads the clients of a case, such as `A:4,B:2`. Letters become capitals.
///
/// # Errors
/// Fails with one line: the form, or that two clients have the same letter.
pub fn read_drawers(text: &str) -> Result<Vec<Drawer>, String> {
    let form = || {
        format!(
            "give 1 to {MAX_DRAWERS} clients such as A:4,B:2, each a letter and 1 to {MAX_COUNT}"
        )
    };
    let one = |word: &str| {
        let (name, count) = word.split_once(':')?;
        let mut letters = name.chars();
        let name = letters.next().filter(char::is_ascii_alphabetic)?.to_ascii_uppercase();
        let count = count.parse().ok().filter(|count| (1..=MAX_COUNT).contains(count))?;
        // A second letter is a mistake: a name is one letter.
        letters.next().is_none().then_some(Drawer { name, count })
    };
    let drawers: Option<Vec<Drawer>> = text.split(',').map(one).collect();
    let drawers = drawers.filter(|drawers| drawers.len() <= MAX_DRAWERS).ok_or_else(form)?;
    let is_repeated =
        |(at, drawer): (usize, &Drawer)| drawers[..at].iter().any(|d| d.name == drawer.name);
    if drawers.iter().enumerate().any(is_repeated) {
        return Err("two clients have the same letter; give each its own".into());
    }
    Ok(drawers)
}

/// Returns the clients of letters, capital or small; `None` if one of them names no client.
pub fn read_letters(case: &Case, text: &str) -> Option<Vec<u8>> {
    text.chars().map(|letter| case.client_named(letter)).collect()
}

/// Reads a schedule of letters, capital or small. If it is not complete, the rest of the steps
/// follows, client by client: so `AB` is enough to start a race.
///
/// # Errors
/// Fails with one line that names the fault and the cure: a letter that names no client, or too
/// many steps of one client.
pub fn read_schedule(case: &Case, text: &str) -> Result<Vec<u8>, String> {
    let begun = read_letters(case, text);
    let begun = begun.ok_or("a letter of --schedule is none of --clients; give those alone")?;
    let schedules = case.schedules();
    schedules.complete(&begun).ok_or_else(|| {
        // An empty schedule can always be completed, so the default never stands in.
        let all = letters(case, &schedules.complete(&[]).unwrap_or_default());
        format!("--schedule gives a client more steps than it has; all of them are {all}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_letters_and_counts() {
        let expected = vec![Drawer { name: 'A', count: 4 }, Drawer { name: 'B', count: 2 }];
        assert_eq!(read_drawers("a:4,B:2"), Ok(expected));
        for text in ["", "A", "A:0", "A:21", "A:1,A:2", "AB:1", "A:-1", "A:1,,B:1", "1:1"] {
            assert!(read_drawers(text).is_err(), "{text}");
        }
        assert!(read_drawers("A:1,B:1,C:1,D:1,E:1,F:1").is_err());
    }
}
