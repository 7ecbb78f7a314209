//! The fields of a request. They decide where its body ends, whether it is allowed, and which form,
//! version and part the answer should have.
//!
//! | field | meaning, and refusal |
//! | --- | --- |
//! | `Host` | an IP address, `localhost`, a name below it or a `--host` name, perhaps with a port; otherwise 403 |
//! | `Origin` | the host and port of `Host`, otherwise 403: a page of another site must not draw |
//! | `Authorization` | on a server with a user: Basic with its name and password, otherwise 401; 503 while no guess is left |
//! | `Content-Length`, `Transfer-Encoding` | [`crate::protocol::http::body`] |
//! | `Content-Encoding` | only `identity`, otherwise 415: a lease stores the bytes as they come |
//! | `Content-Type` | of a POST: a form holds its parameters ([`crate::protocol::http::target`]) |
//! | `Content-Range` | 400: PUT replaces the whole data of a lease |
//! | `Connection` | `close`; in HTTP/1.0 also `keep-alive` |
//! | `Expect` | `100-continue`, otherwise 417 |
//! | `Accept` | [`crate::protocol::http::negotiation`] |
//! | `If-…`, `Range` | [`crate::protocol::http::conditions`] |
//!
//! A second `Host`, `Origin`, `Authorization`, `Content-Length` or `Transfer-Encoding` is 400, and
//! so is HTTP/1.1 without `Host`. The server ignores all other fields.
//!
//! **Two attacks** reach even a server that listens on the user's own machine only. The user's
//! browser is there, too, and runs the script of any page that the user visits:
//!
//! ```text
//!   a page of http://evil.example                      the request that arrives here
//!   POST http://127.0.0.1:4120/draws?n=9               Host: 127.0.0.1:4120
//!     (a request to another site)                      Origin: http://evil.example      403
//!   POST http://evil.example:4120/draws?n=9            Host: evil.example:4120          403
//!     (its owner now lets the name mean 127.0.0.1:     Origin: http://evil.example:4120
//!     the browser sees one site; DNS rebinding)
//! ```
//!
//! **Invariants** if the head alone is enough to refuse a request, the server does not wait for a
//! body that is chunked or longer than 64 KiB. So a client without permission cannot fill memory.
//!
//! **Lock** that of the guesses, for a log-on. The hosts and the user are read from [`Policy`],
//! which never changes.
//!
//! **Simplified** no CORS: a bigger server answers the origins that it trusts.
//!
//! **Source** RFC 9110, sections 7.2, 7.6.1, 10.1.1, 11.4 and 14.5; RFC 6454, section 7, for
//! `Origin`; RFC 7617 for Basic.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::common::id::parse_decimal;
use crate::protocol::Policy;
use crate::protocol::base64;
use crate::protocol::http::answer::Answering;
use crate::protocol::http::body::Framing;
use crate::protocol::http::head::{Head, elements};
use crate::protocol::http::refusal::{Refusal, bad};
use crate::protocol::log_on::{LogOn, TOO_MANY, WRONG_PAIR};

/// A head whose fields are judged.
#[derive(Debug)]
pub struct Asked {
    /// The rule by which the body ends.
    pub framing: Framing,
    /// The client waits for `100 Continue` before it sends the body.
    pub awaits_continue: bool,
    /// The body is a form, by its `Content-Type`.
    pub has_form: bool,
    /// The refusal of the request, whatever its method and path; the connection can go on.
    pub refusal: Option<Refusal>,
}

/// Judges all fields of a head. `authority` is the host in a target such as `http://host/path`.
/// `log_on` is the result of an earlier call for the same head, or takes the result of this one.
/// Returns the terms of the answer too; their method and path are not set yet.
///
/// # Errors
/// Refusals that close the connection: a body without a certain end, or one that is too long; a
/// `Host` that is missing, unreadable or sent twice; an `Origin` or `Authorization` that is sent
/// twice. A head that is readable but not allowed is no error here: its refusal stands in
/// [`Asked::refusal`], because the server may have to read the body before the answer.
pub fn understand(
    head: &Head<'_>,
    authority: Option<&[u8]>,
    policy: &Policy,
    log_on: &mut Option<LogOn>,
) -> Result<(Asked, Answering), Refusal> {
    for (name, twice) in ONCE {
        if head.values(name).nth(1).is_some() {
            return Err(bad(twice));
        }
    }
    let framing = Framing::announced(head, policy.max_message)?;
    let host = head.values("host").next();
    if host.is_some_and(|host| !is_readable_host(host)) {
        return Err(bad("the host is no name or address with a port; send one"));
    }
    if head.minor > 0 && host.is_none() {
        return Err(bad("HTTP/1.1 wants a Host; send one, such as Host: localhost"));
    }
    let mut answering = Answering::default();
    for &(name, value) in &head.fields {
        answering.accept.see(name, value);
        answering.conditions.see(name, value);
    }
    // HTTP/1.1 persists unless a side says `close`; HTTP/1.0 closes unless the client says
    // `keep-alive`. With both words, `close` wins (RFC 9112, section 9.3).
    answering.closes = head.has_word("connection", "close")
        || head.minor == 0 && !head.has_word("connection", "keep-alive");
    answering.keeps_alive = head.minor == 0 && !answering.closes;
    // A client of HTTP/1.0 does not know 100 (RFC 9110, section 10.1.1).
    let expects_continue = head.minor > 0 && head.has_word("expect", "100-continue");
    let awaits_continue = expects_continue && framing != Framing::Length(0);
    let has_form = head.values("content-type").last().is_some_and(is_form);
    let refusal = forbidden(head, authority, policy, log_on);
    Ok((Asked { framing, awaits_continue, has_form, refusal }, answering))
}

/// The fields of which a head has one at most, besides those that say where the body ends, and the
/// refusal of a second one.
const ONCE: [(&str, &str); 3] = [
    ("host", "two hosts are given; send Host once"),
    ("origin", "two origins are given; send Origin once"),
    ("authorization", "two log-ons are given; send Authorization once"),
];

/// Returns whether a `Content-Type` is that of a form, as browsers and `curl -d` send it.
fn is_form(value: &[u8]) -> bool {
    let kind = elements(value, b';').next().unwrap_or_default();
    kind.eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
}

/// Returns the first reason to forbid a request, `None` if there is none.
///
/// Host and origin come before the log-on: a browser adds a stored password also to the request of
/// another site's page, so a right password says nothing about the page. The log-on is tried only
/// once for a head, however often the head is judged: `log_on` keeps its result.
fn forbidden(
    head: &Head<'_>,
    authority: Option<&[u8]>,
    policy: &Policy,
    log_on: &mut Option<LogOn>,
) -> Option<Refusal> {
    let is_ours = |place: &[u8]| is_host(place, &policy.hosts);
    // The host in the target replaces `Host` (RFC 9112, section 3.2.2). Here both must be ours, so
    // it does not matter which of them a proxy follows.
    let field = head.values("host").next();
    let host = authority.or(field);
    if !host.is_none_or(is_ours) || !field.is_none_or(is_ours) {
        let text = "that host is no address or name of this server; use its IP address, with [] around one of \
                    IPv6, or start it with --host NAME";
        return Some(Refusal::new(403, text));
    }
    if head.values("origin").next().is_some_and(|origin| !is_same_origin(origin, host)) {
        let text = "the page is of another place than Host names; open this server's own page, and let a proxy \
                    pass Host on";
        return Some(Refusal::new(403, text));
    }
    if let Some(refusal) = log_on_refused(head, policy, log_on) {
        return Some(refusal);
    }
    if head.has_other_word("expect", "100-continue") {
        return Some(Refusal::new(417, "nothing but 100-continue can be expected; leave it out"));
    }
    if head.has_other_word("content-encoding", "identity") {
        // The codings that the server takes (RFC 9110, section 12.5.3).
        let coded = Refusal::new(415, "a body is taken as it is; send it without a coding");
        return Some(coded.with("Accept-Encoding: identity\r\n"));
    }
    if head.values("content-range").next().is_some() {
        return Some(Refusal::new(400, "a lease is set whole; leave Content-Range out"));
    }
    None
}

/// The field that says how to log on (RFC 9110, section 11.6.1).
const CHALLENGE: &str = "WWW-Authenticate: Basic realm=\"leasebox\", charset=\"UTF-8\"\r\n";

/// Returns the refusal of a request without the name and password of the server's user.
fn log_on_refused(head: &Head<'_>, policy: &Policy, log_on: &mut Option<LogOn>) -> Option<Refusal> {
    let user = policy.user.as_ref()?;
    let try_it = || match head.values("authorization").next().and_then(name_and_password) {
        Some((name, password)) => user.try_log_on(&name, &password, &policy.guesses),
        None => LogOn::Wrong,
    };
    match log_on.get_or_insert_with(try_it) {
        LogOn::Right => None,
        LogOn::Wrong => Some(Refusal::new(401, WRONG_PAIR).with(CHALLENGE)),
        LogOn::NoGuess => Some(Refusal::new(503, TOO_MANY)),
    }
}

/// Splits a host into its name, or its address with the brackets around it, and the rest: the port
/// with its colon, or nothing. Without a `]` all bytes behind a `[` are the address.
fn split_host(host: &[u8]) -> (&[u8], &[u8]) {
    let index_of = |end: u8| host.iter().position(|&byte| byte == end);
    let end = if host.starts_with(b"[") { index_of(b']').map(|at| at + 1) } else { index_of(b':') };
    host.split_at(end.unwrap_or(host.len()))
}

/// Returns whether these bytes could be a host, with a port or without: the characters of RFC 3986,
/// section 3.2.2, an address with colons in brackets, and digits behind the last colon.
pub fn is_readable_host(host: &[u8]) -> bool {
    let is_fine = |&byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte);
    let (name, port) = split_host(host);
    let is_name = match name {
        [b'[', address @ .., b']'] => address.iter().all(|byte| is_fine(byte) || *byte == b':'),
        name => name.iter().all(is_fine),
    };
    is_name && matches!(port, [] | [b':', ..]) && port.iter().skip(1).all(u8::is_ascii_digit)
}

/// Returns whether a `Host` names this server.
///
/// Every IP address is accepted. DNS rebinding, the second attack in the file's head, needs a name,
/// because an attacker can make only a name mean this server. If a foreign page sends a request to
/// the address itself, its `Origin` names that page's site, so the request is refused. `localhost`
/// and each name below it, such as `ada.localhost`, always mean this machine (RFC 6761, section
/// 6.3). Any other name must be one of `names`, the values of `--host`. A dot may end a name, as in
/// DNS. Some libraries leave the zone of a link-local address in the field: `[fe80::1%eth0]`.
fn is_host(host: &[u8], names: &[String]) -> bool {
    let (name, port) = split_host(host);
    // The port may be empty (`localhost:`); otherwise it is a number of 16 bits.
    let is_port = match port {
        [] | [b':'] => true,
        [b':', digits @ ..] => parse_decimal(digits).is_some_and(|port| port <= u16::MAX.into()),
        _ => false,
    };
    let Ok(name) = std::str::from_utf8(name) else { return false };
    if let Some(address) = name.strip_prefix('[') {
        let Some(address) = address.strip_suffix(']') else { return false };
        let address = address.split_once('%').map_or(address, |(address, _zone)| address);
        return address.parse::<Ipv6Addr>().is_ok() && is_port;
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_name = |known: &str| known.strip_suffix('.').unwrap_or(known).eq_ignore_ascii_case(name);
    let is_known = is_name("localhost")
        || name.parse::<Ipv4Addr>().is_ok()
        || name.rsplit_once('.').is_some_and(|(_, last)| last.eq_ignore_ascii_case("localhost"))
        || names.iter().any(|n| is_name(n));
    is_known && is_port
}

/// Returns whether a page of that origin came from `host`.
///
/// A missing port is the port of the scheme, so `http://a` is the same place as `a:80`. `https`
/// occurs if a proxy in front of this server speaks TLS. A sandboxed page sends `null`, which is
/// never the same.
fn is_same_origin(origin: &[u8], host: Option<&[u8]>) -> bool {
    let plain = origin.strip_prefix(b"http://").map(|place| (place, &b":80"[..]));
    let place =
        plain.or_else(|| origin.strip_prefix(b"https://").map(|place| (place, &b":443"[..])));
    let (Some((place, port)), Some(host)) = (place, host) else { return false };
    let without = |place: &[u8]| place.strip_suffix(port).unwrap_or(place).to_ascii_lowercase();
    without(place) == without(host)
}

/// Returns the name and the password in a value such as `Basic YWRhOnNlY3JldA==`, which is base64
/// of `ada:secret`. The first colon ends the name, so a password may hold one (RFC 7617, section
/// 2).
fn name_and_password(value: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (scheme, letters) = value.split_at_checked("Basic ".len())?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let pair = base64::decode(letters.trim_ascii())?;
    let colon = pair.iter().position(|&byte| byte == b':')?;
    Some((pair[..colon].to_vec(), pair[colon + 1..].to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_an_address_localhost_or_a_name_that_was_given() {
        let names = ["www.example.com".to_string()];
        let ours = [
            "localhost",
            "LOCALHOST:4120",
            "127.0.0.1",
            "203.0.113.7:4120",
            "[::1]",
            "[::1]:4120",
            "www.example.com",
            "WWW.Example.com:80",
            "localhost:",
            "localhost.:4120",
            "ada.localhost:4120",
            "Ada.Localhost.",
            "www.example.com.",
            "127.0.0.1.",
            "[fe80::1%eth0]:4120",
            "[fe80::1%25eth0]",
        ];
        for host in ours {
            assert!(is_host(host.as_bytes(), &names), "{host}");
        }
        let foreign = [
            "",
            "evil.example",
            "www.example.com.evil.example",
            "localhost.evil.example",
            "evillocalhost",
            "127.0.0.1.evil.example",
            "localhost:x",
            "localhost..",
            ".",
            "[%eth0]",
            "localhost:65536",
            "localhost:+80",
            "localhost:1:2",
            "::1",
            "[::1",
            "[::1]x",
            "[evil]",
            "user@localhost",
            "localhost/",
        ];
        for host in foreign {
            assert!(!is_host(host.as_bytes(), &names), "{host}");
        }
    }

    #[test]
    fn a_page_asks_the_place_that_it_came_from() {
        let same =
            |origin: &str, host: &str| is_same_origin(origin.as_bytes(), Some(host.as_bytes()));
        assert!(same("http://localhost:4120", "localhost:4120"));
        assert!(same("http://LOCALHOST", "localhost:80") && same("http://a:80", "a"));
        assert!(same("https://a", "a:443") && same("https://a", "a"));
        assert!(!same("http://localhost:4121", "localhost:4120"));
        assert!(!same("http://127.0.0.1:4120", "localhost:4120"));
        assert!(
            !same("null", "localhost") && !same("", "localhost") && !same("localhost", "localhost")
        );
        assert!(!same("http://localhost", "localhost:4120"));
        assert!(!is_same_origin(b"http://localhost", None));
    }
}
