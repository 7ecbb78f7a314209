//! Tokens: what a datagram's sender proves its address by.
//!
//! ```text
//!   │ client u64 │ issued u64, ns since the start │ keyed hash u64 of both and of the address │
//! ```
//!
//! The server keeps none of them: whether a token is its own is calculated. A token names
//! its client, and no two are the same.
//!
//! **Invariants** a token is accepted from the IP address and port alone that it was sent to,
//! and only by the server that made it.
//!
//! **Lock** none: the `udp` thread's own.
//!
//! **Simplified** std's keyed hash is SipHash 1-3, whose strength std does not promise; 64
//! bits of it are to be guessed from an address that one cannot read the mail of.
//!
//! **Source** RFC 9000, section 8.1; SYN cookies before it.

use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::common::caller::ClientNumber;
use crate::protocol::datagram::Token;

/// Makes tokens and knows its own.
#[derive(Debug)]
pub struct Tokens {
    key: RandomState,
    start: Instant,
}

/// What a token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// Whose it is.
    pub client: ClientNumber,
    /// How long ago it was made.
    pub age: Duration,
}

impl Tokens {
    /// With a secret key; `start` is no later than any time that is given from now on.
    pub fn new(key: RandomState, start: Instant) -> Self {
        Self { key, start }
    }

    /// A token for `client`, at that address.
    pub fn make(&self, client: ClientNumber, from: SocketAddr, now: Instant) -> Token {
        let issued_ns = self.nanoseconds(now);
        let mut token = [0; 24];
        token[..8].copy_from_slice(&client.to_be_bytes());
        token[8..16].copy_from_slice(&issued_ns.to_be_bytes());
        token[16..].copy_from_slice(&self.hash(client, issued_ns, from).to_be_bytes());
        Token(token)
    }

    /// What a token from that address says, if it is one of ours.
    pub fn read(&self, Token(bytes): Token, from: SocketAddr, now: Instant) -> Option<Proof> {
        let (words, _) = bytes.as_chunks::<8>();
        let [client, issued_ns, hash] = *words else { return None };
        let (client, issued_ns) = (u64::from_be_bytes(client), u64::from_be_bytes(issued_ns));
        if self.hash(client, issued_ns, from) != u64::from_be_bytes(hash) {
            return None;
        }
        let age_ns = self.nanoseconds(now).saturating_sub(issued_ns);
        Some(Proof { client, age: Duration::from_nanos(age_ns) })
    }

    fn nanoseconds(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.start).as_nanos()).unwrap_or(u64::MAX)
    }

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
