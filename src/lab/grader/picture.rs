//! The picture of a grading: which requests the page of a report shows, and what it says of each.
//!
//! A grading has up to 100,000 requests, and nobody looks at so many bars. So the page has a few
//! scenes, each a stretch of time with the requests of all clients in it:
//!
//! ```text
//!   scene "665 went to two requests"
//!     client 2   ├─ draw 1: 228 ─┤       ╞═ draw 1: 665 ═╡
//!     client 5            ├─ draw 1: 19 ─┤      ╞═ draw 1: 665 ═╡
//! ```
//!
//! | scene | requests |
//! | --- | --- |
//! | a number that came twice, at most 3 of them | the two, and those around each |
//! | two requests that contradict one counter | the same |
//! | the beginning, the end | the first and the last ones |
//!
//! The instants at which one counter could have given the numbers are marked, where the order of
//! the list is known ([`instants`]).
//!
//! **Invariants** A picture has at most [`MOST_SCENES`] scenes, each of at most [`AROUND`]
//! requests. `total` is the number of all requests, so the page can say of how many.
//!
//! **Lock** the caller's: it holds the ledger.
//!
//! **Source** Herlihy and Wing draw histories in this way.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::lab::grader::judgement::{contradiction, instants};
use crate::lab::grader::ledger::{Duplicate, Ledger, Operation};

/// The most requests in one scene.
pub const AROUND: usize = 80;

/// The most scenes: two for each of 3 numbers that came twice, two for a contradiction, the
/// beginning and the end.
pub const MOST_SCENES: usize = 10;
/// The most numbers that came twice and are shown.
const MOST_TWICE: usize = 3;

/// The most numbers of one request that a bar names.
pub const MOST_NUMBERS: usize = 12;

/// The number of equal parts into which the overview divides the time of the grading. A client is
/// busy in a part of the time, or it is not: nobody could see finer bars.
pub const PARTS: usize = 400;

/// What the page of a report shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GradePicture {
    /// The number of all requests.
    pub total: usize,
    /// The time from the start of the first request to the end of the last.
    pub span: Duration,
    /// Each client, and the intervals in which it had a request. An interval counts in parts of the
    /// time, of which `span` has [`PARTS`]: it is the first part, and the part after the last one.
    pub busy: Vec<(usize, Vec<(usize, usize)>)>,
    /// The stretches of time that are shown.
    pub scenes: Vec<PictureScene>,
    /// A sentence that says how many of the numbers one counter could have given; `None` if the
    /// order of the list is not known.
    pub instants: Option<String>,
}

/// A scene: a stretch of time, with requests of all clients in it.
#[derive(Debug, Clone, PartialEq)]
pub struct PictureScene {
    /// The words above the picture of the scene.
    pub title: String,
    /// The requests, in the order of their starts.
    pub bars: Vec<Bar>,
}

/// One request in a scene.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// The request, with the first [`MOST_NUMBERS`] of its numbers.
    pub request: Operation,
    /// The count of all numbers that came.
    pub came: usize,
    /// Whether the request is one of the two that the scene is about.
    pub is_lit: bool,
    /// The number that both lit requests got; `None` for other bars and other scenes.
    pub twice: Option<u64>,
    /// An instant at which one counter could have given its first number, and the number's index.
    pub instant: Option<(Duration, u32)>,
}

impl GradePicture {
    /// Chooses the scenes of a complete ledger. `order` is the list in its order, if it is known.
    pub fn of(ledger: &Ledger, order: Option<&[u32]>) -> Self {
        let operations = &ledger.operations;
        let mut by_start: Vec<usize> = (0..operations.len()).collect();
        by_start.sort_by_key(|&at| operations[at].start);
        let found = order.map(|order| instants(operations, order));
        let mut instant_of = HashMap::new();
        for &(at, index, instant) in found.iter().flat_map(|found| &found.points) {
            instant_of.entry(at).or_insert((instant, index));
        }
        let requests = Requests { operations, by_start, instant_of };
        let span = operations.iter().map(|operation| operation.end).max().unwrap_or_default();
        Self {
            total: operations.len(),
            span,
            busy: busy(operations, span),
            scenes: requests.scenes(ledger, order),
            instants: found.map(|found| found.describe(operations)),
        }
    }
}

/// All requests, and their order in time.
struct Requests<'l> {
    operations: &'l [Operation],
    /// The indices of the operations, sorted by their starts.
    by_start: Vec<usize>,
    /// For the index of an operation, the instant of its first number, and this number's index in
    /// the list. Empty if the order of the list is not known.
    instant_of: HashMap<usize, (Duration, u32)>,
}

impl Requests<'_> {
    /// Returns the scenes of the table at the head of this file.
    fn scenes(&self, ledger: &Ledger, order: Option<&[u32]>) -> Vec<PictureScene> {
        let mut scenes = Vec::new();
        // Two requests that share many numbers are shown once, and so is a number that came often.
        let mut twice: Vec<Duplicate> = Vec::new();
        for found in &ledger.duplicates {
            let is_same = |known: &Duplicate| {
                known.number == found.number
                    || (known.before, known.again) == (found.before, found.again)
            };
            if twice.len() < MOST_TWICE && !twice.iter().any(is_same) {
                twice.push(*found);
            }
        }
        for Duplicate { number, before, again } in twice {
            scenes.extend(self.pair(
                &format!("{number} came twice"),
                [before, again],
                Some(number),
            ));
        }
        if let Some(found) = order.and_then(|order| contradiction(self.operations, order)) {
            let (over, later) = (found.over.1, found.later.1);
            let title = format!("index {over} was taken before index {later}");
            scenes.extend(self.pair(&title, [found.over.0, found.later.0], None));
        }
        let (beginning, rest) = self.by_start.split_at(AROUND.min(self.by_start.len()));
        // The end shows no request that the beginning shows.
        let end = &rest[rest.len().saturating_sub(AROUND)..];
        for (title, places) in [("the beginning", beginning), ("the end", end)] {
            scenes.push(self.scene(title, places.iter().copied(), &[], None));
        }
        scenes.retain(|scene| !scene.bars.is_empty());
        scenes
    }

    /// Returns the scene around two requests, or two scenes if they are far apart. `two` are their
    /// places in the ledger, and `number` is the number that both got.
    ///
    /// A scene has up to a quarter of [`AROUND`] requests on each side, so at most half of it may
    /// lie between the two.
    fn pair(&self, title: &str, two: [usize; 2], number: Option<u64>) -> Vec<PictureScene> {
        // `by_start` holds every place, so `position` always finds it.
        let place = |at| self.by_start.iter().position(|&known| known == at).unwrap_or_default();
        let [one, other] = two.map(place);
        let (first, last) = (one.min(other), one.max(other));
        let around = |title: &str, from: usize, to: usize| {
            let near = from.saturating_sub(AROUND / 4)..(to + AROUND / 4).min(self.by_start.len());
            let shown = self.near_in_time(&self.by_start[from], &self.by_start[to - 1]);
            let near = self.by_start[near].iter().filter(|at| shown(at)).copied();
            self.scene(title, near, &two, number)
        };
        if last - first < AROUND / 2 {
            return vec![around(title, first, last + 1)];
        }
        let first = around(&format!("{title}: first here"), first, first + 1);
        vec![first, around(&format!("{title}: then here"), last, last + 1)]
    }

    /// Returns a test of whether a request is near two others in time: at most three times as far
    /// from them as the time that they take together. A scene is as long as the time of all its
    /// requests, so one that is far away would make the other bars too short.
    fn near_in_time(&self, one: &usize, other: &usize) -> impl Fn(&usize) -> bool {
        let (one, other) = (&self.operations[*one], &self.operations[*other]);
        let (from, to) = (one.start.min(other.start), one.end.max(other.end));
        let margin = 3 * (to - from);
        move |&at| {
            let Operation { start, end, .. } = &self.operations[at];
            *end + margin >= from && *start <= to + margin
        }
    }

    /// Returns the scene of these requests. Those of `lit` are the two that the scene is about, and
    /// `number` is the number that both got.
    fn scene(
        &self,
        title: &str,
        places: impl Iterator<Item = usize>,
        lit: &[usize],
        number: Option<u64>,
    ) -> PictureScene {
        let bar = |at: usize| {
            let operation = &self.operations[at];
            let numbers = operation.numbers.iter().take(MOST_NUMBERS).copied().collect();
            let (came, is_lit) = (operation.numbers.len(), lit.contains(&at));
            let (twice, instant) = (number.filter(|_| is_lit), self.instant_of.get(&at).copied());
            Bar { request: Operation { numbers, ..*operation }, came, is_lit, twice, instant }
        };
        PictureScene { title: title.to_string(), bars: places.map(bar).collect() }
    }
}

/// Returns each client, and the intervals in which it had a request: see [`GradePicture::busy`].
fn busy(operations: &[Operation], span: Duration) -> Vec<(usize, Vec<(usize, usize)>)> {
    let mut parts: BTreeMap<usize, Vec<bool>> = BTreeMap::new();
    // The part of the time in which an instant lies. The end of the span belongs to the last part.
    // `MIN_POSITIVE` avoids a division by zero if the span is zero.
    let part = |time: Duration| {
        let share = time.as_secs_f64() / span.as_secs_f64().max(f64::MIN_POSITIVE);
        ((share * PARTS as f64) as usize).min(PARTS - 1)
    };
    for operation in operations {
        let mine = parts.entry(operation.client).or_insert_with(|| vec![false; PARTS]);
        mine[part(operation.start)..=part(operation.end)].fill(true);
    }
    parts.into_iter().map(|(client, parts)| (client, runs(&parts))).collect()
}

/// Returns the unbroken rows of `true`, each as its first index and the index after its last.
fn runs(parts: &[bool]) -> Vec<(usize, usize)> {
    let mut to = 0;
    let runs = parts.chunk_by(|a, b| a == b).map(|run| {
        to += run.len();
        (run[0], (to - run.len(), to))
    });
    runs.filter(|(is_busy, _)| *is_busy).map(|(_, run)| run).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client draws one number each 10 us; the numbers are those given.
    fn ledger(numbers: impl Iterator<Item = u64>) -> Ledger {
        let mut ledger = Ledger::new(100_000, 0);
        for (at, number) in numbers.enumerate() {
            let start = Duration::from_micros(10 * at as u64);
            let end = start + Duration::from_micros(15);
            let client = 1 + at % 2;
            ledger.add(Operation { client, start, end, asked: 1, numbers: vec![number] });
        }
        ledger
    }

    fn lit(scene: &PictureScene) -> Vec<u64> {
        scene.bars.iter().filter(|bar| bar.is_lit).map(|bar| bar.request.numbers[0]).collect()
    }

    #[test]
    fn a_long_grading_has_few_bars_and_says_of_how_many() {
        let picture = GradePicture::of(&ledger((1..=100_000).chain(1..=9)), None);
        assert_eq!(picture.total, 100_009);
        assert_eq!(picture.scenes.len(), 8, "two for each of three numbers, beginning and end");
        assert!(picture.scenes.len() <= MOST_SCENES);
        assert!(picture.scenes.iter().all(|scene| scene.bars.len() <= AROUND));
        assert_eq!(picture.busy, [(1, vec![(0, 400)]), (2, vec![(0, 400)])]);
    }

    #[test]
    fn two_requests_with_the_same_number_are_lit_in_one_scene_or_in_two() {
        let near = GradePicture::of(&ledger((1..=20).chain([3])), None);
        assert_eq!(lit(&near.scenes[0]), [3, 3]);
        assert_eq!(near.scenes[0].title, "3 came twice");
        let far = GradePicture::of(&ledger((1..=500).chain([3])), None);
        assert_eq!((lit(&far.scenes[0]), lit(&far.scenes[1])), (vec![3], vec![3]));
    }

    #[test]
    fn without_any_request_there_is_nothing_to_see() {
        assert_eq!(GradePicture::of(&Ledger::new(10, 0), None).scenes, []);
    }
}
