//! Conditional requests and parts: entity tags, dates and ranges.
//!
//! ```text
//!   GET    1. If-Match, else If-Unmodified-Since       false: 412
//!          2. If-None-Match, else If-Modified-Since    false: 304
//!          3. Range, with or without If-Range          206 with the part, 416 if it is empty
//!   PUT    If-Match or If-None-Match                   the condition of a Replace
//! ```
//!
//! Two clients change the same lease. Without a condition the second PUT would overwrite the change
//! of the first. With a condition the second PUT is refused:
//!
//! ```text
//!   Ada                                 lease          Bob
//!   GET                  ──► ETag "3"   version 3      GET                  ──► ETag "3"
//!   PUT, If-Match: "3"   ──► 200        version 4
//!                                                      PUT, If-Match: "3"   ──► 412
//! ```
//!
//! The entity tag of a lease is its version, and behind it the form: `"3"`, `"3-json"`. The tag is
//! strong (equal tags mean equal bytes): each set makes a new version, and two forms of a version
//! have two tags. A date counts whole seconds, so two sets within one second have the same date. So
//! a date is never the condition of a change. If a change has `If-Unmodified-Since` and no tag, the
//! answer is 412 and says to use the tag.
//!
//! **Invariants**
//!
//! 1. Reads follow the order of RFC 9110, section 13.2.2.
//! 2. In a read an unreadable date or range counts as left out. An unreadable list of tags matches
//!    no version: `If-Match` fails with it, `If-None-Match` holds.
//! 3. A change never happens under an unreadable `If-Match` or `If-None-Match`, nor under
//!    `If-Unmodified-Since` alone, readable or not. (Beside a tag the date is ignored.)
//!
//! **Lock** none: the service compares versions under the block's lock; this file reads fields.
//!
//! **Simplified** one range; the answer to several ranges is the whole lease. For a PUT the RFC
//! would judge both `If-Match` and `If-None-Match`, and ignore an unreadable date; here each of
//! these two cases is 412.
//!
//! **Source** RFC 9110, sections 8.8, 13 and 14.

use crate::common::id::parse_decimal;
use crate::memory::versions::{Condition, Part};
use crate::protocol::http::date;
use crate::protocol::http::negotiation::MediaForm;
use crate::protocol::http::refusal::Refusal;

/// An entity tag without its quotes: `W/"3"` is `3`, and weak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    opaque: Vec<u8>,
    is_weak: bool,
}

/// The value of `If-Match` or `If-None-Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Tags {
    Any,
    These(Vec<Tag>),
    /// Not a list of tags: it matches no version, and no change happens under it.
    Broken,
}

/// The conditional fields and the range of one request.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    if_match: Option<Tags>,
    if_none_match: Option<Tags>,
    /// Seconds since 1970. An unreadable date is left out.
    modified_since: Option<u64>,
    /// Seconds since 1970. An unreadable date is `u64::MAX`: every read fulfils it, and a change
    /// still sees that there is a condition.
    unmodified_since: Option<u64>,
    range: Option<Part>,
    /// The tag in `If-Range`; `Some(None)` for a date and for any other text.
    if_range: Option<Option<Tag>>,
}

/// The result of the conditions of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The client gets the lease: 200 or 206.
    Holds,
    /// 304: the client has this version already.
    NotModified,
    /// 412: the client expects another version.
    Failed,
}

impl Conditions {
    /// Notes one field if it is a condition or a range. Compares the length of the name first: most
    /// fields are neither, and one comparison of integers rules them out.
    pub fn see(&mut self, name: &[u8], value: &[u8]) {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        match name.len() {
            5 if is("range") => self.range = part_of(value),
            8 if is("if-match") => add(&mut self.if_match, value),
            8 if is("if-range") => self.if_range = Some(one_tag_of(value)),
            13 if is("if-none-match") => add(&mut self.if_none_match, value),
            17 if is("if-modified-since") => self.modified_since = date::read(value),
            // Invariant 3: an unreadable date is still the condition of a change.
            19 if is("if-unmodified-since") => {
                self.unmodified_since = Some(date::read(value).unwrap_or(u64::MAX));
            }
            _ => {}
        }
    }

    /// Judges a read of an entity with that tag, last set in the second `modified` since 1970;
    /// `None` if it never was.
    pub fn judge(&self, tag: &str, modified: Option<u64>) -> Verdict {
        // Steps 1 and 2 of the RFC: the client accepts only a certain version. A tag replaces the
        // date, which is less exact. Only strong tags count: a weak tag does not promise equal
        // bytes.
        let holds = match (&self.if_match, self.unmodified_since, modified) {
            (Some(tags), ..) => tags.has(tag, false),
            (None, Some(since), Some(modified)) => modified <= since,
            _ => true,
        };
        if !holds {
            return Verdict::Failed;
        }
        // Steps 3 and 4: the client has a version, and asks for a newer one. Weak tags count, too.
        let is_same = match (&self.if_none_match, self.modified_since, modified) {
            (Some(tags), ..) => tags.has(tag, true),
            (None, Some(since), Some(modified)) => modified <= since,
            _ => false,
        };
        if is_same { Verdict::NotModified } else { Verdict::Holds }
    }

    /// Returns the part that the client wants, and the version that its `If-Range` names, if it
    /// sent one: of any other version it wants the whole lease. `None` asks for the whole lease.
    ///
    /// Only the forms text and bytes have parts. If `If-Range` is a date, a weak tag, or the tag of
    /// no version in this form, the answer is the whole lease, which is always right. A part could
    /// be wrong: the client adds it to the bytes that it has, perhaps those of another version.
    pub fn part(&self, form: MediaForm) -> Option<(Part, Option<u64>)> {
        let part = self.range.filter(|_| matches!(form, MediaForm::Text | MediaForm::Bytes))?;
        match &self.if_range {
            None => Some((part, None)),
            Some(tag) => {
                let version =
                    tag.as_ref().filter(|tag| !tag.is_weak)?.version(form.tag_suffix())?;
                Some((part, Some(version)))
            }
        }
    }

    /// Returns the condition under which a lease is changed.
    ///
    /// # Errors
    /// 412 for a date without a tag, and for `If-Match` and `If-None-Match` at once. The lease is
    /// unchanged.
    pub fn of_change(&self) -> Result<Condition, Refusal> {
        // A tag of any form names its version: PUT sets bytes, whatever form the client has read.
        let versions = |tags: &[Tag], weakly: bool| {
            let strong = tags.iter().filter(|tag| weakly || !tag.is_weak);
            strong.filter_map(Tag::any_version).collect()
        };
        match (&self.if_match, &self.if_none_match) {
            (Some(Tags::Any), None) => Ok(Condition::Any),
            (Some(Tags::These(tags)), None) => Ok(Condition::OneOf(versions(tags, false))),
            (None, Some(Tags::These(tags))) => Ok(Condition::NoneOf(versions(tags, true))),
            // `If-None-Match: *` holds only if the lease does not exist, but PUT changes a lease
            // that exists. `OneOf` without versions never holds.
            (None, Some(Tags::Any | Tags::Broken)) | (Some(Tags::Broken), None) => {
                Ok(Condition::OneOf(Vec::new()))
            }
            (Some(_), Some(_)) => {
                let text = "a change has one condition; send If-Match or If-None-Match";
                Err(Refusal::new(412, text))
            }
            (None, None) if self.unmodified_since.is_some() => {
                let text = "two sets in one second have one date; use If-Match with the ETag";
                Err(Refusal::new(412, text))
            }
            (None, None) => Ok(Condition::Any),
        }
    }

    /// Returns whether the request has a condition that a change would have to keep.
    /// `If-Modified-Since` is no such condition: it is for reads only.
    pub fn is_conditional(&self) -> bool {
        self.if_match.is_some() || self.if_none_match.is_some() || self.unmodified_since.is_some()
    }

    /// Returns whether a resource that has no tag fulfils `If-Match`: the field is `*` or missing.
    pub fn holds_without_tag(&self) -> bool {
        matches!(self.if_match, None | Some(Tags::Any))
    }
}

impl Tag {
    /// Returns the version whose tag in that form this is: with form `-json`, `3-json` gives 3.
    fn version(&self, form: &str) -> Option<u64> {
        let version = parse_decimal(self.opaque.strip_suffix(form.as_bytes())?)?;
        // Tags are equal byte for byte (RFC 9110, section 8.8.3.2), so `"03"` is none of ours.
        Some(version).filter(|version| format!("{version}{form}").as_bytes() == self.opaque)
    }

    /// Returns the version whose tag this is in any form.
    fn any_version(&self) -> Option<u64> {
        MediaForm::ALL.into_iter().find_map(|form| self.version(form.tag_suffix()))
    }
}

impl Tags {
    /// Returns whether a tag of ours, which is always strong, matches one of the client's tags.
    /// Only with `weakly` may the client's tag be a weak one.
    fn has(&self, tag: &str, weakly: bool) -> bool {
        match self {
            Tags::Any => true,
            Tags::Broken => false,
            Tags::These(tags) => tags
                .iter()
                .any(|known| known.opaque == tag.as_bytes() && (weakly || !known.is_weak)),
        }
    }
}

/// Adds one line of a field: several lines are one list (RFC 9110, section 5.2). A `*` beside other
/// tags makes the list broken.
fn add(tags: &mut Option<Tags>, value: &[u8]) {
    *tags = Some(match (tags.take(), tags_of(value)) {
        (None, _) if value == b"*" => Tags::Any,
        (None, Some(more)) => Tags::These(more),
        (Some(Tags::These(mut known)), Some(more)) => {
            known.extend(more);
            Tags::These(known)
        }
        _ => Tags::Broken,
    });
}

/// Reads a list such as `"a", W/"b"`. Skips empty elements (RFC 9110, section 5.6.1.2); returns
/// `None` for a list without any tag.
fn tags_of(value: &[u8]) -> Option<Vec<Tag>> {
    let (mut tags, mut rest) = (Vec::new(), value.trim_ascii());
    while !rest.is_empty() {
        if let [b',', after @ ..] = rest {
            rest = after.trim_ascii_start();
            continue;
        }
        let (tag, after) = tag_of(rest)?;
        tags.push(tag);
        rest = after.trim_ascii_start();
        if !matches!(rest, [] | [b',', ..]) {
            return None;
        }
    }
    Some(tags).filter(|tags| !tags.is_empty())
}

/// Reads one tag; returns it and the text behind it.
fn tag_of(text: &[u8]) -> Option<(Tag, &[u8])> {
    let is_weak = text.starts_with(b"W/");
    let text = text.strip_prefix(b"W/").unwrap_or(text).strip_prefix(b"\"")?;
    let end = text.iter().position(|&byte| byte == b'"')?;
    Some((Tag { opaque: text[..end].to_vec(), is_weak }, &text[end + 1..]))
}

/// Reads a text that is one tag and nothing else.
fn one_tag_of(value: &[u8]) -> Option<Tag> {
    tag_of(value).filter(|(_, rest)| rest.is_empty()).map(|(tag, _)| tag)
}

/// Reads a range: `bytes=2-5`, both included, `bytes=2-` to the end, or `bytes=-3`, the last three.
/// Another unit, several ranges and an unreadable text return `None`: a server may always ignore
/// `Range` (RFC 9110, section 14.2).
fn part_of(value: &[u8]) -> Option<Part> {
    let range = value.strip_prefix(b"bytes=")?.trim_ascii();
    let dash = range.iter().position(|&byte| byte == b'-')?;
    let (first, last) = (range[..dash].trim_ascii(), range[dash + 1..].trim_ascii());
    match (first, last) {
        ([], last) => Some(Part::Last(parse_decimal(last)?)),
        (first, []) => Some(Part::Span { first: parse_decimal(first)?, last: u64::MAX }),
        (first, last) => {
            let (first, last) = (parse_decimal(first)?, parse_decimal(last)?);
            Some(Part::Span { first, last }).filter(|_| first <= last)
        }
    }
}

#[cfg(test)]
mod tests {
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
        let of = |fields: &[(&str, &str)]| conditions(fields).of_change().map_err(|r| r.status);
        assert_eq!(of(&[]), Ok(Condition::Any));
        assert_eq!(of(&[("If-Match", "*")]), Ok(Condition::Any));
        assert_eq!(of(&[("If-Match", "\"3\"")]), Ok(Condition::OneOf(vec![3])));
        let several = of(&[("If-Match", "\"3-json\", \"x\", W/\"5\", \"4\"")]);
        assert_eq!(several, Ok(Condition::OneOf(vec![3, 4])));
        let never = Ok(Condition::OneOf(vec![]));
        for broken in ["nonsense", "", "\"9\" \"9\"", "w/\"9\"", "\"9\", *", "\"9", ",", "\"9\"x"] {
            assert_eq!(of(&[("If-Match", broken)]), never, "{broken:?}");
            assert_eq!(of(&[("If-None-Match", broken)]), never, "{broken:?}");
            assert_eq!(of(&[("If-None-Match", "\"1\""), ("If-None-Match", broken)]), never);
        }
        assert_eq!(of(&[("If-None-Match", "*"), ("If-None-Match", "\"9\"")]), never);
        assert_eq!(
            of(&[("If-None-Match", ", \"9\" ,, \"8\",")]),
            Ok(Condition::NoneOf(vec![9, 8]))
        );
        let unissued = of(&[("If-Match", "\"1-nonsense\", \"02\", \"-json\", \"3-bytes\"")]);
        assert_eq!(unissued, Ok(Condition::OneOf(vec![3])));
        assert_eq!(of(&[("If-Match", "*"), ("If-Match", "\"1\"")]), Ok(Condition::OneOf(vec![])));
        assert_eq!(of(&[("If-None-Match", "W/\"3\"")]), Ok(Condition::NoneOf(vec![3])));
        assert_eq!(of(&[("If-None-Match", "*")]), Ok(Condition::OneOf(vec![])));
        assert_eq!(of(&[("If-Match", "\"1\""), ("If-None-Match", "\"2\"")]), Err(412));
        assert_eq!(of(&[("If-Unmodified-Since", "nonsense")]), Err(412));
    }

    #[test]
    fn one_range_is_a_part_and_anything_else_is_everything() {
        let span = |first, last| Some(Part::Span { first, last });
        let cases = [
            ("bytes=0-0", span(0, 0)),
            ("bytes=2-5", span(2, 5)),
            ("bytes=2-", span(2, u64::MAX)),
            ("bytes=-3", Some(Part::Last(3))),
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
}
