//! The socket on which the server listens. The server binds it, or gets it as standard input.
//!
//! std binds with a backlog of 128, and cannot ask the system to look whether silent peers are
//! still there (TCP keep-alive). But a socket that another program made keeps what that program
//! set, and accepted connections inherit the keep-alive. So systemd (`StandardInput=socket`) or
//! `./run.sh serve` make the socket, and hand it over. inetd (`wait`) does so too, but sets no
//! keep-alive.
//!
//! **Invariants** the descriptor 0 is duplicated: std's own standard input stays as it is.
//!
//! **Lock** none.
//!
//! **Simplified** std cannot tell whether a bound TCP socket listens. If the socket on standard
//! input does not, each `accept` fails, and the log says so once a minute.
//!
//! **Source** listen(2), tcp(7) for `TCP_KEEPIDLE`, systemd.socket(5).

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;

use crate::server::config::{Config, DEFAULT_PORT};

/// The most times that the server tries another free TCP port, with port 0 and `--udp`, because the
/// number of the last port was not free for UDP.
const MAX_PORTS: u32 = 100;

/// Returns the listening socket that is standard input, and its address.
///
/// # Errors
/// Fails with one line if standard input is no such socket.
pub(super) fn handed_over() -> Result<(TcpListener, SocketAddr), String> {
    let own = || io::stdin().as_fd().try_clone_to_owned();
    let refused = |why: String| {
        format!(
            "standard input is no listening TCP socket ({why}); leave --socket-on-stdin out, or \
             see docs/leasebox.socket"
        )
    };
    // `nodelay` asks for an option that only TCP sockets have: a datagram socket fails here. With
    // `local_addr` alone it would not fail, because it has an address too.
    if let Err(error) = own().and_then(|stream| TcpStream::from(stream).nodelay()) {
        return Err(refused(error.to_string()));
    }
    // A listening socket has no peer, a connection has one: inetd with `nowait` hands over the
    // connection of one client.
    if own().is_ok_and(|stream| TcpStream::from(stream).peer_addr().is_ok()) {
        return Err(refused("it is one connection".into()));
    }
    let listener = own().map(TcpListener::from);
    let named = listener.and_then(|listener| listener.local_addr().map(|at| (listener, at)));
    named.map_err(|error| refused(error.to_string()))
}

impl Config {
    /// Binds the TCP socket, and with `--udp` the UDP socket to the same port number. With port 0
    /// the system chooses a free TCP port. If its number is not free for UDP, another port is
    /// tried. A socket that was handed over is bound already. `bind_udp` is an argument, so that a
    /// test can make it fail.
    ///
    /// # Errors
    /// Fails with the text of [`explain_bind`].
    pub(super) fn bind(
        &self,
        mut handed: Option<TcpListener>,
        mut bind_udp: impl FnMut(SocketAddr) -> io::Result<UdpSocket>,
    ) -> Result<(TcpListener, Option<UdpSocket>), String> {
        let failed =
            |what: &'static str| move |error: io::Error| explain_bind(what, self.address, &error);
        let mut tries = 0;
        loop {
            let listener = match handed.take() {
                Some(listener) => listener,
                None => TcpListener::bind(self.address).map_err(failed("TCP"))?,
            };
            if self.udp.is_none() {
                return Ok((listener, None));
            }
            let port = listener.local_addr().map_err(failed("TCP"))?.port();
            match bind_udp(SocketAddr::new(self.address.ip(), port)) {
                Ok(socket) => return Ok((listener, Some(socket))),
                Err(_) if self.address.port() == 0 && tries < MAX_PORTS => tries += 1,
                Err(error) => return Err(failed("UDP")(error)),
            }
        }
    }
}

/// Returns the cause and the cure of a failed bind.
fn explain_bind(what: &str, address: SocketAddr, error: &io::Error) -> String {
    let port = address.port();
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!(
                "{what} {address} is in use; stop what listens there, or give --port 0 for a free one"
            )
        }
        io::ErrorKind::PermissionDenied => format!(
            "port {port} needs a right you do not have; give a --port over 1023 (the default is \
             {DEFAULT_PORT}), or run with the right to low ports"
        ),
        io::ErrorKind::AddrNotAvailable => {
            format!(
                "{} is no address of this machine; give --bind 0.0.0.0 for all of them",
                address.ip()
            )
        }
        _ => format!("cannot listen on {address} ({error}); give another --bind or --port"),
    }
}

#[cfg(test)]
#[path = "listening_tests.rs"]
mod tests;
