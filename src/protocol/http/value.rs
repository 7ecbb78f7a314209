//! Replies as values, and those as JSON or XML.
//!
//! ```text
//!   Reply ──► ("draw", {numbers: [5, 19]}) ──┬─► {"numbers":[5,19]}
//!                                            └─► <draw><numbers><number>5</number>…</numbers></draw>
//! ```
//!
//! A name of the outermost value is XML's alone; JSON needs none.
//!
//! **Invariants** whatever a string holds, the text is well-formed: what XML cannot hold at all (control
//! bytes) becomes `?`.
//!
//! **Lock** none. **Source** RFC 8259; W3C, XML 1.0; the lecture's content negotiation.

use std::borrow::Cow;
use std::io::Write;

use crate::cooperative::words::{Account, Pool, PoolState};
use crate::message::resource::{Inspection, Listing};
use crate::message::{Error, Reply, Row, parse_decimal};
use crate::protocol::base64;

/// What JSON and XML can both say.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A number.
    Number(u64),
    /// Hundredths.
    Hundredths(u32),
    /// A string.
    Text(String),
    /// Values of one kind, by the name of one of them.
    List(&'static str, Vec<Value>),
    /// Values by their names.
    Record(Vec<(Cow<'static, str>, Value)>),
}

/// A record of these.
fn record<const N: usize>(fields: [(&'static str, Value); N]) -> Value {
    Value::Record(fields.into_iter().map(|(name, value)| (name.into(), value)).collect())
}

fn number(value: impl Into<u64>) -> Value {
    Value::Number(value.into())
}

fn text(value: impl ToString) -> Value {
    Value::Text(value.to_string())
}

fn optional(value: Option<u64>) -> Value {
    value.map_or(Value::Null, Value::Number)
}

/// A refusal.
pub fn of_error(error: &Error) -> (&'static str, Value) {
    ("error", record([("code", text(error.code.word())), ("text", text(&error.text))]))
}

/// A reply to what can be asked by HTTP, with its name.
pub fn of(reply: &Reply<'_>) -> (&'static str, Value) {
    match reply {
        Reply::Drawn(drawn) => {
            let numbers = drawn.numbers().into_iter().map(number).collect();
            ("draw", record([("numbers", Value::List("number", numbers))]))
        }
        Reply::Table(rows) => {
            ("table", record([("rows", Value::List("row", rows.iter().map(row).collect()))]))
        }
        Reply::Leased { id, size, duration_ms } => {
            let (size, duration) = (number(*size), number(*duration_ms));
            ("lease", record([("id", text(id)), ("size", size), ("duration_ms", duration)]))
        }
        Reply::Replaced { id, length, version } => {
            let (length, version) = (number(*length), number(*version));
            ("lease", record([("id", text(id)), ("length", length), ("version", version)]))
        }
        Reply::Released { id, size } => {
            ("released", record([("id", text(id)), ("size", number(*size))]))
        }
        Reply::Stats(figures) => {
            let figure = |value: &String| {
                parse_decimal(value.as_bytes()).map_or_else(|| text(value), Value::Number)
            };
            let figures = figures.iter().map(|(name, value)| (name.clone(), figure(value)));
            ("stats", Value::Record(figures.collect()))
        }
        Reply::Tree(picture) => ("tree", record([("picture", text(picture))])),
        Reply::Pools(pools, pressure) => {
            let pools = pools.iter().map(pool).collect();
            let shares = pressure.figures().map(|(name, share)| (name, Value::Hundredths(share)));
            (
                "statement",
                record([("pools", Value::List("pool", pools)), ("pressure", record(shares))]),
            )
        }
        Reply::Accounts(accounts) => {
            let accounts = accounts.iter().map(account).collect();
            ("statement", record([("processes", Value::List("process", accounts))]))
        }
        Reply::List(listing) => ("list", listed(listing)),
        // A lease and an error are shown by the functions for them; what else cannot be asked by HTTP is
        // not answered by it.
        _ => ("reply", Value::Null),
    }
}

/// How a lease is, and what it holds. Nothing that changes without a set: two answers of one version
/// have one tag.
pub fn inspected(inspection: &Inspection) -> (&'static str, Value) {
    let Inspection { id, size, length, version, data, .. } = inspection;
    let mut letters = Vec::with_capacity(data.len().div_ceil(3) * 4);
    base64::encode(data, &mut letters);
    let value = record([
        ("id", text(id)),
        ("size", number(*size)),
        ("length", number(*length)),
        ("version", number(*version)),
        // They are all ASCII.
        ("base64", Value::Text(String::from_utf8(letters).unwrap_or_default())),
    ]);
    ("lease", value)
}

fn row(row: &Row) -> Value {
    let (counter, client) = (number(row.counter), number(row.client));
    record([("counter", counter), ("client", client), ("result", number(row.result))])
}

fn pool(state: &PoolState) -> Value {
    let PoolState { pool, size, free, freeable } = *state;
    let (size, free, freeable) = (number(size), number(free), number(freeable));
    record([("name", text(pool.word())), ("size", size), ("free", free), ("freeable", freeable)])
}

fn account(account: &Account) -> Value {
    let Account { name, freeable, secured, efficiency, asked, obeyed, holds, owes, may } = account;
    let of = |pool: Pool| {
        let (holds, owes, may) = (number(holds[pool]), number(owes[pool]), number(may[pool]));
        record([("name", text(pool.word())), ("holds", holds), ("owes", owes), ("may", may)])
    };
    record([
        ("name", text(name)),
        ("freeable", number(*freeable)),
        ("secured", number(*secured)),
        ("efficiency", optional(efficiency.map(u64::from))),
        ("asked", number(*asked)),
        ("obeyed", number(*obeyed)),
        ("pools", Value::List("pool", Pool::ALL.map(of).into())),
    ])
}

/// Columns that are names, whatever they look like.
const NAMES: [&str; 4] = ["id", "process", "opener", "other"];

fn listed(listing: &Listing) -> Value {
    let Listing { what, total, columns, rows } = listing;
    let value = |(column, value): (&Cow<'static, str>, &String)| {
        let plain = parse_decimal(value.as_bytes()).filter(|_| !NAMES.contains(&column.as_ref()));
        (column.clone(), plain.map_or_else(|| text(value), Value::Number))
    };
    let row = |row: &Vec<String>| Value::Record(columns.iter().zip(row).map(value).collect());
    let rows = Value::List(what.one(), rows.iter().map(row).collect());
    record([("total", number(*total)), (what.word(), rows)])
}

impl Value {
    /// Appends it as JSON.
    pub fn json(&self, out: &mut Vec<u8>) {
        match self {
            Value::Null => out.extend_from_slice(b"null"),
            Value::Number(number) => put(out, format_args!("{number}")),
            Value::Hundredths(number) => put_hundredths(out, *number),
            Value::Text(text) => json_string(text, out),
            Value::List(_, values) => {
                bracketed(out, b'[', values, |value, out| value.json(out));
                out.push(b']');
            }
            Value::Record(fields) => {
                bracketed(out, b'{', fields, |(name, value), out| {
                    json_string(name, out);
                    out.push(b':');
                    value.json(out);
                });
                out.push(b'}');
            }
        }
    }

    /// Appends it as an element of XML.
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

fn bracketed<T>(out: &mut Vec<u8>, open: u8, items: &[T], each: impl Fn(&T, &mut Vec<u8>)) {
    out.push(open);
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        each(item, out);
    }
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to a vector cannot fail.
    let _ = out.write_fmt(text);
}

fn put_hundredths(out: &mut Vec<u8>, number: u32) {
    put(out, format_args!("{}.{:02}", number / 100, number % 100));
}

fn json_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for letter in text.chars() {
        match letter {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            // Not only where JSON wants it: such a text can stand in a page, too.
            '\0'..='\x1f' | '\x7f' | '<' | '>' | '&' => {
                put(out, format_args!("\\u{:04x}", letter as u32))
            }
            letter => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

fn xml_text(text: &str, out: &mut Vec<u8>) {
    for letter in text.chars() {
        match letter {
            '&' => out.extend_from_slice(b"&amp;"),
            '<' => out.extend_from_slice(b"&lt;"),
            '>' => out.extend_from_slice(b"&gt;"),
            '"' => out.extend_from_slice(b"&quot;"),
            '\t' | '\n' => out.push(letter as u8),
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => out.push(b'?'),
            letter => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::resource::Listed;

    fn both(value: &Value) -> (String, String) {
        let (mut json, mut xml) = (Vec::new(), Vec::new());
        value.json(&mut json);
        value.xml("v", &mut xml);
        (String::from_utf8(json).unwrap(), String::from_utf8(xml).unwrap())
    }

    #[test]
    fn a_value_is_the_same_in_both() {
        let list = Value::List("n", vec![number(5_u64), number(19_u64)]);
        let value = record([("a", list), ("b", Value::Null), ("c", Value::Hundredths(1205))]);
        let (json, xml) = both(&value);
        assert_eq!(json, r#"{"a":[5,19],"b":null,"c":12.05}"#);
        assert_eq!(xml, "<v><a><n>5</n><n>19</n></a><b></b><c>12.05</c></v>");
        assert_eq!(both(&Value::List("n", vec![])).0, "[]");
    }

    #[test]
    fn no_string_breaks_out() {
        let (json, xml) = both(&text("a\"b\\c\n\0<script>&…"));
        assert_eq!(json, r#""a\"b\\c\u000a\u0000\u003cscript\u003e\u0026…""#);
        assert_eq!(xml, "<v>a&quot;b\\c\n?&lt;script&gt;&amp;…</v>");
    }

    #[test]
    fn a_process_that_is_called_42_has_a_name() {
        let columns = ["client", "process"].map(Cow::Borrowed).to_vec();
        let rows = vec![vec!["7".to_string(), "42".to_string()]];
        let listing = Listing { what: Listed::Connections, total: 1, columns, rows };
        let json = both(&of(&Reply::List(Box::new(listing))).1).0;
        assert_eq!(json, r#"{"total":1,"connections":[{"client":7,"process":"42"}]}"#);
    }
}
