//! What HTTP itself refuses, and the statuses of what services refuse.
//!
//! | code | status |
//! | --- | --- |
//! | bad-request | 400 |
//! | unknown-command, not-found | 404 |
//! | too-large | 413 |
//! | out-of-memory | 507 |
//! | exhausted | 410: what is drained does not come back |
//! | refused | 409; 412 when the request had a condition |
//! | busy | 503 |
//!
//! **Invariants** what makes the end of a message doubtful closes the connection: whatever follows
//! could be a body, and a body is never read as a request.
//!
//! **Lock** none. **Source** RFC 9110, section 15.

use std::borrow::Cow;

use crate::common::error::{Code, Error};

/// A request that is not asked of any service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Of the answer.
    pub status: u16,
    /// Cause and cure.
    pub text: Cow<'static, str>,
    /// The methods that the resource has, with 405.
    pub allow: Option<String>,
    /// The connection closes after it.
    pub is_last: bool,
}

impl Refusal {
    /// One after which the connection goes on.
    pub fn new(status: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self { status, text: text.into(), allow: None, is_last: false }
    }

    /// One after which it closes.
    pub fn last(status: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self { is_last: true, ..Self::new(status, text) }
    }

    /// As the vocabulary has it.
    pub fn error(&self) -> Error {
        let code = match self.status {
            401 | 403 | 412 | 417 => Code::Refused,
            404 => Code::NotFound,
            405 | 501 | 505 => Code::UnknownCommand,
            413 | 414 | 416 | 431 => Code::TooLarge,
            _ => Code::BadRequest,
        };
        Error::new(code, self.text.clone())
    }
}

/// What a field of a request is refused for.
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::new(status_of(error.code, false), error.text)
    }
}

/// 400, and the connection closes.
pub fn bad(text: &'static str) -> Refusal {
    Refusal::last(400, text)
}

/// The status of a service's refusal; of a request with a condition or without.
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

/// What a status is called.
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
