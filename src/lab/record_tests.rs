//! Recorded draws in every form, and planted duplicates found again.

use super::*;

fn record(files: &[(&str, &str)]) -> Record {
    let mut record = Record::new(1000);
    for (name, text) in files {
        record.read(name, text.as_bytes());
    }
    record
}

#[test]
fn a_number_that_came_twice_is_found_with_both_places() {
    let record = record(&[("a", "5\n19\n228\n"), ("b", "228\n665\n")]);
    assert!(!record.is_well(false));
    let expected = "duplicate 228: a line 3, b line 1\na: 3 numbers\nb: 2 numbers\ntoo few numbers to say whether they were shuffled\n4 drawn, 1 duplicate, 996 not drawn\n";
    assert_eq!(record.report(false), expected);
}

#[test]
fn numbers_count_however_they_were_printed() {
    let text = "5, 19 [228,665]\nResult: 7.\n> draw 4\nerror exhausted 9 left\nclient7 got (11)\n\"12\";13\r\n";
    let record = record(&[("a", text)]);
    assert!(
        record.report(false).ends_with("8 drawn, 0 duplicates, 992 not drawn\n"),
        "{}",
        record.report(false)
    );
}

#[test]
fn other_scripts_colours_and_labels_hide_no_number() {
    let text = "\u{7d50}\u{679c}\u{ff1a}5\n\u{62bd}\u{5230}19\n\x1b[31m228\x1b[0m\nYou drew 3: 665 7:11\n\x1b[";
    let record = record(&[("a", text)]);
    assert_eq!(record.order, [5, 19, 228, 665, 7, 11]);
    assert_eq!(listed(text.as_bytes()), record.order, "a list is read as draws are");
}

#[test]
fn what_cannot_have_been_drawn_is_out_of_range() {
    let record = record(&[("a", "0\n1001\n-5\n99999999999999999999999\n1\n")]);
    assert!(!record.is_well(false));
    assert_eq!((record.drawn(), record.out_of_range_count), (1, 4));
    assert!(record.report(false).contains("out of range 1001: a line 2"));
}

#[test]
fn gaps_are_bad_news_only_when_the_list_was_drained() {
    let all: String = (1..=999).map(|number| format!("{number}\n")).collect();
    let record = record(&[("a", &all)]);
    assert!(record.is_well(false) && !record.is_well(true));
    assert!(record.report(true).contains("gap 1000: nobody drew it"));
    assert!(record.report(true).ends_with("999 drawn, 0 duplicates, 1 gap\n"));
}

#[test]
fn files_that_windows_recorded_are_read_too() {
    let utf_16: Vec<u8> = "\u{feff}5\r\n19\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut record = record(&[("a", "\u{feff}5\n6\n")]);
    record.read("b", &utf_16);
    assert_eq!((record.drawn(), record.duplicates.len()), (3, 1), "{}", record.report(false));
}

#[test]
fn a_long_list_of_findings_is_cut_and_counted() {
    let twice: String = (1..=50).chain(1..=50).map(|number| format!("{number} ")).collect();
    let report = record(&[("a", &twice)]).report(false);
    assert_eq!(report.lines().filter(|line| line.starts_with("duplicate")).count(), 10);
    assert!(report.contains("… and 40 more duplicates"), "{report}");
}

#[test]
fn two_lines_of_two_files_stand_before_two_of_one() {
    let report = record(&[("a", "7\n7\n1\n2\n3"), ("b", "3\n4\n2")]).report(false);
    let expected = "duplicate 3: a line 5, b line 1\nduplicate 2: a line 4, b line 3\n\
                    duplicate 7: a line 1, a line 2\n";
    assert!(report.starts_with(expected), "{report}");
}

#[test]
fn a_list_that_was_not_shuffled_is_told_from_one_that_was() {
    let sorted: String = (1..=500).map(|number| format!("{number}\n")).collect();
    let report = record(&[("a", &sorted)]).report(false);
    assert!(report.contains("\nnot shuffled: ") && report.contains("p < 0.000001"), "{report}");
    let list = crate::numbers::list::shuffled(500, Some(3));
    let mixed: String = (0..500).map(|index| format!("{}\n", list.number(index))).collect();
    let report = record(&[("a", &mixed)]).report(false);
    assert!(report.contains("\nshuffled: "), "{report}");
}

use proptest::prelude::*;

proptest! {
    /// Plants k duplicates among numbers that are printed in five ways, and finds k.
    #[test]
    fn as_many_duplicates_are_found_as_were_planted(
        planted in proptest::collection::vec(1..200_u32, 0..40),
        shapes in proptest::collection::vec(0..5_usize, 240),
        cut in 0..240_usize,
    ) {
        let numbers: Vec<u32> = (1..=200).chain(planted.iter().copied()).collect();
        let shown = |(number, shape): (&u32, &usize)| match shape {
            0 => format!("{number}\n"),
            1 => format!("{number}, "),
            2 => format!("[{number}] "),
            3 => format!("\nclient7 drew: {number}.\ndraw 4\nerror 9 left\n"),
            _ => format!("\"{number}\";"),
        };
        let texts: Vec<String> = numbers.iter().zip(&shapes).map(shown).collect();
        let cut = cut.min(texts.len());
        let halves = [texts[..cut].concat(), texts[cut..].concat()];
        let found = record(&[("a", &halves[0]), ("b", &halves[1])]);
        prop_assert_eq!(found.duplicates.len(), planted.len());
        prop_assert_eq!((found.drawn(), found.out_of_range_count), (200, 0));
    }
}

#[test]
fn what_is_no_text_is_refused_and_lines_without_a_draw_are_shown() {
    let mut record = Record::new(100);
    assert!(!record.read("a.out", b"\x7fELF\x02\x01 5 19"));
    assert!(!record.read("out.gz", b"\x1f\x8b\x08 5"));
    assert!(record.is_empty());
    assert!(record.read("out.txt", b"> draw 2\n5\n19\nerror exhausted 3 left\n\n"));
    assert!(record.read("padded.txt", b"7\0\0\0\n11\0\0\0\n"));
    let report = record.report(false);
    assert!(
        report.contains("out.txt: 2 numbers; 2 lines left out, such as line 1: > draw 2\n"),
        "{report}"
    );
    assert!(report.contains("padded.txt: 2 numbers\n"), "{report}");
}
