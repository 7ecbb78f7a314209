//! The errors of a call. The text of each says the cause, and the cure.
//!
//! ```text
//!   UnknownHost NoServer NoSocket NotConnected     the request was not sent
//!   Refused                                        the server refused it, or it does not fit a datagram
//!   all others                                     the request may have been executed, or not
//! ```
//!
//! The third line is a law of networks, not a weakness of this library: if a connection breaks
//! after the request was sent, nothing on this side can distinguish a lost request from a lost
//! reply. So a caller repeats such a request only if it does no harm twice. `get` does none; a
//! second draw takes more numbers.
//!
//! **Invariants** the texts of the last group say that the outcome is unknown.
//!
//! **Lock** none. **Source** Coulouris and others, section 5.3. The lecture's `SocketException` and
//! `IOException` do not say whether the request was executed.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use crate::common::error::Error;

/// The reason why a call has no result.
#[derive(Debug)]
pub enum CallError {
    /// The system knows no address for the host.
    UnknownHost(String),
    /// The address could not be reached: no program listens there, or no connection was made in
    /// time.
    NoServer(SocketAddr, io::Error),
    /// An earlier call broke the connection, so this request was not sent.
    NotConnected,
    /// The connection broke in this call. The outcome of the request is unknown.
    Broken(io::Error),
    /// The server closed the connection before it answered. The outcome is unknown.
    Closed,
    /// No answer came within this limit (and, over TCP, the time that the request asked the server
    /// to wait). The outcome is unknown.
    TimedOut(Duration),
    /// Bytes arrived that are no answer to the request, or the answer is longer than accepted. The
    /// outcome is unknown.
    Unreadable,
    /// The system made no socket, perhaps because too many are open.
    NoSocket(io::Error),
    /// By datagrams: the server refuses this client's token, and the client does not send the
    /// request again under another token. The server was restarted, or the client's address
    /// changed, or no at-most-once request of the client arrived for the time that the server keeps
    /// a token. The outcome is unknown.
    TokenRefused,
    /// By datagrams, with *at most once*: the server answered that its history (its memory of
    /// at-most-once requests) was full, and no other answer came within this limit. The outcome is
    /// unknown.
    HistoryFull(Duration),
    /// The server refused the request, with this error. If a request does not fit a datagram, the
    /// client itself returns this with `too-large`, and sends nothing.
    Refused(Error),
}

impl CallError {
    /// Returns the meaning of a socket's error for a call with this limit. A read or write that
    /// reached its timeout fails with `WouldBlock` on Linux and `TimedOut` on other systems.
    pub fn of(error: io::Error, limit: Duration) -> Self {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => CallError::TimedOut(limit),
            ErrorKind::UnexpectedEof => CallError::Closed,
            _ => CallError::Broken(error),
        }
    }

    /// Returns the same error with another limit in its text. A program that gives each call the
    /// time that is left names the whole limit to its user.
    pub fn within(self, limit: Duration) -> Self {
        match self {
            CallError::TimedOut(_) => CallError::TimedOut(limit),
            CallError::HistoryFull(_) => CallError::HistoryFull(limit),
            other => other,
        }
    }
}

/// The words for an unknown outcome. Every text of the last group has them.
const UNKNOWN: &str = "it is not known whether the request was executed";

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::UnknownHost(host) => {
                write!(f, "the host {host} is unknown; give its name or its IP address")
            }
            CallError::NoServer(address, error) => write!(
                f,
                "no server answers on {address} ({error}); start one with leasebox serve, \
                 for datagrams with --udp"
            ),
            CallError::Broken(error) => {
                write!(
                    f,
                    "the connection failed ({error}), and {UNKNOWN}; is the server still running?"
                )
            }
            CallError::TimedOut(limit) => {
                write!(f, "no answer within {limit:?}, and {UNKNOWN}; is that a leasebox server?")
            }
            CallError::NoSocket(error) => {
                write!(f, "no socket could be made ({error}); close something first")
            }
            CallError::HistoryFull(limit) => write!(
                f,
                "the server's history was full and no answer came within {limit:?}, so {UNKNOWN}; \
                 try again later, or ask at least once"
            ),
            CallError::NotConnected => f.write_str(NOT_CONNECTED),
            CallError::Closed => {
                write!(f, "the server closed before it answered, and {UNKNOWN}; look at its log")
            }
            CallError::Unreadable => {
                write!(f, "the answer cannot be read, so {UNKNOWN}; is that a leasebox server?")
            }
            CallError::TokenRefused => {
                write!(f, "{TOKEN_REFUSED}; {UNKNOWN}, so ask again if twice does no harm")
            }
            CallError::Refused(error) => error.fmt(f),
        }
    }
}

const NOT_CONNECTED: &str =
    "an earlier call broke the connection, so the request was not sent; connect again";

/// The cause, without the outcome.
const TOKEN_REFUSED: &str = "the server does not know this client any more: it was started anew, \
                             the client's address changed, or no request of it came for too long";

impl std::error::Error for CallError {}
