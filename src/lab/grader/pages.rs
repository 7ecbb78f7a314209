//! The pages to look at: one for a report, and one over all submissions of a folder.
//!
//! ```text
//!   target                                       client 1 ├─┤  ├───┤      ├─┤
//!   70 of 100, wrong                             client 2   ├══┤   ├─┤ ├─┤
//!   points, name and reasons of each check       client 3 ├───┤   ╞══╡ ├─┤   the two that got 665
//! ```
//!
//! A page is one file without outside resources: a teacher sends it by mail. Its words are those of
//! the text report. The pictures are SVG, so they are there without the script too, and on paper;
//! the script only moves the focus from bar to bar.
//!
//! **Invariants**
//!
//! 1. All that a graded server sent, and each name of a file, is escaped.
//! 2. A page of a grading of 100,000 numbers has at most 300 KB: [`GradePicture`] bounds the bars.
//!
//! **Lock** none: these are pure functions over a report.
//!
//! **Simplified** A lane is a client, not a connection: a client that connects anew stays in its
//! lane.
//!
//! **Source** W3C, "ARIA Authoring Practices Guide", for one stop of Tab in each picture (roving
//! tabindex); SVG 2 for `title`.

use std::fmt::Write;
use std::time::Duration;

use crate::lab::grader::formats::escaped;
use crate::lab::grader::gradebook::GradeRow;
use crate::lab::grader::ledger::Operation;
use crate::lab::grader::picture::{Bar, GradePicture, PARTS, PictureScene};
use crate::lab::grader::report::{Check, CheckOutcome, GradeReport, points};

const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

/// The width of a picture and of the names of its lanes, and the height of a lane, in SVG's units.
const WIDTH: f64 = 960.0;
const NAMES: f64 = 64.0;
const LANE: f64 = 20.0;

/// Returns the page of a report.
pub fn page(report: &GradeReport) -> String {
    let mut body = format!("<h1>{}</h1>\n", escaped(&report.target));
    let sum = report.points_in_words().map_or_else(String::new, |sum| format!("; {sum}"));
    let (score, verdict) = (report.score_in_words(), report.verdict());
    let _ = writeln!(body, "<p><strong>{score}</strong>, {verdict}{sum}</p>");
    for warning in &report.warnings {
        let _ = writeln!(body, "<p class=\"warning\">{}</p>", escaped(warning));
    }
    body += "<table>\n<tr><th class=\"points\" scope=\"col\">points<th scope=\"col\">check\n";
    report.checks.iter().for_each(|check| body += &row_of(check));
    body += "</table>\n";
    if let Some(picture) = &report.picture {
        body += &pictures(picture);
    }
    body += "<h2>Notes</h2>\n";
    for note in &report.notes {
        let _ = writeln!(body, "<p>{}</p>", escaped(note));
    }
    document(&report.target, &body, SCRIPT)
}

/// Returns a whole document.
fn document(title: &str, body: &str, script: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n<main>\n{body}</main>\n\
         <script>\n{script}</script>\n</html>\n"
    )
}

/// Returns the row of a check, with its reasons.
fn row_of(check: &Check) -> String {
    let (class, earned) = match check.outcome {
        CheckOutcome::Undecidable | CheckOutcome::Skipped => ("", "-".to_string()),
        CheckOutcome::NotShown(_) => ("lost", format!("?/{}", check.weight)),
        _ if check.passed() => ("full", format!("{}/{}", points(check.score()), check.weight)),
        _ => ("lost", format!("{}/{}", points(check.score()), check.weight)),
    };
    let mut row = format!(
        "<tr id=\"{}\"><td class=\"points {class}\">{earned}<td>{}",
        check.key,
        escaped(check.name)
    );
    for line in check.output().lines() {
        let _ = write!(row, "<p>{}</p>", escaped(line));
    }
    row + "\n"
}

/// Returns the overview and the scenes.
fn pictures(picture: &GradePicture) -> String {
    let shown: usize = picture.scenes.iter().map(|scene| scene.bars.len()).sum();
    let mut text = format!(
        "<h2>The requests</h2>\n<p>Each lane is a client, each bar a request: from just before it was \
         sent to when its reply had come. Client 0 is each one that drew alone. {} requests were made \
         in {:.3} s; shown below are {shown} of them.</p>\n",
        picture.total,
        picture.span.as_secs_f64(),
    );
    if let Some(instants) = &picture.instants {
        let _ = writeln!(text, "<p>{}.</p>", escaped(instants));
    }
    text += "<p class=\"keys\">Tab goes to the first bar of a picture, the arrow keys go on.</p>\n";
    let _ = writeln!(
        text,
        "<section><h2>When each client had a request</h2>\n{}</section>",
        overview(picture)
    );
    for scene in &picture.scenes {
        let title = escaped(&scene.title);
        let _ = writeln!(
            text,
            "<section><h2>{title}</h2>\n{}<output></output></section>",
            drawn(scene)
        );
    }
    text
}

/// Returns the beginning of a picture: its opening tags, a lane for each client, and the times
/// below the lanes. The caller adds the bars and the closing tags.
///
/// The times take the height of 1.2 lanes. SVG places a text by the line under its letters: 4 units
/// below the middle of a lane, and 4 above the end of the picture.
fn lanes(class: &str, label: &str, clients: &[usize], from: Duration, to: Duration) -> String {
    let height = LANE * (clients.len() as f64 + 1.2);
    let label = escaped(label);
    let mut svg = format!(
        "<div class=\"scroll\"><svg class=\"{class}\" viewBox=\"0 0 {WIDTH} {height:.0}\" \
         role=\"group\" aria-label=\"{label}\">\n"
    );
    for (lane, client) in clients.iter().enumerate() {
        let y = LANE * (lane as f64 + 0.5);
        let _ = writeln!(
            svg,
            "<text x=\"0\" y=\"{:.0}\">client {client}</text>\
             <line class=\"lane\" x1=\"{NAMES}\" x2=\"{WIDTH}\" y1=\"{y}\" y2=\"{y}\"/>",
            y + 4.0
        );
    }
    let y = height - 4.0;
    let _ = writeln!(
        svg,
        "<text x=\"{NAMES}\" y=\"{y:.0}\">{:.6} s</text>\
         <text x=\"{WIDTH}\" y=\"{y:.0}\" text-anchor=\"end\">{:.6} s</text>",
        from.as_secs_f64(),
        to.as_secs_f64()
    );
    svg
}

/// Returns the picture of the whole grading: a lane for each client, and in it a bar for each
/// interval in which the client had a request ([`GradePicture::busy`]). A lane's bars are one SVG
/// path: `M` goes to the upper left corner of a bar, `h` and `v` draw its sides.
fn overview(picture: &GradePicture) -> String {
    let clients: Vec<usize> = picture.busy.iter().map(|(client, _)| *client).collect();
    let label = "when each client had a request";
    let mut svg = lanes("overview", label, &clients, Duration::ZERO, picture.span);
    // The width of one of the equal parts into which the time is divided.
    let part = (WIDTH - NAMES) / PARTS as f64;
    for (lane, (_, parts)) in picture.busy.iter().enumerate() {
        // A bar leaves 4 units of its lane free above and 4 below.
        let y = LANE * lane as f64 + 4.0;
        let bars: String = parts
            .iter()
            .map(|&(from, to)| {
                let (x, width) = (NAMES + part * from as f64, part * (to - from) as f64);
                format!("M{x:.1} {y}h{width:.1}v{}h-{width:.1}z", LANE - 8.0)
            })
            .collect();
        let _ = writeln!(svg, "<path class=\"bar\" d=\"{bars}\"/>");
    }
    svg + "</svg></div>\n"
}

/// The axes of a scene's picture: time to the right, and a lane for each client.
struct Axes {
    /// The time at the left end.
    from: Duration,
    /// The time at the right end.
    to: Duration,
    /// The client of each lane.
    clients: Vec<usize>,
}

impl Axes {
    fn of(scene: &PictureScene) -> Self {
        let requests = || scene.bars.iter().map(|bar| &bar.request);
        let from = requests().map(|request| request.start).min().unwrap_or_default();
        let to = requests().map(|request| request.end).max().unwrap_or_default();
        let mut clients: Vec<usize> = requests().map(|request| request.client).collect();
        clients.sort_unstable();
        clients.dedup();
        Self { from, to, clients }
    }

    /// Returns the place of a time from left to right. The names stand at the left, and 4 units
    /// stay free at the right.
    fn x(&self, time: Duration) -> f64 {
        // `MIN_POSITIVE` avoids a division by zero.
        let span = (self.to - self.from).as_secs_f64().max(f64::MIN_POSITIVE);
        let share = time.saturating_sub(self.from).as_secs_f64() / span;
        NAMES + (WIDTH - NAMES - 4.0) * share.min(1.0)
    }

    /// Returns the index of a bar's lane. `clients` holds the client of every bar of the scene.
    fn lane(&self, bar: &Bar) -> usize {
        self.clients.iter().position(|&client| client == bar.request.client).unwrap_or_default()
    }

    /// Returns the middle of a bar's lane.
    fn y(&self, bar: &Bar) -> f64 {
        LANE * (self.lane(bar) as f64 + 0.5)
    }

    /// Returns a bar, and the mark of its instant.
    fn drawn(&self, bar: &Bar) -> String {
        let class = if bar.is_lit { "bar lit" } else { "bar" };
        let x = self.x(bar.request.start);
        // A bar of less than 2 units could not be seen.
        let width = (self.x(bar.request.end) - x).max(2.0);
        // The bar leaves 3 units of its lane free above and 3 below.
        let (y, height) = (self.y(bar) - LANE / 2.0 + 3.0, LANE - 6.0);
        let mut svg = format!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"{height}\" \
             rx=\"2\" data-lane=\"{}\" tabindex=\"-1\" role=\"img\"><title>{}</title></rect>\n",
            self.lane(bar),
            words_of(bar),
        );
        if let Some((instant, _)) = bar.instant {
            let (x, y) = (self.x(instant), self.y(bar));
            let _ = writeln!(svg, "<circle class=\"point\" cx=\"{x:.1}\" cy=\"{y}\" r=\"2.5\"/>");
        }
        svg
    }
}

/// Returns the picture of a scene.
fn drawn(scene: &PictureScene) -> String {
    let axes = Axes::of(scene);
    let mut svg = lanes("scene", &scene.title, &axes.clients, axes.from, axes.to);
    scene.bars.iter().for_each(|bar| svg += &axes.drawn(bar));
    let lit: Vec<&Bar> = scene.bars.iter().filter(|bar| bar.is_lit).collect();
    // A line joins the two requests that the scene is about, if both are in it.
    if let [one, other] = lit[..] {
        let middle = |bar: &Bar| (axes.x(bar.request.start) + axes.x(bar.request.end)) / 2.0;
        let _ = writeln!(
            svg,
            "<line class=\"pair\" x1=\"{:.1}\" y1=\"{}\" x2=\"{:.1}\" y2=\"{}\"/>",
            middle(one),
            axes.y(one),
            middle(other),
            axes.y(other)
        );
    }
    svg + "</svg></div>\n"
}

/// Returns the words of a bar: the client, its request, the times, and the numbers that came.
fn words_of(bar: &Bar) -> String {
    let Operation { client, start, end, asked, numbers } = &bar.request;
    let more = bar.came - numbers.len();
    let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let twice = bar.twice.map_or_else(String::new, |number| format!("; {number} came twice"));
    let instant = bar.instant.map_or_else(String::new, |(instant, index)| {
        format!("; index {index} at {:.6} s", instant.as_secs_f64())
    });
    format!(
        "client {client}, draw {asked}, {:.6} to {:.6} s: {}{more}{twice}{instant}",
        start.as_secs_f64(),
        end.as_secs_f64(),
        numbers.join(" "),
    )
}

/// Returns the page over all submissions of a folder: how many have each verdict, and a row with
/// the points of each submission. Each row links to the page of its report.
pub fn index(rows: &[GradeRow]) -> String {
    let checks = GradeReport::new(String::new()).checks;
    let mut verdicts: Vec<&str> = rows.iter().map(|row| row.verdict.as_str()).collect();
    verdicts.sort_unstable();
    let counts = verdicts.chunk_by(|a, b| a == b);
    let counts: Vec<String> = counts.map(|same| format!("{} {}", same.len(), same[0])).collect();
    let mut body = format!(
        "<h1>{} submissions</h1>\n<p>{}</p>\n<div class=\"scroll\"><table>\n<tr><th \
         scope=\"col\">submission<th class=\"points\" scope=\"col\">score<th scope=\"col\">verdict",
        rows.len(),
        escaped(&counts.join(", ")),
    );
    for check in &checks {
        let name = escaped(check.name);
        let _ = write!(
            body,
            "<th class=\"points\" scope=\"col\"><abbr title=\"{name}\">{}</abbr>",
            check.key
        );
    }
    body += "<th class=\"points\" scope=\"col\">seconds\n";
    for row in rows {
        let class = if row.verdict == "right" { "full" } else { "lost" };
        let _ = write!(
            body,
            "<tr><td><a href=\"reports/{}.html\">{}</a><p>{}</p><td class=\"points\">{}<td \
             class=\"{class}\">{}",
            percent(&row.submission),
            escaped(&row.submission),
            escaped(&row.why),
            escaped(&row.score),
            escaped(&row.verdict),
        );
        for points in &row.points {
            let _ = write!(body, "<td class=\"points\">{}", escaped(points));
        }
        let _ = writeln!(body, "<td class=\"points\">{}", escaped(&row.seconds));
    }
    document("grades", &(body + "</table></div>\n"), "")
}

/// Returns a file's name for use in a URL: each byte that a URL may give a meaning becomes `%` and
/// two hexadecimal digits.
fn percent(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let shown = |byte| {
        if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    name.bytes().map(shown).collect()
}
