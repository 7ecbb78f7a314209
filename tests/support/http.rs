//! A client that sends what it is given, and reads one response.

use std::io::{BufRead, Read};

use super::{Client, Running};

/// One response.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    pub first: String,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// Reads a response; `None` at the stream's end. One to HEAD has no body.
pub fn response(client: &mut Client, to_head: bool) -> Option<Response> {
    let mut first = String::new();
    if client.stream.read_line(&mut first).unwrap() == 0 {
        return None;
    }
    let line = first.strip_suffix("\r\n").unwrap_or_else(|| panic!("{first:?}")).to_string();
    let status = line.split(' ').nth(1).unwrap().parse().unwrap();
    let mut fields = Vec::new();
    loop {
        let mut line = String::new();
        client.stream.read_line(&mut line).unwrap();
        let line = line.strip_suffix("\r\n").unwrap_or_else(|| panic!("{line:?}"));
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("{line:?}"));
        fields.push((name.to_string(), value.to_string()));
    }
    let mut response = Response { status, first: line, fields, body: Vec::new() };
    let has_body = !to_head && status >= 200 && status != 304;
    let length = response.field("Content-Length").map_or(0, |length| length.parse().unwrap());
    response.body = vec![0; if has_body { length } else { 0 }];
    client.stream.read_exact(&mut response.body).unwrap();
    Some(response)
}

/// Asks on an open connection, with a body of that length.
pub fn ask(client: &mut Client, request: &str, fields: &str, body: &[u8]) -> Response {
    let length = match body.len() {
        0 => String::new(),
        length => format!("Content-Length: {length}\r\n"),
    };
    client.send(format!("{request} HTTP/1.1\r\nHost: localhost\r\n{length}{fields}\r\n"));
    client.send(body);
    response(client, request.starts_with("HEAD ")).unwrap()
}

/// Asks on a connection of its own.
pub fn once(server: &Running, request: &str, fields: &str, body: &[u8]) -> Response {
    ask(&mut server.connect(), request, fields, body)
}

/// Leases; answers the path.
pub fn lease(server: &Running, size: u64) -> String {
    let leased = once(server, &format!("POST /leases?size={size}&duration=60000"), "", b"");
    assert_eq!(leased.status, 201, "{leased:?}");
    format!("/{}", leased.field("Location").unwrap())
}
