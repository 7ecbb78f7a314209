//! Replies as trees of values, and the trees as JSON or XML.
//!
//! ```text
//!   Reply ──► ("draw", {numbers: [5, 19]}) ──┬─► {"numbers":[5,19]}
//!                                            └─► <draw><numbers><number>5</number>…</numbers></draw>
//! ```
//!
//! A reply writes its fields to a [`Sink`] and knows no format. The text cannot be written at once:
//! an item of a list is a record or a single value, and this is known only after the item has
//! written its fields. So the fields are collected in a tree first. Two names are for XML alone:
//! the name of the outermost element (`draw`), and the name of one item of a list (`number`).
//!
//! **Invariants** the text is well-formed, whatever the strings hold. A character that has a
//! meaning in the format is escaped; in XML a character that no document can hold, or that a parser
//! would change, becomes `?`. The names of elements are words of the program and need no escape.
//!
//! **Lock** none.
//!
//! **Simplified** the tree is a second copy of the reply; a bigger system writes each field at
//! once. JSON numbers have up to 64 bits, but a reader that keeps them as floating point, such as
//! JavaScript, is exact up to 2^53 alone (RFC 8259, section 6). Ids are strings, so they stay
//! exact.
//!
//! **Source** RFC 8259; W3C, XML 1.0, sections 2.2, 2.4 and 2.11; the lecture, for the choice of a
//! form.

use crate::commands::{Inspection, Reply};
use crate::common::description::{Answer, Message, Sink};
use crate::common::error::Error;
use crate::common::id::LeaseId;
use crate::common::line::put;
use crate::protocol::base64;

/// A value that both JSON and XML can write.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A value that is left out: `null`, or an empty element.
    Null,
    /// A whole number.
    Number(u64),
    /// A number in hundredths: 1205 is written as 12.05.
    Hundredths(u32),
    /// A string.
    Text(String),
    /// The name of one item, which only XML writes, and the items.
    List(String, Vec<Value>),
    /// The fields of a record, each with its name, in their order.
    Record(Vec<(String, Value)>),
}

/// The sink that collects the fields of one record.
#[derive(Debug, Default)]
struct RecordSink(Vec<(String, Value)>);

/// Runs `write` on an empty sink and returns the record that it has filled.
fn record(write: impl FnOnce(&mut RecordSink)) -> Value {
    let mut record = RecordSink::default();
    write(&mut record);
    Value::Record(record.0)
}

/// Returns a reply as a value, with its name in XML.
pub fn reply_value(reply: &Reply<'_>) -> (&'static str, Value) {
    (reply.element(), record(|sink| reply.write(sink)))
}

/// Returns an error as a value. It is written as any reply is, so it has one shape everywhere.
pub fn error_value(error: &Error) -> (&'static str, Value) {
    reply_value(&Reply::Error(error.clone()))
}

/// Returns an inspected lease as a value. Takes the inspection by reference, because a [`Reply`]
/// for [`reply_value`] would have to own the data.
pub fn inspection_value(inspection: &Inspection) -> (&'static str, Value) {
    (Inspection::ELEMENT, Value::of(inspection))
}

impl RecordSink {
    fn add(&mut self, name: &str, value: Value) {
        self.0.push((name.to_string(), value));
    }
}

impl Sink for RecordSink {
    fn u64(&mut self, name: &str, value: u64) {
        self.add(name, Value::Number(value));
    }

    fn hundredths(&mut self, name: &str, value: u32) {
        self.add(name, Value::Hundredths(value));
    }

    fn optional(&mut self, name: &str, value: Option<u64>) {
        self.add(name, value.map_or(Value::Null, Value::Number));
    }

    fn id(&mut self, name: &str, id: LeaseId) {
        self.add(name, Value::Text(id.to_string()));
    }

    fn text(&mut self, name: &str, text: &str) {
        self.add(name, Value::Text(text.to_string()));
    }

    /// Adds data in base64, because neither format can hold all bytes.
    fn data(&mut self, name: &str, data: &[u8]) {
        let mut letters = Vec::with_capacity(data.len().div_ceil(3) * 4);
        base64::encode(data, &mut letters);
        // The letters of base64 are ASCII, so they are UTF-8.
        self.add(name, Value::Text(String::from_utf8(letters).unwrap_or_default()));
    }

    /// Adds a list. An item that writes one field without a name is that value itself; any other
    /// item is a record: `[5,19]`, but `[{"client":7,"process":"x"}]`.
    fn list<T>(&mut self, name: &str, one: &str, items: &[T], each: impl Fn(&T, &mut Self)) {
        let value = |item: &T| {
            let mut fields = RecordSink::default();
            each(item, &mut fields);
            match &mut fields.0[..] {
                [(name, value)] if name.is_empty() => std::mem::replace(value, Value::Null),
                _ => Value::Record(fields.0),
            }
        };
        self.add(name, Value::List(one.to_string(), items.iter().map(value).collect()));
    }

    fn record(&mut self, name: &str, fields: impl FnOnce(&mut Self)) {
        let value = record(fields);
        self.add(name, value);
    }
}

impl Value {
    /// Returns the record of a message's fields.
    pub fn of<'a>(message: &impl Message<'a>) -> Self {
        record(|sink| message.write(sink))
    }

    /// Returns about the length of the value's text in bytes: its strings, and 8 bytes for each
    /// single value. The body starts with this capacity: a body that grows by doubling could take
    /// twice as much memory.
    pub fn length(&self) -> usize {
        match self {
            Value::Null | Value::Number(_) | Value::Hundredths(_) => 8,
            Value::Text(text) => text.len() + 8,
            Value::List(_, items) => items.iter().map(Value::length).sum(),
            Value::Record(fields) => fields.iter().map(|(name, v)| name.len() + v.length()).sum(),
        }
    }

    /// Appends the value as JSON. The recursion is as deep as the reply, and the rows that describe
    /// the replies fix this depth: no client can make it deeper.
    pub fn json(&self, out: &mut Vec<u8>) {
        match self {
            Value::Null => out.extend_from_slice(b"null"),
            Value::Number(number) => put(out, format_args!("{number}")),
            Value::Hundredths(number) => put_hundredths(out, *number),
            Value::Text(text) => json_string(text, out),
            Value::List(_, values) => {
                bracketed(out, b"[]", values, |value, out| value.json(out));
            }
            Value::Record(fields) => bracketed(out, b"{}", fields, |(name, value), out| {
                json_string(name, out);
                out.push(b':');
                value.json(out);
            }),
        }
    }

    /// Appends the value as an XML element of that name.
    pub fn xml(&self, name: &str, out: &mut Vec<u8>) {
        put(out, format_args!("<{name}>"));
        match self {
            Value::Null => {}
            Value::Number(number) => put(out, format_args!("{number}")),
            Value::Hundredths(number) => put_hundredths(out, *number),
            Value::Text(text) => xml_text(text, out),
            Value::List(one, values) => values.iter().for_each(|value| value.xml(one, out)),
            Value::Record(fields) => fields.iter().for_each(|(name, value)| value.xml(name, out)),
        }
        put(out, format_args!("</{name}>"));
    }
}

/// Appends items in brackets, with commas between them.
fn bracketed<T>(out: &mut Vec<u8>, pair: &[u8; 2], items: &[T], each: impl Fn(&T, &mut Vec<u8>)) {
    out.push(pair[0]);
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        each(item, out);
    }
    out.push(pair[1]);
}

/// Appends a number in hundredths by whole numbers alone: no floating point rounds it.
fn put_hundredths(out: &mut Vec<u8>, number: u32) {
    put(out, format_args!("{}.{:02}", number / 100, number % 100));
}

/// Appends a JSON string. Quotation mark, backslash and control characters must be escaped (RFC
/// 8259, section 7).
fn json_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for letter in text.chars() {
        match letter {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            // JSON allows DEL (7f), `<`, `>` and `&` as they are. The last three matter only if a
            // page puts the text into a script: `</script>` would end that script.
            '\0'..='\x1f' | '\x7f' | '<' | '>' | '&' => {
                put(out, format_args!("\\u{:04x}", letter as u32))
            }
            letter => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

/// Appends text inside an XML element.
fn xml_text(text: &str, out: &mut Vec<u8>) {
    for letter in text.chars() {
        match letter {
            '&' => out.extend_from_slice(b"&amp;"),
            '<' => out.extend_from_slice(b"&lt;"),
            '>' => out.extend_from_slice(b"&gt;"),
            '"' => out.extend_from_slice(b"&quot;"),
            '\t' | '\n' => out.push(letter as u8),
            // No XML document holds these, even escaped. CR is the exception: it may stand there,
            // but a parser turns it into LF.
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => out.push(b'?'),
            letter => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::Listing;
    use crate::server::lists::Listed;
    use std::borrow::Cow;

    fn both(value: &Value) -> (String, String) {
        let (mut json, mut xml) = (Vec::new(), Vec::new());
        value.json(&mut json);
        value.xml("v", &mut xml);
        (String::from_utf8(json).unwrap(), String::from_utf8(xml).unwrap())
    }

    #[test]
    fn a_value_is_the_same_in_both() {
        let value = record(|sink| {
            sink.list("a", "n", &[5, 19], |&number, sink| sink.u64("", number));
            sink.optional("b", None);
            sink.hundredths("c", 1205);
        });
        let (json, xml) = both(&value);
        assert_eq!(json, r#"{"a":[5,19],"b":null,"c":12.05}"#);
        assert_eq!(xml, "<v><a><n>5</n><n>19</n></a><b></b><c>12.05</c></v>");
        assert_eq!(both(&Value::List("n".into(), vec![])).0, "[]");
    }

    #[test]
    fn no_string_breaks_out() {
        let (json, xml) = both(&Value::Text("a\"b\\c\n\0<script>&…".into()));
        assert_eq!(json, r#""a\"b\\c\u000a\u0000\u003cscript\u003e\u0026…""#);
        assert_eq!(xml, "<v>a&quot;b\\c\n?&lt;script&gt;&amp;…</v>");
    }

    #[test]
    fn a_process_that_is_called_42_has_a_name() {
        let columns = ["client", "process"].map(Cow::Borrowed).to_vec();
        let rows = vec![vec!["7".to_string(), "42".to_string()]];
        let listing = Listing { what: Listed::Connections, total: 1, columns, rows };
        let json = both(&reply_value(&Reply::List(Box::new(listing))).1).0;
        assert_eq!(json, r#"{"total":1,"connections":[{"client":7,"process":"42"}]}"#);
    }
}
