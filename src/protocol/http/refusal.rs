//! Refusals: the refusals of HTTP itself, and the status for each error of a service.
//!
//! | a service's code | status |
//! | --- | --- |
//! | bad-request | 400 |
//! | unknown-command, not-found | 404 |
//! | too-large | 413 |
//! | out-of-memory | 507 |
//! | exhausted | 410: a drained list stays drained |
//! | refused | 409; 412 if the request had a condition |
//! | busy | 503 |
//!
//! | HTTP's own cause | status | connection |
//! | --- | --- | --- |
//! | an unreadable message, or one without a certain end | 400 | closes |
//! | a request that is too slow, a line or a head that is too long | 408, 414, 431 | closes |
//! | no memory for a request | 503 | closes |
//! | a body over `--max-message` | 413 | closes |
//! | another version, another transfer coding | 505, 501 | closes |
//! | no log-on, a foreign `Host` or `Origin` | 401, 403 | goes on |
//! | a log-on while no guess is left ([`crate::protocol::log_on`]) | 503 | goes on |
//! | no such resource, no such method of it, no such method at all | 404, 405, 501 | goes on |
//! | a wrong parameter, a body without use | 400 | goes on |
//! | no accepted form, a failed condition, no such bytes | 406, 412, 416 | goes on |
//! | a form in chunks, a coded body, another expectation | 411, 415, 417 | goes on |
//!
//! A refusal for the head alone (log-on, host, resource, method, coding, expectation, or a
//! `Content-Range`) can come before the body. Then the connection closes in spite of *goes on* if
//! the body is chunked or longer than 64 KiB, or if the client waits for `100 Continue` before it
//! sends the body. The other refusals with *goes on* come after the server has read the body.
//!
//! **Invariants** a message whose end is in doubt closes the connection. The bytes that follow
//! could be its body, and the server never reads a body as a request.
//!
//! **Lock** none.
//!
//! **Source** RFC 9110, section 15; RFC 6585, section 5, for 431; RFC 4918, section 11.5, for 507.

use std::borrow::Cow;

use crate::common::error::{Code, Error};

/// The refusal of a request before any service is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the answer.
    pub status: u16,
    /// The cause and the cure.
    pub text: Cow<'static, str>,
    /// More fields of the answer, each with its CR LF: the methods of the resource with 405, the
    /// way to log on with 401, the codings that the server takes with 415 (RFC 9110, sections
    /// 10.2.1, 11.6.1 and 12.5.3).
    pub fields: Cow<'static, str>,
    /// The connection closes after the answer.
    pub is_last: bool,
}

impl Refusal {
    /// Makes a refusal after which the connection goes on.
    pub fn new(status: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self { status, text: text.into(), fields: "".into(), is_last: false }
    }

    /// Makes a refusal after which the connection closes.
    pub fn last(status: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self { is_last: true, ..Self::new(status, text) }
    }

    /// Adds fields to the answer.
    pub fn with(self, fields: impl Into<Cow<'static, str>>) -> Self {
        Self { fields: fields.into(), ..self }
    }

    /// Returns the refusal as an error with a code, as all formats have it, for the body of the
    /// answer.
    pub fn error(&self) -> Error {
        let code = match self.status {
            401 | 403 | 412 | 417 => Code::Refused,
            404 => Code::NotFound,
            405 | 501 | 505 => Code::UnknownCommand,
            413 | 414 | 416 | 431 => Code::TooLarge,
            503 => Code::Busy,
            _ => Code::BadRequest,
        };
        Error::new(code, self.text.clone())
    }
}

/// Makes the refusal of a request with a wrong parameter. A function that reads a parameter fails
/// with an [`Error`], as in all formats, and `?` makes the refusal from it. No service's error is
/// converted here.
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        // `false`: the error is about a parameter, and never about a condition.
        Self::new(status_of(error.code, false), error.text)
    }
}

/// Makes the refusal of an unreadable message: 400, and the connection closes.
pub fn bad(text: &'static str) -> Refusal {
    Refusal::last(400, text)
}

/// Returns the status for the code of an error. If the request had a condition, `refused` means
/// that the condition failed: 412.
pub fn status_of(code: Code, has_condition: bool) -> u16 {
    match code {
        Code::BadRequest => 400,
        Code::UnknownCommand | Code::NotFound => 404,
        Code::TooLarge => 413,
        Code::OutOfMemory => 507,
        Code::Exhausted => 410,
        Code::Refused if has_condition => 412,
        Code::Refused => 409,
        Code::Busy => 503,
    }
}

/// Returns the phrase behind a status, which only people read (RFC 9112, section 4).
pub fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        206 => "Partial Content",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        507 => "Insufficient Storage",
        _ => "Internal Server Error",
    }
}
