//! What a request's fields ask for: how the message goes on, who asks, and in which form, of which
//! version and which part the answer shall be.
//!
//! | field | taken as |
//! | --- | --- |
//! | `Host` | an IP address, `localhost` or a `--host` name, with a port or without; another is 403, none or two in 1.1 are 400 |
//! | `Origin` | the same place as `Host`, or 403: another site's page shall not draw |
//! | `Authorization` | Basic, when the server has a user; otherwise ignored |
//! | `Content-Length`, `Transfer-Encoding` | [`crate::protocol::http::body`] |
//! | `Content-Encoding`, `Content-Range` | 415, 400: a lease is set as it is, and whole |
//! | `Connection` | `close`, and in 1.0 `keep-alive` |
//! | `Expect` | `100-continue`; another is 417 |
//! | `Accept` | [`crate::protocol::http::negotiation`] |
//! | `If-…`, `Range` | [`crate::protocol::http::conditions`] |
//!
//! Of `Host`, `Origin`, `Authorization` and `Content-Length` there may be one. Other fields are ignored.
//!
//! **Invariants** a request whose head is enough to refuse it is refused before a body of over 64 KiB, or one of
//! chunks, is waited for: whoever may not ask cannot fill memory.
//!
//! **Lock** none. **Source** RFC 9110, sections 7, 10 and 11; RFC 6454 for `Origin`; RFC 7617.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::protocol::Manners;
use crate::protocol::base64;
use crate::protocol::http::body::{Announced, Framing};
use crate::protocol::http::conditions::Conditions;
use crate::protocol::http::head::Head;
use crate::protocol::http::negotiation::Accept;
use crate::protocol::http::refusal::{Refusal, bad};

/// A head, understood.
#[derive(Debug)]
pub struct Asked {
    /// How its body ends.
    pub framing: Framing,
    /// Whether the connection closes after the answer.
    pub closes: bool,
    /// Whether the answer has to say that it does not.
    pub keeps_alive: bool,
    /// The client waits before it sends the body.
    pub expects_continue: bool,
    /// The forms that are wanted.
    pub accept: Accept,
    /// Under which conditions, and which part.
    pub conditions: Conditions,
    /// What forbids it, whatever it asks.
    pub forbidden: Option<Refusal>,
}

/// The fields that are looked at together.
#[derive(Default)]
struct Seen<'a> {
    host: Option<&'a [u8]>,
    origin: Option<&'a [u8]>,
    authorization: Option<&'a [u8]>,
    closes: bool,
    keeps_alive: bool,
    expect: Option<&'a [u8]>,
    announced: Announced,
    encoded: bool,
    is_part: bool,
}

/// Understands a head. `authority` is that of a target with a scheme.
///
/// # Errors
/// What makes the message's end doubtful, or `Host`; the connection closes.
pub fn understand(
    head: &Head<'_>,
    authority: Option<&[u8]>,
    manners: &Manners,
) -> Result<Asked, Refusal> {
    let mut seen = Seen::default();
    let (mut accept, mut conditions) = (Accept::default(), Conditions::default());
    for &(name, value) in &head.fields {
        see(&mut seen, head.minor, name, value, manners.max_message)?;
        accept.see(name, value);
        conditions.see(name, value);
    }
    if seen.host.is_some_and(|host| !is_readable(host)) {
        return Err(bad("the host is no name or address with a port; send one"));
    }
    if head.minor > 0 && seen.host.is_none() {
        return Err(bad("HTTP/1.1 wants a Host; send one, such as Host: localhost"));
    }
    let closes = seen.closes || head.minor == 0 && !seen.keeps_alive;
    Ok(Asked {
        framing: seen.announced.framing()?,
        closes,
        keeps_alive: head.minor == 0 && !closes,
        expects_continue: head.minor > 0 && seen.expect.is_some(),
        accept,
        conditions,
        forbidden: forbidden(&seen, authority, manners),
    })
}

fn see<'a>(
    seen: &mut Seen<'a>,
    minor: u8,
    name: &[u8],
    value: &'a [u8],
    most: usize,
) -> Result<(), Refusal> {
    let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
    // By their length first: most fields are none of these.
    match name.len() {
        4 if is("host") && seen.host.replace(value).is_some() => {
            return Err(bad("two hosts are given; send Host once"));
        }
        6 if is("origin") && seen.origin.replace(value).is_some() => {
            return Err(bad("two origins are given; send Origin once"));
        }
        6 if is("expect") => seen.expect = Some(value),
        10 if is("connection") => {
            for word in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                seen.closes |= word.eq_ignore_ascii_case(b"close");
                seen.keeps_alive |= word.eq_ignore_ascii_case(b"keep-alive");
            }
        }
        13 if is("authorization") && seen.authorization.replace(value).is_some() => {
            return Err(bad("two log-ons are given; send Authorization once"));
        }
        13 if is("content-range") => seen.is_part = true,
        14 if is("content-length") => seen.announced.length(value, most)?,
        16 if is("content-encoding") => seen.encoded = !value.eq_ignore_ascii_case(b"identity"),
        17 if is("transfer-encoding") => seen.announced.coding(value, minor)?,
        _ => {}
    }
    Ok(())
}

fn forbidden(seen: &Seen<'_>, authority: Option<&[u8]>, manners: &Manners) -> Option<Refusal> {
    let is_ours = |place: &[u8]| is_host(place, &manners.hosts);
    let host = authority.or(seen.host);
    if !host.is_none_or(is_ours) || !seen.host.is_none_or(is_ours) {
        let text = "that host is not this server; use its IP address, or start it with --host NAME";
        return Some(Refusal::new(403, text));
    }
    if seen.origin.is_some_and(|origin| !is_same_origin(origin, host)) {
        let text = "a page of another site may not ask here; open this server's own page";
        return Some(Refusal::new(403, text));
    }
    if let Some(user) = &manners.user
        && !seen.authorization.and_then(name_and_password).is_some_and(|(n, p)| user.is(&n, &p))
    {
        let text = "name and password are wrong or missing; send Authorization: Basic";
        return Some(Refusal::new(401, text));
    }
    if seen.expect.is_some_and(|value| !value.eq_ignore_ascii_case(b"100-continue")) {
        return Some(Refusal::new(417, "nothing but 100-continue can be expected; leave it out"));
    }
    if seen.encoded {
        return Some(Refusal::new(415, "a body is taken as it is; send it without a coding"));
    }
    if seen.is_part {
        return Some(Refusal::new(400, "a lease is set whole; leave Content-Range out"));
    }
    None
}

/// Whether this could be a host at all, and a port.
pub fn is_readable(host: &[u8]) -> bool {
    let is_fine =
        |&byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(&byte);
    let port = host.rsplit(|&byte| byte == b':').next().unwrap_or_default();
    let has_port = host.contains(&b':') && !host.ends_with(b"]");
    host.iter().all(is_fine) && (!has_port || port.iter().all(u8::is_ascii_digit))
}

/// Whether a `Host` is this server: an address cannot be another site's name, and `localhost` is
/// this machine. A name that was made to resolve to this server is neither.
fn is_host(host: &[u8], names: &[String]) -> bool {
    let Ok(host) = std::str::from_utf8(host) else { return false };
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let Some((address, port)) = rest.split_once(']') else { return false };
            return address.parse::<Ipv6Addr>().is_ok() && is_port(port.strip_prefix(':'), port);
        }
        None => host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port))),
    };
    let is_name = |known: &str| known.eq_ignore_ascii_case(name);
    let is_known = is_name("localhost")
        || name.parse::<Ipv4Addr>().is_ok()
        || names.iter().any(|n| is_name(n));
    is_known && is_port(port, "")
}

fn is_port(port: Option<&str>, rest: &str) -> bool {
    match port {
        Some("") => true,
        Some(port) => port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok(),
        None => rest.is_empty(),
    }
}

/// Whether a page of that origin came from the same place as is asked now.
fn is_same_origin(origin: &[u8], host: Option<&[u8]>) -> bool {
    let plain = origin.strip_prefix(b"http://").map(|place| (place, &b":80"[..]));
    let place =
        plain.or_else(|| origin.strip_prefix(b"https://").map(|place| (place, &b":443"[..])));
    let (Some((place, port)), Some(host)) = (place, host) else { return false };
    let without = |place: &[u8]| place.strip_suffix(port).unwrap_or(place).to_ascii_lowercase();
    without(place) == without(host)
}

/// What Basic authentication carries.
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
        ];
        for host in ours {
            assert!(is_host(host.as_bytes(), &names), "{host}");
        }
        let foreign = [
            "",
            "evil.example",
            "www.example.com.evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "localhost:x",
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
