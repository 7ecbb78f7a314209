//! Why a call has no answer, and what to do about it.
//!
//! ```text
//!   UnknownHost NoServer NoSocket     it was not asked
//!   Refused                           the server said no
//!   all others                        it is not known whether it was executed
//! ```
//!
//! **Invariants** the last row's texts say so.
//!
//! **Lock** none. **Source** ours.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use crate::common::error::Error;

/// Why a call has no answer.
#[derive(Debug)]
pub enum CallError {
    /// No address is known for the host.
    UnknownHost(String),
    /// Nobody listens there.
    NoServer(SocketAddr, io::Error),
    /// The connection broke. Whether the request was executed is not known.
    Broken(io::Error),
    /// The server closed the connection. Whether the request was executed is not known.
    Closed,
    /// Time was over. Whether the request was executed is not known.
    TimedOut(Duration),
    /// What came is no answer to the request.
    Unreadable,
    /// No socket could be made on this machine.
    NoSocket(io::Error),
    /// By datagrams: the server does not take this client's token any more (it was started
    /// anew, the client's address changed, or nothing arrived for the history's time), and the
    /// request was not to be asked under another. Whether it was executed is not known.
    TokenRefused,
    /// By datagrams, at most once: the server's history was full when it was last heard of,
    /// and no answer came in time. Whether the request was executed is not known.
    HistoryFull(Duration),
    /// The server said no.
    Refused(Error),
}

impl CallError {
    /// What a socket's error means for a call of this limit.
    pub fn of(error: io::Error, limit: Duration) -> Self {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => CallError::TimedOut(limit),
            ErrorKind::UnexpectedEof => CallError::Closed,
            _ => CallError::Broken(error),
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::UnknownHost(host) => {
                write!(f, "the host {host} is unknown; give its name or its IP address")
            }
            CallError::NoServer(address, error) => {
                write!(
                    f,
                    "no server answers on {address} ({error}); start one with leasebox serve, for datagrams \
                     with --udp"
                )
            }
            CallError::Broken(error) => {
                write!(
                    f,
                    "the connection failed ({error}), and it is not known whether the request \
                     was executed; is the server still running?"
                )
            }
            CallError::TimedOut(limit) => write!(
                f,
                "no answer within {limit:?}, and it is not known whether the request was \
                 executed; is that a leasebox server?"
            ),
            CallError::NoSocket(error) => {
                write!(f, "no socket could be made ({error}); close something first")
            }
            CallError::HistoryFull(limit) => write!(
                f,
                "the server's history was full and no answer came within {limit:?}, so it is not \
                 known whether the request was executed; try again later, or ask at least once"
            ),
            CallError::Closed => f.write_str(CLOSED),
            CallError::Unreadable => f.write_str(UNREADABLE),
            CallError::TokenRefused => f.write_str(TOKEN_REFUSED),
            CallError::Refused(error) => error.fmt(f),
        }
    }
}

const CLOSED: &str = "the server closed before it answered, and it is not known whether the request \
                      was executed; look at its log";

const UNREADABLE: &str = "the answer cannot be read, so it is not known whether the request was \
                          executed; is that a leasebox server?";

const TOKEN_REFUSED: &str = "the server does not know this client any more: it was started anew, the client's address \
     changed, or nothing arrived for too long; it is not known whether the request was executed, so \
     ask again if twice does no harm";

impl std::error::Error for CallError {}
