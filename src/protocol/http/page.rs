//! The files of the live page: HTML, CSS and script, one of each, as they stand beside this file.
//!
//! They change with the program alone, so each has a tag by which a browser asks whether what it
//! keeps is still the same.
//!
//! **Invariants** the page names nothing outside this server, and its `Content-Security-Policy` lets
//! nothing else be loaded or run: what a name or a lease holds can be no script.
//!
//! **Lock** none. **Source** the page is ours; the policy is W3C's CSP 3.

/// A file of the live page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// Its structure.
    Html,
    /// Its look.
    Css,
    /// Its behaviour.
    Script,
}

const HTML: &str = include_str!("page.html");
const CSS: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What the page may load and do: its own files, and ask this server.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

impl Page {
    /// The file of that path.
    pub fn named(path: &[u8]) -> Option<Self> {
        match path {
            b"/" | b"/index.html" => Some(Page::Html),
            b"/page.css" => Some(Page::Css),
            b"/page.js" => Some(Page::Script),
            _ => None,
        }
    }

    /// What is in it.
    pub fn text(self) -> &'static str {
        match self {
            Page::Html => HTML,
            Page::Css => CSS,
            Page::Script => SCRIPT,
        }
    }

    /// What it is.
    pub fn content_type(self) -> &'static str {
        match self {
            Page::Html => "text/html; charset=utf-8",
            Page::Css => "text/css; charset=utf-8",
            Page::Script => "text/javascript; charset=utf-8",
        }
    }

    /// Its entity tag, without quotes.
    pub fn tag(self) -> String {
        const TAGS: [u64; 3] = [hash(HTML), hash(CSS), hash(SCRIPT)];
        format!("{:016x}", TAGS[self as usize])
    }
}

/// FNV-1a: enough to tell one version of a file from the next.
const fn hash(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let (mut hash, mut at) = (0xcbf2_9ce4_8422_2325_u64, 0);
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    hash
}
