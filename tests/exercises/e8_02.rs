//! **Goal** echo a datagram whole. **Invariant** the echo is the datagram, up to the 65,507 bytes that a datagram has at most over IPv4; nothing of the datagram before is sent along.
//!
//! *Predict first:* the lecture's server receives into 1000 bytes and sends its whole buffer back. What does a client get that sends `hi` after somebody who sent a long text?

use std::io;
use std::net::UdpSocket;

/// Receives one datagram into the buffer that the server keeps, and sends it back.
///
/// # Errors
/// Fails as the socket does.
pub fn echo_one(socket: &UdpSocket, buffer: &mut Vec<u8>) -> io::Result<()> {
    // YOUR TURN: how long is a datagram, and how much of the buffer came with it? Remove this line.
    buffer.resize(1000, 0);
    let (_, from) = socket.recv_from(buffer)?;
    socket.send_to(buffer, from)?;
    Ok(())
}
