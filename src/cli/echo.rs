//! `leasebox echo`: the lecture's two echo servers.
//!
//! ```text
//!   catch signals ─► bind TCP, bind UDP ─► two threads ─► "leasebox echoes …" ─► wait ─► exit 0
//! ```
//!
//! **Invariants** both sockets are bound before the line on standard output, so a script that reads
//! the line can connect. If one port is taken, neither server starts.
//!
//! **Lock** none. **Source** the lecture's ports: 7896 for TCP, 6789 for UDP.
//! [`crate::lecture::echo`] has the servers.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::process::ExitCode;

use clap::Args;

use crate::cli::logging::Log;
use crate::cli::{announce, no_answer, resolve, signals};
use crate::lecture::echo;

#[derive(Args)]
#[command(after_help = "Examples:\n  \
    leasebox echo                              the lecture's ports, on this machine\n  \
    leasebox echo --tcp 0 --udp 0              free ports\n\n\
    Each sender's address and port is logged on standard error.\n\
    Exit 0: a signal stopped it; 2: it could not start.")]
pub struct EchoArguments {
    /// Address or name of the interface to listen on
    #[arg(long, default_value = "127.0.0.1")]
    bind: String,
    /// TCP port for strings, in the form of Java's writeUTF; 0 takes a free one
    #[arg(long, default_value_t = 7896)]
    tcp: u16,
    /// UDP port for datagrams; 0 takes a free one
    #[arg(long, default_value_t = 6789)]
    udp: u16,
}

/// Runs the servers until the first signal. Returns exit code 2 if they could not start.
pub fn run(arguments: &EchoArguments) -> ExitCode {
    let _log = Log::start("info", io::stderr);
    match start(arguments) {
        Ok(stopped) => {
            // Only the signal handler owns the sender, so this returns at the first signal. The
            // servers keep nothing, so the process just ends.
            let _ = stopped.recv();
            ExitCode::SUCCESS
        }
        Err(why) => no_answer(why),
    }
}

/// Binds both sockets and starts both servers. Returns the receiver of the first signal.
///
/// # Errors
/// Fails with one line if the signal handler is refused, the address is unknown, a port cannot be
/// bound, or a thread cannot be made.
fn start(arguments: &EchoArguments) -> Result<std::sync::mpsc::Receiver<()>, String> {
    let stopped = signals::catch()?;
    let tcp = resolve("--bind", &arguments.bind, arguments.tcp)?;
    // The name is resolved once, so that both sockets get the same one of its addresses.
    let udp = SocketAddr::new(tcp.ip(), arguments.udp);
    let listener = TcpListener::bind(tcp).map_err(|error| taken("--tcp", tcp, &error))?;
    let socket = UdpSocket::bind(udp).map_err(|error| taken("--udp", udp, &error))?;
    let place = |address: std::io::Result<SocketAddr>| address.map_err(|error| error.to_string());
    // The sockets tell their addresses: with port 0 the system has chosen the port.
    let (tcp, udp) = (place(listener.local_addr())?, place(socket.local_addr())?);
    let short = |error| format!("a thread could not be made ({error}); end something else first");
    echo::strings(listener).and_then(|()| echo::datagrams(socket)).map_err(short)?;
    signals::serving();
    announce(&format!("leasebox echoes strings on TCP {tcp} and datagrams on UDP {udp}"));
    Ok(stopped)
}

/// Returns the error line for a port that cannot be bound, with the option to change.
fn taken(option: &str, address: SocketAddr, error: &std::io::Error) -> String {
    format!("cannot listen on {address} ({error}); give another {option}, or {option} 0")
}
