//! The client of a request: a connection, or a sender of datagrams.
//!
//! A service learns nothing else about its client: no socket, no address, no format. So a test
//! calls a service as the server does, with a number.

/// The number of a client. Connections and senders of datagrams are counted together, from 1, in
/// the order in which they come; no number is used twice.
pub type ClientNumber = u64;

/// The client of a request, and the longest data that its reply can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The number of the connection, or of the sender of datagrams.
    pub client: ClientNumber,
    /// True if the client is a connection, so that the server sees when it ends.
    pub is_connected: bool,
    /// The most bytes of data in one reply. It depends on the format: a line of text escapes data,
    /// a frame does not.
    pub most_data: u64,
}

impl Caller {
    /// Returns the caller for a connection. The connection's thread replaces `most_data` for each
    /// request, because the bound depends on the format.
    pub fn connected(client: ClientNumber) -> Self {
        Self { client, is_connected: true, most_data: u64::MAX }
    }

    /// Returns the caller for a sender of datagrams. The server cannot see that such a client has
    /// gone; it only sees that the client is silent. `udp` replaces `most_data`.
    pub fn unconnected(client: ClientNumber) -> Self {
        Self { client, is_connected: false, most_data: u64::MAX }
    }
}
