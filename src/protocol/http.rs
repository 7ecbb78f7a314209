//! HTTP/1.1: the same requests as resources, for browsers, curl and the library of each language.
//!
//! [`resource`] has the table of resources and methods, [`asked`] the table of request fields, and
//! [`refusal`] the table of statuses.
//!
//! ```text
//!   > POST /draws?n=4 HTTP/1.1             > PUT /leases/2f0c… HTTP/1.1
//!   > Host: localhost                      > Host: localhost
//!   >                                      > If-Match: "3"
//!   < HTTP/1.1 200 OK                      > Content-Length: 11
//!   < Date: Mon, 23 May 2005 22:38:34 GMT  >
//!   < Server: leasebox/0.1.0               > Hello World
//!   < Content-Type: text/plain; …          < HTTP/1.1 412 Precondition Failed
//!   < Content-Length: 13                   < …
//!   < …                                    <
//!   <                                      < error refused the lease has another version: …
//!   < 5 19 228 665
//!
//!   bytes ─► head: lines ─► asked: allowed? how long? ─► body: complete? ─► resource: command
//!   bytes ◄─ answer: status, fields, body ◄───── Reply ◄───── (a service) ◄───┘
//! ```
//!
//! A connection persists, and a client may send its next request before the answer to the last one:
//! the server answers them in their order. The connection closes after the answer to
//! `Connection: close`, to HTTP/1.0 without `keep-alive`, to a request that was too slow, too long,
//! unreadable or of another version ([`refusal`]), and to a refused request whose body the server
//! does not want to read.
//!
//! | bound | status beyond it |
//! | --- | --- |
//! | a first line of 8192 bytes · a head of 16,384 bytes and 64 fields | 414 · 431 |
//! | a request's body, or a lease in an answer, of `--max-message` | 413; `Range` reads a part |
//!
//! **Invariants**
//!
//! 1. A service gets a request only when all of its body has arrived. A refusal uses up the body or
//!    closes the connection. So the server never reads a body as a request.
//! 2. After an answer that closes, the caller decodes nothing more.
//!
//! **Lock** that of the guesses, for a log-on ([`asked`]); otherwise none, because the connection's
//! thread owns its [`Http`]. The clock stands in [`Policy`], so a test sets the date.
//!
//! **Simplified** no coding but chunked, no upgrade, no TLS. [`Http::decode`] parses the head again
//! for each part of the body that arrives: at most 16 KiB a read.
//!
//! **Source** RFC 9112 and 9110; the lecture, "HTTP as a Request-Reply Protocol".

mod answer;
pub mod asked;
pub mod body;
pub mod conditions;
pub mod date;
pub mod head;
pub mod metrics;
pub mod negotiation;
pub mod page;
pub mod query;
pub mod refusal;
pub mod resource;
pub mod site;
pub mod target;
pub mod value;

use std::borrow::Cow;
use std::time::{Duration, UNIX_EPOCH};

use crate::commands::Reply;
use crate::common::error::{Code, Error};
use crate::protocol::log_on::LogOn;
use crate::protocol::output::Output;
use crate::protocol::{Decoded, Policy, Tail};
use answer::{Answering, Response};
use asked::{Asked, understand};
use body::{Framing, Scan};
use head::{Head, parse};
use negotiation::MediaForm;
use refusal::{Refusal, bad};
use resource::{LEASE, Method, NAMED, Resource, no_such};
use target::{HeadRequest, route, split};

/// The state of one connection that speaks HTTP.
#[derive(Debug, Default)]
pub struct Http {
    // The request that is arriving.
    /// The number of bytes in which the search found no end of the head.
    scanned: usize,
    /// The length of the head, once its end is found.
    end: Option<usize>,
    /// The progress in a chunked body.
    scan: Scan,
    /// The result of the log-on, once it was tried. The head is judged again with each piece of the
    /// body that arrives, and a second try would spend a second guess.
    log_on: Option<LogOn>,
    /// The server has sent `100 Continue`; it sends that once for each request.
    is_continued: bool,
    /// An empty line before the request was skipped (RFC 9112, section 2.2); a second one is 400.
    is_blank_passed: bool,
    /// The terms of the next answer; until a head is judged, those of [`without_head`].
    answering: Answering,
    // The connection: whether it closes now, and the last `Date` with its second since 1970.
    is_over: bool,
    date: (u64, String),
}

/// The interim answer for a client that waits before it sends the body (RFC 9110, section 10.1.1).
/// It has no fields, and the final answer follows.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The refusal of a body that the method does not read.
const BODY_WITHOUT_USE: &str =
    "nothing is done with this body; send parameters in the target, or as a form";

/// The longest body, in bytes, that the server reads after a refusal only to keep the connection.
const MAX_WASTED: usize = 64 * 1024;

impl Http {
    /// Looks for one request at the start of `input`. A refusal that closes uses all of `input`.
    pub fn decode<'a>(&mut self, input: &'a [u8], tail: Tail, policy: &Policy) -> Decoded<'a> {
        if !self.is_blank_passed && input.starts_with(b"\r\n") {
            (self.is_blank_passed, self.scanned) = (true, 0);
            return Decoded::Skip { used: 2 };
        }
        // Until the head is judged, these are the terms of an answer.
        self.answering = without_head(input);
        match self.read(input, policy) {
            Ok(Some(decoded)) => decoded,
            Ok(None) if tail == Tail::Ended && !input.is_empty() => {
                self.answering = without_head(input);
                self.refuse(bad("the request ended before it was whole"), input.len(), policy)
            }
            Ok(None) => Decoded::Incomplete,
            Err(refusal) => self.refuse(refusal, input.len(), policy),
        }
    }

    /// Reads a request; returns `None` while it is not whole.
    ///
    /// # Errors
    /// Fails with a refusal that closes the connection. Any other refusal becomes an answer, in
    /// `Ok` as [`Decoded::SelfAnswered`].
    fn read<'a>(
        &mut self,
        input: &'a [u8],
        policy: &Policy,
    ) -> Result<Option<Decoded<'a>>, Refusal> {
        // The end of the head is kept, so that the bytes of the body are not searched for it.
        if self.end.is_none() {
            self.end = head::find_end(input, &mut self.scanned)?;
        }
        let Some(end) = self.end else { return Ok(None) };
        let head = parse(&input[..end])?;
        let (wanted, asked) = self.judge(&head, policy)?;
        let rest = &input[end..];
        let awaits_continue = asked.awaits_continue && rest.is_empty();
        // A refusal waits for a short body, and the connection goes on. It does not wait for a long
        // one, nor for a client that itself waits for `100 Continue`.
        let is_long = !matches!(asked.framing, Framing::Length(..=MAX_WASTED));
        let wanted = match wanted {
            Err(refusal) if is_long || awaits_continue => {
                return Err(Refusal { is_last: true, ..refusal });
            }
            wanted => wanted,
        };
        match body::complete_body(rest, asked.framing, &mut self.scan, policy.max_message)? {
            None if !awaits_continue || self.is_continued => Ok(None),
            None => {
                self.is_continued = true;
                Ok(Some(Decoded::SelfAnswered { used: 0, answer: CONTINUE.into() }))
            }
            Some((body, length)) => {
                let used = end + length;
                // The request is whole, so the state of the arriving request begins anew.
                (self.scanned, self.end, self.scan) = (0, None, Scan::default());
                (self.is_continued, self.is_blank_passed, self.log_on) = (false, false, None);
                let decoded =
                    wanted.and_then(|wanted| self.ask(&head, &wanted, body, used, policy));
                Ok(Some(decoded.unwrap_or_else(|refusal| self.refuse(refusal, used, policy))))
            }
        }
    }

    /// Judges a head. Returns its request, and the judged fields without their refusal. The inner
    /// `Err` refuses only the request: the server can skip the body, and the connection can go on.
    ///
    /// # Errors
    /// Fails as [`understand`] does. Then the connection closes: the server cannot skip a body
    /// without a certain end, for example.
    fn judge<'a>(
        &mut self,
        head: &Head<'a>,
        policy: &Policy,
    ) -> Result<(Result<HeadRequest<'a>, Refusal>, Asked), Refusal> {
        let (authority, (path, query)) = split(head.target);
        let (mut asked, answering) = understand(head, authority, policy, &mut self.log_on)?;
        let method = Method::named(head.method);
        self.answering = Answering { method: method.as_ref().ok().copied(), ..answering };
        let wanted = match asked.refusal.take() {
            Some(refusal) => Err(refusal),
            None => method.and_then(|method| route(method, path, query, policy.site.is_some())),
        };
        let wanted = wanted.map(|wanted| HeadRequest { has_form: asked.has_form, ..wanted });
        Ok((wanted, asked))
    }

    /// Returns the request for a service, or the answer to one that HTTP answers by itself.
    ///
    /// # Errors
    /// 400 for a body that the method does not read and for a parameter of a page; also the errors
    /// of [`HeadRequest::with_form`], [`Http::form`], [`Resource::request`] and a site.
    fn ask<'a>(
        &mut self,
        head: &Head<'_>,
        wanted: &HeadRequest<'a>,
        body: Cow<'a, [u8]>,
        used: usize,
        policy: &Policy,
    ) -> Result<Decoded<'a>, Refusal> {
        let HeadRequest { method, resource, .. } = *wanted;
        let (query, body) = wanted.with_form(body)?;
        if method != Method::Put && !body.is_empty() {
            return Err(Refusal::new(400, BODY_WITHOUT_USE));
        }
        let own = match (method, resource) {
            (Method::Options, _) => {
                let fields = format!("Allow: {}\r\n", resource.methods());
                Response::new(200, MediaForm::Text.content_type(), fields, Vec::new())
            }
            // The head that came is the body, so the head of the answer needs no byte of it.
            (Method::Trace, _) => Response::new(200, "message/http", String::new(), head.traced()),
            (_, Resource::Page(page)) => {
                query::parameters(query, &[])?;
                page.answer(&self.answering)
            }
            (_, Resource::OfSite) => {
                let (_, (path, _)) = split(head.target);
                let site = policy.site.as_ref().ok_or_else(no_such)?;
                site.answer(method.served_as(), path, query)?.response()
            }
            _ => {
                let form = self.form(method, resource)?;
                self.answering.path = resource.path();
                let conditions = &self.answering.conditions;
                let request = resource.request(method, query, body, conditions, form)?;
                return Ok(Decoded::Asked { request: Ok(request), used });
            }
        };
        Ok(self.answer(own, used, policy))
    }

    /// Returns the form of the answer.
    ///
    /// # Errors
    /// 406 if the client accepts no form of this answer. The refusal comes before the service runs,
    /// because a draw cannot be taken back. `/metrics` has one form, which is never refused.
    fn form(&self, method: Method, resource: Resource) -> Result<MediaForm, Refusal> {
        let is_read = method.served_as() == Method::Get;
        let is_lease = matches!(resource, Resource::Path(LEASE | NAMED, _)) && is_read;
        let is_text = matches!(resource, Resource::Path(metrics::PATH, _));
        let best = self.answering.accept.best(is_lease);
        best.or(is_text.then_some(MediaForm::Text)).ok_or_else(|| {
            let text = "no form that is accepted; there are text, JSON and XML, and for a lease \
                        application/octet-stream";
            Refusal::new(406, text)
        })
    }

    /// Answers a request of `used` bytes with a refusal.
    fn refuse<'a>(&mut self, refusal: Refusal, used: usize, policy: &Policy) -> Decoded<'a> {
        self.answering.closes |= refusal.is_last;
        self.answer(self.answering.refuse(&refusal), used, policy)
    }

    /// Answers a request of `used` bytes without a service.
    fn answer<'a>(&mut self, response: Response, used: usize, policy: &Policy) -> Decoded<'a> {
        let mut out = Output::default();
        self.put(response, since_1970(policy), &mut out);
        // The answer is one piece, so large data is copied here after all.
        out.bytes.append(&mut out.body);
        Decoded::SelfAnswered { used, answer: out.bytes }
    }

    /// Appends the answer with a service's reply to the request that was decoded last.
    pub fn encode(&mut self, reply: &mut Reply<'_>, policy: &Policy, out: &mut Output) {
        let since = since_1970(policy);
        let response = self.answering.reply(reply, since.as_millis() as u64);
        self.put(response, since, out);
    }

    /// Appends a response with its date, and notes whether the connection closes.
    fn put(&mut self, response: Response, since: Duration, out: &mut Output) {
        // Formats the date only when the second has changed, not for each answer.
        if self.date.0 != since.as_secs() || self.date.1.is_empty() {
            self.date = (since.as_secs(), date::write(since.as_secs()));
        }
        self.answering.put(response, &self.date.1, out);
        self.is_over = self.answering.closes;
    }

    /// Appends the answer to a request that will never be whole, because it is too late (408) or
    /// there is no room for it (503).
    pub fn give_up(&mut self, input: &[u8], error: &Error, policy: &Policy, out: &mut Output) {
        self.answering = without_head(input);
        let status = if error.code == Code::Busy { 503 } else { 408 };
        let response = self.answering.refuse(&Refusal::last(status, error.text.clone()));
        self.put(response, since_1970(policy), out);
    }

    /// Returns the most bytes of a lease that one answer may carry. JSON and XML carry them in
    /// base64, four letters for three bytes, so fewer bytes fit in `max_message`.
    pub fn most_data(&self, max_message: usize) -> u64 {
        // `true`: the form for a lease.
        match self.answering.accept.best(true) {
            Some(MediaForm::Json | MediaForm::Xml) => (max_message / 4 * 3) as u64,
            _ => max_message as u64,
        }
    }

    /// Returns whether the connection closes now.
    pub fn is_over(&self) -> bool {
        self.is_over
    }
}

/// Returns the terms of an answer to a request that has not come whole. The answer is text, it has
/// no body if the request is a HEAD, and the connection closes after it.
fn without_head(input: &[u8]) -> Answering {
    let method = input.starts_with(b"HEAD ").then_some(Method::Head);
    Answering { method, closes: true, ..Answering::default() }
}

/// Returns the time since 1970, by the clock in the policy; zero if that clock shows an earlier
/// time.
fn since_1970(policy: &Policy) -> Duration {
    (policy.clock)().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "http/refusal_tests.rs"]
mod refusal_tests;
