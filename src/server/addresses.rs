//! How many clients of one address may be connected.
//!
//! ```text
//!   8192 places   │ an address that is not trusted gets at most half │ … │ the last 512: only for
//!                                                                      addresses without a client
//! ```
//!
//! A connected client takes a *place*; `--max-clients` bounds the number of places. A client that
//! sends nothing keeps its place and a thread. With a limit for all clients alone, one stranger
//! could take every place, so each address that is not trusted has a limit too. Two strangers with
//! an address each could still take all places, so the last ones are for addresses without a
//! client.
//!
//! **Invariants** the limits here never refuse a trusted address.
//!
//! **Lock** none: [`super::clients`] counts, under its own lock, and asks here.
//!
//! **Simplified** a stranger with many addresses has the limit of each of them. One IPv6 network of
//! 64 bits counts as one address, because a single machine may choose any address in its network.
//!
//! **Source** ours.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

/// One of so many places is reserved for addresses without a client: a sixteenth of all.
pub(super) const RESERVED_DIVISOR: usize = 16;

/// The limits of addresses. They never change while the server runs.
#[derive(Debug, Clone)]
pub struct AddressLimits {
    /// The most clients of an address that is not trusted; `None` is a half of all places, rounded
    /// up, so that a server with one place lets a client in.
    pub most: Option<usize>,
    /// The addresses without a limit of their own.
    pub trusted: Vec<Network>,
    /// The most clients of all addresses together. It is 0 until the start of the server sets it:
    /// `--max-clients`, or fewer if the system allows only fewer ([`super::room`]).
    pub places: usize,
}

/// The addresses that share their first `bits` bits with one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Default for AddressLimits {
    /// Trusts this machine alone. Both texts are networks, so `flatten` drops neither.
    fn default() -> Self {
        let local = ["127.0.0.0/8", "::1"].map(Network::parse);
        Self { most: None, trusted: local.into_iter().flatten().collect(), places: 0 }
    }
}

impl Network {
    /// Parses `192.0.2.7`, `192.0.2.0/24` or the same in IPv6. Returns `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let address = address.parse::<IpAddr>().ok()?.to_canonical();
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
        (bits <= most).then_some(Self { address, bits })
    }

    /// Returns whether an address belongs to this network.
    fn contains(self, address: IpAddr) -> bool {
        // The first bit in which two addresses differ. IPv4 has 32 bits: they move to the front of
        // the 128, so that the zeros before that bit count the equal bits of both kinds.
        let differ = match (self.address, address) {
            (IpAddr::V4(one), IpAddr::V4(other)) => {
                u128::from(one.to_bits() ^ other.to_bits()) << 96
            }
            (IpAddr::V6(one), IpAddr::V6(other)) => one.to_bits() ^ other.to_bits(),
            _ => return false,
        };
        differ.leading_zeros() >= self.bits
    }
}

/// Returns the address under which a client is counted. For IPv6 it is the first address of the
/// client's network of 64 bits. The loopback address `::1` belongs to no such network, so it stands
/// for itself. An IPv4 address in the form of IPv6, such as `::ffff:192.0.2.1`, counts as IPv4.
pub fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into()
        }
        address => address,
    }
}

/// The number of clients of each address, in the form of [`counted`]. An address without a client
/// has no entry.
#[derive(Debug, Default)]
pub(super) struct AddressCounts(HashMap<IpAddr, usize>);

impl AddressCounts {
    /// Returns the number of clients of an address.
    pub fn of(&self, address: IpAddr) -> usize {
        self.0.get(&address).copied().unwrap_or(0)
    }

    /// Adds one client to the count of an address.
    pub fn add(&mut self, address: IpAddr) {
        *self.0.entry(address).or_default() += 1;
    }

    /// Takes one client off the count of an address.
    pub fn remove(&mut self, address: IpAddr) {
        let left = self.of(address).saturating_sub(1);
        if left == 0 {
            self.0.remove(&address);
        } else {
            self.0.insert(address, left);
        }
    }
}

impl AddressLimits {
    /// Returns the address under which a client is counted, if the server does not trust it.
    pub fn stranger(&self, address: IpAddr) -> Option<IpAddr> {
        let address = address.to_canonical();
        let is_trusted = self.trusted.iter().any(|network| network.contains(address));
        (!is_trusted).then(|| counted(address))
    }

    /// Returns a refusal, with the cause and the cure, if an address may have no further client;
    /// `None` if it may. `its` is the number of connected clients of this address, `all` that of
    /// all addresses.
    pub fn refusal(&self, address: IpAddr, its: usize, all: usize) -> Option<String> {
        self.stranger(address)?;
        let most = self.most.unwrap_or(self.places.div_ceil(2));
        if its >= most {
            let text = format!("your address has all its {most} connections; close one first");
            return Some(text);
        }
        let reserved = self.places / RESERVED_DIVISOR;
        let is_late = all >= self.places.saturating_sub(reserved);
        (is_late && its > 0).then(|| {
            format!("the last {reserved} places are for addresses without one; try again later")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(most: Option<usize>, trusted: &[&str]) -> AddressLimits {
        let trusted = trusted.iter().map(|text| Network::parse(text).unwrap()).collect();
        AddressLimits { most, trusted, places: 160 }
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_its_share_and_a_new_one_the_last_places() {
        let is_refused = |limits: &AddressLimits, its, all| {
            limits.refusal(address("192.0.2.1"), its, all).is_some()
        };
        let half = limits(None, &[]);
        assert!(!is_refused(&half, 79, 79) && is_refused(&half, 80, 80));
        assert!(!is_refused(&half, 1, 149) && is_refused(&half, 1, 150));
        assert!(!is_refused(&half, 0, 159), "an address without a connection");
        let two = limits(Some(2), &[]);
        assert!(!is_refused(&two, 1, 1) && is_refused(&two, 2, 2));
    }

    #[test]
    fn a_trusted_address_has_no_limit_of_its_own() {
        let limits = limits(Some(1), &["192.0.2.0/24", "2001:db8::/32", "198.51.100.7"]);
        let is_free = |text: &str| limits.refusal(address(text), 9, 99).is_none();
        for trusted in ["192.0.2.255", "2001:db8:1::1", "198.51.100.7", "::ffff:192.0.2.1"] {
            assert!(is_free(trusted), "{trusted}");
        }
        for stranger in ["192.0.3.0", "2001:db9::1", "198.51.100.8", "127.0.0.1"] {
            assert!(!is_free(stranger), "{stranger}");
        }
        let local = AddressLimits { most: Some(1), ..AddressLimits::default() };
        for trusted in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
            assert!(local.refusal(address(trusted), 9, 9).is_none(), "{trusted}");
        }
    }

    #[test]
    fn no_network_is_guessed() {
        for wrong in ["", "none", "192.0.2", "192.0.2.1/33", "::1/129", "192.0.2.1/", "a/8"] {
            assert_eq!(Network::parse(wrong), None, "{wrong}");
        }
        assert!(Network::parse("0.0.0.0/0").unwrap().contains(address("192.0.2.1")));
    }

    #[test]
    fn one_network_of_ipv6_is_one_address() {
        let same = |one: &str, other: &str| counted(address(one)) == counted(address(other));
        assert!(same("2001:db8::1", "2001:db8::ffff:1:2:3"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
        assert!(same("192.0.2.1", "::ffff:192.0.2.1"));
    }
}
