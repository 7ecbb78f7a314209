//! Responses: a reply becomes a status, fields and a body.
//!
//! ```text
//!   HTTP/1.1 200 OK                               │ every response
//!   Date: Mon, 23 May 2005 22:38:34 GMT           │
//!   Server: leasebox/0.1.0                        │
//!   Content-Type: text/plain; charset=utf-8       │ every response but 304
//!   Content-Length: 13                            │
//!   X-Content-Type-Options: nosniff               │
//!   Cache-Control: no-store                       │ the fields of this response
//!   Vary: Accept                                  │
//!
//!   5 19 228 665
//! ```
//!
//! | reply | status | its own fields |
//! | --- | --- | --- |
//! | a new lease | 201 | `Location` |
//! | a replaced lease | 200; 201 if a PUT to a name created it | `ETag` of the new version |
//! | an inspected lease | 200, 206, 304 | `ETag`, `Last-Modified`, `Accept-Ranges`, `Content-Range`, `Leasebox-…` |
//! | the same, refused by its conditions or its range | 412, 416 | `Content-Range` with 416 |
//! | any other reply | 200 | |
//! | an error | the table in [`crate::protocol::http::refusal`] | `Allow`, `WWW-Authenticate`, `Accept-Encoding` |
//! | none: a file of the live page | 200, 206, 304, 412, 416 | `ETag`, `Last-Modified`, `Content-Security-Policy` |
//! | none: a file of a site | 200 | `Content-Security-Policy` |
//! | none: OPTIONS, TRACE | 200 | `Allow` with OPTIONS |
//!
//! **Invariants**
//!
//! 1. The server makes the head of a response from its own words, numbers and ids. No byte of a
//!    request comes back in a head, so no client can end a line there and add a response of its own
//!    (response splitting, RFC 9112, section 11.1).
//! 2. A client always knows where a response ends: 304 never has a body, and all others have a
//!    `Content-Length`. For HEAD it is the length that GET without `Range` would send.
//!
//! **Lock** none: the thread of the connection writes to its own [`Output`].
//!
//! **Simplified** the service copies a lease's bytes before this file compares the entity tag; a
//! 304 drops that copy.
//!
//! **Source** RFC 9110, sections 8, 10.2, 14 and 15.

use std::io::Write;
use std::ops::Range;

use crate::commands::{Leased, Replaced, Reply};
use crate::common::error::{Code, Error};
use crate::memory::versions::{Inspection, Part};
use crate::protocol::http::conditions::{Conditions, Verdict};
use crate::protocol::http::negotiation::{Accept, MediaForm};
use crate::protocol::http::refusal::{Refusal, reason, status_of};
use crate::protocol::http::resource::{LEASES, Method, NAMED};
use crate::protocol::http::{date, metrics, value};
use crate::protocol::output::Output;
use crate::protocol::text;

/// The terms of an answer: everything that it depends on, except the reply.
#[derive(Debug, Default)]
pub struct Answering {
    /// The method; `None` if it is unknown. If the head is unreadable, only HEAD is recognized.
    pub method: Option<Method>,
    /// The connection closes after the answer.
    pub closes: bool,
    /// The answer says `Connection: keep-alive`: HTTP/1.0 needs the word, 1.1 persists without it.
    pub keeps_alive: bool,
    /// The forms that the client accepts.
    pub accept: Accept,
    /// The conditions of the request, and the part of the lease that the client wants.
    pub conditions: Conditions,
    /// The path of the route. At `/leases` a lease in the reply is a new one, with a `Location` of
    /// its own; at `/metrics` the figures have a form of their own.
    pub path: &'static str,
}

/// A response before it is written.
#[derive(Debug)]
pub struct Response {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    /// Fields of this response alone, each with its CR LF.
    pub(super) fields: String,
    pub(super) body: ResponseBody,
}

/// The body of a response.
#[derive(Debug)]
pub(super) enum ResponseBody {
    /// Its bytes, which [`Output::attach`] moves without a copy if they are many. (HTTP's own
    /// answers are copied once more.)
    Data(Vec<u8>),
    /// No body, for HEAD and 304. The number is the length in bytes that the body would have.
    LeftOut(u64),
}

/// Fields of an answer that is true only now: no cache may store it (RFC 9111, section 5.2.2.5),
/// and another `Accept` gets another form (RFC 9110, section 12.5.5).
const FRESH: &str = "Cache-Control: no-store\r\nVary: Accept\r\n";

impl Answering {
    /// Returns the answer with a service's reply. `now_ms` is the present time in milliseconds
    /// since 1970. Takes the data out of an inspected lease.
    ///
    /// `Http::form` has refused a client that accepts no form, with 406, before the service ran. So
    /// no answer shows the fallback to text: without an accepted form only `/metrics`, which has
    /// its own type, and errors come here, and `error` chooses the form of an error.
    pub fn reply(&self, reply: &mut Reply<'_>, now_ms: u64) -> Response {
        let is_lease = matches!(reply, Reply::Inspected(_));
        let form = self.accept.best(is_lease).unwrap_or(MediaForm::Text);
        match reply {
            Reply::Inspected(inspection) => self.inspected(inspection, form, now_ms),
            Reply::Error(error) => {
                let status = status_of(error.code, self.conditions.is_conditional());
                // The service's text is about versions. If the condition failed (412), a text about
                // the client's own fields, such as `If-Match`, replaces it if there is one.
                let may_create = self.path == NAMED;
                match self.conditions.failure_text(may_create).filter(|_| status == 412) {
                    Some(why) => self.error(status, &Error::new(Code::Refused, why), ""),
                    None => self.error(status, error, ""),
                }
            }
            reply => {
                let (status, field) = self.status_and_field(reply);
                let (content_type, body) = match reply {
                    Reply::Stats(figures) if self.path == metrics::PATH => {
                        (metrics::CONTENT_TYPE, metrics::metrics(figures))
                    }
                    reply => (form.content_type(), shown(reply, form)),
                };
                Response::new(status, content_type, format!("{FRESH}{field}"), body)
            }
        }
    }

    /// Returns the status of a reply (201 for a new lease, 200 for every other reply), and its own
    /// field; empty if it has none.
    fn status_and_field(&self, reply: &Reply<'_>) -> (u16, String) {
        match reply {
            // A renewal is answered with `Leased`, too, but its path is that of the lease. The
            // location is relative, so that it holds if a proxy puts its own path in front.
            Reply::Leased(Leased { id, .. }) if self.path == LEASES => {
                (201, format!("Location: leases/{id}\r\n"))
            }
            // Version 1 is the first set of a lease, and a lease with a name is created by its
            // first set. With the new tag the client can replace again, without a GET in between.
            Reply::Replaced(Replaced { version, .. }) => {
                let is_new = *version == 1 && self.path == NAMED;
                (if is_new { 201 } else { 200 }, format!("ETag: \"{version}\"\r\n"))
            }
            _ => (200, String::new()),
        }
    }

    /// Returns the answer with a refusal of HTTP's own.
    pub fn refuse(&self, refusal: &Refusal) -> Response {
        self.error(refusal.status, &refusal.error(), &refusal.fields)
    }

    /// Returns an error in the form that the client prefers. A client that accepts no form gets
    /// text: it can still read the reason. `fields` are more fields of the head, each with its CR
    /// LF.
    pub(super) fn error(&self, status: u16, error: &Error, fields: &str) -> Response {
        // `false`: an error is no lease, so it has no form of bytes.
        let form = self.accept.best(false).unwrap_or(MediaForm::Text);
        let body = match form {
            MediaForm::Text | MediaForm::Bytes => format!("error {error}\n").into_bytes(),
            form => put_value(value::error_value(error), form),
        };
        Response::new(status, form.content_type(), format!("{FRESH}{fields}"), body)
    }

    /// Returns the answer with a lease. The conditions come before the range (RFC 9110, section
    /// 13.2.2): a client that has the right version needs no part, and one that expects another
    /// gets none.
    fn inspected(&self, inspection: &mut Inspection, form: MediaForm, now_ms: u64) -> Response {
        let tag = format!("{}{}", inspection.version, form.tag_suffix());
        // `Last-Modified` is never later than `Date`, even after the system's clock was set back
        // (RFC 9110, section 8.8.2.1).
        let modified = inspection.changed_ms.map(|at| at.min(now_ms) / 1000);
        let fields = fields_of(inspection, &tag, modified, form);
        let (status, body) = match self.conditions.judge(&tag, modified) {
            Verdict::Failed => {
                let text = "the lease has another version; get it, and use the ETag that comes";
                return self.error(412, &Error::new(Code::Refused, text), "");
            }
            Verdict::NotModified => (304, ResponseBody::LeftOut(inspection.length)),
            Verdict::Holds => match (form, self.part_of(inspection, form)) {
                // Base64 inside a text has no parts. HEAD encodes the lease too: the length of the
                // answer is known only then.
                (MediaForm::Json | MediaForm::Xml, _) => {
                    let value = value::inspection_value(inspection);
                    (200, ResponseBody::Data(put_value(value, form)))
                }
                _ if self.method == Some(Method::Head) => {
                    (200, ResponseBody::LeftOut(inspection.length))
                }
                // The last N bytes of data that is shorter are all of it, also of empty data (RFC
                // 9110, section 14.1.2).
                (_, Some(Part::Last(1..))) if inspection.length == 0 => {
                    (200, ResponseBody::Data(Vec::new()))
                }
                (_, Some(part)) => {
                    let (length, data) = (inspection.length, std::mem::take(&mut inspection.data));
                    let response = Response::new(206, form.content_type(), fields, data);
                    return self.part(part.range_in(length), "lease", length, response);
                }
                (_, None) => (200, ResponseBody::Data(std::mem::take(&mut inspection.data))),
            },
        };
        Response { status, content_type: form.content_type(), fields, body }
    }

    /// Returns the part that the client wants of this version, `None` for the whole lease.
    ///
    /// The service has made the same choice under the block's lock, so `inspection.data` holds just
    /// that part. If the version is not the one that `If-Range` names, both choose the whole.
    fn part_of(&self, inspection: &Inspection, form: MediaForm) -> Option<Part> {
        let (part, if_version) = self.conditions.part(form)?;
        Some(part).filter(|_| if_version.is_none_or(|version| version == inspection.version))
    }

    /// Returns a part with 206, or 416 if `whole`, of `length` bytes, has no such bytes. `response`
    /// is the answer with just that part.
    ///
    /// `Content-Range: bytes 2-5/11` names the first and the last byte, both included, and the
    /// length of the whole; `bytes */11` is the length alone (RFC 9110, section 14.4).
    pub(super) fn part(
        &self,
        Range { start, end }: Range<u64>,
        whole: &str,
        length: u64,
        mut response: Response,
    ) -> Response {
        if start == end {
            let text = match length {
                0 => format!("the {whole} holds no bytes yet; set it, or leave Range out"),
                _ => format!("the {whole} holds {length} bytes; ask for some of those"),
            };
            let range = format!("Content-Range: bytes */{length}\r\n");
            return self.error(416, &Error::new(Code::TooLarge, text), &range);
        }
        response.fields += &format!("Content-Range: bytes {start}-{}/{length}\r\n", end - 1);
        response
    }

    /// Appends a response: status line, fields, empty line, body. `nosniff` stops a browser that
    /// would guess HTML in the bytes of a lease and run its scripts.
    pub fn put(&self, response: Response, date: &str, out: &mut Output) {
        let Response { status, content_type, fields, body } = response;
        let length = match &body {
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
            "HTTP/1.1 {status} {}\r\nDate: {date}\r\nServer: leasebox/{}\r\n{connection}",
            reason(status),
            env!("CARGO_PKG_VERSION"),
        );
        // 304 has no body, so it has no fields that describe one (RFC 9110, section 15.4.5).
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
            // All fields of GET are written by now; only the body is left out.
            _ if self.method == Some(Method::Head) => {}
            ResponseBody::Data(data) => out.attach(data),
            ResponseBody::LeftOut(_) => {}
        }
    }
}

impl Response {
    /// Returns a response with a body. `fields` are those of this response alone, each with its CR
    /// LF.
    pub(super) fn new(
        status: u16,
        content_type: &'static str,
        fields: String,
        body: Vec<u8>,
    ) -> Self {
        Self { status, content_type, fields, body: ResponseBody::Data(body) }
    }
}

/// Returns the fields that describe a lease, for 200, 206 and 304 alike.
///
/// The two `Leasebox-…` fields are our own: the lease's size in bytes, which is not the length of
/// its data, and its time left in milliseconds. A block that the server granted to a process
/// ([`crate::cooperative`]) has no duration, and so no such field. `Last-Modified` is missing if
/// the lease was never set.
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

/// Returns the body of a reply in a form.
///
/// As text this is the line of the text format without its first words: `leased 2f0c… 64 5000`
/// becomes `2f0c… 64 5000`. So a shell script gets the id by `cut`, without parsing JSON.
fn shown(reply: &Reply<'_>, form: MediaForm) -> Vec<u8> {
    match form {
        MediaForm::Text | MediaForm::Bytes => {
            let mut line = Output::default();
            // No bound: it would be for the data of a get, and HTTP has no get.
            text::encode(reply, usize::MAX, &mut line);
            // The words to cut off: a draw's line has none, a list's two (`list leases`).
            let words = match reply {
                Reply::Drawn(_) => 0,
                Reply::List(_) => 2,
                _ => 1,
            };
            // A word ends at a space or at the end of the line.
            let mut ends = line.bytes.iter().enumerate().filter(|(_, byte)| b" \n".contains(byte));
            // A line of these words alone leaves its line end, so that the body is still a line.
            let data = match words {
                0 => 0,
                words => ends.nth(words - 1).map_or(0, |(at, &end)| at + usize::from(end == b' ')),
            };
            line.bytes.split_off(data)
        }
        form => put_value(value::reply_value(reply), form),
    }
}

/// Returns a value as JSON, or as XML with its declaration; `name` is the root element of the XML.
fn put_value((name, value): (&str, value::Value), form: MediaForm) -> Vec<u8> {
    let mut body = Vec::with_capacity(value.length());
    if form == MediaForm::Json {
        value.json(&mut body);
    } else {
        body.extend_from_slice(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
        value.xml(name, &mut body);
    }
    body
}
