//! The client of a request: a connection, or a sender of datagrams.
//!
//! A service learns nothing else about its client: no socket, no format. So a test calls a service
//! as the server does, with a number.

use std::net::IpAddr;

use super::error::{Code, Error};

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
    /// The address under which the limits count this client. `None` if the server trusts the
    /// address: such a client has no limit of its own.
    pub stranger: Option<IpAddr>,
    /// The most bytes of data in one reply. It depends on the format: a line of text escapes data,
    /// a frame does not.
    pub most_data: u64,
    /// The most bytes of data for which the client's connection has memory now. A command that
    /// would answer with more fails with [`no_room`], before it changes anything. The connection
    /// then reserves more and executes it again ([`crate::server::holding`]).
    pub room: u64,
}

/// The text by which [`is_no_room`] tells this refusal from any other `too-large`.
const NO_ROOM: &str = "the answer is longer than the memory that is there for it; ask for less";

/// Returns the refusal of an answer for which there is no memory.
pub fn no_room() -> Error {
    Error::new(Code::TooLarge, NO_ROOM)
}

/// Returns whether this is the refusal of [`no_room`].
pub fn is_no_room(error: &Error) -> bool {
    error.code == Code::TooLarge && error.text == NO_ROOM
}

impl Caller {
    /// Returns the caller for a connection from a trusted address. The connection's thread replaces
    /// `most_data` for each request, because the bound depends on the format.
    pub fn connected(client: ClientNumber) -> Self {
        Self { client, is_connected: true, stranger: None, most_data: u64::MAX, room: u64::MAX }
    }

    /// Returns the caller for a sender of datagrams with a trusted address. The server cannot see
    /// that such a client has gone; it only sees that the client is silent. `udp` replaces
    /// `most_data`.
    pub fn unconnected(client: ClientNumber) -> Self {
        Self { is_connected: false, ..Self::connected(client) }
    }

    /// Returns the most bytes of data that an answer may have now: the format can carry them, and
    /// the connection has memory for them.
    pub fn most_answer_bytes(&self) -> u64 {
        self.most_data.min(self.room)
    }

    /// Checks that there is memory for an answer of `bytes`, which is not made yet.
    ///
    /// # Errors
    /// `too-large`.
    pub fn check_room(&self, bytes: u64) -> Result<(), Error> {
        if bytes <= self.room {
            return Ok(());
        }
        Err(no_room())
    }

    /// Returns the error for an answer that was longer than [`Caller::most_answer_bytes`]. If the
    /// connection has memory for less than the format can carry, the error is [`no_room`]: the
    /// connection then reserves more and executes the command again. Otherwise it is `error`
    /// itself.
    pub fn explain_too_large(&self, error: Error) -> Error {
        let is_for_room = error.code == Code::TooLarge && self.room < self.most_data;
        if is_for_room { no_room() } else { error }
    }

    /// Returns these rows, if there is memory for an answer with them. A row takes up to `bytes`
    /// bytes in the answer.
    ///
    /// # Errors
    /// `too-large`.
    pub fn check_rows<Row>(&self, rows: Vec<Row>, bytes: u64) -> Result<Vec<Row>, Error> {
        self.check_room(bytes * rows.len() as u64).map(|()| rows)
    }
}
