//! The solution of e8_02: the buffer has the length of the longest datagram, and only the bytes
//! that came are sent.

use std::io;
use std::net::UdpSocket;

/// Receives one datagram into the buffer that the server keeps, and sends it back.
///
/// # Errors
/// Fails as the socket does.
pub fn echo_one(socket: &UdpSocket, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.resize(65_507, 0);
    let (length, from) = socket.recv_from(buffer)?;
    socket.send_to(&buffer[..length], from)?;
    Ok(())
}
