//! Tokens: with a token the sender of a datagram proves its address.
//!
//! ```text
//!   bytes 0        8                              16                                     24
//!         │ client │ issued, ns since the start   │ keyed hash of both and of the address │
//! ```
//!
//! Anybody can write any sender's address into a datagram. The server sends a token to the address
//! that a Hello (a client's first datagram) came from. Only the true owner of that address receives
//! it, and sends it back with each request.
//!
//! The server stores no token: it calculates the hash again and compares. The wrong way is a table
//! of tokens, which a flood of Hellos from false addresses would fill. No two tokens are the same,
//! because each holds its client's number.
//!
//! **Invariants** a token is accepted only from the IP address and port that it was sent to, and
//! only by the server that made it: another server, or the same one after a restart, has another
//! key.
//!
//! **Lock** none. The `udp` thread owns the key.
//!
//! **Simplified** std's keyed hash is SipHash 1-3, and std does not promise its strength. A sender
//! with a false address sees no answer, so it would have to guess 64 bits. A bigger server uses a
//! cryptographic code (HMAC), and changes its key now and then.
//!
//! **Source** RFC 9000, section 8.1 (QUIC); the older SYN cookies, RFC 4987, section 3.6.

use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::common::caller::ClientNumber;
use crate::protocol::datagram::Token;

/// Makes tokens, and recognizes its own. The `udp` thread owns it.
#[derive(Debug)]
pub struct Tokens {
    /// The secret key, random at each start of the server.
    key: RandomState,
    /// The time from which a token's `issued` counts: an [`Instant`] alone is no number that could
    /// be sent.
    start: Instant,
}

/// The content of a valid token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// The client for which the token was made.
    pub client: ClientNumber,
    /// The time since the token was made.
    pub age: Duration,
}

impl Tokens {
    /// Makes tokens with a secret key. No later call may pass a time before `start`.
    pub fn new(key: RandomState, start: Instant) -> Self {
        Self { key, start }
    }

    /// Returns a token for `client` at the address `from`.
    pub fn make(&self, client: ClientNumber, from: SocketAddr, now: Instant) -> Token {
        let issued_ns = self.nanoseconds(now);
        let mut token = [0; 24];
        token[..8].copy_from_slice(&client.to_be_bytes());
        token[8..16].copy_from_slice(&issued_ns.to_be_bytes());
        token[16..].copy_from_slice(&self.hash(client, issued_ns, from).to_be_bytes());
        Token(token)
    }

    /// Returns the content of a token that came from the address `from`; `None` if this server did
    /// not make it for that address.
    pub fn read(&self, Token(bytes): Token, from: SocketAddr, now: Instant) -> Option<Proof> {
        let (words, _) = bytes.as_chunks::<8>();
        // Always matches: a token has 24 bytes, and so three words of 8.
        let [client, issued_ns, hash] = *words else { return None };
        let (client, issued_ns) = (u64::from_be_bytes(client), u64::from_be_bytes(issued_ns));
        if self.hash(client, issued_ns, from) != u64::from_be_bytes(hash) {
            return None;
        }
        let age_ns = self.nanoseconds(now).saturating_sub(issued_ns);
        Some(Proof { client, age: Duration::from_nanos(age_ns) })
    }

    /// Converts a time to nanoseconds since the start. 64 bits last for 584 years.
    fn nanoseconds(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.start).as_nanos()).unwrap_or(u64::MAX)
    }

    /// Returns the keyed hash that binds a token to its address.
    fn hash(&self, client: ClientNumber, issued_ns: u64, from: SocketAddr) -> u64 {
        self.key.hash_one((client, issued_ns, from.ip(), from.port()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn a_token_says_whose_it_is_and_how_old() {
        let start = Instant::now();
        let tokens = Tokens::new(RandomState::new(), start);
        let token = tokens.make(7, at(5), start + Duration::from_secs(1));
        let proof = tokens.read(token, at(5), start + Duration::from_secs(3));
        assert_eq!(proof, Some(Proof { client: 7, age: Duration::from_secs(2) }));
    }

    #[test]
    fn a_token_is_worth_nothing_from_another_address_or_changed_or_to_another_server() {
        let start = Instant::now();
        let tokens = Tokens::new(RandomState::new(), start);
        let token = tokens.make(7, at(5), start);
        assert!(tokens.read(token, at(5), start).is_some());
        assert_eq!(tokens.read(token, at(6), start), None);
        assert_eq!(tokens.read(token, SocketAddr::from(([127, 0, 0, 2], 5)), start), None);
        assert_eq!(Tokens::new(RandomState::new(), start).read(token, at(5), start), None);
        for at_byte in 0..24 {
            let mut changed = token;
            changed.0[at_byte] ^= 1;
            assert_eq!(tokens.read(changed, at(5), start), None, "byte {at_byte}");
        }
    }
}
