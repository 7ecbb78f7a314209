//! Sessions beside a bare pair of sockets with a relay between them.
//!
//! The relay is the least that can stand between two clients in std: one thread reads a message
//! whole, writes it to the other client, and acknowledges it to the first. It has no sessions, no
//! ids, no memory that outlives a message, and no requests from who receives. The *gathering*
//! relay writes only when its input is drained, as the server does.
//!
//! ```text
//!   sender ── depth messages ──► relay ──────────► receiver
//!          ◄── depth acknowledgements
//!   sender ── depth sends ──► leasebox ◄── depth receives ── receiver
//!          ◄── depth replies         └──── messages ──────►
//! ```
//!
//! The sender has `depth` messages unacknowledged, and is at most two batches of them ahead of the
//! receiver, which has asked for two batches. Clients and
//! server share one core (`taskset`), which makes ratios steady; each is the median of pairs
//! that alternate, with its spread.
//!
//! Run: `cargo bench --bench relay`, or with a word that the wanted rows hold.
#![allow(missing_docs, reason = "a bench has no public items")]

mod pinning;

use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use leasebox::commands::{Join, Open, Opened, Receive, Reply, Request, Send};
use leasebox::protocol::byte_order::ByteOrder;
use leasebox::protocol::cdr::Reader;
use leasebox::protocol::frame::{HEADER, Header, read_reply};

/// Alternating pairs of one ratio, after a first one that is not counted.
const PAIRS: usize = 11;
/// About how long one side of a pair is measured.
const WINDOW: Duration = Duration::from_millis(200);
const LIMIT: Duration = Duration::from_secs(30);
const LEASEBOX: &str = env!("CARGO_BIN_EXE_leasebox");

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match words.first().map(String::as_str) {
        Some("--relay") => relay(false),
        Some("--gathering-relay") => relay(true),
        Some("--pinned") => bench(words.get(1).map_or("", String::as_str)),
        wanted => {
            let wanted = wanted.unwrap_or("");
            if !pinning::runs_pinned(wanted) {
                bench(wanted);
            }
        }
    }
}

// --- the relay -----------------------------------------------------------------------

/// Two connections make a pair: the first receives, the second sends.
fn relay(gathers: bool) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    println!("relay listening on {}", listener.local_addr().unwrap());
    loop {
        let (receiver, _) = listener.accept().unwrap();
        let (sender, _) = listener.accept().unwrap();
        for stream in [&receiver, &sender] {
            stream.set_nodelay(true).unwrap();
        }
        thread::spawn(move || relay_all(&sender, &receiver, gathers));
    }
}

fn relay_all(sender: &TcpStream, receiver: &TcpStream, gathers: bool) -> std::io::Result<()> {
    let mut input = BufReader::with_capacity(64 * 1024, sender);
    let mut messages = BufWriter::with_capacity(64 * 1024, receiver);
    let mut acknowledgements = BufWriter::new(sender);
    let mut message = Vec::new();
    loop {
        let mut length = [0; 4];
        input.read_exact(&mut length)?;
        message.resize(u32::from_le_bytes(length) as usize, 0);
        input.read_exact(&mut message)?;
        messages.write_all(&length)?;
        messages.write_all(&message)?;
        acknowledgements.write_all(&length)?;
        if !gathers || input.buffer().is_empty() {
            messages.flush()?;
            acknowledgements.flush()?;
        }
    }
}

// --- two clients ---------------------------------------------------------------------

/// Two clients and what stands between them; killed at the end.
struct Pair {
    child: Child,
    sender: TcpStream,
    receiver: TcpStream,
    /// What is sent and asked at once, and how many bytes come back.
    sends: Vec<u8>,
    sent: usize,
    asks: Vec<u8>,
    received: usize,
    depth: usize,
}

impl Drop for Pair {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn announced(command: &mut Command) -> (Child, u16) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let port = line.trim().rsplit(':').next().unwrap().parse().unwrap();
    (child, port)
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream
}

impl Pair {
    fn relayed(relay: &str, size: usize, depth: usize) -> Self {
        let (child, port) = announced(Command::new(std::env::current_exe().unwrap()).arg(relay));
        let (receiver, sender) = (connect(port), connect(port));
        let message = [&(size as u32).to_le_bytes()[..], &vec![7; size]].concat();
        let (sends, asks) = (message.repeat(depth), Vec::new());
        let (sent, received) = (4 * depth, sends.len());
        Self { child, sender, receiver, sends, sent, asks, received, depth }
    }

    fn in_session(size: usize, depth: usize) -> Self {
        let serve = ["serve", "--port", "0", "--memory", "256MiB", "--admin", "4MiB"];
        let (child, port) = announced(Command::new(LEASEBOX).args(serve));
        let block = (size * depth * 4).max(1 << 20) as u64;
        let (mut sender, mut receiver) = (connect(port), connect(port));
        let join = |name: &str, block| {
            Request::Join(Join {
                name: name.to_string().into(),
                committed: Some(block),
                space: None,
            })
        };
        ask(&mut sender, &join("alice", block));
        ask(&mut receiver, &join("bob", 0));
        let open = Request::Open(Open { name: "bob".into(), data: [][..].into() });
        let Reply::Opened(Opened { session }) = ask(&mut sender, &open) else {
            panic!("not opened")
        };
        let data = vec![7; size];
        let sends = frame(&Request::Send(Send { session, data: (&data).into() })).repeat(depth);
        let asks = frame(&Request::Receive(Receive { session, ms: 30_000 })).repeat(depth);
        let sent = (16 + 16 + 8) * depth;
        let received = (16 + 16 + 4 + 4 + size) * depth;
        // One batch ahead.
        (&receiver).write_all(&asks).unwrap();
        Self { child, sender, receiver, sends, sent, asks, received, depth }
    }

    /// Messages a second, over so many batches.
    fn rate(&mut self, batches: usize) -> f64 {
        let (credit, credits) = mpsc::channel();
        (0..2).for_each(|_| credit.send(()).unwrap());
        let start = Instant::now();
        let Self { sender, receiver, sends, sent, asks, received, .. } = self;
        thread::scope(|scope| {
            scope.spawn(move || {
                let mut acknowledgements = vec![0; *sent];
                for _ in 0..batches {
                    credits.recv().unwrap();
                    sender.write_all(sends).unwrap();
                    sender.read_exact(&mut acknowledgements).unwrap();
                }
            });
            scope.spawn(move || {
                let mut messages = vec![0; (*received).min(1 << 20)];
                for _ in 0..batches {
                    receiver.write_all(asks).unwrap();
                    let mut left = *received;
                    while left > 0 {
                        let most = left.min(messages.len());
                        let count = receiver.read(&mut messages[..most]).unwrap();
                        assert!(count > 0, "the server closed");
                        left -= count;
                    }
                    let _ = credit.send(());
                }
            });
        });
        (batches * self.depth) as f64 / start.elapsed().as_secs_f64()
    }

    /// How many batches fill a window.
    fn batches(&mut self) -> usize {
        let rate = self.rate(20);
        ((rate * WINDOW.as_secs_f64()) as usize / self.depth).max(5)
    }
}

fn frame(request: &Request<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let header = Header::new(ByteOrder::Little, request.kind(), 1);
    header.put(&mut out, 0, |body| request.write(body));
    out
}

fn ask(stream: &mut TcpStream, request: &Request<'_>) -> Reply<'static> {
    stream.write_all(&frame(request)).unwrap();
    let mut whole = vec![0; HEADER];
    stream.read_exact(&mut whole).unwrap();
    let header = Header::read(whole.first_chunk().unwrap()).unwrap();
    whole.resize(HEADER + header.length as usize, 0);
    stream.read_exact(&mut whole[HEADER..]).unwrap();
    read_reply(header.kind, header.status, &mut Reader::new(&whole, HEADER, header.order()))
        .unwrap()
}

fn compare(name: &str, aim: Option<f64>, mut ours: Pair, mut theirs: Pair) {
    let (mut ratios, mut first, mut second) = (Vec::new(), Vec::new(), Vec::new());
    let batches = [ours.batches(), theirs.batches()];
    for pair in 0..=PAIRS {
        let (a, b) = (ours.rate(batches[0]), theirs.rate(batches[1]));
        if pair > 0 {
            ratios.push(a / b);
            first.push(a);
            second.push(b);
        }
    }
    for figures in [&mut ratios, &mut first, &mut second] {
        figures.sort_by(f64::total_cmp);
    }
    let (least, median, most) = (ratios[0], ratios[PAIRS / 2], ratios[PAIRS - 1]);
    let (a, b) = (first[PAIRS / 2], second[PAIRS / 2]);
    let aim = aim.map_or(String::new(), |aim| format!("  aim {aim}"));
    println!(
        "{name:<38} {median:>6.3}  ({least:.3} to {most:.3})  {a:>8.0} / {b:>8.0} a second{aim}"
    );
}

fn bench(wanted: &str) {
    println!("{PAIRS} pairs of about {WINDOW:?}; median ratio (least to most), both median rates");
    let rows = [
        ("64 B", 64, Some(0.8), &[1, 16, 100][..]),
        ("4 KiB", 4096, None, &[1, 16, 100]),
        ("1 MiB", 1 << 20, Some(0.7), &[1, 4]),
    ];
    for (word, size, aim, depths) in rows {
        for &depth in depths {
            for (relay, theirs, aim) in
                [("--relay", "the relay", aim), ("--gathering-relay", "a gathering relay", None)]
            {
                let name = format!("{word}, depth {depth:>3} / {theirs}");
                if name.contains(wanted) {
                    let (ours, theirs) =
                        (Pair::in_session(size, depth), Pair::relayed(relay, size, depth));
                    compare(&name, aim, ours, theirs);
                }
            }
        }
    }
}
