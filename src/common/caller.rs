//! The caller: a connection, or a client that sends datagrams.

/// Which client: counted from 1 in the order of acceptance, never reused.
pub type ClientNumber = u64;

/// The client that asks, and the longest data that it can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// A connection, or a token of datagrams.
    pub client: ClientNumber,
    /// It is a connection, so the server sees its end.
    pub is_connected: bool,
    /// The most bytes of data that one reply to it can have.
    pub most_data: u64,
}

impl Caller {
    /// A connection.
    pub fn connected(client: ClientNumber) -> Self {
        Self { client, is_connected: true, most_data: u64::MAX }
    }

    /// A client without a connection: only its silence tells that it has gone.
    pub fn unconnected(client: ClientNumber) -> Self {
        Self { client, is_connected: false, most_data: u64::MAX }
    }
}
