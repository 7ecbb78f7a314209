//! The target of a request: the thing that it names, and where its parameters stand.
//!
//! ```text
//!   POST /draws?n=4                        parameters in the target
//!   POST /draws      + a form: n=4         the same in the body, as curl -d n=4 and browsers send it
//!   GET http://localhost:4120/index.html   a proxy's form: the host stands in the target
//!   GET //localhost:4120/index.html        the same, as the lecture prints it
//! ```
//!
//! **Invariants** the parameters of a request stand in one place: in the target or in the body.
//!
//! **Lock** none. **Simplified** a form is `application/x-www-form-urlencoded`. The other kind,
//! `multipart/form-data`, is for files, and PUT takes those as they are.
//!
//! **Source** RFC 9112, section 3.2; the lecture, "HTTP as a Request-Reply Protocol": "POST sends
//! data to a server", and its printed target; WHATWG's URL standard, section 5, for forms.

use std::borrow::Cow;

use crate::protocol::http::refusal::Refusal;
use crate::protocol::http::resource::{Method, Resource};

/// A path, and the query behind its question mark.
pub type Target<'a> = (&'a [u8], Option<&'a [u8]>);

/// A request as its head names it, before its body has arrived.
pub struct HeadRequest<'a> {
    /// The method.
    pub method: Method,
    /// The thing that the path names.
    pub resource: Resource,
    /// The parameters in the target.
    pub query: Option<&'a [u8]>,
    /// The body is a form, by its `Content-Type`.
    pub has_form: bool,
}

/// The parameters, and the body that is left.
pub type QueryAndBody<'a> = (Option<&'a [u8]>, Cow<'a, [u8]>);

impl<'a> HeadRequest<'a> {
    /// Returns the parameters, and the body that is left. The parameters of a POST may stand in a
    /// form, which then is no body any more.
    ///
    /// # Errors
    /// 400 for parameters in both places, 411 for a form in chunks.
    pub fn with_form(&self, body: Cow<'a, [u8]>) -> Result<QueryAndBody<'a>, Refusal> {
        if self.method != Method::Post || !self.has_form || body.is_empty() {
            return Ok((self.query, body));
        }
        if self.query.is_some() {
            let text = "parameters stand in the target and in the form; send one of the two";
            return Err(Refusal::new(400, text));
        }
        match body {
            Cow::Borrowed(form) => Ok((Some(form), Cow::Borrowed(b""))),
            // Only a body in chunks is owned. The parameters have to borrow from the input.
            Cow::Owned(_) => {
                Err(Refusal::new(411, "a form in chunks is not read; send it with Content-Length"))
            }
        }
    }
}

/// Finds the resource of a path, and checks that it has the method. Where the server shows a site,
/// all paths are the site's. The caller sets `has_form`, which depends on the fields of the head.
///
/// # Errors
/// 404 for an unknown path, 405 for a method that the resource does not have, 400 for `*` with any
/// method but OPTIONS.
pub fn route<'a>(
    method: Method,
    path: &'a [u8],
    query: Option<&'a [u8]>,
    has_site: bool,
) -> Result<HeadRequest<'a>, Refusal> {
    let is_of_site = has_site && path != b"*";
    let resource = if is_of_site { Resource::OfSite } else { Resource::named(path)? };
    resource.check(method)?;
    Ok(HeadRequest { method, resource, query, has_form: false })
}

/// Splits a target: `http://a/b?c` has authority `a`, path `/b` and query `c`; `/b?c` has no
/// authority (RFC 9112, sections 3.2.1 and 3.2.2). The lecture prints `//a/b` for the first form.
pub fn split(target: &[u8]) -> (Option<&[u8]>, Target<'_>) {
    const SCHEME: &[u8] = b"http:";
    let behind = match target.split_at_checked(SCHEME.len()) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(SCHEME) => rest,
        _ => target,
    };
    let (authority, target) = match behind.strip_prefix(b"//") {
        Some(rest) => {
            let end = rest.iter().position(|byte| b"/?".contains(byte)).unwrap_or(rest.len());
            (Some(&rest[..end]), &rest[end..])
        }
        None => (None, target),
    };
    let question = target.iter().position(|&byte| byte == b'?');
    let (path, query) = target.split_at(question.unwrap_or(target.len()));
    let path = if path.is_empty() && authority.is_some() { b"/" } else { path };
    (authority, (path, query.get(1..)))
}
