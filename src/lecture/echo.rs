//! The lecture's echo servers: strings over TCP, bytes over UDP.
//!
//! ```text
//!   TCP  │ length u16, big-endian │ modified UTF-8 │   writeUTF ──► and the same back
//!   UDP  │ bytes, up to 65,507 │                       send ──► and the same back
//! ```
//!
//! The lecture's Java clients talk to it unchanged. Its TCP server echoes one string and
//! closes; this one goes on until the client closes, which the lecture's does after one.
//! Its UDP server has a buffer of 1000 bytes and echoes no more of a datagram than that.
//!
//! | thread | one for | does |
//! | --- | --- | --- |
//! | `echo-udp` | the program | echoes datagrams |
//! | `echo-accept` | the program | accepts |
//! | `echo-N` | each connection | echoes strings |
//!
//! **Invariants** a connection that is silent for a minute, or takes as long for one string,
//! is closed; at most 256 are open. What `readUTF` would throw at is not echoed.
//!
//! **Lock** none. **Simplified** a datagram is answered to whatever address it claims to come
//! from, as an echo server does: bind it where only friends can reach it. One that claims to
//! come from the server's own port number, on whatever machine, is dropped: this server, or two
//! of them, would echo it for ever.
//!
//! **Source** the lecture's `TCPServer`, `Connection` and `UDPServer`.

use std::io::{self, ErrorKind, Read};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::thread::Builder;
use std::time::{Duration, Instant};

use crate::lecture::modified_utf8;
use crate::protocol::datagram::BUFFER;
use crate::protocol::output::Output;
use crate::server::writing;

/// The time for which a connection may be silent, and in which a string must arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// Connections at once.
const MAX: usize = 256;

/// A thread's stack in bytes.
const STACK: usize = 128 * 1024;

/// The wait after an error of the system.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Echoes strings on every connection, in threads that live as long as the process.
///
/// # Errors
/// When the system has no thread to give.
pub fn strings(listener: TcpListener) -> io::Result<()> {
    let open = Arc::new(());
    let accept = move || {
        for (number, accepted) in listener.incoming().enumerate() {
            match accepted {
                Ok(stream) => admit(stream, number + 1, &open),
                Err(error) => {
                    log::warn!("no connection can be accepted now, waiting: {error}");
                    std::thread::sleep(BACK_OFF);
                }
            }
        }
    };
    Builder::new().name("echo-accept".into()).spawn(accept).map(|_| ())
}

/// Serves a connection in a thread of its own. Each such thread has a clone of `open`, so the
/// number of clones is that of the open connections.
fn admit(stream: TcpStream, number: usize, open: &Arc<()>) {
    let Ok(peer) = stream.peer_addr() else { return };
    // One more is the accepting thread's own.
    if Arc::strong_count(open) > MAX {
        return log::warn!("{peer} is closed: {MAX} connections are open");
    }
    let place = open.clone();
    let serve = move || {
        let _place = place;
        log::info!("{peer} connected");
        match echo_strings(&stream, peer) {
            Ok(()) => log::info!("{peer} closed"),
            Err(error) => {
                log::info!("{peer} is closed: {error}");
                writing::close(&stream);
            }
        }
    };
    let builder = Builder::new().name(format!("echo-{number}")).stack_size(STACK);
    if let Err(error) = builder.spawn(serve) {
        log::warn!("{peer} is closed: no thread for it: {error}");
    }
}

/// Until the client closes between two strings.
fn echo_strings(stream: &TcpStream, peer: SocketAddr) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut buffer = vec![0; usize::from(u16::MAX)];
    loop {
        let deadline = Instant::now() + PATIENCE;
        let mut length = [0; 2];
        match read_by(stream, &mut length, deadline)? {
            0 => return Ok(()),
            2 => {}
            _ => return Err(ErrorKind::UnexpectedEof.into()),
        }
        let text = &mut buffer[..u16::from_be_bytes(length).into()];
        if read_by(stream, text, deadline)? < text.len() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        log::info!("{peer} sent a string of {} bytes", text.len());
        let echo = echo_of(text).map_err(io::Error::other)?;
        let echo = Output { bytes: echo, body: Vec::new() };
        writing::write_all(stream, &echo, PATIENCE)?;
    }
}

/// Returns the bytes that `writeUTF` writes for a string that `readUTF` read.
fn echo_of(text: &[u8]) -> Result<Vec<u8>, &'static str> {
    let units = modified_utf8::decode(text).ok_or("the string is no modified UTF-8")?;
    let echo = modified_utf8::encode(units);
    // A NUL may have come as one byte, and takes two.
    let length = u16::try_from(echo.len()).map_err(|_| "the string is too long for writeUTF")?;
    Ok([&length.to_be_bytes()[..], &echo].concat())
}

/// Fills the buffer, or as much of it as comes before the stream's end.
fn read_by(mut stream: &TcpStream, buffer: &mut [u8], deadline: Instant) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return Err(ErrorKind::TimedOut.into());
            }
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Echoes datagrams, in a thread that lives as long as the process.
///
/// # Errors
/// When the system has no thread to give.
pub fn datagrams(socket: UdpSocket) -> io::Result<()> {
    let own = socket.local_addr()?.port();
    let echo = move || {
        let mut buffer = vec![0; BUFFER];
        loop {
            match socket.recv_from(&mut buffer) {
                Ok((_, from)) if from.port() == own => {}
                Ok((length, from)) => {
                    log::info!("{from} sent {length} bytes");
                    if let Err(error) = socket.send_to(&buffer[..length], from) {
                        log::info!("{from} was not answered: {error}");
                    }
                }
                Err(error) => {
                    log::warn!("no datagram can be received now, waiting: {error}");
                    std::thread::sleep(BACK_OFF);
                }
            }
        }
    };
    Builder::new().name("echo-udp".into()).spawn(echo).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_readutf_throws_at_is_not_echoed() {
        assert_eq!(echo_of(b"hi").unwrap(), [0, 2, b'h', b'i']);
        assert_eq!(echo_of(&[0]).unwrap(), [0, 2, 0xc0, 0x80]);
        assert!(echo_of(&[0xff]).is_err());
        assert!(echo_of(&[0; 32_768]).is_err(), "it would take 65,536 bytes");
    }
}
