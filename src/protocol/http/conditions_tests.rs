//! Tests of the conditional fields and the range.

use super::*;

fn conditions(fields: &[(&str, &str)]) -> Conditions {
    let mut conditions = Conditions::default();
    fields.iter().for_each(|(name, value)| conditions.see(name.as_bytes(), value.as_bytes()));
    conditions
}

#[test]
fn reads_are_judged_in_the_rfcs_order() {
    const THEN: &str = "Mon, 23 May 2005 22:38:34 GMT";
    let then = 1_116_887_914;
    use Verdict::{Failed, Holds, NotModified};
    type Fields = &'static [(&'static str, &'static str)];
    let cases: [(Fields, u64, Verdict); 17] = [
        (&[], then, Holds),
        (&[("If-Match", "\"3\"")], then, Holds),
        (&[("If-Match", "\"2\", \"3\"")], then, Holds),
        (&[("If-Match", "\"2\""), ("if-match", "\"3\"")], then, Holds),
        (&[("If-Match", "*")], then, Holds),
        (&[("If-Match", "\"2\"")], then, Failed),
        (&[("If-Match", "W/\"3\"")], then, Failed),
        (&[("If-Match", "3")], then, Failed),
        (&[("If-None-Match", "\"3\"")], then, NotModified),
        (&[("If-None-Match", "\"1\", W/\"3\"")], then, NotModified),
        (&[("If-None-Match", "\"3-json\"")], then, Holds),
        (&[("If-None-Match", "*")], then, NotModified),
        (&[("If-Modified-Since", THEN)], then, NotModified),
        (&[("If-Modified-Since", THEN)], then + 1, Holds),
        (&[("If-Modified-Since", THEN), ("If-None-Match", "\"9\"")], then, Holds),
        (&[("If-Unmodified-Since", THEN)], then + 1, Failed),
        (&[("If-Unmodified-Since", THEN), ("If-Match", "\"3\"")], then + 1, Holds),
    ];
    for (fields, modified, expected) in cases {
        assert_eq!(conditions(fields).judge("3", Some(modified)), expected, "{fields:?}");
    }
    assert_eq!(conditions(&[("If-Modified-Since", "x")]).judge("3", Some(then)), Holds);
    assert_eq!(conditions(&[("If-Modified-Since", THEN)]).judge("0", None), Holds);
}

#[test]
fn a_change_is_on_condition_of_versions() {
    let of = |fields: &[(&str, &str)]| conditions(fields).change_condition();
    assert_eq!(of(&[]), Condition::Any);
    assert_eq!(of(&[("If-Match", "*")]), Condition::Any);
    assert_eq!(of(&[("If-Match", "\"3\"")]), Condition::OneOf(vec![3]));
    let several = of(&[("If-Match", "\"3-json\", \"x\", W/\"5\", \"4\"")]);
    assert_eq!(several, Condition::OneOf(vec![3, 4]));
    let never = Condition::OneOf(vec![]);
    for broken in ["nonsense", "", "\"9\" \"9\"", "w/\"9\"", "\"9\", *", "\"9", ",", "\"9\"x"] {
        assert_eq!(of(&[("If-Match", broken)]), never, "{broken:?}");
        assert_eq!(of(&[("If-None-Match", broken)]), never, "{broken:?}");
        assert_eq!(of(&[("If-None-Match", "\"1\""), ("If-None-Match", broken)]), never);
    }
    assert_eq!(of(&[("If-None-Match", "*"), ("If-None-Match", "\"9\"")]), never);
    assert_eq!(of(&[("If-None-Match", "*")]), never);
    assert_eq!(of(&[("If-Match", "W/\"9\"")]), never);
    assert_eq!(of(&[("If-Match", "\"x\"")]), Condition::OneOf(vec![]));
    assert_eq!(of(&[("If-None-Match", ", \"9\" ,, \"8\",")]), Condition::NoneOf(vec![9, 8]));
    let unissued = of(&[("If-Match", "\"1-nonsense\", \"02\", \"-json\", \"3-bytes\"")]);
    assert_eq!(unissued, Condition::OneOf(vec![3]));
    assert_eq!(of(&[("If-Match", "*"), ("If-Match", "\"1\"")]), never);
    assert_eq!(of(&[("If-None-Match", "W/\"3\"")]), Condition::NoneOf(vec![3]));
    assert_eq!(of(&[("If-Match", "\"1\""), ("If-None-Match", "\"2\"")]), never);
    assert_eq!(of(&[("If-Unmodified-Since", "nonsense")]), never);
}

#[test]
fn one_range_is_a_part_and_anything_else_is_everything() {
    let span = |first, last| Some(Part::Span { first, last });
    let cases = [
        ("bytes=0-0", span(0, 0)),
        ("bytes=2-5", span(2, 5)),
        ("bytes=2-", span(2, u64::MAX)),
        ("bytes=-3", Some(Part::Last(3))),
        ("Bytes=-3", Some(Part::Last(3))),
        ("bytes=-0", Some(Part::Last(0))),
        ("bytes= 1 - 2 ", span(1, 2)),
        ("bytes=5-2", None),
        ("bytes=-", None),
        ("bytes=0-1,4-5", None),
        ("bytes=a-b", None),
        ("bytes=0x1-2", None),
        ("lines=1-2", None),
        ("bytes=18446744073709551616-", None),
        ("bytes", None),
    ];
    for (value, expected) in cases {
        let part = conditions(&[("Range", value)]).part(MediaForm::Text).map(|(part, _)| part);
        assert_eq!(part, expected, "{value}");
        assert_eq!(conditions(&[("Range", value)]).part(MediaForm::Json), None);
    }
}

#[test]
fn a_part_can_be_wanted_of_one_version_alone() {
    let of = |value: &str, form| {
        let fields = [("Range", "bytes=-3"), ("If-Range", value)];
        conditions(&fields).part(form)
    };
    let part = |version| Some((Part::Last(3), version));
    assert_eq!(of("\"3\"", MediaForm::Text), part(Some(3)));
    assert_eq!(of("\"3-bytes\"", MediaForm::Bytes), part(Some(3)));
    for whole in ["\"3-json\"", "W/\"3\"", "\"3\" x", "Mon, 23 May 2005 22:38:34 GMT"] {
        assert_eq!(of(whole, MediaForm::Text), None, "{whole}");
    }
    assert_eq!(conditions(&[("Range", "bytes=-3")]).part(MediaForm::Text), part(None));
    assert_eq!(conditions(&[("If-Range", "\"3\"")]).part(MediaForm::Text), None);
}
