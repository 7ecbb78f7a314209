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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// The structure.
    Html,
    /// The look.
    Css,
    /// The behaviour.
    Script,
    /// The icon, as a drawing.
    Svg,
    /// The icon, as 32 x 32 points, for browsers that want one.
    Png,
}

const HTML: &[u8] = include_bytes!("page.html");
const CSS: &[u8] = include_bytes!("page.css");
const SCRIPT: &[u8] = include_bytes!("page.js");
const SVG: &[u8] = include_bytes!("icon.svg");
const PNG: &[u8] = include_bytes!("icon.png");

/// The rights of the page: it loads its own script and style, and asks this server.
///
/// All else is forbidden: scripts inside the HTML, files of other sites, and forms. With
/// `frame-ancestors 'none'` another site cannot show the page under its own buttons. The icon
/// is a file of this server.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

impl Page {
    /// Returns the file of that path; `None` if the path is no file of the page.
    pub fn named(path: &[u8]) -> Option<Self> {
        match path {
            b"/" | b"/index.html" => Some(Page::Html),
            b"/page.css" => Some(Page::Css),
            b"/page.js" => Some(Page::Script),
            b"/icon.svg" => Some(Page::Svg),
            b"/icon.png" | b"/favicon.ico" => Some(Page::Png),
            _ => None,
        }
    }

    /// Returns the contents of the file.
    pub fn bytes(self) -> &'static [u8] {
        match self {
            Page::Html => HTML,
            Page::Css => CSS,
            Page::Script => SCRIPT,
            Page::Svg => SVG,
            Page::Png => PNG,
        }
    }

    /// Returns the value of `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Page::Html => "text/html; charset=utf-8",
            Page::Css => "text/css; charset=utf-8",
            Page::Script => "text/javascript; charset=utf-8",
            Page::Svg => "image/svg+xml",
            Page::Png => "image/png",
        }
    }

    /// Returns the entity tag, without quotes.
    pub fn tag(self) -> String {
        // The compiler computes the hashes. The order is that of the enum's values.
        const TAGS: [u64; 5] = [hash(HTML), hash(CSS), hash(SCRIPT), hash(SVG), hash(PNG)];
        format!("{:016x}", TAGS[self as usize])
    }

    /// Returns the answer with the file or a part of it, or 304 if the browser has this version
    /// already. `no-cache` lets the browser keep the file, but makes it ask each time (RFC 9111,
    /// section 5.2.2.4).
    pub fn answer(self, answering: &Answering) -> Response {
        let (tag, bytes, modified) = (self.tag(), self.bytes(), *MODIFIED);
        let dated = modified.map(|at| format!("Last-Modified: {}\r\n", date::write(at)));
        let fields = format!(
            "Cache-Control: no-cache\r\nETag: \"{tag}\"\r\n{}Accept-Ranges: bytes\r\n\
             Content-Security-Policy: {CONTENT_SECURITY_POLICY}\r\nReferrer-Policy: no-referrer\r\n",
            dated.unwrap_or_default(),
        );
        let content_type = self.content_type();
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

/// Returns the fingerprint of a file.
const fn hash(file: &[u8]) -> u64 {
    fingerprint::hashed(fingerprint::NOTHING, file)
}
