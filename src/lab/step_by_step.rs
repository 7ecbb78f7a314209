//! A race by hand: a person chooses which client does the next step.
//!
//! ```text
//!    step  counter  A                              B
//!   > A
//!       1        0  loads 0
//!   > B
//!       2        0                                 loads 0
//!          5 came twice: B loaded 0 in step 2,
//!            while A had loaded 0 in step 1 and not yet stored
//! ```
//!
//! The clients are the explorer's threads, parked before their steps, so the person does the work
//! of the scheduler on the server's own draw.
//!
//! **Invariants** only a client that has a step left does one. Each fault is explained once: at the
//! later load of an index that was loaded before. This load decides that the number comes twice,
//! although the client has the number only after its store.
//!
//! **Lock** none here; the threads and their locks are the explorer's.
//!
//! **Source** the homework's two tables, each of which is one choice of steps.

use std::io::{self, BufRead};

use crate::lab::explorer::{Case, Drawer, Stage};
use crate::lab::space_time::{CameTwice, Diagram, explain, homework_table};
use crate::lab::telling::{letters, tell_case, verdict};
use crate::numbers::parking::Stuck;

/// Reads letters from `input`, lets the client of each letter do its next step, and passes the text
/// about it to `tell`. Returns the schedule, the table and the verdict; `not at the end` stands in
/// place of the verdict if steps are left.
///
/// It ends with the last step, with the end or an error of the input, or when `tell` fails: a
/// person who has closed the terminal is no error. If steps are left, a client may be in the middle
/// of its draw, so the stage can run no further schedule: drop it.
///
/// # Errors
/// Fails as [`Stage::go_on`] does.
pub fn step_by_step(
    case: &Case,
    stage: &Stage,
    input: impl BufRead,
    mut tell: impl FnMut(&str) -> io::Result<()>,
) -> Result<String, Stuck> {
    stage.reset();
    let mut done: Vec<u8> = Vec::new();
    let mut diagram = Diagram::new(case);
    // The number of faults that were explained: a new one is at the end of `explain`'s list.
    let mut known = 0;
    let length = case.schedules().length();
    let begin = "a letter and return lets that client do its next step\n\n";
    let mut told = tell(&format!("{}{begin}{}", tell_case(case), diagram.head()));
    let mut letters_in = input.bytes();
    while told.is_ok() && done.len() < length {
        let Some(Ok(byte)) = letters_in.next() else { break };
        let letter = char::from(byte);
        if !letter.is_whitespace() {
            let Some(client) = client_with_step(case, &done, letter) else {
                let others = clients_with_steps(case, &done);
                let letter = byte.escape_ascii();
                told = tell(&format!("{letter} has no step to do; choose one of {others}\n"));
                continue;
            };
            stage.go_on(&[client])?;
            done.push(client);
            let run = stage.so_far();
            let mut text = run.events.last().map_or_else(String::new, |event| diagram.line(event));
            let wrong = explain(case, &run);
            text.extend(wrong.iter().skip(known).map(indented));
            known = wrong.len();
            told = tell(&text);
        }
    }
    let run = stage.so_far();
    let end = if done.len() == length { verdict(case, &run) } else { "not at the end\n".into() };
    Ok(format!("\nschedule {}\n\n{}{end}", letters(case, &done), homework_table(case, &run)))
}

/// Returns the reason of a fault, indented as the steps are.
fn indented(twice: &CameTwice) -> String {
    format!("       {}\n", twice.why.replace('\n', "\n       "))
}

/// Returns the client with this letter, if it has a step left. `complete` decides: it returns
/// `None` for one step too many.
fn client_with_step(case: &Case, done: &[u8], letter: char) -> Option<u8> {
    let named = |drawer: &Drawer| drawer.name == letter.to_ascii_uppercase();
    let client = case.drawers.iter().position(named)? as u8;
    case.schedules().complete(&[done, &[client]].concat()).map(|_| client)
}

/// Returns the letters of the clients that have a step left.
fn clients_with_steps(case: &Case, done: &[u8]) -> String {
    let can = |at: &usize| case.schedules().complete(&[done, &[*at as u8]].concat()).is_some();
    letters(case, &(0..case.drawers.len()).filter(can).map(|at| at as u8).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::draw::Locking;

    #[test]
    fn what_goes_wrong_is_said_when_it_does_and_nobody_steps_too_often() {
        let drawers = ['A', 'B'].map(|name| Drawer { name, count: 1 }).to_vec();
        let case = Case { drawers, locking: Locking::None, reads: false, increments: false };
        let stage = Stage::new(case.clone()).unwrap();
        let mut told = Vec::new();
        let tell = |text: &str| {
            told.push(text.to_string());
            Ok(())
        };
        let end = step_by_step(&case, &stage, &b"a\nb x\naa\nB B\n"[..], tell).unwrap();
        assert!(told[2].contains("loads 0\n       5 came twice: B loaded 0 in step 2"), "{told:?}");
        assert_eq!(told[3], "x has no step to do; choose one of AB\n");
        assert_eq!(told[5], "a has no step to do; choose one of B\n");
        assert!(told[6].contains("stores 1, has 5!\n"), "{told:?}");
        assert!(told.len() == 7 && end.starts_with("\nschedule ABAB\n"), "{told:?} {end}");
        assert!(end.contains("B received 5\n"), "{end}");
    }

    #[test]
    fn the_inputs_end_is_an_end() {
        let drawers = vec![Drawer { name: 'A', count: 2 }];
        let case = Case { drawers, locking: Locking::None, reads: true, increments: false };
        let stage = Stage::new(case.clone()).unwrap();
        let end = step_by_step(&case, &stage, &b"A\n"[..], |_| Ok(())).unwrap();
        assert!(end.ends_with("not at the end\n"), "{end}");
    }
}
