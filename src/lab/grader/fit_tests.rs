//! Tests of the fit: the replies of right servers, and of wrong ones.

use super::*;

/// Asks for 3, 1, 2, 1 on one connection and for 1, 2 on another one.
const ASKED: [(usize, usize); 6] = [(3, 1), (1, 1), (2, 1), (1, 1), (1, 2), (2, 2)];
const DRAWN: [&[u64]; 6] = [&[19, 228, 665], &[50], &[7, 11], &[83], &[2], &[91, 64]];
const GREATEST: u32 = 1000;

/// Returns the small draws of a server whose replies `reply` makes, from the numbers, the index of
/// the first one in the list, and the connection.
fn draws(reply: impl Fn(&[u64], usize, usize) -> String) -> Vec<SmallDraw> {
    let mut index = 0;
    let draw = |(&(asked, connection), numbers): (&(usize, usize), &&[u64])| {
        let reply = reply(numbers, index, connection).into_bytes();
        index += asked;
        SmallDraw { asked, connection, reply }
    };
    ASKED.iter().zip(&DRAWN).map(draw).collect()
}

fn joined(numbers: &[u64], separator: &str) -> String {
    numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(separator)
}

/// Asserts that the numbers of each reply are understood, and returns the fit.
fn understood(draws: &[SmallDraw]) -> Fit {
    let fit = fit(draws, GREATEST).unwrap();
    for (draw, numbers) in draws.iter().zip(DRAWN) {
        let asked = if fit.one_each { 1 } else { draw.asked };
        let shown = draw.reply.escape_ascii();
        assert_eq!(fit.shape.numbers(&draw.reply), &numbers[..asked], "{shown}");
        assert_eq!(fit.shape.tokens(&draw.reply).len(), fit.shape.expected(asked), "{shown}");
    }
    fit
}

#[test]
fn the_shapes_of_student_servers_are_found() {
    for separator in [" ", "\n", ",", ", ", "->", "; "] {
        for end in ["", "\n", "\0", "!\r\n"] {
            let fit = understood(&draws(|n, _, _| joined(n, separator) + end));
            assert_eq!((fit.one_each, fit.shape.before, fit.shape.after), (false, 0, 0));
        }
    }
    understood(&draws(|n, _, _| format!("[{}]", joined(n, ", "))));
    understood(&draws(|n, _, _| format!("You got {}!\n", joined(n, ", "))));
    understood(&draws(|n, _, _| format!("\u{7d50}\u{679c}{}", joined(n, " "))));
    understood(&draws(|n, _, _| n.iter().map(|n| format!("Result {n}\n")).collect()));
}

/// Asserts that a number before or behind the drawn ones is not taken for a drawn one. `number`
/// makes it.
fn beside(number: impl Fn(&[u64], usize, usize) -> u64 + Copy) {
    let before =
        understood(&draws(|n, at, c| format!("{} = {}\n", number(n, at, c), joined(n, " "))));
    assert_eq!((before.shape.before, before.shape.after), (1, 0));
    let after = understood(&draws(|n, at, c| {
        format!("{} ({} so far)\n", joined(n, " "), number(n, at, c))
    }));
    assert_eq!((after.shape.before, after.shape.after), (0, 1));
}

#[test]
fn numbers_beside_the_drawn_ones_are_no_draws_if_a_rule_explains_them() {
    beside(|_, _, _| 100);
    beside(|n, _, _| n.len() as u64);
    beside(|_, at, _| at as u64);
    beside(|n, at, _| (at + n.len()) as u64);
    beside(|_, at, _| (100 - at) as u64);
    beside(|n, at, _| (100 - at - n.len()) as u64);
    beside(|_, _, connection| 40 + connection as u64);
    beside(|_, at, _| 1_700_000_000 + at as u64 / 2);
    understood(&draws(|n, at, _| format!("{} of 100; {}; {}", n.len(), joined(n, " "), 90 - at)));
    understood(&draws(|n, _, _| format!("12:30:05 {}\n", joined(n, " "))));
}

#[test]
fn a_length_in_front_is_no_draw() {
    understood(&draws(|n, _, _| format!("{}\n{}", joined(n, " ").len(), joined(n, " "))));
    understood(&draws(|n, _, _| format!("{:04} {}\n", joined(n, " ").len(), joined(n, " "))));
    let framed = |is_big: bool, width: usize| {
        let mut all = draws(|n, _, _| joined(n, " "));
        for draw in &mut all {
            let length = draw.reply.len() as u64;
            let bytes = if is_big { length.to_be_bytes() } else { length.to_le_bytes() };
            let at = if is_big { 8 - width } else { 0 };
            draw.reply.splice(..0, bytes[at..at + width].iter().copied());
        }
        let fit = understood(&all);
        let counts_itself = false;
        assert_eq!(fit.shape.framing, ReplyLength::Length { width, is_big, counts_itself });
    };
    for (is_big, width) in [(true, 4), (false, 4), (true, 2), (false, 8), (true, 1)] {
        framed(is_big, width);
    }
}

#[test]
fn each_number_may_have_its_index_beside_it() {
    let indexed = |n: &[u64], at: usize, form: fn(u64, usize) -> String| -> String {
        n.iter().zip(at..).map(|(&number, index)| form(number, index)).collect()
    };
    let before = understood(&draws(|n, at, _| indexed(n, at, |n, i| format!("{i} = {n}\n"))));
    assert_eq!((before.shape.beside, before.shape.place), (1, 1));
    let behind = understood(&draws(|n, at, _| indexed(n, at, |n, i| format!("{n} (no {i})\n"))));
    assert_eq!((behind.shape.beside, behind.shape.place), (1, 0));
    understood(&draws(|n, at, _| indexed(n, at, |n, i| format!("{i}: {n}\n"))));
}

#[test]
fn records_of_one_width_are_found() {
    for pad in ["\0", " "] {
        let record = |n: &u64| format!("{n}{}", pad.repeat(64 - n.to_string().len()));
        let fit = understood(&draws(|n, _, _| n.iter().map(record).collect()));
        assert_eq!(fit.shape.framing, ReplyLength::Records(64));
    }
}

#[test]
fn replies_of_one_width_are_found() {
    for pad in ["\0", " "] {
        let padded = |n: &[u64]| format!("{:64}", joined(n, " ")).replace("  ", &pad.repeat(2));
        let fit = understood(&draws(|n, _, _| padded(n)));
        assert_eq!((fit.shape.framing, fit.one_each), (ReplyLength::Padded(64), false));
    }
}

#[test]
fn one_number_a_message_is_found() {
    for end in ["", "\n", "\0"] {
        assert!(understood(&draws(|n, _, _| format!("{}{end}", n[0]))).one_each);
    }
    assert!(understood(&draws(|n, at, _| format!("number {at}: {}", n[0]))).one_each);
}

#[test]
fn commas_that_group_digits_are_found() {
    let group = |n: u64| format!("{},{:03}", 10 + n % 7, n);
    let list = draws(|n, _, _| n.iter().map(|&n| group(n)).collect::<Vec<_>>().join(" "));
    let fit = fit(&list, 100_000).unwrap();
    assert!(fit.shape.is_grouped);
    assert_eq!(fit.shape.numbers(&list[0].reply), [15_019, 14_228, 10_665]);
}

#[test]
fn a_number_too_many_that_looks_drawn_is_a_drawn_one() {
    let drawn = [3, 99, 41, 12, 77, 5];
    let fit = fit(&draws(|n, at, _| format!("{} {}\n", joined(n, " "), drawn[at % 6])), GREATEST);
    let shape = fit.unwrap().shape;
    assert_eq!((shape.before, shape.after), (0, 0));
    assert_eq!(shape.numbers(b"5 19\n"), [5, 19], "the reply to draw 1 has two");
    let short = draws(|n, _, _| joined(&n[1..], " "));
    let shape = super::fit(&short, GREATEST).unwrap().shape;
    assert_eq!((shape.before, shape.after, shape.beside), (0, 0, 0), "N - 1");
}

#[test]
fn what_no_rule_explains_beside_words_is_not_understood() {
    let luck = [3, 99, 41, 12, 77, 5];
    let reply = |n: &[u64], at: usize, _| format!("{} luck {}\n", joined(n, " "), luck[at % 6]);
    assert!(fit(&draws(reply), GREATEST).unwrap_err().contains("no rule explains"));
    let stuck = fit(&draws(|n, _, _| joined(n, "")), GREATEST).unwrap_err();
    assert!(stuck.contains("nothing stands between"), "{stuck}");
}
