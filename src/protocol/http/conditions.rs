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
//! An entity tag names a version of the lease and the form of the answer: `"3"` is version 3 as
//! text, and `"3-json"` is version 3 in JSON. Our tags are *strong*: equal tags mean equal bytes,
//! because each set makes a new version, and two forms of one version have two tags. A client may
//! mark a tag as *weak* (`W/"3"`): such a tag does not promise equal bytes. A date counts whole
//! seconds, so two sets within one second have the same date, and a date is never the condition of
//! a change. If a change has `If-Unmodified-Since` and no tag, the answer is 412 and says to use
//! the tag.
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

/// An entity tag without its quotes: `W/"3"` is `3`, and weak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// The bytes between the quotes.
    opaque: Vec<u8>,
    is_weak: bool,
}

/// The value of `If-Match` or `If-None-Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Tags {
    /// `*`: every version.
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
            8 if is("if-range") => self.if_range = Some(tag_of(value)),
            13 if is("if-none-match") => add(&mut self.if_none_match, value),
            17 if is("if-modified-since") => self.modified_since = date::read(value),
            // Invariant 3: an unreadable date is still the condition of a change.
            19 if is("if-unmodified-since") => {
                self.unmodified_since = Some(date::read(value).unwrap_or(u64::MAX));
            }
            _ => {}
        }
    }

    /// Judges a read of an entity that has this tag. `modified` is the time of its last set, in
    /// seconds since 1970; `None` if it was never set.
    pub fn judge(&self, tag: &str, modified: Option<u64>) -> Verdict {
        // Tells whether the entity is the one that the client names. A tag replaces the date, which
        // is less exact. `None` if the client names none, or if a date cannot be compared, because
        // the entity was never set.
        let is_named = |tags: &Option<Tags>, since: Option<u64>, weakly: bool| match tags {
            Some(tags) => Some(tags.has(tag, weakly)),
            None => Some(modified? <= since?),
        };
        // Steps 1 and 2 of the RFC: the client accepts only a certain version. Only strong tags
        // count (`false`): a weak tag does not promise equal bytes.
        if is_named(&self.if_match, self.unmodified_since, false) == Some(false) {
            return Verdict::Failed;
        }
        // Steps 3 and 4: the client has a version, and asks for a newer one. Weak tags count, too
        // (`true`).
        match is_named(&self.if_none_match, self.modified_since, true) {
            Some(true) => Verdict::NotModified,
            _ => Verdict::Holds,
        }
    }

    /// Returns the part that the client wants; `None` if it wants the whole lease. If the request
    /// has `If-Range`, the second value is the version that this field names: the client wants the
    /// part of that version alone, and the whole lease of any other version.
    ///
    /// Only the forms text and bytes have parts. If `If-Range` is a date, a weak tag, or the tag of
    /// no version in this form, the answer is the whole lease, which is always right. A part could
    /// be wrong: the client adds it to the bytes that it has, perhaps those of another version.
    pub fn part(&self, form: MediaForm) -> Option<(Part, Option<u64>)> {
        let part = self.range.filter(|_| matches!(form, MediaForm::Text | MediaForm::Bytes))?;
        let Some(tag) = &self.if_range else { return Some((part, None)) };
        let version = tag.as_ref().filter(|tag| !tag.is_weak)?.version(form.tag_suffix())?;
        Some((part, Some(version)))
    }

    /// Returns the condition under which a lease is changed. A condition that cannot be kept
    /// becomes `OneOf` without a version, so every change fails; [`Conditions::failure_text`] says
    /// why. The service still looks the lease up, because a lease that does not exist is 404,
    /// whatever the condition (RFC 9110, section 13.2.1).
    pub fn change_condition(&self) -> Condition {
        // A tag of any form names its version: PUT sets bytes, whatever form the client has read.
        // Only `If-None-Match` takes weak tags too: then `weakly` is true.
        let versions = |tags: &[Tag], weakly: bool| {
            let strong = tags.iter().filter(|tag| weakly || !tag.is_weak);
            strong.filter_map(Tag::any_version).collect()
        };
        match (&self.if_match, &self.if_none_match) {
            (None, None) if self.unmodified_since.is_none() => Condition::Any,
            (Some(Tags::Any), None) => Condition::Any,
            (Some(Tags::These(tags)), None) => Condition::OneOf(versions(tags, false)),
            (None, Some(Tags::These(tags))) => Condition::NoneOf(versions(tags, true)),
            _ => Condition::OneOf(Vec::new()),
        }
    }

    /// Returns the condition of a PUT to a name. Only `*` differs from
    /// [`Conditions::change_condition`], because the lease may not exist, and then its version
    /// counts as 0. So `If-Match: *` is any version but 0, and `If-None-Match: *` is version 0
    /// alone.
    pub fn put_condition(&self) -> Condition {
        match (&self.if_match, &self.if_none_match) {
            (Some(Tags::Any), None) => Condition::NoneOf(vec![0]),
            (None, Some(Tags::Any)) => Condition::OneOf(vec![0]),
            _ => self.change_condition(),
        }
    }

    /// Returns the cause and the cure of a change whose condition failed; `None` if the text of the
    /// service says enough. `may_create` means that the change is a PUT to a name, which may create
    /// the lease.
    pub fn failure_text(&self, may_create: bool) -> Option<&'static str> {
        Some(match (&self.if_match, &self.if_none_match) {
            (Some(Tags::These(tags)), None) if tags.iter().all(|tag| tag.is_weak) => {
                "a weak tag allows no change; send the ETag as it came, without W/"
            }
            (Some(Tags::Any), None) if may_create => {
                "there is no lease of that name; leave If-Match out"
            }
            (Some(Tags::Any | Tags::These(_)), None) => return None,
            (None, Some(Tags::These(_))) => {
                "the lease has a version that If-None-Match names; leave that tag out"
            }
            // `*` holds only if the lease does not exist, but PUT changes a lease that exists.
            (None, Some(Tags::Any)) if may_create => {
                "there is a lease of that name; leave If-None-Match: * out, or take another name"
            }
            (None, Some(Tags::Any)) => {
                "PUT changes a lease that exists; leave If-None-Match: * out"
            }
            (None, Some(Tags::Broken)) | (Some(Tags::Broken), None) => {
                "a tag stands in quotes, and * alone; send the ETag as it came"
            }
            (Some(_), Some(_)) => "a change has one condition; send If-Match or If-None-Match",
            (None, None) => "two sets in one second have one date; use If-Match with the ETag",
        })
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
    /// Returns the version in a tag that ends with `form`, the suffix of a form: with `-json` the
    /// tag `3-json` gives 3, and `3` gives `None`.
    fn version(&self, form: &str) -> Option<u64> {
        let version = parse_decimal(self.opaque.strip_suffix(form.as_bytes())?)?;
        // Tags are equal byte for byte (RFC 9110, section 8.8.3.2), so `"03"` is none of ours.
        Some(version).filter(|version| format!("{version}{form}").as_bytes() == self.opaque)
    }

    /// Returns the version that the tag names, whatever its form; `None` if it is no tag of ours.
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

/// Reads a list such as `"a", W/"b"`. Skips empty elements (RFC 9110, section 5.6.1.2). Returns
/// `None` for an unreadable list and for a list without any tag.
fn tags_of(value: &[u8]) -> Option<Vec<Tag>> {
    // A comma between quotes belongs to its tag. (`head::elements` would be wrong here: in a tag a
    // backslash is a byte like any other, so the quote behind it ends the tag.)
    let mut is_quoted = false;
    let elements = value.split(|&byte| {
        is_quoted ^= byte == b'"';
        byte == b',' && !is_quoted
    });
    let elements = elements.map(<[u8]>::trim_ascii).filter(|element| !element.is_empty());
    let tags: Option<Vec<Tag>> = elements.map(tag_of).collect();
    tags.filter(|tags| !tags.is_empty())
}

/// Reads a text that is one tag and nothing else.
fn tag_of(text: &[u8]) -> Option<Tag> {
    let weak = text.strip_prefix(b"W/");
    let opaque = weak.unwrap_or(text).strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let is_one = !opaque.contains(&b'"');
    is_one.then(|| Tag { opaque: opaque.to_vec(), is_weak: weak.is_some() })
}

/// Reads a range: `bytes=2-5`, both included, `bytes=2-` to the end, or `bytes=-3`, the last three.
/// Another unit, several ranges and an unreadable text return `None`: a server may always ignore
/// `Range` (RFC 9110, section 14.2).
fn part_of(value: &[u8]) -> Option<Part> {
    let (unit, range) = value.split_at_checked(6)?;
    let range = Some(range).filter(|_| unit.eq_ignore_ascii_case(b"bytes="))?.trim_ascii();
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
#[path = "conditions_tests.rs"]
mod tests;
