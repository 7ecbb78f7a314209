//! The exercises of `docs/exercises.md`: each is a red test, until its piece is mended.
//!
//! `cargo test --test exercises -- --ignored e3` runs those of chapter 3. The pieces are the files
//! in `tests/exercises`, and what grades them is in `tests/exercises/grading`.

use std::panic::{self, AssertUnwindSafe};

#[path = "exercises/grading.rs"]
mod grading;
#[path = "exercises/pieces.rs"]
mod pieces;

use grading::{for_all_exercises, lab, memory, numbers, processes, server};

macro_rules! red_tests {
    ($($test:ident: $piece:literal $room:ident::$grade:ident,)*) => {
        $(
            #[test]
            #[ignore = "red until you have solved it"]
            fn $test() {
                $room::$grade();
            }
        )*

        const ALL: &[(&str, &str, fn())] = &[
            $(($piece, include_str!(concat!("exercises/", $piece, ".rs")), $room::$grade),)*
        ];
    };
}

for_all_exercises!(red_tests);

/// The grading of an exercise finds the mistake of the piece as it is handed out. A piece that a
/// student has begun to solve has no line with `YOUR TURN` any more.
#[test]
fn an_exercise_is_red_until_it_is_solved() {
    assert!(ALL.len() >= 20);
    let said = panic::take_hook();
    panic::set_hook(Box::new(|_| ()));
    let is_open = |(_, source, _): &&(&str, &str, fn())| source.contains("YOUR TURN");
    let open = ALL.iter().filter(is_open);
    let is_green =
        |(_, _, grade): &&(_, _, fn())| panic::catch_unwind(AssertUnwindSafe(*grade)).is_ok();
    let green: Vec<&str> = open.filter(is_green).map(|(piece, ..)| *piece).collect();
    panic::set_hook(said);
    assert_eq!(green, [""; 0], "these are green, although nobody has solved them");
}
