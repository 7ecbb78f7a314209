//! The lecture's echo servers: strings over TCP, bytes over UDP.
//!
//! ```text
//!   TCP  │ length u16, big-endian │ modified UTF-8 │   writeUTF ──► and the same back
//!   UDP  │ bytes, up to 65,507    │                      send ──► and the same back
//!
//!   > 0002 6869        the string "hi"
//!   < 0002 6869
//! ```
//!
//! The lecture's Java clients use both servers, and `leasebox echo-client` does what they do. Two
//! things differ from the lecture's servers. Its TCP server echoes one string and closes; this one
//! echoes strings until the client closes. Its UDP server has a buffer of 1000 bytes and cuts
//! longer datagrams; here any datagram fits.
//!
//! | thread | one for | does |
//! | --- | --- | --- |
//! | `echo-udp` | the program | echoes datagrams |
//! | `echo-accept` | the program | accepts |
//! | `echo-N` | each connection | echoes strings |
//!
//! TCP needs a thread for each connection, because a read blocks until its client sends. UDP has no
//! connections: one thread receives from all clients, and each datagram names its sender.
//!
//! **Invariants**
//!
//! 1. At most 256 connections are open. Each has a stack of 128 KiB and a buffer of 64 KiB, so
//!    together they take 48 MiB. The longest string takes some 300 KiB more while it is echoed.
//! 2. A connection ends if no whole string arrives within a minute. The minute counts from the
//!    connect or the last echo, so a client that sends one byte now and then cannot prolong it.
//! 3. A string for which Java's `readUTF` or `writeUTF` would throw is not echoed; its connection
//!    ends.
//! 4. An error of one connection ends no other one, and never the accepting thread.
//!
//! **Lock** none. The threads share only the counter of open connections, the atomic count in an
//! `Arc`.
//!
//! **Simplified** The UDP server answers the address that a datagram claims to come from, and
//! cannot know whether the claim is true. So an attacker can make it send bytes to a third machine:
//! bind it only where friends can reach it. A datagram that claims to come from the server's own
//! port number, on any machine, is dropped: otherwise this server, or two such servers, would echo
//! it for ever.
//!
//! **Source** the lecture's `TCPServer`, `Connection` and `UDPServer`; the loop of two echo servers
//! is in CERT's advisory CA-1996-01.

use std::io::{self, ErrorKind, Read};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::thread::Builder;
use std::time::{Duration, Instant};

use crate::lecture::modified_utf8;
use crate::protocol::datagram::BUFFER;
use crate::protocol::output::Output;
use crate::server::{closing, writing};

/// The time in which a whole string must arrive, with the silence before it; also the longest time
/// of one write call (a whole echo may take up to three times as long: [`writing`]). The lecture's
/// server waits for ever, so silent clients would use up its threads.
const PATIENCE: Duration = Duration::from_secs(60);

/// The most connections at once. Without a bound, one client that only connects would take all
/// threads of the machine.
const MAX: usize = 256;

/// The stack of a connection's thread in bytes. std's default is 2 MiB; here the only large value,
/// the buffer, lies on the heap.
const STACK: usize = 128 * 1024;

/// The wait after an error of the system. Such an error may last: with no file descriptor left,
/// each `accept` fails at once, and without a wait the loop would use up a core.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Spawns the thread that accepts connections and spawns a thread for each. Returns at once; the
/// accepting thread lives as long as the process.
///
/// # Errors
/// Fails if the system has no thread to give. The listener is then closed.
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

/// Serves a connection in a thread of its own, or closes it if 256 are open.
///
/// Each such thread owns a clone of `open`, so the number of clones is the number of open
/// connections. A thread that panics drops its clone too; a counter that the thread decrements as
/// its last statement would stay too high.
fn admit(stream: TcpStream, number: usize, open: &Arc<()>) {
    // A client that has gone already has no address.
    let Ok(peer) = stream.peer_addr() else { return };
    // One of the clones belongs to the accepting thread: with 256 connections the count is 257.
    // Only this thread makes clones, so the count cannot grow between this check and the clone
    // below.
    if Arc::strong_count(open) > MAX {
        return log::warn!("{peer} is closed: {MAX} connections are open");
    }
    let place = open.clone();
    let serve = move || {
        // This line moves the clone into the closure, so the clone is dropped when the closure
        // ends. With `let _ =` the closure would not own it, and no connection would be counted.
        let _place = place;
        log::info!("{peer} connected");
        match echo_strings(&stream, peer) {
            Ok(()) => log::info!("{peer} closed"),
            Err(error) => {
                log::info!("{peer} is closed: {error}");
                // The client may still be sending. A close that leaves input unread resets the
                // connection, and the reset may destroy the last echo on its way.
                closing::close(&stream);
            }
        }
    };
    let builder = Builder::new().name(format!("echo-{number}")).stack_size(STACK);
    if let Err(error) = builder.spawn(serve) {
        log::warn!("{peer} is closed: no thread for it: {error}");
    }
}

/// Echoes strings until the client closes between two of them.
///
/// # Errors
/// Fails if the client closes within a string, if a string takes too long, for the errors of
/// [`echo_of`], or with the socket's error.
fn echo_strings(stream: &TcpStream, peer: SocketAddr) -> io::Result<()> {
    // Otherwise Nagle's algorithm may hold an echo back until the last one is acknowledged.
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // One buffer for all strings of the connection: the length is a `u16`, so each string fits.
    // Memory is taken once, whatever lengths the client claims later.
    let mut buffer = vec![0; usize::from(u16::MAX)];
    loop {
        let deadline = Instant::now() + PATIENCE;
        let mut length = [0; 2];
        // The stream may end only between two strings. If it ends after one byte of the length, a
        // message was cut.
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
        let echo = Output { bytes: echo, ..Output::default() };
        // The closure gets the number of bytes of each write; this server does not count them.
        writing::write_all(stream, &echo, PATIENCE, |_| {})?;
    }
}

/// Returns the bytes that `writeUTF` writes for a string that `readUTF` read: its length and its
/// modified UTF-8.
///
/// Like the Java server, it decodes and encodes the string. A copy of the bytes would differ for
/// those that `readUTF` accepts and `writeUTF` never writes:
///
/// ```text
///   read    00        NUL in one byte       c1 81     "A" in two bytes
///   echo    c0 80     NUL in two bytes      41        "A" in one
/// ```
///
/// # Errors
/// Fails with a text if the bytes are not modified UTF-8, or if the echo is longer than 65,535
/// bytes.
fn echo_of(text: &[u8]) -> Result<Vec<u8>, &'static str> {
    let units = modified_utf8::decode(text).ok_or("the string is no modified UTF-8")?;
    let echo = modified_utf8::encode(units);
    // A NUL that came as one byte leaves as two: 32,768 of them no longer fit the `u16`.
    let length = u16::try_from(echo.len()).map_err(|_| "the string is too long for writeUTF")?;
    Ok([&length.to_be_bytes()[..], &echo].concat())
}

/// Fills the buffer, and returns the number of bytes read. It is less than the buffer's length only
/// if the stream ended.
///
/// std's `read_exact` cannot do this: a socket's timeout is for one read, and a client that sends a
/// byte a minute would hold the thread for 65,535 minutes. So each read gets only the time that is
/// left.
///
/// # Errors
/// Fails with `TimedOut` at the deadline, or with the error of the socket.
fn read_by(mut stream: &TcpStream, buffer: &mut [u8], deadline: Instant) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        let left = deadline.saturating_duration_since(Instant::now());
        // This check comes first, because std refuses a timeout of zero.
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // With a timeout set, Linux reports its end as `WouldBlock`, and Windows as `TimedOut`.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return Err(ErrorKind::TimedOut.into());
            }
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Spawns the thread that echoes datagrams. Returns at once; the thread lives as long as the
/// process.
///
/// # Errors
/// Fails if the system has no thread to give, or cannot tell the socket's address.
pub fn datagrams(socket: UdpSocket) -> io::Result<()> {
    let own_port = socket.local_addr()?.port();
    let echo = move || {
        let mut buffer = vec![0; BUFFER];
        loop {
            match socket.recv_from(&mut buffer) {
                // The sender has this server's port number, so it may be an echo server too. Two
                // echo servers would answer each other for ever, so this datagram is dropped.
                Ok((_, from)) if from.port() == own_port => {}
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
