//! Figures 8 to 12 as flow charts: where each box stands, and which arrows leave it.
//!
//! Figures 8 to 11 decide from which pool a request for memory is granted; figure 12 divides
//! returned memory. LP, LE, GP and GL are the pools: loaned pause, loaned efficiency, granted
//! pause, granted leak. [`crate::cooperative`] explains them.
//!
//! The places of the boxes are ours. A test runs thousands of decisions and repayments of the
//! manager: the steps of their paths are exactly these arrows.
//!
//! **Lock** none: constants.
//!
//! **Source** `cooperative-memory-management.txt`, figures 8 to 12.

use super::settings::Settings;
use super::view::{list, number, record, text};
use crate::cooperative::figures::FULL;
use crate::protocol::http::value::Value;

/// One figure.
pub struct Chart {
    /// Its number and what it decides.
    pub title: &'static str,
    /// The boxes: number, text, column and row. [`FULL`] is a box of our own: the committed pool
    /// refuses, which the figure does not show. It has a word instead of a number.
    pub boxes: &'static [(u16, &'static str, u8, u8)],
    /// The arrows: the box that an arrow leaves, the box that it reaches, and the answer in the
    /// first box that leads along it; empty if the first box asks nothing, or if the second box
    /// names the answer.
    pub arrows: &'static [(u16, u16, &'static str)],
}

/// The figures, in their order.
pub const CHARTS: [Chart; 5] = [
    Chart {
        title: "Figure 8: what is asked for?",
        boxes: &[
            (800, "a request is received", 1, 0),
            (801, "for committed memory?", 1, 1),
            (803, "grant from committed", 2, 1),
            (FULL, "committed has too little", 3, 1),
            (802, "of what type is it?", 1, 2),
            (804, "out of memory: fig. 11", 0, 3),
            (812, "pause: figure 9", 1, 3),
            (813, "efficiency: figure 10", 2, 3),
        ],
        arrows: &[
            (800, 801, ""),
            (801, 803, "yes"),
            (801, 802, "no"),
            (803, FULL, ""),
            (802, 804, ""),
            (802, 812, ""),
            (802, 813, ""),
        ],
    },
    Chart {
        title: "Figure 9: a pause",
        boxes: &[
            (900, "sufficient collateral?", 0, 0),
            (902, "is LP empty?", 0, 1),
            (904, "over the limit of LP?", 0, 2),
            (908, "lend from LP", 0, 3),
            (906, "is GP empty?", 1, 0),
            (912, "over the limit of GP?", 1, 1),
            (914, "grant from GP", 1, 2),
            (920, "is LE empty?", 2, 0),
            (924, "over the limit of LE?", 2, 1),
            (928, "lend from LE", 2, 2),
            (922, "refuse: LE is empty", 3, 0),
            (926, "refuse: over the limit", 3, 1),
        ],
        arrows: &[
            (900, 902, "yes"),
            (900, 906, "no"),
            (902, 904, "no"),
            (902, 906, "yes"),
            (904, 908, "no"),
            (904, 906, "yes"),
            (906, 912, "no"),
            (906, 920, "yes"),
            (912, 914, "no"),
            (912, 920, "yes"),
            (920, 922, "yes"),
            (920, 924, "no"),
            (924, 926, "yes"),
            (924, 928, "no"),
        ],
    },
    Chart {
        title: "Figure 10: efficiency",
        boxes: &[
            (1100, "any collateral?", 0, 0),
            (1104, "is LE empty?", 0, 1),
            (1108, "over the limit of LE?", 0, 2),
            (1110, "lend from LE", 0, 3),
            (1114, "is it urgent?", 1, 0),
            (1116, "as a pause: figure 9", 1, 1),
            (1106, "refuse: not urgent", 2, 0),
        ],
        arrows: &[
            (1100, 1104, "yes"),
            (1100, 1114, "no"),
            (1104, 1108, "no"),
            (1104, 1114, "yes"),
            (1108, 1110, "no"),
            (1108, 1114, "yes"),
            (1114, 1106, "no"),
            (1114, 1116, "yes"),
        ],
    },
    Chart {
        title: "Figure 11: out of memory",
        boxes: &[
            (1200, "is GL empty?", 0, 0),
            (1204, "over the limit of GL?", 0, 1),
            (1208, "grant from GL", 0, 2),
            (1202, "refuse: GL is empty", 1, 0),
            (1206, "refuse: over the limit", 1, 1),
        ],
        arrows: &[(1200, 1202, "yes"), (1200, 1204, "no"), (1204, 1206, "yes"), (1204, 1208, "no")],
    },
    Chart {
        title: "Figure 12: A bytes come back",
        boxes: &[
            (1250, "A bytes come back", 0, 0),
            (1252, "is LP owed?", 0, 1),
            (1254, "refill LP", 1, 1),
            (1256, "is LE owed?", 0, 2),
            (1258, "refill LE", 1, 2),
            (1260, "is GP owed?", 0, 3),
            (1262, "refill GP", 1, 3),
            (1264, "is GL owed?", 0, 4),
            (1266, "refill GL", 1, 4),
            (1268, "the rest is committed", 0, 5),
        ],
        arrows: &[
            (1250, 1252, ""),
            (1252, 1254, "yes"),
            (1252, 1256, "no"),
            (1254, 1256, ""),
            (1256, 1258, "yes"),
            (1256, 1260, "no"),
            (1258, 1260, ""),
            (1260, 1262, "yes"),
            (1260, 1264, "no"),
            (1262, 1264, ""),
            (1264, 1266, "yes"),
            (1264, 1268, "no"),
            (1266, 1268, ""),
        ],
    },
];

/// Answers with the flow charts.
pub fn charts(_: &Settings) -> Result<Value, String> {
    let name = |at: u16| text(if at == FULL { "full".into() } else { at.to_string() });
    let place = |&(at, words, column, row): &(u16, &'static str, u8, u8)| {
        record([
            ("name", name(at)),
            ("words", text(words)),
            ("column", number(column)),
            ("row", number(row)),
        ])
    };
    let arrow = |&(from, to, answer): &(u16, u16, &'static str)| {
        record([("from", name(from)), ("to", name(to)), ("answer", text(answer))])
    };
    let chart = |chart: &Chart| {
        record([
            ("title", text(chart.title)),
            ("boxes", list(chart.boxes.iter().map(place))),
            ("arrows", list(chart.arrows.iter().map(arrow))),
        ])
    };
    Ok(record([("charts", list(CHARTS.iter().map(chart)))]))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::cooperative::decision::{Standing, decide};
    use crate::cooperative::repayment::repay;
    use crate::cooperative::words::{Amounts, Pool, Reason};

    /// The steps from one figure to another, which no arrow shows.
    const HANDED_OVER: [(u16, u16); 4] = [(804, 1200), (812, 900), (813, 1100), (1116, 900)];

    #[test]
    fn the_paths_of_the_manager_are_the_arrows_of_the_charts_and_each_arrow_is_gone() {
        let arrows: BTreeSet<(u16, u16)> = CHARTS
            .iter()
            .flat_map(|chart| chart.arrows.iter().map(|&(from, to, _)| (from, to)))
            .collect();
        let mut gone = BTreeSet::new();
        let mut go = |boxes: &[u16]| gone.extend(boxes.windows(2).map(|pair| (pair[0], pair[1])));
        // Each pool may be empty, too small or large enough, the process with or without garbage.
        for case in 0..3_u64.pow(5) {
            let amount = |pool: Pool| [0, 32, 4096][(case / 3_u64.pow(pool as u32) % 3) as usize];
            for collateral in [0, 1, 4096] {
                let free = Amounts::each(amount);
                let standing = Standing { free, room: Amounts::each(|_| 1 << 20), collateral };
                for reason in Reason::ALL {
                    go(decide(64, 64, reason, &standing).path.boxes());
                }
            }
            go(repay(64, &Amounts::each(amount)).1.boxes());
        }
        let expected: BTreeSet<_> = arrows.into_iter().chain(HANDED_OVER).collect();
        assert_eq!(gone, expected);
    }

    #[test]
    fn no_two_boxes_stand_at_one_place() {
        for chart in &CHARTS {
            let places: BTreeSet<_> = chart.boxes.iter().map(|&(_, _, c, r)| (c, r)).collect();
            assert_eq!(places.len(), chart.boxes.len(), "{}", chart.title);
        }
    }
}
