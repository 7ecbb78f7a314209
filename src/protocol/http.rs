//! HTTP/1.1: the same requests as resources, for browsers, curl and every language's library.
//!
//! [`resource`] has the table of resources and methods, [`asked`] that of the fields, [`refusal`]
//! that of the statuses.
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
//! ```
//!
//! Connections persist, and requests may be sent ahead: they are answered in their order. A
//! connection closes after `Connection: close`, in HTTP/1.0 without `keep-alive`, after a request that was too
//! slow, and after each whose end is in doubt.
//!
//! | bound | answer |
//! | --- | --- |
//! | a first line of 8192 bytes, a head of 16,384, 64 fields | 414, 431 |
//! | a body of `--max-message` | 413; what is longer is read by `Range` |
//!
//! **Invariants**
//!
//! 1. A request is answered when all of its body has come, or refused before it is asked for
//!    (`Expect: 100-continue`): a body is never read as a request.
//! 2. After an answer that closes, nothing more is decoded.
//!
//! **Lock** none. The clock is an argument ([`Manners`]).
//!
//! **Simplified** no trailers, no codings but chunked, no upgrade; a head is read again for each
//! read of its body.
//!
//! **Source** RFC 9110 and 9112; the lecture's "HTTP as a request-reply protocol".

mod answer;
pub mod asked;
pub mod body;
pub mod conditions;
pub mod date;
pub mod head;
pub mod negotiation;
pub mod page;
pub mod query;
pub mod refusal;
pub mod resource;
pub mod value;

use std::borrow::Cow;
use std::time::{Duration, UNIX_EPOCH};

use crate::commands::{Reply, Request};
use crate::common::error::Error;
use crate::protocol::output::Output;
use crate::protocol::{Decoded, Manners, Tail};
use answer::{Answering, Now};
use asked::understand;
use body::{Framing, Scan};
use head::{Head, parse};
use negotiation::MediaForm;
use page::Page;
use refusal::{Refusal, bad};
use resource::{LEASE, LEASES, Method, Resource};

/// A connection that speaks HTTP.
#[derive(Debug, Default)]
pub struct Http {
    // Of the request that is coming.
    /// How much of the input was looked at for the head's end, and where that is.
    scanned: usize,
    end: Option<usize>,
    scan: Scan,
    /// It begins as a HEAD does.
    is_head: bool,
    /// It was told to go on with its body.
    is_continued: bool,
    /// An empty line before it was passed over.
    is_blank_passed: bool,
    // Of the request that is to be answered.
    answering: Answering,
    own: Option<Own>,
    // Of the connection.
    is_over: bool,
    date: (u64, String),
}

/// What is answered without a service.
#[derive(Debug)]
enum Own {
    Continue,
    Refusal(Refusal),
    Page(Page),
    Options(String),
    Trace(Vec<u8>),
}

/// The longest body that is read although it is in vain, so that the connection can go on, in bytes.
const MAX_WASTED: usize = 64 * 1024;

/// A path, and what follows its question mark.
type Target<'a> = (&'a [u8], Option<&'a [u8]>);

/// What a head announces.
struct Coming {
    framing: Framing,
    /// The body is sent when the word to go on has come.
    awaits_word: bool,
    /// It is long, or how long is not known: it is not waited for in vain.
    is_long: bool,
}

/// What a head asks, before its body has come.
struct HeadRequest<'a> {
    method: Method,
    resource: Resource,
    query: Option<&'a [u8]>,
}

impl Http {
    /// Looks for one request at the start of `input`.
    pub fn decode<'a>(&mut self, input: &'a [u8], tail: Tail, manners: &Manners) -> Decoded<'a> {
        if !self.is_blank_passed && input.starts_with(b"\r\n") {
            (self.is_blank_passed, self.scanned) = (true, 0);
            return Decoded::Skip { used: 2 };
        }
        self.is_head = input.starts_with(b"HEAD ");
        let read = self.find_end(input).and_then(|end| match end {
            Some(end) => self.read(input, end, manners),
            None => Ok(None),
        });
        match read {
            Ok(Some(decoded)) => decoded,
            Ok(None) if tail == Tail::Ended && !input.is_empty() => {
                self.answering = self.of_nobody();
                self.refuse(bad("the request ended before it was whole"), input.len())
            }
            Ok(None) => Decoded::Incomplete,
            Err(refusal) => {
                if self.end.is_none() {
                    self.answering = self.of_nobody();
                }
                self.refuse(refusal, input.len())
            }
        }
    }

    /// What an answer to a head depends on that could not be read: whether it may have a body.
    fn of_nobody(&self) -> Answering {
        let method = self.is_head.then_some(Method::Head);
        Answering { method, closes: true, ..Answering::default() }
    }

    /// Once found, what follows is a body, which is not looked at.
    fn find_end(&mut self, input: &[u8]) -> Result<Option<usize>, Refusal> {
        if self.end.is_none() {
            self.end = head::find_end(input, &mut self.scanned)?;
        }
        Ok(self.end)
    }

    /// Reads a request whose head ends there; `None` while its body has to come.
    fn read<'a>(
        &mut self,
        input: &'a [u8],
        end: usize,
        manners: &Manners,
    ) -> Result<Option<Decoded<'a>>, Refusal> {
        self.answering = self.of_nobody();
        let head = parse(&input[..end])?;
        let (wanted, coming) = self.judge(&head, manners)?;
        let rest = &input[end..];
        let awaits_word = coming.awaits_word && rest.is_empty();
        let wanted = match wanted {
            Err(refusal) if coming.is_long || awaits_word => {
                return Err(Refusal { is_last: true, ..refusal });
            }
            wanted => wanted,
        };
        match body::whole(rest, coming.framing, &mut self.scan, manners.max_message)? {
            None if !awaits_word || self.is_continued => Ok(None),
            None => {
                self.is_continued = true;
                self.own = Some(Own::Continue);
                Ok(Some(Decoded::Own { used: 0 }))
            }
            Some((body, length)) => {
                let used = end + length;
                (self.scanned, self.end, self.scan) = (0, None, Scan::default());
                (self.is_continued, self.is_blank_passed) = (false, false);
                Ok(Some(match wanted.and_then(|wanted| self.ask(&head, &wanted, body)) {
                    Ok(Some(request)) => Decoded::Asked { request: Ok(request), used },
                    Ok(None) => Decoded::Own { used },
                    Err(refusal) => self.refuse(refusal, used),
                }))
            }
        }
    }

    /// What a head wants, if it may; and what comes behind it.
    fn judge<'a>(
        &mut self,
        head: &Head<'a>,
        manners: &Manners,
    ) -> Result<(Result<HeadRequest<'a>, Refusal>, Coming), Refusal> {
        let (authority, (path, query)) = split(head.target);
        let asked = understand(head, authority, manners)?;
        let method = Method::named(head.method);
        self.answering = Answering {
            method: method.as_ref().ok().copied(),
            closes: asked.closes,
            keeps_alive: asked.keeps_alive,
            accept: asked.accept,
            conditions: asked.conditions,
            ..Answering::default()
        };
        let wanted = match asked.forbidden {
            Some(refusal) => Err(refusal),
            None => method.and_then(|method| route(method, path, query)),
        };
        let framing = asked.framing;
        let awaits_word = asked.expects_continue && framing != Framing::Length(0);
        let is_long = !matches!(framing, Framing::Length(..=MAX_WASTED));
        Ok((wanted, Coming { framing, awaits_word, is_long }))
    }

    /// What is asked of a service; `None` for what is answered here.
    fn ask<'a>(
        &mut self,
        head: &Head<'_>,
        wanted: &HeadRequest<'a>,
        body: Cow<'a, [u8]>,
    ) -> Result<Option<Request<'a>>, Refusal> {
        let HeadRequest { method, resource, query } = *wanted;
        if method != Method::Put && !body.is_empty() {
            let text = "nothing is done with a body here; send none, and parameters in the target";
            return Err(Refusal::new(400, text));
        }
        let own = match (method, resource) {
            (Method::Options, _) => Own::Options(resource.methods()),
            (Method::Trace, _) => Own::Trace(traced(head)),
            (_, Resource::Page(page)) => {
                query::parameters(query, &[])?;
                Own::Page(page)
            }
            _ => {
                let is_read = matches!(method, Method::Get | Method::Head);
                let is_lease = matches!(resource, Resource::Path(LEASE, _)) && is_read;
                let form = self.answering.accept.best(is_lease).ok_or_else(|| {
                    let text = "no form that is accepted; there are text, JSON and XML";
                    Refusal::new(406, text)
                })?;
                self.answering.creates = matches!(resource, Resource::Path(LEASES, _));
                let conditions = &self.answering.conditions;
                return resource.request(method, query, body, conditions, form).map(Some);
            }
        };
        self.own = Some(own);
        Ok(None)
    }

    fn refuse<'a>(&mut self, refusal: Refusal, used: usize) -> Decoded<'a> {
        self.answering.closes |= refusal.is_last;
        self.own = Some(Own::Refusal(refusal));
        Decoded::Own { used }
    }

    /// Appends a service's answer to what was decoded last.
    pub fn encode(&mut self, reply: &mut Reply<'_>, manners: &Manners, out: &mut Output) {
        self.answer(manners, out, |answering, now, out| answering.encode(reply, now, out));
    }

    /// Appends HTTP's own answer to what was decoded last.
    pub fn encode_own(&mut self, manners: &Manners, out: &mut Output) {
        let Some(own) = self.own.take() else { return };
        if matches!(own, Own::Continue) {
            out.bytes.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            return;
        }
        self.answer(manners, out, |answering, now, out| match own {
            Own::Continue => {}
            Own::Refusal(refusal) => answering.refuse(&refusal, now, out),
            Own::Page(page) => answering.page(page, now, out),
            Own::Options(methods) => answering.options(&methods, now, out),
            Own::Trace(came) => answering.trace(&came, now, out),
        });
    }

    fn answer(
        &mut self,
        manners: &Manners,
        out: &mut Output,
        encode: impl FnOnce(&Answering, &Now<'_>, &mut Output),
    ) {
        let since = (manners.clock)().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        // A date is made once a second.
        if self.date.0 != since.as_secs() || self.date.1.is_empty() {
            self.date = (since.as_secs(), date::write(since.as_secs()));
        }
        let milliseconds = since.as_millis() as u64;
        encode(&self.answering, &Now { date: &self.date.1, milliseconds }, out);
        self.is_over = self.answering.closes;
    }

    /// A request did not come whole in time: what is answered next is that.
    pub fn is_late(&mut self, error: &Error) {
        self.answering = self.of_nobody();
        self.own = Some(Own::Refusal(Refusal::last(408, error.text.clone())));
    }

    /// The most bytes of a lease that an answer can have: three of them are four letters in JSON and
    /// XML.
    pub fn most_data(&self, max_message: usize) -> u64 {
        match self.answering.accept.best(true) {
            Some(MediaForm::Json | MediaForm::Xml) => (max_message / 4 * 3) as u64,
            _ => max_message as u64,
        }
    }

    /// Whether the connection closes now.
    pub fn is_over(&self) -> bool {
        self.is_over
    }
}

fn route<'a>(
    method: Method,
    path: &'a [u8],
    query: Option<&'a [u8]>,
) -> Result<HeadRequest<'a>, Refusal> {
    let resource = Resource::named(path)?;
    resource.check(method)?;
    Ok(HeadRequest { method, resource, query })
}

/// The authority of a target with a scheme, its path and its query.
fn split(target: &[u8]) -> (Option<&[u8]>, Target<'_>) {
    const SCHEME: &[u8] = b"http://";
    let (authority, target) = match target.split_at_checked(SCHEME.len()) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(SCHEME) => {
            let end = rest.iter().position(|byte| b"/?".contains(byte)).unwrap_or(rest.len());
            (Some(&rest[..end]), &rest[end..])
        }
        _ => (None, target),
    };
    let question = target.iter().position(|&byte| byte == b'?');
    let (path, query) = target.split_at(question.unwrap_or(target.len()));
    let path = if path.is_empty() && authority.is_some() { b"/" } else { path };
    (authority, (path, query.get(1..)))
}

/// What came, without what is nobody else's affair.
fn traced(head: &Head<'_>) -> Vec<u8> {
    let minor = [b'0' + head.minor];
    let mut came = [head.method, b" ", head.target, b" HTTP/1.", &minor, b"\r\n"].concat();
    let is_secret = |name: &[u8]| {
        [&b"authorization"[..], b"cookie", b"proxy-authorization"]
            .iter()
            .any(|secret| name.eq_ignore_ascii_case(secret))
    };
    for (name, value) in head.fields.iter().filter(|(name, _)| !is_secret(name)) {
        came.extend_from_slice(&[name, &b": "[..], value, b"\r\n"].concat());
    }
    came.extend_from_slice(b"\r\n");
    came
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
