//! A reply as a response: status, fields, body.
//!
//! ```text
//!   HTTP/1.1 200 OK
//!   Date: Mon, 23 May 2005 22:38:34 GMT
//!   Server: leasebox/0.1.0
//!   Content-Type: text/plain; charset=utf-8
//!   Content-Length: 13
//!   …
//!
//!   5 19 228 665
//! ```
//!
//! **Invariants** what stands before the body is made of the server's own words, numbers and ids:
//! nothing that a client sent comes back in it, so none can end a line. Every response has a length,
//! so every end knows where it ends.
//!
//! **Lock** none. **Source** RFC 9110, sections 8, 10 and 15.

use std::io::Write;
use std::ops::Range;

use crate::commands::{Leased, Replaced, Reply};
use crate::common::error::{Code, Error};
use crate::memory::versions::{Inspection, Part};
use crate::protocol::http::conditions::{Conditions, Verdict};
use crate::protocol::http::negotiation::{Accept, MediaForm};
use crate::protocol::http::page::{POLICY, Page};
use crate::protocol::http::refusal::{Refusal, reason, status_of};
use crate::protocol::http::resource::Method;
use crate::protocol::http::{date, value};
use crate::protocol::output::Output;
use crate::protocol::text;

/// What of a request the answer depends on.
#[derive(Debug, Default)]
pub struct Answering {
    /// Its method, if it is known.
    pub method: Option<Method>,
    /// The connection closes after the answer.
    pub closes: bool,
    /// The answer says that it does not.
    pub keeps_alive: bool,
    /// The forms that are wanted.
    pub accept: Accept,
    /// Under which conditions, and which part.
    pub conditions: Conditions,
    /// What it asks for is new, and has a place of its own.
    pub creates: bool,
}

/// A response in the making.
struct Response<'a> {
    status: u16,
    content_type: &'static str,
    /// Further fields, each with its line's end.
    fields: String,
    body: ResponseBody<'a>,
}

enum ResponseBody<'a> {
    Bytes(&'a [u8]),
    Data(Vec<u8>),
    /// There is none, and would be so many bytes.
    LeftOut(u64),
}

/// Fields of what is true for a moment.
const FRESH: &str = "Cache-Control: no-store\r\nVary: Accept\r\n";

impl Answering {
    /// Appends the answer to a request that a service answered.
    pub fn encode(&self, reply: &mut Reply<'_>, now: &Now<'_>, out: &mut Output) {
        let form =
            self.accept.best(matches!(reply, Reply::Inspected(_))).unwrap_or(MediaForm::Text);
        match reply {
            Reply::Inspected(inspection) => self.inspected(inspection, form, now, out),
            Reply::Error(error) => {
                let has_condition = self.conditions.is_conditional();
                self.error(status_of(error.code, has_condition), error, "", now, out);
            }
            reply => {
                let (status, mut fields) = (self.status(reply), FRESH.to_string());
                match reply {
                    Reply::Leased(Leased { id, .. }) if status == 201 => {
                        fields += &format!("Location: /leases/{id}\r\n");
                    }
                    Reply::Replaced(Replaced { version, .. }) => {
                        fields += &format!("ETag: \"{version}\"\r\n")
                    }
                    _ => {}
                }
                let body = shown(reply, form);
                let (content_type, body) = (form.content_type(), ResponseBody::Bytes(&body));
                self.put(Response { status, content_type, fields, body }, now, out);
            }
        }
    }

    fn status(&self, reply: &Reply<'_>) -> u16 {
        // A renewal is asked with the lease's own path, and needs no other.
        let is_new = matches!(reply, Reply::Leased(_)) && self.creates;
        if is_new { 201 } else { 200 }
    }

    /// Appends what HTTP itself refuses.
    pub fn refuse(&self, refusal: &Refusal, now: &Now<'_>, out: &mut Output) {
        let mut fields = String::new();
        if let Some(allow) = &refusal.allow {
            fields += &format!("Allow: {allow}\r\n");
        }
        if refusal.status == 401 {
            fields += "WWW-Authenticate: Basic realm=\"leasebox\", charset=\"UTF-8\"\r\n";
        }
        self.error(refusal.status, &refusal.error(), &fields, now, out);
    }

    fn error(&self, status: u16, error: &Error, fields: &str, now: &Now<'_>, out: &mut Output) {
        let form = self.accept.best(false).unwrap_or(MediaForm::Text);
        let body = match form {
            MediaForm::Text | MediaForm::Bytes => format!("error {error}\n").into_bytes(),
            form => put_value(value::of_error(error), form),
        };
        let fields = format!("{FRESH}{fields}");
        let (content_type, body) = (form.content_type(), ResponseBody::Bytes(&body));
        self.put(Response { status, content_type, fields, body }, now, out);
    }

    /// Appends a file of the live page.
    pub fn page(&self, page: Page, now: &Now<'_>, out: &mut Output) {
        let tag = page.tag();
        let policy =
            format!("Content-Security-Policy: {POLICY}\r\nReferrer-Policy: no-referrer\r\n");
        let fields = format!("Cache-Control: no-cache\r\nETag: \"{tag}\"\r\n{policy}");
        let (content_type, text) = (page.content_type(), page.text().as_bytes());
        let (status, body) = match self.conditions.judge(&tag, None) {
            Verdict::Holds => (200, ResponseBody::Bytes(text)),
            Verdict::NotModified => (304, ResponseBody::LeftOut(text.len() as u64)),
            Verdict::Failed => {
                let text = "the page has another tag; ask without If-Match";
                return self.error(412, &Error::new(Code::Refused, text), "", now, out);
            }
        };
        self.put(Response { status, content_type, fields, body }, now, out);
    }

    /// Appends the answer to OPTIONS.
    pub fn options(&self, methods: &str, now: &Now<'_>, out: &mut Output) {
        let fields = format!("Allow: {methods}\r\n");
        let (content_type, body) = (MediaForm::Text.content_type(), ResponseBody::Bytes(b""));
        self.put(Response { status: 200, content_type, fields, body }, now, out);
    }

    /// Appends the answer to TRACE: what came.
    pub fn trace(&self, came: &[u8], now: &Now<'_>, out: &mut Output) {
        let (fields, body) = (String::new(), ResponseBody::Bytes(came));
        self.put(Response { status: 200, content_type: "message/http", fields, body }, now, out);
    }

    fn inspected(
        &self,
        inspection: &mut Inspection,
        form: MediaForm,
        now: &Now<'_>,
        out: &mut Output,
    ) {
        let tag = format!("{}{}", inspection.version, form.tag());
        // Not later than now, should the system's clock have been set back.
        let modified = inspection.changed_ms.map(|at| at.min(now.milliseconds) / 1000);
        let fields = fields_of(inspection, &tag, modified, form);
        let (status, body) = match self.conditions.judge(&tag, modified) {
            Verdict::Failed => {
                let text = "the lease has another version; get it, and use the ETag that comes";
                return self.error(412, &Error::new(Code::Refused, text), "", now, out);
            }
            Verdict::NotModified => (304, ResponseBody::LeftOut(inspection.length)),
            Verdict::Holds => match (form, self.part_of(inspection, form)) {
                (MediaForm::Json | MediaForm::Xml, _) => {
                    (200, ResponseBody::Data(put_value(value::inspected(inspection), form)))
                }
                _ if self.method == Some(Method::Head) => {
                    (200, ResponseBody::LeftOut(inspection.length))
                }
                (_, Some(part)) => return self.part(part, inspection, fields, form, now, out),
                (_, None) => (200, ResponseBody::Data(std::mem::take(&mut inspection.data))),
            },
        };
        let content_type = form.content_type();
        self.put(Response { status, content_type, fields, body }, now, out);
    }

    /// The part that is wanted of this version.
    fn part_of(&self, inspection: &Inspection, form: MediaForm) -> Option<Part> {
        let (part, if_version) = self.conditions.part(form)?;
        Some(part).filter(|_| if_version.is_none_or(|version| version == inspection.version))
    }

    /// Appends a part of a lease, or that there is none.
    fn part(
        &self,
        part: Part,
        inspection: &mut Inspection,
        mut fields: String,
        form: MediaForm,
        now: &Now<'_>,
        out: &mut Output,
    ) {
        let length = inspection.length;
        let Range { start, end } = part.of(length);
        if start == end {
            let text = format!("the lease holds {length} bytes; ask for some of those");
            let range = format!("Content-Range: bytes */{length}\r\n");
            return self.error(416, &Error::new(Code::TooLarge, text), &range, now, out);
        }
        fields += &format!("Content-Range: bytes {start}-{}/{length}\r\n", end - 1);
        let body = ResponseBody::Data(std::mem::take(&mut inspection.data));
        let content_type = form.content_type();
        self.put(Response { status: 206, content_type, fields, body }, now, out);
    }

    fn put(&self, response: Response<'_>, now: &Now<'_>, out: &mut Output) {
        let Response { status, content_type, fields, body } = response;
        let length = match &body {
            ResponseBody::Bytes(bytes) => bytes.len() as u64,
            ResponseBody::Data(data) => data.len() as u64,
            ResponseBody::LeftOut(length) => *length,
        };
        let connection = match (self.closes, self.keeps_alive) {
            (true, _) => "Connection: close\r\n",
            (false, true) => "Connection: keep-alive\r\n",
            (false, false) => "",
        };
        // Writing to a vector cannot fail.
        let _ = write!(
            out.bytes,
            "HTTP/1.1 {status} {}\r\nDate: {}\r\nServer: leasebox/{}\r\n{connection}",
            reason(status),
            now.date,
            env!("CARGO_PKG_VERSION"),
        );
        // Of 304 there is nothing but what may have changed.
        if status != 304 {
            let _ = write!(
                out.bytes,
                "Content-Type: {content_type}\r\nContent-Length: {length}\r\n\
                 X-Content-Type-Options: nosniff\r\n"
            );
        }
        out.bytes.extend_from_slice(fields.as_bytes());
        out.bytes.extend_from_slice(b"\r\n");
        match body {
            _ if self.method == Some(Method::Head) => {}
            ResponseBody::Bytes(bytes) => out.bytes.extend_from_slice(bytes),
            ResponseBody::Data(data) => out.attach(data),
            ResponseBody::LeftOut(_) => {}
        }
    }
}

/// When a response is made.
#[derive(Debug, Clone, Copy)]
pub struct Now<'a> {
    /// As `Date` has it.
    pub date: &'a str,
    /// Since 1970.
    pub milliseconds: u64,
}

/// What is told of a lease before its bytes.
fn fields_of(inspection: &Inspection, tag: &str, modified: Option<u64>, form: MediaForm) -> String {
    let mut fields = format!("{FRESH}ETag: \"{tag}\"\r\nLeasebox-Size: {}\r\n", inspection.size);
    if let Some(modified) = modified {
        fields += &format!("Last-Modified: {}\r\n", date::write(modified));
    }
    if let Some(left) = inspection.left_ms {
        fields += &format!("Leasebox-Left-Ms: {left}\r\n");
    }
    if matches!(form, MediaForm::Text | MediaForm::Bytes) {
        fields += "Accept-Ranges: bytes\r\n";
    }
    fields
}

/// A reply's body in a form.
fn shown(reply: &Reply<'_>, form: MediaForm) -> Vec<u8> {
    match form {
        MediaForm::Text | MediaForm::Bytes => {
            let mut line = Output::default();
            text::encode(reply, usize::MAX, &mut line);
            // The data alone: without the words that a line begins with.
            let words = match reply {
                Reply::Drawn(_) => 0,
                Reply::List(_) => 2,
                _ => 1,
            };
            let mut ends = line.bytes.iter().enumerate().filter(|(_, byte)| b" \n".contains(byte));
            // Where nothing follows, the line's end is left.
            let data = match words {
                0 => 0,
                words => ends.nth(words - 1).map_or(0, |(at, &end)| at + usize::from(end == b' ')),
            };
            line.bytes.split_off(data)
        }
        form => put_value(value::of(reply), form),
    }
}

/// A value as JSON or XML.
fn put_value((name, value): (&str, value::Value), form: MediaForm) -> Vec<u8> {
    let mut body = Vec::new();
    if form == MediaForm::Json {
        value.json(&mut body);
    } else {
        body.extend_from_slice(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
        value.xml(name, &mut body);
    }
    body
}
