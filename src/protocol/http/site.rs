//! A site: pages of its own in the place of the live page and the resources, under the same HTTP.
//!
//! ```text
//!   GET /race/view?moves=AAB ─► head, host, body ─► site.answer(Get, "/race/view", "moves=AAB")
//!                               as for all requests      │ page or answer │ Refusal
//! ```
//!
//! **Invariants** a site sees a request only after all checks of [`crate::protocol::http`]. A
//! browser gives its files the rights of the live page and no others, because both have the same
//! `Content-Security-Policy`.
//!
//! **Lock** none here; a site may have its own.
//!
//! **Source** ours.

use std::borrow::Cow;
use std::fmt::Debug;

use crate::protocol::http::answer::Response;
use crate::protocol::http::page::CONTENT_SECURITY_POLICY;
use crate::protocol::http::refusal::Refusal;
use crate::protocol::http::resource::Method;

/// The pages of another program, which a server with this HTTP shows. All connections share it.
pub trait Site: Debug + Send + Sync {
    /// Answers one request. `query` is the text behind the question mark of the target, `None` if
    /// there is no question mark. HEAD comes as GET.
    ///
    /// # Errors
    /// Whatever HTTP can refuse, such as 404 for a path that the site does not have.
    fn answer(
        &self,
        method: Method,
        path: &[u8],
        query: Option<&[u8]>,
    ) -> Result<SiteFile, Refusal>;

    /// Begins the stop: the site refuses the requests that wait within it, and all later ones.
    fn close(&self);
}

/// One file or answer of a site.
#[derive(Debug)]
pub struct SiteFile {
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// The bytes.
    pub bytes: Cow<'static, [u8]>,
}

impl SiteFile {
    /// Returns the response with this file. A browser asks anew each time: the files are small, and
    /// most answers differ.
    pub(super) fn response(self) -> Response {
        let fields = format!(
            "Cache-Control: no-store\r\nContent-Security-Policy: {CONTENT_SECURITY_POLICY}\r\n\
             Referrer-Policy: no-referrer\r\n"
        );
        Response::new(200, self.content_type, fields, self.bytes.into_owned())
    }
}
