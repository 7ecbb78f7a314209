//! The steps of figures 4 and 5, which show the engine at work, by their numbers.
//!
//! ```text
//!   402 ─ 404 ─ 406 locked? ─ 410 ─ 412 … 424 ─ 426 ─ 428     rendezvous: figure 4
//!          └──── 408 ◄──┘
//!   502 ─ 504 ─ 506 available? ─ 512 ─ 514 … 524 ─ 526        communication: figure 5
//!                └─ 508 ─ 510
//! ```
//!
//! The number of a step stands in the code where the step is: `mark!(steps 412)`.
//!
//! A test reaches each of these numbers, and checks the table in `REPORT.md` that names the files.
//! So a step that the code drops fails the tests.
//!
//! **Invariants** [`STEPS`] has each number once.
//!
//! **Lock** none. **Source** `interprocess-communication-patent.txt`, figures 4 and 5.

/// The number, the figure and the meaning of each step.
pub const STEPS: [(u16, &str, &str); 27] = [
    (402, "4", "begin"),
    (404, "4", "attempt to access administrative memory"),
    (406, "4", "is it locked?"),
    (408, "4", "wait, and try again"),
    (410, "4", "lock it"),
    (412, "4", "secure a block"),
    (414, "4", "make handles to notification events and other data of the block"),
    (416, "4", "store them in administrative memory"),
    (418, "4", "set the flag: the block is registered"),
    (420, "4", "signal the engine that the process may be communicated with"),
    (422, "4", "the engine duplicates handles and data"),
    (424, "4", "assign a memory manager to the block"),
    (426, "4", "unlock administrative memory"),
    (428, "4", "end"),
    (502, "5", "begin"),
    (504, "5", "request a sub-block from a memory manager"),
    (506, "5", "is one available?"),
    (508, "5", "out of memory, the engine is told"),
    (510, "5", "so are the initiating process and the destination"),
    (512, "5", "fill the sub-block with data"),
    (514, "5", "write its location to administrative memory"),
    (516, "5", "signal the destination"),
    (518, "5", "load the location"),
    (520, "5", "map the logical address to a physical one"),
    (522, "5", "copy the data, or a part of it"),
    (524, "5", "release the sub-block to its memory manager"),
    (526, "5", "end"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_stands_once() {
        let numbers: std::collections::BTreeSet<u16> = STEPS.iter().map(|step| step.0).collect();
        assert_eq!(numbers.len(), STEPS.len());
    }
}
