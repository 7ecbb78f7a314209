//! `leasebox echo-client`: sends a text to an echo server of the lecture, and prints the echo.
//!
//! ```text
//!   --tcp   │ length u16, big-endian │ modified UTF-8 │     Received: hello
//!   --udp   │ the bytes of the text, in one datagram  │     Reply: hello
//! ```
//!
//! The program prints the same words as the lecture's two clients: `Received:` and `Reply:`. It
//! does not repeat two mistakes of the lecture's UDP client. The lecture's client sends too few
//! bytes of a text that is not ASCII, and it prints its whole buffer.
//!
//! **Invariants** one deadline, `--timeout`, bounds the connect, the write and the read. It does
//! not bound the lookup of the host's name, which the system does.
//!
//! **Lock** none. **Simplified** a datagram is sent once. If it or its echo is lost, the exit code
//! is 2. The lecture's request-reply protocols send again, as [`crate::client::exchange`] does.
//!
//! **Source** the lecture's `TCPClient` and `UDPClient`.

use std::net::ToSocketAddrs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;

use crate::cli::{no_answer, print, printable, units};
use crate::client::CallError;
use crate::client::wire::Wire;
use crate::lecture::modified_utf8;
use crate::protocol::datagram::BUFFER;
use crate::server::udp::any_port;

/// The longest text of a datagram over IPv4, in bytes: a packet has 65,535, of which two headers
/// take 28.
const MAX_TEXT: usize = 65_507;

#[derive(Args)]
#[command(after_help = "Examples:\n  \
    leasebox echo-client --tcp localhost 7896 hello     the lecture's TCPServer, or leasebox echo\n  \
    leasebox echo-client --udp localhost 6789 hello     its UDPServer\n\n\
    Exit 0: an echo came; 2: none did.")]
pub struct EchoClientArguments {
    /// Send a string over TCP, in the form of Java's writeUTF
    #[arg(long, required_unless_present = "udp", conflicts_with = "udp")]
    tcp: bool,
    /// Send the bytes of the text in a datagram
    #[arg(long)]
    udp: bool,
    /// The time limit of the whole exchange
    #[arg(long, default_value = "5s", value_parser = units::time_limit)]
    timeout: Duration,
    /// The machine that runs the server, such as localhost
    host: String,
    /// Its port; the lecture has 7896 for TCP and 6789 for UDP
    port: u16,
    /// The text to send
    text: String,
}

/// Sends the text and prints its echo. Returns exit code 2 if there is no echo.
pub fn run(arguments: &EchoClientArguments) -> ExitCode {
    let echoed = match arguments.udp {
        true => datagram(arguments).map(|text| format!("Reply: {}\n", printable(&text))),
        false => string(arguments).map(|text| format!("Received: {}\n", printable(&text))),
    };
    match echoed {
        Ok(line) => print(line.as_bytes(), ExitCode::SUCCESS),
        Err(why) => no_answer(why),
    }
}

/// Sends a string over TCP and returns its echo.
///
/// # Errors
/// Fails with one line: the text is too long, no server answers in time, or the answer is no string
/// of Java's writeUTF.
fn string(arguments: &EchoClientArguments) -> Result<String, String> {
    let EchoClientArguments { host, port, text, timeout, .. } = arguments;
    let bytes = modified_utf8::encode(text.encode_utf16());
    let length = u16::try_from(bytes.len())
        .map_err(|_| format!("the text has {} bytes; a string has at most 65535", bytes.len()))?;
    let deadline = Instant::now() + *timeout;
    // The user knows only the value of `--timeout`, so the error names this value.
    let told = |error: CallError| error.within(*timeout).to_string();
    let mut wire = Wire::connect(host, *port, *timeout).map_err(told)?;
    let sent = [&length.to_be_bytes()[..], &bytes].concat();
    wire.write(&sent, deadline).map_err(told)?;
    let head = wire.first(2, deadline).map_err(told)?;
    let whole = 2 + usize::from(u16::from_be_bytes([head[0], head[1]]));
    let string = &wire.first(whole, deadline).map_err(told)?[2..];
    let units = modified_utf8::decode(string)
        .ok_or("the answer is no string of Java's writeUTF; is that an echo server?")?;
    Ok(String::from_utf16_lossy(&units))
}

/// Sends a datagram and returns its echo.
///
/// # Errors
/// Fails with one line: the text is too long, the host is unknown, or no datagram comes back in
/// time. Any other error of the socket is told as the last one, with the system's reason in
/// brackets.
fn datagram(arguments: &EchoClientArguments) -> Result<String, String> {
    let EchoClientArguments { host, port, text, timeout, .. } = arguments;
    if text.len() > MAX_TEXT {
        let (length, most) = (text.len(), MAX_TEXT);
        return Err(format!("the text has {length} bytes; a datagram has at most {most}"));
    }
    let unknown = || CallError::UnknownHost(host.clone()).to_string();
    let found = (host.as_str(), *port).to_socket_addrs().ok().and_then(|mut all| all.next());
    let to = found.ok_or_else(unknown)?;
    let why = |error: std::io::Error| {
        format!("no echo of {to} within {timeout:?} ({error}); is a server there?")
    };
    let socket = any_port(to).map_err(why)?;
    // A connected socket receives datagrams of this server alone.
    socket.connect(to).and_then(|()| socket.set_read_timeout(Some(*timeout))).map_err(why)?;
    socket.send(text.as_bytes()).map_err(why)?;
    let mut buffer = vec![0; BUFFER];
    let length = socket.recv(&mut buffer).map_err(why)?;
    Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
}
