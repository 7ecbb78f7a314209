//! Pictures of one run: the homework's table, a space-time diagram, and a sentence for each number
//! that came twice.
//!
//! ```text
//!   step  counter  A                     B
//!      5        2  loads 2
//!      6        2                        loads 2
//!      7        3  stores 3, has 228
//!      8        3                        stores 3, has 228!
//! ```
//!
//! Time goes down: each row is a step, each column a client. The counter is the value after the
//! step. A `!` marks a number that another client, or the same one, already has.
//!
//! In the example B loads 2 in step 6, as A did in step 5, before A has stored. Step 8 stores 3, as
//! step 7 did. So two numbers were taken and the counter grew by one.
//!
//! **Invariants** no line is longer than 80 columns, for up to [`MAX_DRAWERS`] clients.
//!
//! **Lock** none: the run is finished, or a copy.
//!
//! **Source** the tables of `loot-box.txt`. The counters of its second table, 0 1 2 2 4 5, do not
//! fit its results, which stand at 0 1 2 2 3 4 of the list; the table here shows 0 1 2 2 3 4. The
//! diagram is that of Lamport, "Time, clocks, and the ordering of events in a distributed system"
//! (1978).

use std::collections::HashSet;
use std::fmt::Write;

use crate::common::caller::ClientNumber;
use crate::lab::explorer::{Case, Event, Run};
use crate::lab::table;
use crate::numbers::commands::Row;
use crate::numbers::parking::Step;

/// The most clients: five columns of 12 characters fit a terminal.
pub const MAX_DRAWERS: usize = 5;

/// The columns of a terminal.
const TERMINAL: usize = 80;
/// The columns of the step and the counter with their gaps: 5 + 2 + 7 + 2.
const MARGIN: usize = 16;
/// The columns of all clients together. Two columns of the terminal remain free.
const WIDTH: usize = 62;

/// From this width on a cell is a phrase. With three clients the longest store is
/// `stores 60, has 58!`: 18 columns, and a gap.
const WORDY: usize = 20;

/// Returns the homework's table of a run: a column for each number, in the order in which the
/// counter was loaded.
///
/// The order of the loads shows the race: two columns with the same counter most often stand close
/// together. They can be far apart if a late store put the counter back.
pub fn homework_table(case: &Case, run: &Run) -> String {
    let list = case.list();
    let rows: Vec<Row> = run.events.iter().flat_map(|event| rows(event, &list)).collect();
    table::render_named(&rows, |client| {
        let drawer = case.drawers.get(client as usize);
        drawer.map_or_else(String::new, |drawer| drawer.name.to_string())
    })
}

/// Returns the rows that an event adds: one for a load, which decides the number; one for each
/// number of a take; none for a read or a store. [`Case::list`] has every index that a run takes.
fn rows(event: &Event, list: &[u32]) -> Vec<Row> {
    let taken = match event.step {
        Step::Load | Step::Take => event.indices(),
        Step::Read | Step::Store => 0..0,
    };
    let client = ClientNumber::from(event.client);
    let known = taken.filter_map(|counter| Some((counter, *list.get(counter as usize)?)));
    known.map(|(counter, result)| Row { counter, client, result }).collect()
}

/// Returns the whole diagram of a run.
pub fn picture(case: &Case, run: &Run) -> String {
    let mut picture = Diagram::new(case);
    let lines: String = run.events.iter().map(|event| picture.line(event)).collect();
    format!("{}{lines}", picture.head())
}

/// A diagram that grows by a line with each step.
#[derive(Debug)]
pub struct Diagram<'a> {
    case: &'a Case,
    list: Vec<u32>,
    step: usize,
    /// The counter after the last step.
    counter: u32,
    /// The numbers that some client already has. When one of them comes again, it gets a `!`.
    had: HashSet<u32>,
}

impl<'a> Diagram<'a> {
    /// Makes the diagram before the first step.
    pub fn new(case: &'a Case) -> Self {
        Self { case, list: case.list(), step: 0, counter: 0, had: HashSet::new() }
    }

    /// Returns the width of a client's column.
    fn width(&self) -> usize {
        WIDTH / self.case.drawers.len().max(1)
    }

    /// Returns the line above the columns, with the clients' names.
    pub fn head(&self) -> String {
        let mut line = " step  counter".to_string();
        for drawer in &self.case.drawers {
            let _ = write!(line, "  {:1$}", drawer.name, self.width() - 2);
        }
        format!("{}\n", line.trim_end())
    }

    /// Adds the next step and returns its line.
    pub fn line(&mut self, event: &Event) -> String {
        let gap = usize::from(event.client) * self.width();
        let (_, mut cell) = self.step(event, self.width() >= WORDY);
        // A row has one cell, so a cell may run into the columns to its right, up to the line's
        // end.
        let room = TERMINAL - MARGIN - gap;
        if cell.chars().count() > room {
            cell = cell.chars().take(room - 1).chain(['…']).collect();
        }
        format!("{:5}  {:7}  {:gap$}{cell}\n", self.step, self.counter, "")
    }

    /// Adds the next step. Returns the counter after the step and the step's text: a phrase if
    /// `wordy`, otherwise a short form.
    pub fn step(&mut self, event: &Event, wordy: bool) -> (u32, String) {
        self.step += 1;
        // Only a store and a take change the counter. A late store may set it back, and the column
        // shows this.
        if event.step.changes_counter() {
            self.counter = event.stored;
        }
        (self.counter, self.cell(event, wordy))
    }

    /// Returns the text of a step.
    fn cell(&mut self, event: &Event, wordy: bool) -> String {
        let Event { step, loaded, stored, .. } = *event;
        let has = match step {
            Step::Read | Step::Take => self.has(event.indices()),
            // If the read is a step of its own, it shows the number, and the store does not.
            Step::Store if !self.case.reads => self.has(event.indices()),
            Step::Load | Step::Store => String::new(),
        };
        let (stores, store) =
            if self.case.increments { ("raises to", "raise") } else { ("stores", "store") };
        match (step, wordy) {
            (Step::Load, true) => format!("loads {loaded}"),
            (Step::Load, false) => format!("load {loaded}"),
            (Step::Read, true) => format!("reads {has}"),
            (Step::Read, false) => format!("read {has}"),
            (Step::Store, true) if !has.is_empty() => format!("{stores} {stored}, has {has}"),
            (Step::Store, true) => format!("{stores} {stored}"),
            (Step::Store, false) => format!("{store} {stored} {has}"),
            (Step::Take, true) => {
                format!("takes {loaded} to {}, has {has}", stored.saturating_sub(1))
            }
            (Step::Take, false) => format!("take {has}"),
        }
    }

    /// Notes that a client has the numbers at these indices. Returns them, with a `!` behind each
    /// that a client had before.
    fn has(&mut self, taken: std::ops::Range<u32>) -> String {
        let mut text = Vec::new();
        for number in taken.filter_map(|index| self.list.get(index as usize)) {
            let again = if self.had.insert(*number) { "" } else { "!" };
            text.push(format!("{number}{again}"));
        }
        text.join(" ")
    }
}

/// Returns the place at which the cell of a diagram's line begins, and the client of that cell;
/// `None` for a line that is no step. `clients` is the number of clients in the diagram.
pub fn client_of(line: &str, clients: usize) -> Option<(usize, usize)> {
    let (step, rest) = line.split_at_checked(5)?;
    let counter = rest.get(2..9)?;
    let is_number = |text: &str| text.trim_start().parse::<u32>().is_ok();
    let at = MARGIN + line.get(MARGIN..)?.find(|c: char| c != ' ')?;
    let is_step = is_number(step) && is_number(counter) && !line[at..].starts_with('\n');
    is_step.then(|| (at, (at - MARGIN) / (WIDTH / clients.max(1))))
}

/// A number that came twice, and the two loads that did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CameTwice {
    /// The number.
    pub number: u32,
    /// The steps of the two loads, counted from 1.
    pub steps: [usize; 2],
    /// The reason: a sentence of two lines.
    pub why: String,
}

/// Returns the numbers that came twice: one for each load of an index that was loaded before.
pub fn explain(case: &Case, run: &Run) -> Vec<CameTwice> {
    // The load decides: the same index gives the same number, however late the store follows.
    let loads = || run.events.iter().enumerate().filter(|(_, event)| event.step == Step::Load);
    let mut twice = Vec::new();
    for (later, second) in loads() {
        let same = |(at, load): &(usize, &Event)| *at < later && load.loaded == second.loaded;
        // If the index was loaded several times before, `rfind` takes the last of those loads: the
        // fault lies between that load and the load `second`.
        if let Some((earlier, first)) = loads().rfind(same) {
            twice.push(explain_one(case, run, (earlier, first), (later, second)));
        }
    }
    twice
}

/// Explains one pair of loads of the same index. `l0` loads 0, `s1` stores 1. The two reasons:
///
/// ```text
///   A had not stored yet               a late store put the counter back
///     A  l0 ─────── s1                   A  l0 ──────────────── s1
///     B       l0 ──────── s1             B     l0 ─ s1 ─ l1 ─ s2
///                                        C                          l1    the 1 again
/// ```
fn explain_one(
    case: &Case,
    run: &Run,
    (earlier, first): (usize, &Event),
    (later, second): (usize, &Event),
) -> CameTwice {
    let name = |client: u8| case.drawers.get(usize::from(client)).map_or('?', |drawer| drawer.name);
    let index = second.loaded;
    let number = case.list().get(index as usize).copied().unwrap_or_default();
    let (a, b) = (name(first.client), name(second.client));
    let twice = format!("{number} came twice: {b} loaded {index} in step {},\n  ", later + 1);
    // Follow the counter from the first load to the second, store by store.
    let mut counter = index;
    let mut put_back = None;
    // Whether the client of the first load has stored since then.
    let mut stored = false;
    for (at, event) in run.events.iter().enumerate().take(later).skip(earlier + 1) {
        if event.step != Step::Store {
            continue;
        }
        stored |= event.client == first.client;
        // A store puts nothing back if the counter already has this index: an earlier store did.
        if event.stored == index && counter != index {
            put_back = Some((at + 1, name(event.client)));
        }
        counter = event.stored;
    }
    let why = match put_back {
        Some((at, back)) if stored => {
            let store = format!("{back}'s late store of {index} in step {at}");
            format!("{twice}because {store} had put the counter back")
        }
        _ => {
            let done = if case.increments { "raised the counter" } else { "stored" };
            let step = earlier + 1;
            format!("{twice}while {a} had loaded {index} in step {step} and not yet {done}")
        }
    };
    CameTwice { number, steps: [earlier + 1, later + 1], why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::explorer::{Drawer, Stage};
    use crate::numbers::locking::Locking;

    fn case(locking: Locking, drawers: &[(char, u64)], reads: bool) -> Case {
        let drawers = drawers.iter().map(|&(name, count)| Drawer { name, count }).collect();
        Case { drawers, locking, reads, increments: false }
    }

    fn run(case: &Case, letters: &str) -> Run {
        let at = |letter| case.drawers.iter().position(|drawer| drawer.name == letter).unwrap();
        let schedule: Vec<u8> = letters.chars().map(|letter| at(letter) as u8).collect();
        Stage::new(case.clone()).unwrap().run(&schedule).unwrap()
    }

    #[test]
    fn the_homeworks_race_is_shown_as_it_has_it() {
        let case = case(Locking::None, &[('A', 4), ('B', 2)], false);
        let run = run(&case, "AAAAABABAABB");
        let table = "\
Counter       0       1       2       2       3       4
Thread        A       A       A       B       A       B
Result        5      19     228     228     665       7
Twice                         ^       ^

";
        assert_eq!(homework_table(&case, &run), table);
        let expected = "
 step  counter  A                              B
    1        0  loads 0
    2        1  stores 1, has 5
    3        1  loads 1
    4        2  stores 2, has 19
    5        2  loads 2
    6        2                                 loads 2
    7        3  stores 3, has 228
    8        3                                 stores 3, has 228!
    9        3  loads 3
   10        4  stores 4, has 665
   11        4                                 loads 4
   12        5                                 stores 5, has 7
";
        assert_eq!(format!("\n{}", picture(&case, &run)), expected);
        let why = "228 came twice: B loaded 2 in step 6,\n  while A had loaded 2 in step 5 and not \
                   yet stored";
        let twice = &explain(&case, &run)[..];
        assert!(matches!(twice, [one] if one.why == why && one.steps == [5, 6]), "{twice:?}");
    }

    #[test]
    fn the_counters_that_the_homework_prints_are_those_of_a_whole_increment() {
        let case = Case { increments: true, ..case(Locking::None, &[('A', 4), ('B', 2)], false) };
        let run = run(&case, "AAAAABABAABB");
        let table = "\
Counter       0       1       2       2       4       5
Thread        A       A       A       B       A       B
Result        5      19     228     228       7      11
Twice                         ^       ^

";
        assert_eq!(homework_table(&case, &run), table);
        let picture = picture(&case, &run);
        assert!(picture.contains("    7        3  raises to 3, has 228\n"), "{picture}");
        assert!(picture.contains(" raises to 4, has 228!\n"), "{picture}");
        assert!(explain(&case, &run)[0].why.ends_with("in step 5 and not yet raised the counter"));
    }

    #[test]
    fn a_store_that_puts_the_counter_back_is_named() {
        let case = case(Locking::None, &[('A', 1), ('B', 2), ('C', 1)], false);
        let run = run(&case, "ABBBBACC");
        let why = explain(&case, &run);
        assert_eq!(why.len(), 2);
        assert!(
            why[1].why.ends_with("because A's late store of 1 in step 6 had put the counter back")
        );
        assert!(why[1].why.starts_with("19 came twice: C loaded 1 in step 7"), "{why:?}");
    }

    #[test]
    fn a_store_that_changes_nothing_puts_nothing_back() {
        let case = case(Locking::None, &[('A', 3), ('B', 2)], false);
        let run = run(&case, "AABAAABBAB");
        let why = explain(&case, &run);
        let expected = "B loaded 2 in step 8,\n  while A had loaded 2 in step 6 and not yet stored";
        assert!(why[1].why.ends_with(expected), "{why:?}");
    }

    #[test]
    fn of_two_stores_of_the_same_index_the_one_that_changed_it_is_named() {
        let case = case(Locking::None, &[('A', 1), ('B', 2), ('C', 1), ('D', 1)], false);
        // A and C loaded 0. B has stored 2 when A stores 1. C stores 1 again, and D loads it.
        let run = run(&case, "ACBBBBACDD");
        let why = explain(&case, &run);
        let expected = "because A's late store of 1 in step 7 had put the counter back";
        assert!(why.last().unwrap().why.ends_with(expected), "{why:?}");
    }

    #[test]
    fn under_the_lock_a_step_is_a_whole_take() {
        let case = case(Locking::Request, &[('A', 4), ('B', 2)], false);
        let run = run(&case, "BA");
        assert!(picture(&case, &run).contains("takes 0 to 1, has 5 19\n"));
        assert!(explain(&case, &run).is_empty());
    }

    #[test]
    fn no_line_is_longer_than_a_terminal() {
        let drawers = [('A', 1), ('B', 1), ('C', 1), ('D', 1), ('E', 1)];
        assert_eq!(drawers.len(), MAX_DRAWERS);
        let many = ['A', 'B', 'C'].map(|name| (name, 20));
        let request = case(Locking::Request, &many, false);
        let all = run(&request, "ABC");
        let text = picture(&request, &all) + &homework_table(&request, &all);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        for reads in [false, true] {
            let case = case(Locking::None, &drawers, reads);
            let schedule = case.schedules().complete(&[0, 1, 2, 3, 4]).unwrap();
            let run = Stage::new(case.clone()).unwrap().run(&schedule).unwrap();
            let text = picture(&case, &run) + &homework_table(&case, &run);
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        }
    }
}
