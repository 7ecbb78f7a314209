//! The files of the live page: HTML, CSS, script and icon. The compiler puts them into the program,
//! so the server reads no file and needs no folder.
//!
//! The files change only with the program. Each has an entity tag, by which a browser asks whether
//! its copy is still the same. `Last-Modified` is the time at which the program's own file was
//! written.
//!
//! **Invariants** the page names nothing outside this server, and its `Content-Security-Policy`
//! lets the browser load and run nothing else. So a script that a client writes into a name or a
//! lease does not run when the page shows it.
//!
//! **Lock** none of our own. The files are constants; std's `LazyLock` lets one thread read the
//! date of the program, once, while others wait for it.
//!
//! **Source** the lecture: resources are pages and "image files". The page is ours; the policy is
//! W3C's Content Security Policy, level 3.

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::common::error::{Code, Error};
use crate::common::fingerprint;
use crate::protocol::http::answer::{Answering, Response, ResponseBody};
use crate::protocol::http::conditions::Verdict;
use crate::protocol::http::date;
use crate::protocol::http::negotiation::MediaForm;
use crate::protocol::http::resource::Method;

/// A file of the live page.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// The paths that lead to the file.
    paths: &'static [&'static str],
    /// The contents of the file.
    pub bytes: &'static [u8],
    /// The fingerprint of the contents, which the compiler computes.
    hash: u64,
}

/// The rights of the page: it loads its own script and style, and asks this server.
///
/// All else is forbidden: scripts inside the HTML, files of other sites, and forms. With
/// `frame-ancestors 'none'` another site cannot show the page under its own buttons. The icon
/// is a file of this server.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

impl Page {
    /// The structure.
    pub const HTML: Self =
        Self::new("text/html; charset=utf-8", &["/", "/index.html"], include_bytes!("page.html"));
    /// The look.
    pub const CSS: Self =
        Self::new("text/css; charset=utf-8", &["/page.css"], include_bytes!("page.css"));
    /// The behaviour.
    pub const SCRIPT: Self =
        Self::new("text/javascript; charset=utf-8", &["/page.js"], include_bytes!("page.js"));
    /// The icon, as a drawing.
    pub const SVG: Self = Self::new("image/svg+xml", &["/icon.svg"], include_bytes!("icon.svg"));
    /// The icon, as 32 x 32 points, for browsers that want one.
    pub const PNG: Self =
        Self::new("image/png", &["/icon.png", "/favicon.ico"], include_bytes!("icon.png"));

    /// All files.
    const ALL: [&Self; 5] = [&Self::HTML, &Self::CSS, &Self::SCRIPT, &Self::SVG, &Self::PNG];

    /// Makes a file with its fingerprint.
    const fn new(
        content_type: &'static str,
        paths: &'static [&'static str],
        bytes: &'static [u8],
    ) -> Self {
        let hash = fingerprint::hashed(fingerprint::NOTHING, bytes);
        Self { content_type, paths, bytes, hash }
    }

    /// Returns the file of that path; `None` if the path is no file of the page.
    pub fn named(path: &[u8]) -> Option<&'static Self> {
        let has_path = |page: &&Self| page.paths.iter().any(|known| known.as_bytes() == path);
        Self::ALL.into_iter().find(has_path)
    }

    /// Returns the answer with the file or a part of it, or 304 if the browser has this version
    /// already. `no-cache` lets the browser keep the file, but makes it ask each time (RFC 9111,
    /// section 5.2.2.4).
    pub fn answer(&self, answering: &Answering) -> Response {
        // The entity tag, without quotes.
        let tag = format!("{:016x}", self.hash);
        let (bytes, content_type, modified) = (self.bytes, self.content_type, *MODIFIED);
        let dated = modified.map(|at| format!("Last-Modified: {}\r\n", date::write(at)));
        let fields = format!(
            "Cache-Control: no-cache\r\nETag: \"{tag}\"\r\n{}Accept-Ranges: bytes\r\n\
             Content-Security-Policy: {CONTENT_SECURITY_POLICY}\r\nReferrer-Policy: no-referrer\r\n",
            dated.unwrap_or_default(),
        );
        let response = |status, body| Response { status, content_type, fields, body };
        // A part is for GET alone (RFC 9110, section 14.2). The page has no forms to choose from;
        // its bytes have parts, as the form `Bytes` of a lease has.
        let is_get = answering.method == Some(Method::Get);
        let part = answering.conditions.part(MediaForm::Bytes).filter(|_| is_get);
        match (answering.conditions.judge(&tag, modified), part) {
            (Verdict::Holds, Some((part, None))) => {
                let length = bytes.len() as u64;
                let range = part.range_in(length);
                let data = bytes[range.start as usize..range.end as usize].to_vec();
                let response = response(206, ResponseBody::Data(data));
                answering.part(range, "file", length, response)
            }
            // With a version from `If-Range` the answer is the whole file: a file has no version.
            (Verdict::Holds, _) => response(200, ResponseBody::Data(bytes.to_vec())),
            (Verdict::NotModified, _) => response(304, ResponseBody::LeftOut(bytes.len() as u64)),
            (Verdict::Failed, _) => {
                let text = "the page has another tag; ask without If-Match";
                answering.error(412, &Error::new(Code::Refused, text), "")
            }
        }
    }
}

/// The second since 1970 at which the program's file was written; `None` if the system does not
/// tell. It is not later than now, even if the clock was set back (RFC 9110, section 8.8.2.1).
static MODIFIED: LazyLock<Option<u64>> = LazyLock::new(|| {
    let written = std::env::current_exe().ok()?.metadata().ok()?.modified().ok()?;
    let written = written.min(SystemTime::now());
    Some(written.duration_since(UNIX_EPOCH).ok()?.as_secs())
});
