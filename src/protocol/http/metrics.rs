//! The figures of `stats` in the text form of Prometheus, at `/metrics`.
//!
//! ```text
//!   stats drawn=4 lock=number memory=67108864 internal_fragmentation=5.0%
//!
//!   # TYPE leasebox_info gauge
//!   leasebox_info{lock="number"} 1
//!   # TYPE leasebox_drawn_total counter
//!   leasebox_drawn_total 4
//!   # TYPE leasebox_memory_bytes gauge
//!   leasebox_memory_bytes 67108864
//!   # TYPE leasebox_internal_fragmentation_ratio gauge
//!   leasebox_internal_fragmentation_ratio 0.050
//! ```
//!
//! Prometheus reads a page of figures every few seconds and draws them over time. A figure that
//! only grows is a counter; any other number is a gauge. A figure that is a word becomes a label of
//! `leasebox_info`, a line whose number is always 1 and means nothing.
//!
//! **Invariants** a new figure of `stats` is here too. A whole number is a gauge without a unit,
//! unless one of the lists `COUNTERS` and `BYTES` names it.
//!
//! **Lock** none. **Simplified** the form has no negotiation: whatever `Accept` says, the answer is
//! this text.
//!
//! **Source** Prometheus, *Exposition formats*, and *Metric and label naming*.

use std::fmt::Write;

use crate::commands::Figure;
use crate::common::id::parse_decimal;

/// The path of this form.
pub const PATH: &str = "/metrics";

/// The `Content-Type` of this form.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The figures that only grow.
const COUNTERS: [&str; 10] = [
    "drawn",
    "undelivered",
    "came_twice",
    "locked",
    "full",
    "blocked",
    "lost",
    "resized",
    "resent",
    "wrong_guesses",
];

/// The figures in bytes.
const BYTES: [&str; 10] = [
    "memory",
    "unused",
    "requested",
    "used",
    "free",
    "largest_free",
    "admin",
    "admin_used",
    "buffers",
    "buffers_used",
];

/// Returns the figures of `stats` in this form.
pub fn metrics(figures: &[Figure]) -> Vec<u8> {
    let (mut text, mut labels) = (String::new(), Vec::new());
    for (name, value) in figures {
        let (ending, kind) = match &**name {
            name if COUNTERS.contains(&name) => ("_total", "counter"),
            name if BYTES.contains(&name) => ("_bytes", "gauge"),
            _ => ("", "gauge"),
        };
        if parse_decimal(value.as_bytes()).is_some() {
            put(&mut text, &format!("{name}{ending}"), kind, value);
        } else if let Some(percent) = value.strip_suffix('%').and_then(|p| p.parse::<f64>().ok()) {
            put(&mut text, &format!("{name}_ratio"), kind, &format!("{:.3}", percent / 100.0));
        } else {
            labels.push(format!("{name}=\"{value}\""));
        }
    }
    put(&mut text, &format!("info{{{}}}", labels.join(",")), "gauge", "1");
    text.into_bytes()
}

/// Appends one figure. Its name may have labels behind it, in braces; the line with the type has
/// the name without them.
fn put(text: &mut String, name: &str, kind: &str, value: &str) {
    let bare = name.split('{').next().unwrap_or_default();
    // Writing to a string cannot fail.
    let _ = write!(text, "# TYPE leasebox_{bare} {kind}\nleasebox_{name} {value}\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_figure_has_its_kind_and_its_unit() {
        let figure = |name: &str, value: &str| (name.to_string().into(), value.to_string());
        let figures: Vec<Figure> = vec![
            figure("drawn", "4"),
            figure("lock", "number"),
            figure("memory", "4096"),
            figure("clients", "1"),
            figure("internal_fragmentation", "5.0%"),
        ];
        let text = String::from_utf8(metrics(&figures)).unwrap();
        assert_eq!(
            text,
            "# TYPE leasebox_drawn_total counter\nleasebox_drawn_total 4\n\
             # TYPE leasebox_memory_bytes gauge\nleasebox_memory_bytes 4096\n\
             # TYPE leasebox_clients gauge\nleasebox_clients 1\n\
             # TYPE leasebox_internal_fragmentation_ratio gauge\n\
             leasebox_internal_fragmentation_ratio 0.050\n\
             # TYPE leasebox_info gauge\nleasebox_info{lock=\"number\"} 1\n"
        );
    }
}
