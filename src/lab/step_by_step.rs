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

use crate::lab::explorer::{Case, Stage};
use crate::lab::space_time::{CameTwice, Diagram, explain, homework_table};
use crate::lab::telling::{letters, tell_case, verdict};

/// The text for `?`.
const HELP: &str = "a client's letter and return: it does its next step; several letters: one after \
                    the other\nu: undo the last step; q: end here; ?: this text\n";

/// Reads letters from `input`, lets the client of each letter do its next step, and passes the text
/// about that step to `tell`. `u` undoes a step, `?` explains, `q` ends, unless a client has that
/// letter. Returns the schedule, the table and the verdict; `not at the end` stands in place of the
/// verdict if steps are left. With `prompts` it writes a question before each line, for a person on
/// a terminal.
///
/// The function ends with the last step, with the end or an error of the input, or when `tell`
/// fails. None of these is an error: `tell` fails when the person has closed the terminal.
///
/// # Errors
/// Fails with one line if a step does not end in time, or if the system has no thread left.
pub fn step_by_step(
    case: &Case,
    input: impl BufRead,
    prompts: bool,
    mut tell: impl FnMut(&str) -> io::Result<()>,
) -> Result<String, String> {
    let mut by_hand = ByHand::new(case)?;
    let begin = "a letter and return lets that client do its next step\n\n";
    let head = format!("{}{begin}{}", tell_case(case), by_hand.diagram.head());
    let mut told = tell(&head);
    let mut prompt_due = true;
    let mut letters_in = input.bytes();
    while told.is_ok() && by_hand.done.len() < case.schedules().length() {
        if prompts && std::mem::take(&mut prompt_due) {
            told = tell(&by_hand.prompt());
        }
        let Some(Ok(byte)) = letters_in.next() else { break };
        prompt_due = byte == b'\n';
        if !char::from(byte).is_whitespace() {
            let Some(text) = by_hand.answer(byte)? else { break };
            told = told.and_then(|()| tell(&text));
        }
    }
    by_hand.end()
}

/// A schedule under way.
struct ByHand<'a> {
    case: &'a Case,
    stage: Stage,
    done: Vec<u8>,
    diagram: Diagram<'a>,
    /// The count of faults that were explained so far. `explain` lists all faults of the run, and a
    /// new one is at the end of the list.
    known: usize,
}

impl<'a> ByHand<'a> {
    fn new(case: &'a Case) -> Result<Self, String> {
        let stage = Stage::new(case.clone())?;
        Ok(Self { case, stage, done: Vec::new(), diagram: Diagram::new(case), known: 0 })
    }

    /// Obeys a letter, and returns the text about it; `None` if the letter ends the run by hand.
    fn answer(&mut self, letter: u8) -> Result<Option<String>, String> {
        let named = self.case.client_named(char::from(letter));
        let with_steps = self.with_steps();
        if let Some(client) = named.filter(|client| with_steps.contains(client)) {
            return self.step(client).map(Some);
        }
        Ok(match letter {
            b'u' if named.is_none() => Some(self.undo()?),
            b'?' => Some(HELP.into()),
            b'q' if named.is_none() => None,
            _ => {
                let (letter, others) = (letter.escape_ascii(), letters(self.case, &with_steps));
                Some(format!("{letter} has no step to do; choose one of {others}\n"))
            }
        })
    }

    /// Returns the clients that have a step left. `complete` decides this: for a schedule with one
    /// step too many it returns `None`.
    fn with_steps(&self) -> Vec<u8> {
        let schedules = self.case.schedules();
        let can =
            |&client: &u8| schedules.complete(&[&self.done[..], &[client]].concat()).is_some();
        (0..self.case.drawers.len() as u8).filter(can).collect()
    }

    /// Lets a client do its next step. Returns the step's line of the diagram, and the reason of
    /// each fault that is new with this step.
    fn step(&mut self, client: u8) -> Result<String, String> {
        self.stage.go_on(&[client])?;
        self.done.push(client);
        let run = self.stage.so_far();
        let mut text = run.events.last().map_or_else(String::new, |event| self.diagram.line(event));
        let wrong = explain(self.case, &run);
        text.extend(wrong.iter().skip(self.known).map(indented));
        self.known = wrong.len();
        Ok(text)
    }

    /// Undoes the last step. A thread cannot go back, so new threads do all steps but that one.
    fn undo(&mut self) -> Result<String, String> {
        if self.done.pop().is_none() {
            return Ok("there is no step to undo\n".into());
        }
        let done = std::mem::take(&mut self.done);
        *self = Self::new(self.case)?;
        for &client in &done {
            self.step(client)?;
        }
        Ok(format!("step {} is undone\n", done.len() + 1))
    }

    /// Returns the question that stands before each line of a person.
    fn prompt(&self) -> String {
        let letters = letters(self.case, &self.with_steps());
        let letters: Vec<String> = letters.chars().map(String::from).collect();
        format!("{}, u to undo, ? for help, q to quit: ", letters.join(" or "))
    }

    /// Returns the text at the end: the schedule, the table, and the verdict if no step is left.
    fn end(self) -> Result<String, String> {
        let (case, done, run) = (self.case, &self.done, self.stage.so_far());
        let is_over = done.len() == case.schedules().length();
        let end = if is_over { verdict(case, &run) } else { "not at the end\n".into() };
        Ok(format!("\nschedule {}\n\n{}{end}", letters(case, done), homework_table(case, &run)))
    }
}

/// Returns the reason of a fault, indented as the steps are.
fn indented(twice: &CameTwice) -> String {
    format!("       {}\n", twice.why.replace('\n', "\n       "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::explorer::Drawer;
    use crate::numbers::locking::Locking;

    #[test]
    fn what_goes_wrong_is_said_when_it_does_and_nobody_steps_too_often() {
        let drawers = ['A', 'B'].map(|name| Drawer { name, count: 1 }).to_vec();
        let case = Case { drawers, locking: Locking::None, reads: false, increments: false };
        let mut told = Vec::new();
        let tell = |text: &str| {
            told.push(text.to_string());
            Ok(())
        };
        let end = step_by_step(&case, &b"a\nb x\naa\nB B\n"[..], false, tell).unwrap();
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
        let end = step_by_step(&case, &b"A\n"[..], false, |_| Ok(())).unwrap();
        assert!(end.ends_with("not at the end\n"), "{end}");
    }

    #[test]
    fn a_step_is_undone_and_a_person_is_asked_for_each_line() {
        let drawers = ['A', 'B'].map(|name| Drawer { name, count: 1 }).to_vec();
        let case = Case { drawers, locking: Locking::None, reads: false, increments: false };
        let mut told = String::new();
        let tell = |text: &str| {
            told.push_str(text);
            Ok(())
        };
        let end = step_by_step(&case, &b"u\nab\nu\n?\na\nq\nbb\n"[..], true, tell).unwrap();
        assert!(
            told.contains("A or B, u to undo, ? for help, q to quit: there is no step to undo\n")
        );
        assert_eq!(told.matches("while A had loaded 0").count(), 1, "{told}");
        assert!(told.contains("step 2 is undone\n") && told.contains("several letters"), "{told}");
        assert!(told.contains("B, u to undo, ? for help, q to quit: "), "A has no step: {told}");
        assert!(end.starts_with("\nschedule AA\n") && end.ends_with("not at the end\n"), "{end}");
    }

    #[test]
    fn a_client_may_have_the_letter_of_a_command() {
        let drawers = ['U', 'Q'].map(|name| Drawer { name, count: 1 }).to_vec();
        let case = Case { drawers, locking: Locking::None, reads: false, increments: false };
        let end = step_by_step(&case, &b"uuqq"[..], false, |_| Ok(())).unwrap();
        assert!(end.contains("schedule UUQQ\n"), "{end}");
    }
}
