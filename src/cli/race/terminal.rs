//! The colours of `race` on a terminal, the progress line of a search, and the text of
//! `race --program leases`.
//!
//! **Invariants** a pipe gets no colours and no progress, and with `NO_COLOR` a terminal gets no
//! colours either.
//!
//! **Lock** none. **Source** ECMA-48 for the colours; no-color.org for the variable.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::lab::explorer::Case;
use crate::lab::space_time::client_of;
use crate::lab::tenants::{CLIENTS, ReleaseOrder, TenantRun, explore_tenants, run_tenants};

/// The time between two progress lines. It is short enough that the user sees progress, and long
/// enough that the search does not become slower.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// The colours of the clients, as codes of ECMA-48: cyan, yellow, green, magenta, blue.
const COLOURS: [&str; 5] = ["36", "33", "32", "35", "34"];

/// The colour of a step that gives out a number a second time: bold red.
const AGAIN: &str = "1;31";

/// Returns whether standard output shows colours.
pub(super) fn has_colours() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Returns the text with each step in the colour of its client. A step that gives out a number a
/// second time is red. A line that is no step of the diagram stays as it is.
pub(super) fn painted(text: &str, case: &Case) -> String {
    let mut painted = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        match client_of(line, case.drawers.len()) {
            // A client's step stands in a cell of the line, which begins at the byte `at`.
            Some((at, client)) => {
                let (before, cell) = line.split_at(at);
                let end = if cell.ends_with('\n') { "\n" } else { "" };
                let cell = cell.trim_end_matches('\n');
                // `space_time` puts a `!` behind a number that a client already has.
                let own = COLOURS[client % COLOURS.len()];
                let colour = if cell.contains('!') { AGAIN } else { own };
                let _ = write!(painted, "{before}\x1b[{colour}m{cell}\x1b[0m{end}");
            }
            None => painted.push_str(line),
        }
    }
    painted
}

/// The progress line of a search. It goes to standard error, and only to a terminal.
pub(super) struct ProgressLine {
    /// The words behind `of` in the line: how many schedules there are, or the first so many of
    /// them, if the search stops earlier.
    tried_of: String,
    /// The time of the last progress line.
    shown: Instant,
    is_terminal: bool,
}

impl ProgressLine {
    /// Makes the line. `count` is the number of all schedules, `None` if it is over 128 bits;
    /// `most` is the number of schedules that the search tries at most.
    pub(super) fn new(count: Option<u128>, most: u64) -> Self {
        let all = count.map_or("more than 10^38".into(), grouped);
        let of = match count {
            Some(count) if count <= u128::from(most) => all,
            _ => format!("the first {} of {all}", grouped(most.into())),
        };
        Self { tried_of: of, shown: Instant::now(), is_terminal: io::stderr().is_terminal() }
    }

    /// Shows how many schedules were tried, if the last progress line is old enough. An error is
    /// ignored: the search goes on without the line.
    pub(super) fn show(&mut self, tried: u64) {
        if self.is_terminal && self.shown.elapsed() >= PROGRESS_EVERY {
            self.shown = Instant::now();
            let line = format!("{} of {} schedules", grouped(tried.into()), self.tried_of);
            // No longer than `wipe` wipes: a line that wraps would stay.
            let line: String = line.chars().take(78).collect();
            let _ = write!(io::stderr(), "\r{line} ");
        }
    }

    /// Writes blanks over the line. 79 blanks do not reach the last column of a usual terminal, so
    /// the cursor stays on this line.
    pub(super) fn wipe(&self) {
        if self.is_terminal {
            let _ = write!(io::stderr(), "\r{:79}\r", "");
        }
    }
}

/// Returns a number with a comma before each three digits: 5,550,996.
fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Runs all schedules of a get, a release and a lease of one block, and returns the text for
/// standard output. `order` is the order of the release's last two steps. A *tenant* of a block is
/// a client whose lease has the block: the get must not show it the bytes of the next tenant.
pub(super) fn tell_tenants(order: ReleaseOrder) -> String {
    let found = explore_tenants(order);
    let (said, which) = match order {
        ReleaseOrder::MarkFirst => {
            ("marks it released, gives its block back", "as the server does")
        }
        ReleaseOrder::GiveBackFirst => ("gives its block back, marks it released", "broken"),
    };
    let mut text = format!(
        "clients  G gets a lease: finds it, reads its bytes\n         \
         R releases it: strikes it, {said} ({which})\n         \
         L leases the same block next, and sets its bytes\n\n\
         schedules tried        {}, all there are\n\
         another tenant's bytes {}\n",
        found.tried, found.leaks
    );
    match found.smallest {
        None => text += "\nNo schedule shows a client the bytes of another tenant.\n",
        Some(schedule) => {
            let run = run_tenants(&schedule, order);
            let letters: String =
                schedule.iter().map(|&client| CLIENTS[usize::from(client)].0).collect();
            let _ = write!(text, "\nThe smallest counterexample:\n\nschedule {letters}\n\n");
            text += &told(&schedule, &run);
            text += "\nG had found the lease, and held the handle of its block. R gave the block back before it\n\
                     marked the contents, so L could lease and set the block, and G read the new bytes.\n";
        }
    }
    text
}

/// Returns a line for each step of a run: its number, the letter of its client, and its text.
fn told(schedule: &[u8], run: &TenantRun) -> String {
    let mut text = String::new();
    for (at, (&client, step)) in schedule.iter().zip(&run.steps).enumerate() {
        let _ = writeln!(text, "{:5}  {}  {step}", at + 1, CLIENTS[usize::from(client)].0);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::explorer::{Drawer, Stage};
    use crate::lab::space_time::picture;
    use crate::numbers::locking::Locking;

    #[test]
    fn each_step_has_the_colour_of_its_client_and_a_second_one_is_red() {
        let drawers = ['A', 'B'].map(|name| Drawer { name, count: 1 }).to_vec();
        let case = Case { drawers, locking: Locking::None, reads: false, increments: false };
        let run = Stage::new(case.clone()).unwrap().run(&[0, 1, 0, 1]).unwrap();
        let text = picture(&case, &run);
        let painted = painted(&text, &case);
        assert!(painted.contains("\x1b[36mloads 0\x1b[0m\n"), "{painted}");
        assert!(painted.contains("\x1b[33mloads 0\x1b[0m\n"), "{painted}");
        assert!(painted.contains("\x1b[1;31mstores 1, has 5!\x1b[0m\n"), "{painted}");
        let plain = ["\x1b[36m", "\x1b[33m", "\x1b[1;31m", "\x1b[0m"]
            .iter()
            .fold(painted, |text, code| text.replace(code, ""));
        assert_eq!(plain, text);
    }

    #[test]
    fn each_of_up_to_five_clients_has_its_own_colour() {
        for count in 1..=5_u8 {
            let drawers: Vec<_> =
                ('A'..).take(count.into()).map(|name| Drawer { name, count: 1 }).collect();
            let case = Case { drawers, locking: Locking::Request, reads: false, increments: false };
            let schedule: Vec<u8> = (0..count).collect();
            let run = Stage::new(case.clone()).unwrap().run(&schedule).unwrap();
            let painted = painted(&picture(&case, &run), &case);
            for colour in &COLOURS[..count.into()] {
                assert_eq!(painted.matches(&format!("\x1b[{colour}m")).count(), 1, "{painted}");
            }
        }
    }

    #[test]
    fn progress_says_of_how_many_and_of_which() {
        assert_eq!(ProgressLine::new(Some(495), 1000).tried_of, "495");
        let many = ProgressLine::new(Some(5_550_996_791_340), 1_000_000).tried_of;
        assert_eq!(many, "the first 1,000,000 of 5,550,996,791,340");
        assert_eq!(ProgressLine::new(None, 7).tried_of, "the first 7 of more than 10^38");
    }
}
