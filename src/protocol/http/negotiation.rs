//! Content negotiation: the choice of the form that the client prefers.
//!
//! ```text
//!   Accept: application/xml;q=0.5, application/json, */*;q=0.1
//!
//!             text    0.1
//!             json    1.0  ◄── the form of the answer
//!             xml     0.5
//! ```
//!
//! For each form the most specific *range* of `Accept` counts: `text/plain` before `text/*` before
//! `*/*`. Among forms of the same quality (`q`) the first in [`MediaForm::ALL`] wins. So a client
//! without `Accept` gets text, and so does curl with its `*/*`. A browser that opens `/stats`
//! accepts XML with 0.9 and `*/*` with 0.8, so it gets XML. If the client accepts no form, the
//! answer is 406, as text.
//!
//! **Invariants** an unreadable range in `Accept` changes nothing; the other ranges still count.
//!
//! **Lock** none. **Simplified** parameters other than `q` are ignored.
//!
//! **Source** RFC 9110, sections 12.4.2 and 12.5.1; the lecture: "what data representation can be
//! accepted".

use crate::protocol::http::head::elements;

/// A form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaForm {
    /// The line of the text reply without its first words; for a lease, its bytes.
    Text,
    /// The bytes of a lease, under the name that programs expect.
    Bytes,
    /// JSON.
    Json,
    /// XML.
    Xml,
}

impl MediaForm {
    /// All forms, the preferred first. A lease has all of them, any other answer all but
    /// [`MediaForm::Bytes`].
    pub const ALL: [Self; 4] = [MediaForm::Text, MediaForm::Bytes, MediaForm::Json, MediaForm::Xml];

    /// Returns the type and the subtype that `Accept` names.
    fn media(self) -> (&'static str, &'static str) {
        let media = self.content_type().split(';').next().unwrap_or_default();
        media.split_once('/').unwrap_or_default()
    }

    /// Returns the value of `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            MediaForm::Text => "text/plain; charset=utf-8",
            MediaForm::Bytes => "application/octet-stream",
            MediaForm::Json => "application/json",
            MediaForm::Xml => "application/xml",
        }
    }

    /// Returns the end of an entity tag in this form: version 3 in JSON has the tag `"3-json"`. Two
    /// forms of one version are two different answers (text and bytes differ in `Content-Type`
    /// alone), so each has a strong tag of its own (RFC 9110, section 8.8.3.3).
    pub fn tag_suffix(self) -> &'static str {
        match self {
            MediaForm::Text => "",
            MediaForm::Bytes => "-bytes",
            MediaForm::Json => "-json",
            MediaForm::Xml => "-xml",
        }
    }
}

/// How specific a range is, from 1 for `*/*` to 3 for `text/plain` (0 is no range yet), and its
/// quality in thousandths. Pairs compare by their first value first, so the greater of two pairs is
/// the one that counts.
type Preference = (u8, u16);

/// The range that counts for each form, in the order of [`MediaForm::ALL`]; `None` without a
/// readable range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Accept(Option<[Preference; 4]>);

impl Accept {
    /// Notes a field if it is an `Accept`. Several lines are one list (RFC 9110, section 5.2).
    pub fn see(&mut self, name: &[u8], value: &[u8]) {
        if !name.eq_ignore_ascii_case(b"accept") {
            return;
        }
        for range in elements(value, b',') {
            if let Some((media, subtype, quality)) = range_of(range) {
                self.add(media, subtype, quality);
            }
        }
    }

    /// Gives the quality of one range to the forms that it covers.
    fn add(&mut self, media: &str, subtype: &str, quality: u16) {
        let wanted = self.0.get_or_insert_default();
        let is = |given: &str, known: &str| given.eq_ignore_ascii_case(known);
        for form in MediaForm::ALL {
            let (known, known_subtype) = form.media();
            let specificity = match (media, subtype) {
                ("*", "*") => 1,
                (_, "*") if is(media, known) => 2,
                _ if is(media, known) && is(subtype, known_subtype) => 3,
                _ => continue,
            };
            let before = &mut wanted[form as usize];
            // The more specific range counts; of two that are equally specific, the higher quality.
            *before = (specificity, quality).max(*before);
        }
    }

    /// Returns the form of the highest quality; `None` if no quality is over 0, which means "not
    /// acceptable". Only the answer with a lease can have the form [`MediaForm::Bytes`].
    pub fn best(&self, is_lease: bool) -> Option<MediaForm> {
        // Without a readable `Accept` the client takes every form, and text is the preferred one.
        let Some(wanted) = &self.0 else { return Some(MediaForm::Text) };
        let quality = |form: MediaForm| wanted[form as usize].1;
        let can = |form: &MediaForm| *form != MediaForm::Bytes || is_lease;
        // Of several forms with the highest quality, `max_by_key` returns the last one. `rev` makes
        // that the first one in [`MediaForm::ALL`].
        let best =
            MediaForm::ALL.into_iter().filter(can).rev().max_by_key(|&form| quality(form))?;
        Some(best).filter(|&best| quality(best) > 0)
    }
}

/// Reads one range, such as `text/*;q=0.5`; without `q` the quality is 1. Returns the type, the
/// subtype and the quality in thousandths, and `None` for an unreadable range.
fn range_of(range: &[u8]) -> Option<(&str, &str, u16)> {
    let mut parts = elements(range, b';').map_while(|part| std::str::from_utf8(part).ok());
    // `*` alone is no range, but Java before version 19 sends it for `*/*`, and `.2` for `0.2`.
    let media = parts.next().map(|media| if media == "*" { "*/*" } else { media })?;
    let (media, subtype) = media.split_once('/')?;
    let quality = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
    Some((media, subtype, quality.map_or(Some(1000), thousandths)?))
}

/// Reads a quality in thousandths: `0`, `1`, `0.5`, `.5` or `0.123`, and not more digits.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
    let are_digits = digits.len() <= 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
    // Fills up `5` to `500`.
    let part = format!("{digits:0<3}").parse::<u16>().ok().filter(|_| are_digits)?;
    match whole {
        "0" => Some(part),
        "" if !digits.is_empty() => Some(part),
        "1" if part == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(accept: &[&str]) -> Option<MediaForm> {
        let mut wanted = Accept::default();
        accept.iter().for_each(|value| wanted.see(b"Accept", value.as_bytes()));
        wanted.best(true)
    }

    #[test]
    fn the_form_that_is_wanted_most_is_taken() {
        let cases: [(&[&str], Option<MediaForm>); 20] = [
            (&["text/*;x=\"a,*/*;q=0,\\\"\";q=0.5, application/json"], Some(MediaForm::Json)),
            (&["application/xml;x=\",application/json\", */*;q=0.1"], Some(MediaForm::Xml)),
            (&[], Some(MediaForm::Text)),
            (&["*/*"], Some(MediaForm::Text)),
            (&["application/json"], Some(MediaForm::Json)),
            (&["application/*"], Some(MediaForm::Bytes)),
            (&["application/xml;q=0.5, application/json"], Some(MediaForm::Json)),
            (&["application/json;q=0.5", "application/xml;q=0.6"], Some(MediaForm::Xml)),
            (
                &["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
                Some(MediaForm::Xml),
            ),
            (&["*/*, text/plain;q=0"], Some(MediaForm::Bytes)),
            (&["text/*;q=0.3, text/plain;q=0.1, application/xml;q=0.2"], Some(MediaForm::Xml)),
            (&["image/png"], None),
            (&["application/json;q=0"], None),
            (&["APPLICATION/JSON;Q=1.000"], Some(MediaForm::Json)),
            (&["application/json;q=2, application/xml;q=0.1"], Some(MediaForm::Xml)),
            (&["application/json;charset=utf-8"], Some(MediaForm::Json)),
            (&["application/octet-stream, text/plain;q=0.9"], Some(MediaForm::Bytes)),
            (&["", "x", "text/plain;q=0.0001"], Some(MediaForm::Text)),
            (&["text/plain;q=., */*;q=0.1"], Some(MediaForm::Text)),
            // Java's own, before version 19.
            (&["text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"], Some(MediaForm::Text)),
        ];
        for (accept, expected) in cases {
            assert_eq!(best(accept), expected, "{accept:?}");
        }
    }

    #[test]
    fn only_a_lease_has_bytes() {
        let mut wanted = Accept::default();
        wanted.see(b"accept", b"application/octet-stream");
        assert_eq!((wanted.best(true), wanted.best(false)), (Some(MediaForm::Bytes), None));
        wanted.see(b"accept", b"*/*;q=0.1");
        assert_eq!(wanted.best(false), Some(MediaForm::Text));
    }
}
