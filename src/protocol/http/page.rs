//! The files of the live page: HTML, CSS and script. The compiler puts them into the program, so
//! the server reads no file and needs no folder.
//!
//! They change only with the program. Each has an entity tag, by which a browser asks whether its
//! copy is still the same.
//!
//! **Invariants** the page names nothing outside this server, and its `Content-Security-Policy`
//! lets the browser load and run nothing else. So a script that a client writes into a name or a
//! lease does not run when the page shows it.
//!
//! **Lock** none: constants.
//!
//! **Source** the page is ours; the policy is W3C's Content Security Policy, level 3.

use crate::common::fingerprint;

/// A file of the live page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// The structure.
    Html,
    /// The look.
    Css,
    /// The behaviour.
    Script,
}

const HTML: &str = include_str!("page.html");
const CSS: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The rights of the page: it loads its own script and style, and asks this server.
///
/// All else is forbidden: scripts inside the HTML, files of other sites, and forms. With
/// `frame-ancestors 'none'` another site cannot show the page under its own buttons. The icon is an
/// empty `data:` address, so the browser asks for none.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

impl Page {
    /// Returns the file of that path; `None` if the path is no file of the page.
    pub fn named(path: &[u8]) -> Option<Self> {
        match path {
            b"/" | b"/index.html" => Some(Page::Html),
            b"/page.css" => Some(Page::Css),
            b"/page.js" => Some(Page::Script),
            _ => None,
        }
    }

    /// Returns the contents of the file.
    pub fn text(self) -> &'static str {
        match self {
            Page::Html => HTML,
            Page::Css => CSS,
            Page::Script => SCRIPT,
        }
    }

    /// Returns the value of `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Page::Html => "text/html; charset=utf-8",
            Page::Css => "text/css; charset=utf-8",
            Page::Script => "text/javascript; charset=utf-8",
        }
    }

    /// Returns the entity tag, without quotes.
    pub fn tag(self) -> String {
        // The compiler computes the hashes. The order is that of the enum's values.
        const TAGS: [u64; 3] = [hash(HTML), hash(CSS), hash(SCRIPT)];
        format!("{:016x}", TAGS[self as usize])
    }
}

/// Returns the fingerprint of a text.
const fn hash(text: &str) -> u64 {
    fingerprint::hashed(fingerprint::NOTHING, text.as_bytes())
}
