//! `leasebox lossy`: a proxy that loses, repeats and reorders datagrams.
//!
//! ```text
//!   client ──► --listen 4121 ──► --to 4120, the server
//!              lose 0.3, send twice 0.2
//! ```
//!
//! The proxy shows why a client must send a request again, and why a server keeps a history of its
//! replies: with `--semantics at-least-once` a draw may be executed twice, and with `at-most-once`
//! never.
//!
//! **Invariants** `--to` is not the address of `--listen`: otherwise each datagram would go round
//! for ever.
//!
//! **Lock** none. The main thread shares with the proxy's threads only the counters, which are
//! atomic.
//!
//! **Simplified** the check of `--to` compares two addresses. It does not see that `--listen
//! 0.0.0.0:4121` listens at `--to 127.0.0.1:4121` too.
//!
//! **Source** the lecture's omission failures and ordering. [`crate::lab::lossy`] has the proxy.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;

use clap::Args;

use crate::cli::logging::Log;
use crate::cli::{announce, host_and_port, no_answer, resolve, signals};
use crate::lab::lossy::{LossyCounts, Proxy, Weather};

#[derive(Args)]
#[command(after_help = "Examples:\n  \
    leasebox serve --udp\n  \
    leasebox lossy --listen 127.0.0.1:4121 --to 127.0.0.1:4120 --drop 0.3 --duplicate 0.2\n  \
    leasebox lossy --listen 127.0.0.1:0 --to 127.0.0.1:4120 --reorder 0.1 --seed 1\n  \
    leasebox client --udp localhost 4121 draw 4\n\n\
    RUST_LOG=debug says more. When it is stopped it says what it did.\n\
    Exit 0: a signal stopped it; 2: it could not start.")]
pub struct LossyArguments {
    /// The address to which clients send: ADDRESS:PORT; port 0 takes a free one
    #[arg(long)]
    listen: String,
    /// The address of the server: ADDRESS:PORT
    #[arg(long)]
    to: String,
    /// Probability that a datagram is lost, 0 to 1
    #[arg(long, default_value = "0", value_parser = probability)]
    drop: f64,
    /// Probability that a datagram is sent twice, 0 to 1
    #[arg(long, default_value = "0", value_parser = probability)]
    duplicate: f64,
    /// Probability, 0 to 1, that a datagram is held back until a later one has overtaken it, or for
    /// about 20 ms
    #[arg(long, default_value = "0", value_parser = probability)]
    reorder: f64,
    /// The same seed makes the same faults; without it the seed is random, and it is logged
    #[arg(long)]
    seed: Option<u64>,
}

/// Reads a probability.
///
/// # Errors
/// Fails with one line, also for `NaN`, which Rust's `parse` accepts: no range contains it.
fn probability(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| "give a probability from 0 to 1, such as 0.3".into())
}

/// Passes datagrams on until the first signal, then prints the counts.
pub fn run(arguments: &LossyArguments) -> ExitCode {
    let _log = Log::start("info", io::stderr);
    match start(arguments) {
        Ok((stopped, counts)) => {
            // An error would mean that no signal can come any more; the program then ends too.
            let _ = stopped.recv();
            // `Relaxed` is enough for independent totals. The proxy still runs, so they may
            // disagree by a datagram or two.
            let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
            let LossyCounts { came, dropped, duplicated, reordered } = &*counts;
            announce(&format!(
                "{} datagrams came: {} lost, {} sent twice, {} held back",
                count(came),
                count(dropped),
                count(duplicated),
                count(reordered)
            ));
            ExitCode::SUCCESS
        }
        Err(why) => no_answer(why),
    }
}

/// Starts the proxy. Returns the receiver of the first signal, and the counters.
///
/// # Errors
/// Fails with one line: the signal handler is refused, an address is wrong or cannot be bound, or
/// no thread can be made.
fn start(arguments: &LossyArguments) -> Result<(Receiver<()>, Arc<LossyCounts>), String> {
    let stopped = signals::catch()?;
    let listen = place("--listen", &arguments.listen)?;
    let to = place("--to", &arguments.to)?;
    if to.port() == 0 || to == listen {
        return Err(format!("--to {to} is no server's address; give that of serve --udp"));
    }
    let &LossyArguments { drop, duplicate, reorder, .. } = arguments;
    // The seed is logged below, also a random one: the same seed repeats the faults.
    let seed = arguments.seed.unwrap_or_else(rand::random);
    let proxy = Proxy::new(listen, to, Weather { drop, duplicate, reorder }, seed);
    let proxy = proxy.map_err(|error| {
        format!("cannot listen on {listen} ({error}); give another --listen, or port 0")
    })?;
    let address = proxy.address().map_err(|error| error.to_string())?;
    let counts = proxy.counts();
    std::thread::Builder::new()
        .name("lossy".into())
        .spawn(|| proxy.run())
        .map_err(|error| format!("no thread could be made ({error}); end something else first"))?;
    signals::serving();
    announce(&format!("leasebox passes datagrams on from {address} to {to}"));
    log::info!("seed {seed}");
    Ok((stopped, counts))
}

/// Resolves `ADDRESS:PORT`; the address may be a name.
///
/// # Errors
/// Fails with one line for another form, a wrong port or an unknown name.
fn place(option: &str, text: &str) -> Result<std::net::SocketAddr, String> {
    let form = || format!("{option} {text} is no ADDRESS:PORT; give one such as 127.0.0.1:4121");
    let (host, port) = host_and_port(text).ok_or_else(form)?;
    resolve(option, host, port)
}
