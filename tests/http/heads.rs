//! The decoder beside another one: the crate `httparse`, on heads that are good, and mutated.
//!
//! What we take, it takes as the same. What it refuses, we refuse. It takes more: lines that end with LF alone
//! and what else RFC 9112 lets a reader forgive.

use leasebox::protocol::http::head::{MAX_FIELDS, find_end, parse};
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Method, target, minor version and fields.
type Read = (String, String, u8, Vec<(String, Vec<u8>)>);

fn ours(bytes: &[u8]) -> Option<Read> {
    let end = find_end(bytes, &mut 0).ok().flatten()?;
    let head = parse(&bytes[..end]).ok()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let fields = head.fields.iter().map(|(name, value)| (text(name), value.to_vec()));
    Some((text(head.method), text(head.target), head.minor, fields.collect()))
}

fn theirs(bytes: &[u8]) -> Option<Read> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    if !request.parse(bytes).ok()?.is_complete() {
        return None;
    }
    let fields = request.headers.iter().map(|field| {
        // It leaves white space at a value's end.
        (field.name.to_string(), field.value.trim_ascii().to_vec())
    });
    let (method, target) = (request.method?.to_string(), request.path?.to_string());
    Some((method, target, request.version?, fields.collect()))
}

fn heads() -> impl Strategy<Value = Vec<u8>> {
    let method = select(vec!["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "X!#$"]);
    let target = prop_oneof![Just("*".to_string()), "/[ -~]{0,12}", "/[a-z0-9/?=&%]{0,20}"];
    let version = select(vec!["HTTP/1.1", "HTTP/1.0", "HTTP/1.1", "HTTP/2.0", "HTTP/1.1 "]);
    let name = prop_oneof![
        select(vec!["Host", "Content-Length", "X"]).prop_map(String::from),
        "[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}"
    ];
    let value = prop_oneof!["[ -~]{0,20}", "\t?[ -~]{0,5} ?", Just("\u{e9}".to_string())];
    let field = (name, select(vec![": ", ":", ":\t "]), value)
        .prop_map(|(name, colon, value)| name + colon + &value);
    let fields = prop::collection::vec(field, 0..8);
    (method, target, version, fields).prop_map(|(method, target, version, fields)| {
        let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
        format!("{method} {target} {version}\r\n{fields}\r\n").into_bytes()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn what_is_taken_is_taken_as_the_other_takes_it(
        mut bytes in heads(),
        changes in prop::collection::vec((any::<Index>(), 0..3_u8, any::<u8>()), 0..4),
    ) {
        for (at, change, byte) in changes {
            let at = at.index(bytes.len());
            match change {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, select_byte(byte)),
                _ => drop(bytes.remove(at)),
            }
            if bytes.is_empty() {
                bytes.push(b'G');
            }
        }
        // An empty line before the first one is passed over elsewhere, and only one.
        prop_assume!(!bytes.starts_with(b"\r") && !bytes.starts_with(b"\n"));
        // It takes no HTTP/1.2, which RFC 9110 has one read as the highest minor version that one knows.
        if let Some(ours) = ours(&bytes).filter(|(_, _, minor, _)| *minor < 2) {
            prop_assert_eq!(Some(ours), theirs(&bytes), "{}", bytes.escape_ascii());
        }
    }
}

proptest! {
    #[test]
    fn what_is_good_is_taken_by_both(
        method in select(vec!["GET", "PUT", "OPTIONS", "X!#$"]),
        target in "/[!-~]{0,20}",
        version in select(vec!["HTTP/1.1", "HTTP/1.0"]),
        fields in prop::collection::vec(("[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}", ":[\t ]{0,2}[!-~]([ -~]{0,20}[!-~])?[\t ]{0,2}"), 0..8),
    ) {
        let fields: String = fields.iter().map(|(name, value)| format!("{name}{value}\r\n")).collect();
        let bytes = format!("{method} {target} {version}\r\n{fields}\r\n").into_bytes();
        let ours = ours(&bytes);
        prop_assert!(ours.is_some(), "{}", bytes.escape_ascii());
        prop_assert_eq!(ours, theirs(&bytes), "{}", bytes.escape_ascii());
    }
}

/// Bytes that mean something here come more often.
fn select_byte(byte: u8) -> u8 {
    *b"\r\n :\t\0,;\x7f".get(usize::from(byte) % 16).unwrap_or(&byte)
}

#[test]
fn both_take_what_is_good_and_we_refuse_what_can_be_forgiven() {
    let good = b"GET /index.html HTTP/1.1\r\nHost: www.example.com\r\nX:\t y z \r\n\r\n";
    assert!(ours(good).is_some());
    assert_eq!(ours(good), theirs(good));
    let forgiven: [&[u8]; 3] = [
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"GET / HTTP/1.1\r\nHost: x\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\n",
    ];
    for bytes in forgiven {
        assert!(ours(bytes).is_none(), "{}", bytes.escape_ascii());
        assert!(theirs(bytes).is_some(), "the other one has changed: {}", bytes.escape_ascii());
    }
}
