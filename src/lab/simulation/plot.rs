//! A plot as SVG: the share of time in which processes paused, by the size of the pool that they
//! share. Sizes are in x: 1x is the committed memory of one process.
//!
//! ```text
//!   paused │\__ correlated
//!      %   │\ \_______
//!          └──────────── pool in x
//! ```
//!
//! SVG is text, so a few lines of `write!` are enough and no dependency is needed. In SVG y grows
//! downwards, so `Scale::y` subtracts from the height.
//!
//! **Invariants** the plot is one file without a script, and loads no other file. The lines differ
//! in colour and in dashes, so the plot can be read in black and white too.
//!
//! **Lock** none: a pure function.
//!
//! **Simplified** the x axis ends at the largest pool instead of at a round number, so its labels
//! are rounded.
//!
//! **Source** the colours are those of Okabe and Ito, which colour-blind readers can tell apart.

use std::fmt::Write;

use crate::lab::simulation::{Shape, Sweep};

/// The size of the picture and its margins, in pixels. The labels of the axes need the margins.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 50.0;

/// The colour of each shape's line, in the order of [`Shape::ALL`].
const COLOURS: [&str; 4] = ["#0072b2", "#d55e00", "#009e73", "#e69f00"];
/// The lengths of dashes and gaps of each shape's line, in pixels; none for a solid line.
const DASHES: [&str; 4] = ["", "8 4", "2 3", "12 3 2 3"];

/// One line of the plot: for each pool in x the share of time in which processes paused, in
/// percent.
pub type Curve = Vec<(u64, f64)>;

/// Returns the lines of the plot, one for each shape. `sweep` has the results of
/// [`crate::lab::simulation::sweep`] for the same `processes` and `seconds`.
///
/// A line ends at a pool of 5x for each process, because 5x is the headroom of a process that
/// shares nothing. (One x is the committed memory of a process.)
pub fn lines(sweep: &[Sweep], processes: usize, seconds: u64) -> Vec<Curve> {
    let all_ms = (seconds * 1000 * processes as u64) as f64;
    let most = 5 * processes as u64;
    let shown = |line: &Sweep| {
        let shown = line.iter().take_while(|(x, _)| *x <= most);
        shown.map(|(x, outcome)| (*x, outcome.paused_ms as f64 * 100.0 / all_ms)).collect()
    };
    sweep.iter().map(shown).collect()
}

/// The value at the end of each axis. With them `x` and `y` turn a value into a place in the
/// picture, in pixels.
struct Scale {
    most_x: f64,
    most_y: f64,
}

impl Scale {
    fn of(lines: &[Curve]) -> Self {
        let points = || lines.iter().flatten();
        // At least 1 on each axis: a division by 0 would write `NaN` into the file.
        let most_x = points().map(|point| point.0).max().unwrap_or(1).max(1) as f64;
        let most_y = points().map(|point| point.1).fold(1.0, f64::max);
        Self { most_x, most_y: rounded_up(most_y) }
    }

    fn x(&self, value: f64) -> f64 {
        LEFT + value / self.most_x * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - value / self.most_y * (HEIGHT - TOP - BOTTOM)
    }
}

/// Returns the end of an axis that reaches `most`. The axis has five equal parts, and each part is
/// the smallest of 1, 2, 5, 10, 20, 50, 100, 200 and 500 that is enough: so the labels are round.
/// If none is enough, returns `most` itself.
fn rounded_up(most: f64) -> f64 {
    let parts = [1.0, 10.0, 100.0].iter().flat_map(|ten| [1.0, 2.0, 5.0].map(|one| one * ten));
    parts.map(|part| part * 5.0).find(|end| *end >= most).unwrap_or(most)
}

/// Returns the plot of these lines, which are in the order of [`Shape::ALL`].
pub fn svg(lines: &[Curve]) -> String {
    let scale = Scale::of(lines);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <title>Share of time in which processes paused, by the size of the pool</title>\n\
         <style>@media(prefers-color-scheme:dark){{rect{{fill:#0f141a}}text{{fill:#e6ebf1}}.grid{{stroke:#313c48}}}}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    axes(&scale, &mut text);
    for (at, (line, shape)) in lines.iter().zip(Shape::ALL).enumerate() {
        let place = |&(pool, share): &(u64, f64)| {
            format!("{:.1},{:.1}", scale.x(pool as f64), scale.y(share))
        };
        let path = line.iter().map(place).collect::<Vec<_>>().join(" ");
        let (colour, dash) = (COLOURS[at], DASHES[at]);
        let _ = writeln!(
            text,
            "<polyline points=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"/>",
        );
        // The legend stands at the top right, where the curves have fallen.
        let (legend_x, legend_y) = (WIDTH - 250.0, TOP + 20.0 + 20.0 * at as f64);
        let _ = writeln!(
            text,
            "<path d=\"M{legend_x} {legend_y}h30\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"/><text x=\"{}\" y=\"{}\">{}</text>",
            legend_x + 38.0,
            legend_y + 4.0,
            shape.name()
        );
    }
    text + "</svg>\n"
}

/// Adds the axes: six values on each, with grid lines for y, and the names of both.
fn axes(scale: &Scale, text: &mut String) {
    for part in (0..=5).map(|part| f64::from(part) / 5.0) {
        let (value_x, value_y) = (scale.most_x * part, scale.most_y * part);
        let (right, low) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        let _ = writeln!(
            text,
            "<path d=\"M{LEFT} {0:.1}H{right}\" stroke=\"#ddd\" class=\"grid\"/><text x=\"{1}\" y=\"{2:.1}\" text-anchor=\"end\">{value_y:.0}</text>",
            scale.y(value_y),
            LEFT - 8.0,
            scale.y(value_y) + 4.0
        );
        let _ = writeln!(
            text,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{value_x:.0}x</text>",
            scale.x(value_x),
            low + 18.0
        );
    }
    let _ = writeln!(
        text,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">pool that all processes share</text>",
        WIDTH / 2.0,
        HEIGHT - 12.0
    );
    let _ = writeln!(
        text,
        "<text x=\"16\" y=\"{0}\" text-anchor=\"middle\" transform=\"rotate(-90 16 {0})\">paused, % of the time</text>",
        HEIGHT / 2.0
    );
}
