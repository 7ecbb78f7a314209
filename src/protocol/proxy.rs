//! The header by which a proxy says who its client is, before the client's own bytes.
//!
//! ```text
//!   version 1   PROXY TCP4 192.0.2.7 198.51.100.1 56324 4120 CR LF
//!   version 2   │ 12 fixed bytes │ 0x21 │ 0x11 │ length, 2 │ source, 4 │ target, 4 │ ports, 4 │ more … │
//!                                  │      └ 0x11 IPv4, 0x21 IPv6, others: no address
//!                                  └ 0x21 a client's connection, 0x20 the proxy's own
//! ```
//!
//! Behind a proxy all connections come from one address. The limits of addresses would be those of
//! the proxy, so with `--behind-proxy` each connection has to begin with this header.
//!
//! **Invariants** a connection without a header is refused. If the header were optional, one port
//! could serve clients with and without the proxy, and a client without it could write a header
//! with a false address.
//!
//! **Lock** none. **Simplified** the fields that version 2 may have behind the addresses are
//! skipped.
//!
//! **Source** Willy Tarreau, The PROXY protocol, versions 1 and 2 (2020).

use std::net::IpAddr;

use crate::common::error::{Code, Error};

/// The longest header of version 1, with its CR LF.
const MAX_LINE: usize = 107;

/// The first bytes of version 2: no other protocol begins so.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// The number of bytes of version 2 before the addresses.
const FIXED: usize = SIGNATURE.len() + 4;

const WRONG: &str = "this server is behind a proxy, and a connection begins with a PROXY header; \
                     let the proxy send one, or serve without --behind-proxy";

/// The client's address, if the header has one, and the length of the header in bytes.
pub type Introduced = (Option<IpAddr>, usize);

/// Reads the header at the start of a connection; `None` while it is not whole.
///
/// # Errors
/// Fails with `bad-request` if the bytes begin no header.
pub fn read_header(input: &[u8]) -> Result<Option<Introduced>, Error> {
    let wrong = || Error::new(Code::BadRequest, WRONG);
    // Compares only the bytes that have arrived: a part of `start` may still become all of it.
    let begins = |start: &[u8]| start.starts_with(&input[..input.len().min(start.len())]);
    if begins(&SIGNATURE) {
        return second_version(input).ok_or_else(wrong);
    }
    if !begins(b"PROXY ") {
        return Err(wrong());
    }
    let within = &input[..input.len().min(MAX_LINE)];
    match within.windows(2).position(|two| two == b"\r\n") {
        Some(end) => {
            let source = first_version(&within[..end]).ok_or_else(wrong)?;
            Ok(Some((source, end + 2)))
        }
        None if within.len() == MAX_LINE => Err(wrong()),
        None => Ok(None),
    }
}

/// Reads a line of version 1 without its CR LF. Returns `Some(None)` for `UNKNOWN`, which has no
/// address, and `None` for a wrong line.
fn first_version(line: &[u8]) -> Option<Option<IpAddr>> {
    let words: Vec<&str> = std::str::from_utf8(line).ok()?.split(' ').collect();
    let is_port = |word: &str| word.parse::<u16>().is_ok();
    match words[..] {
        ["PROXY", "UNKNOWN", ..] => Some(None),
        ["PROXY", family, source, target, from, to] if is_port(from) && is_port(to) => {
            let (source, target): (IpAddr, IpAddr) = (source.parse().ok()?, target.parse().ok()?);
            let is_family = |address: IpAddr| (family == "TCP4") == address.is_ipv4();
            let fits = matches!(family, "TCP4" | "TCP6") && is_family(source) && is_family(target);
            fits.then_some(Some(source))
        }
        _ => None,
    }
}

/// Reads a header of version 2. Returns `Some(None)` while it is not whole, and `None` for a wrong
/// one.
fn second_version(input: &[u8]) -> Option<Option<Introduced>> {
    let Some(&[command, family, high, low]) =
        input.get(SIGNATURE.len()..FIXED).and_then(|fixed| fixed.first_chunk())
    else {
        return Some(None);
    };
    let used = FIXED + usize::from(u16::from_be_bytes([high, low]));
    let (is_own, is_client) = (command == 0x20, command == 0x21);
    if !is_own && !is_client {
        return None;
    }
    let Some(addresses) = input.get(FIXED..used) else { return Some(None) };
    let source = match family {
        // The proxy's own connection, such as its check that the server lives, has no client.
        _ if is_own => None,
        // Two addresses of 4 bytes, or two of 16, and two ports of 2.
        0x11 if addresses.len() >= 12 => addresses.first_chunk::<4>().map(|&four| four.into()),
        0x21 if addresses.len() >= 36 => addresses.first_chunk::<16>().map(|&bytes| bytes.into()),
        // The length leaves no room for the two addresses and ports of this family.
        0x11 | 0x21 => return None,
        _ => None,
    };
    Some(Some((source, used)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn second(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
        let length = (addresses.len() as u16).to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, addresses].concat()
    }

    fn source(header: &[u8]) -> Option<Option<String>> {
        let read = read_header(header).ok()??;
        assert_eq!(read.1, header.len());
        Some(read.0.map(|address| address.to_string()))
    }

    #[test]
    fn both_versions_name_the_client() {
        let four = Some(Some("192.0.2.7".to_string()));
        let six = Some(Some("2001:db8::7".to_string()));
        assert_eq!(source(b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 4120\r\n"), four);
        assert_eq!(source(b"PROXY TCP6 2001:db8::7 2001:db8::1 1 65535\r\n"), six);
        assert_eq!(source(b"PROXY UNKNOWN\r\n"), Some(None));
        assert_eq!(source(b"PROXY UNKNOWN ffff::1 ::1 1 2\r\n"), Some(None));
        let ipv4 = [192, 0, 2, 7, 198, 51, 100, 1, 220, 4, 16, 24];
        assert_eq!(source(&second(0x21, 0x11, &ipv4)), four);
        let and_more = [&ipv4[..], &[3, 0, 4, 1, 2, 3, 4]].concat();
        assert_eq!(source(&second(0x21, 0x11, &and_more)), four, "with a checksum behind it");
        let mut ipv6 = [0; 36];
        ipv6[..16].copy_from_slice(&"2001:db8::7".parse::<std::net::Ipv6Addr>().unwrap().octets());
        assert_eq!(source(&second(0x21, 0x21, &ipv6)), six);
        assert_eq!(source(&second(0x20, 0x00, &[])), Some(None), "the proxy's own check");
        assert_eq!(source(&second(0x20, 0x11, &ipv4)), Some(None));
        assert_eq!(source(&second(0x21, 0x31, &[0; 216])), Some(None), "a Unix socket");
    }

    #[test]
    fn nothing_else_is_taken_for_a_header() {
        let long = [b"PROXY UNKNOWN ".to_vec(), vec![b'x'; 100]].concat();
        let short = second(0x21, 0x11, &[192, 0, 2, 7]);
        let wrong: [&[u8]; 9] = [
            b"draw 1\n",
            b"PROXY TCP4 192.0.2.7 198.51.100.1 56324\r\n",
            b"PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",
            b"PROXY TCP4 192.0.2.7 198.51.100.1 65536 4120\r\n",
            b"PROXY TCP5 192.0.2.7 198.51.100.1 1 2\r\n",
            b"PROXY  TCP4 192.0.2.7 198.51.100.1 1 2\r\n",
            &long,
            &short,
            &second(0x31, 0x11, &[0; 12]),
        ];
        for wrong in wrong {
            assert!(read_header(wrong).is_err(), "{}", wrong.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn a_header_in_pieces_is_waited_for(more in prop::collection::vec(any::<u8>(), 0..40), second_one: bool) {
            let line = b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 4120\r\n".to_vec();
            let header = if second_one { second(0x21, 0x11, &[9; 12]) } else { line };
            for cut in 0..header.len() {
                prop_assert_eq!(read_header(&header[..cut]), Ok(None));
            }
            let whole = read_header(&[&header[..], &more].concat());
            prop_assert_eq!(whole.unwrap().unwrap().1, header.len());
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), command: u8) {
            let _ = read_header(&bytes);
            let _ = read_header(&[&SIGNATURE[..], &[command], &bytes].concat());
            let _ = read_header(&[&b"PROXY "[..], &bytes].concat());
        }
    }
}
