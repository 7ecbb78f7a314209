//! Lesson 5, a message by its location: figures 4 and 5, step by step.
//!
//! ```text
//!   moves   A:join.B:join.A:open:B.A:send:B:hello.1:copy.B:receive.2:copy
//! ```
//!
//! A message lies in the block of memory of the process that sends it. A send copies the bytes
//! into the block, a receive copies them out. In the server a copy begins under the tables'
//! lock, copies under the block's lock alone, and ends under the tables' lock again. Here the
//! beginning is one move and the rest another one, so that another process may act between them, or
//! the sender may be killed.
//!
//! **Invariants** a view shows the state of the server's engine ([`crate::sessions`]). Its steps
//! are the marks: the numbers of the figures' steps that the engine's code has passed.
//!
//! **Lock** none: each view has tables of its own.
//!
//! **Source** `interprocess-communication-patent.txt`, figures 4 and 5.

mod play;
pub mod steps;

use super::Lesson;
use super::settings::Settings;
use super::view::{flag, list, number, numbers, record, text};
use crate::protocol::http::value::Value;
use crate::sessions::shown::BlockSnapshot;
use play::{ARENA, CopyUnderWay, Messages};

/// The lesson.
pub const LESSON: Lesson = Lesson {
    name: "message",
    title: "A message by its location",
    question: "how do processes talk, and how often are the bytes copied?",
    html: include_str!("pages/message.html"),
    script: include_str!("pages/message.js"),
    settings: &["moves"],
    questions: &[("view", view)],
    between: ".",
    runs: &[
        (
            "One message, from A to B",
            "moves=A:join.B:join.A:open:B.A:send:B:hello.1:copy.B:receive.2:copy",
        ),
        (
            "Handed on without a copy",
            "moves=A:join.B:join.C:join.A:open:B.B:open:C.A:send:B:hello.1:copy.B:forward:C.C:receive.2:copy",
        ),
        (
            "Published once, received twice",
            "moves=A:join.B:join.C:join.A:open:B.A:open:C.A:publish:news.1:copy.B:receive.C:receive.2:copy.3:copy",
        ),
        (
            "Killed in the middle",
            "moves=A:join.B:join.A:open:B.A:send:B:hello.1:copy.B:receive.A:kill.2:copy",
        ),
    ],
};

/// Answers with the blocks, the copies and the sessions after the moves, with the use of the
/// engine's administrative memory, and with the results and the steps of the last move.
fn view(settings: &Settings) -> Result<Value, String> {
    let mut messages = Messages::new()?;
    for word in settings.moves() {
        messages.carry_out(word)?;
    }
    let Messages { tables, arena, copies, told, steps: passed, .. } = messages;
    let figures = tables.sessions.figures();
    // `usize::MAX` asks for all sessions: the engine has them in a hash map, so fewer would be
    // others in each call. The order of sessions of one pair of names is also the map's, so they
    // are sorted: a link must show the same to everybody.
    let mut pairs = tables.sessions.pairs(usize::MAX);
    pairs.sort_by_key(|pair| (pair.names.clone(), pair.waiting, pair.is_open));
    let pairs = pairs.into_iter().map(|pair| {
        record([
            ("names", list(pair.names.map(text))),
            ("waiting", numbers(pair.waiting)),
            ("open", list(pair.is_open.map(flag))),
        ])
    });
    // The engine's number of each copy that is under way, and the page's: a page counts the copies
    // from 1, in the order of their beginnings.
    let known: Vec<(u64, usize)> = copies
        .iter()
        .enumerate()
        .filter_map(|(at, one)| one.copying.as_ref().map(|copying| (copying.number, at + 1)))
        .collect();
    let blocks = tables.sessions.snapshot();
    Ok(record([
        ("arena", number(ARENA)),
        ("admin", number(figures.admin)),
        ("admin_used", number(figures.admin_used)),
        ("blocks", list(blocks.iter().map(|one| block(one, &arena, &known)))),
        ("sessions", list(pairs)),
        ("copies", list(copies.iter().enumerate().filter_map(copy))),
        ("told", list(told.iter().map(text))),
        ("steps", list(passed.into_iter().map(steps::step))),
    ]))
}

/// Returns a copy that is under way; `None` if it is finished.
fn copy((at, one): (usize, &CopyUnderWay)) -> Option<Value> {
    let copying = one.copying.as_ref()?;
    Some(record([
        ("number", number(at + 1)),
        ("name", text(one.name)),
        ("reads", flag(one.writes.is_none())),
        ("length", number(copying.length)),
    ]))
}

/// Returns a block: its bytes as letters, the places of its messages, and the copies at its two
/// seats. A seat is the right to ask for the block's lock: its first copy has the seat, the others
/// wait. `known` has the numbers of each copy under way: the engine's, and the page's.
fn block(one: &BlockSnapshot, arena: &[u8], known: &[(u64, usize)]) -> Value {
    let bytes = one.extents.iter().flat_map(|&(offset, size)| {
        arena.get(offset as usize..(offset + size) as usize).unwrap_or_default()
    });
    let letter = |&byte: &u8| if byte.is_ascii_graphic() { char::from(byte) } else { '.' };
    let letters: String = bytes.map(letter).collect();
    let seat = |copies: &Vec<u64>| {
        let at =
            |copy: &u64| known.iter().find(|(known, _)| known == copy).map(|(_, at)| *at as u64);
        numbers(copies.iter().filter_map(at))
    };
    record([
        ("name", text(&one.name)),
        ("has_ended", flag(one.has_ended)),
        ("size", number(one.size)),
        ("extents", list(one.extents.iter().map(|&(offset, size)| numbers([offset, size])))),
        ("letters", text(letters)),
        ("messages", list(one.messages.iter().map(Value::of))),
        ("seats", list(one.seats.iter().map(seat))),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(moves: &str) -> Messages {
        let mut messages = Messages::new().unwrap();
        moves.split('.').for_each(|word| messages.carry_out(word).unwrap());
        messages.tables.check().unwrap();
        messages
    }

    #[test]
    fn each_run_of_the_page_ends_as_its_title_says() {
        let ends = ["B receives \"hello\".", "C receives \"hello\".", "C receives \"news\"."];
        for ((title, address), end) in LESSON.runs.iter().zip(ends) {
            let told = after(address.strip_prefix("moves=").unwrap()).told;
            assert!(told.contains(&end.to_string()), "{title}: {told:?}");
        }
        // The sender was killed while its message was read: it is read to its end, or lost.
        let killed = after(LESSON.runs[3].1.strip_prefix("moves=").unwrap());
        assert!(killed.told[0].starts_with("Refused: the message was lost"), "{:?}", killed.told);
        assert_eq!(killed.tables.sessions.figures().messages, 0);
    }

    #[test]
    fn all_sessions_are_shown() {
        let opens = ["A:open:B", "A:open:C"].map(|word| vec![word; 10]).concat();
        let moves = [&["A:join", "B:join", "C:join"][..], &opens].concat().join(".");
        let query = format!("moves={moves}");
        let settings = Settings::read(Some(query.as_bytes()), LESSON.settings).unwrap();
        let shown = super::super::view::json(&view(&settings).unwrap());
        assert_eq!(shown.matches("\"waiting\"").count(), opens.len(), "{shown}");
    }

    #[test]
    fn the_steps_are_those_of_figures_4_and_5() {
        assert_eq!(
            after("A:join").steps,
            [402, 404, 406, 410, 412, 414, 416, 418, 420, 422, 424, 426, 428]
        );
        let moves = "A:join.B:join.A:open:B.A:send:B:hello";
        assert_eq!(after(moves).steps, [502, 504, 506]);
        assert_eq!(after(&format!("{moves}.1:copy")).steps, [512, 514, 516, 526]);
        assert_eq!(after(&format!("{moves}.1:copy.B:receive")).steps, [518, 520]);
        assert_eq!(after(&format!("{moves}.1:copy.B:receive.2:copy")).steps, [522, 524, 526]);
    }

    #[test]
    fn a_block_that_has_grown_shows_its_own_bytes_alone() {
        let (p, q) = ("P".repeat(200), "Q".repeat(200));
        let moves = format!(
            "A:join.B:join.A:open:B.B:open:A.B:send:A:bbb.1:copy.A:send:B:{p}.2:copy.A:send:B:{q}.3:copy"
        );
        let Messages { tables, arena, .. } = after(&moves);
        let blocks = tables.sessions.snapshot();
        assert!(blocks[0].extents.len() > 1, "{blocks:?}");
        let Value::Record(fields) = block(&blocks[0], &arena, &[]) else { panic!("no record") };
        let letters = fields.iter().find(|(name, _)| name == "letters").unwrap();
        let Value::Text(letters) = &letters.1 else { panic!("{letters:?}") };
        assert!(
            letters.contains(&p) && letters.contains(&q) && !letters.contains('b'),
            "{letters}"
        );
    }

    #[test]
    fn what_is_no_move_is_refused_and_what_cannot_be_is_told() {
        let mut messages = Messages::new().unwrap();
        for word in [
            "",
            "A",
            "A:",
            "D:join",
            "A:join:B",
            "A:send:B",
            "x:copy",
            "é:join",
            "A:open:é",
            "AB:join",
        ] {
            assert!(messages.carry_out(word).is_err(), "{word}");
        }
        for word in [
            "A:kill",
            "A:receive",
            "A:open:B",
            "A:send:B:x",
            "A:publish:x",
            "A:forward:B",
            "0:copy",
            "9:copy",
            "A:join",
            "A:join",
            "A:open:A",
            "A:receive",
        ] {
            assert!(messages.carry_out(word).is_ok(), "{word}");
        }
    }
}
