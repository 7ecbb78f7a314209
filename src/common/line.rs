//! A reply as a line of text: its word, and its fields with a space before each.
//!
//! ```text
//!   leased ID SIZE MS             data ID DATA, escaped          sessions ID:NAME:IN:OUT …
//! ```
//!
//! **Invariants** nothing of it is a line break. **Source** the homework's `draw [number]`; the rest
//! follows its shape.

use std::fmt::Arguments;
use std::io::Write;

use super::description::Sink;
use super::escape::escape;
use super::id::LeaseId;

/// Appends fields to a line.
#[derive(Debug)]
pub struct Line<'o>(pub &'o mut Vec<u8>);

/// Appends formatted text.
pub fn put(out: &mut Vec<u8>, text: Arguments<'_>) {
    // Writing to a vector cannot fail.
    let _ = out.write_fmt(text);
}

impl Sink for Line<'_> {
    fn is_binary(&self) -> bool {
        false
    }

    fn u64(&mut self, _: &str, value: u64) {
        put(self.0, format_args!(" {value}"));
    }

    fn u32(&mut self, _: &str, value: u32) {
        put(self.0, format_args!(" {value}"));
    }

    fn hundredths(&mut self, name: &str, value: u32) {
        put(self.0, format_args!(" {name}={}.{:02}", value / 100, value % 100));
    }

    fn optional(&mut self, _: &str, value: Option<u64>) {
        match value {
            Some(value) => put(self.0, format_args!(" {value}")),
            None => self.0.extend_from_slice(b" -"),
        }
    }

    fn id(&mut self, _: &str, id: LeaseId) {
        put(self.0, format_args!(" {id}"));
    }

    fn text(&mut self, _: &str, text: &str) {
        put(self.0, format_args!(" {text}"));
    }

    fn choice(&mut self, _: &str, word: &str, _: u32) {
        put(self.0, format_args!(" {word}"));
    }

    fn data(&mut self, _: &str, data: &[u8]) {
        self.0.push(b' ');
        escape(data, self.0);
    }

    /// One word for each item: the fields of a record have colons between them.
    fn list<T>(&mut self, _: &str, _: &str, items: &[T], each: impl Fn(&T, &mut Self)) {
        for item in items {
            let start = self.0.len() + 1;
            each(item, self);
            self.0[start..].iter_mut().filter(|byte| **byte == b' ').for_each(|byte| *byte = b':');
        }
    }

    fn record(&mut self, _: &str, fields: impl FnOnce(&mut Self)) {
        fields(self);
    }
}
