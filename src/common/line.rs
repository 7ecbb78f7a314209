//! A reply as a line of text: its word, and its fields with a space before each.
//!
//! ```text
//!   leased ID SIZE MS             data ID DATA, escaped          sessions ID:NAME:IN:OUT …
//! ```
//!
//! This is the [`Sink`] of text and of RESP's simple strings. It ignores the names of the fields,
//! except those of shares: the reader of a line knows the fields by their order.
//!
//! **Invariants** a line holds no line break: numbers, ids and names have none, and data is
//! escaped.
//!
//! **Lock** none. **Source** the homework's `draw [number]`; the other lines follow its form.

use std::fmt::Arguments;
use std::io::Write;

use super::description::Sink;
use super::escape::escape;
use super::id::LeaseId;

/// Appends the fields of a reply to a line, each after a space.
#[derive(Debug)]
pub struct Line<'o>(pub &'o mut Vec<u8>);

/// Appends formatted text.
pub fn put(out: &mut Vec<u8>, text: Arguments<'_>) {
    // Writing to a vector cannot fail.
    let _ = out.write_fmt(text);
}

/// Appends a number in decimal, without the cost of std's formatter.
pub fn put_number(out: &mut Vec<u8>, mut number: u64) {
    // A `u64` has at most 20 digits. The last digit is found first.
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return out.extend_from_slice(&digits[at..]);
        }
    }
}

impl Sink for Line<'_> {
    fn u64(&mut self, _: &str, value: u64) {
        self.0.push(b' ');
        put_number(self.0, value);
    }

    /// Shows the name too, unlike the other fields: `pools` has four such shares, which differ only
    /// in their names.
    fn hundredths(&mut self, name: &str, value: u32) {
        put(self.0, format_args!(" {name}={}.{:02}", value / 100, value % 100));
    }

    /// An absent number is `-`, so that the fields behind it keep their places.
    fn optional(&mut self, _: &str, value: Option<u64>) {
        match value {
            Some(value) => self.u64("", value),
            None => self.0.extend_from_slice(b" -"),
        }
    }

    fn id(&mut self, _: &str, id: LeaseId) {
        self.0.push(b' ');
        id.append(self.0);
    }

    fn text(&mut self, _: &str, text: &str) {
        self.0.push(b' ');
        self.0.extend_from_slice(text.as_bytes());
    }

    fn data(&mut self, _: &str, data: &[u8]) {
        self.0.push(b' ');
        escape(data, self.0);
    }

    /// Appends one word for each item, with colons between the fields of a record. Each item writes
    /// itself with spaces, and then the spaces become colons: items need no second way to write
    /// themselves. No field of an item holds a space.
    fn list<T>(&mut self, _: &str, _: &str, items: &[T], each: impl Fn(&T, &mut Self)) {
        for item in items {
            // The first space of an item stays: it separates the item from the one before it.
            let start = self.0.len() + 1;
            each(item, self);
            self.0[start..].iter_mut().filter(|byte| **byte == b' ').for_each(|byte| *byte = b':');
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_number_is_written_as_std_writes_it(number in any::<u64>(), shift in 0..64) {
            // The shift makes short numbers too.
            for number in [number >> shift, 0, u64::MAX] {
                let mut line = b"ttl ".to_vec();
                put_number(&mut line, number);
                prop_assert_eq!(String::from_utf8(line).unwrap(), format!("ttl {number}"));
            }
        }
    }
}
