//! The lecture's claim, measured: what a connection for each request costs beside one that
//! persists, and one on which requests are sent ahead.
//!
//! "Opening and closing TCP connections takes a substantial amount of CPU time, bandwidth, and
//! memory." Each row is a way of asking for one number after the other: requests a second, the
//! server's CPU time and the bytes that crossed the loopback (headers of TCP and IP included), each
//! for one request. Below them stands what an open connection takes of the server's memory. Server and generator share one core (`taskset`). The ways alternate; the median of the
//! rounds counts.
//!
//! Run: `cargo bench --bench http`
#![allow(missing_docs, reason = "a bench has no public items")]

mod pinning;
#[path = "../tests/support/mod.rs"]
mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use support::Running;

/// Rounds of each way, after a first one that is not counted.
const ROUNDS: usize = 7;

/// How long a way is measured in a round.
const WINDOW: Duration = Duration::from_millis(600);

/// Clock ticks a second in `/proc`.
const TICKS: f64 = 100.0;

fn main() {
    let is_pinned = std::env::args().any(|word| word == "--pinned");
    if is_pinned || !pinning::runs_pinned("") {
        bench();
    }
}

fn bench() {
    let server = Server(Running::start(&["--numbers", "10000000"]));
    let ways = [
        ("1.0, a connection for each request", Way::One { depth: 1, each: true }),
        ("1.1, persistent", Way::One { depth: 1, each: false }),
        ("1.1, 16 requests ahead", Way::One { depth: 16, each: false }),
        ("text lines, persistent", Way::Text { depth: 1 }),
        ("text lines, 16 ahead", Way::Text { depth: 16 }),
    ];
    let mut figures = vec![Vec::new(); ways.len()];
    for round in 0..=ROUNDS {
        for (at, (_, way)) in ways.iter().enumerate() {
            let figure = server.measure(*way);
            if round > 0 {
                figures[at].push(figure);
            }
        }
    }
    println!(
        "{:<36} {:>12} {:>16} {:>14}",
        "one number by", "requests/s", "server CPU, us", "bytes on lo"
    );
    for ((name, _), mut rounds) in ways.iter().zip(figures) {
        let mut median = |of: fn(&Figure) -> f64| {
            rounds.sort_by(|a, b| of(a).total_cmp(&of(b)));
            of(&rounds[ROUNDS / 2])
        };
        let (rate, cpu, bytes) = (median(|f| f.rate), median(|f| f.cpu_us), median(|f| f.bytes));
        println!("{name:<36} {rate:>12.0} {cpu:>16.2} {bytes:>14.0}");
    }
    // The first threads leave memory behind that later ones use again.
    server.memory(HTTP);
    println!("{:<36} {:>12}", "memory of a connection that stays", "bytes");
    for (name, request) in
        [("1.1, after a request", HTTP), ("text, after a line", TEXT), ("silent", "")]
    {
        println!("{name:<36} {:>12.0}", server.memory(request));
    }
}

/// The connections by which the memory of one is measured.
const OPEN: usize = 1000;

/// After this time without a request a connection has given its large buffers back.
const SHRUNK: Duration = Duration::from_secs(2);

const HTTP: &str = "POST /draws?n=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
const TEXT: &str = "draw 1\n";

#[derive(Clone, Copy)]
enum Way {
    One { depth: usize, each: bool },
    Text { depth: usize },
}

#[derive(Clone, Copy)]
struct Figure {
    rate: f64,
    cpu_us: f64,
    bytes: f64,
}

struct Server(Running);

impl Server {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.0.address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// User and system time so far.
    fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.child.id())).unwrap();
        // The fields behind the program's name: the 14th and 15th of all.
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        let ticks: f64 = fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum();
        Duration::from_secs_f64(ticks / TICKS)
    }

    /// Returns the resident bytes of the server.
    fn resident(&self) -> usize {
        let path = format!("/proc/{}/status", self.0.child.id());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024
    }

    /// Returns the resident bytes of each open connection, after one request or none.
    fn memory(&self, request: &str) -> f64 {
        let before = self.resident();
        let mut open: Vec<TcpStream> = (0..OPEN).map(|_| self.connect()).collect();
        for stream in open.iter_mut().filter(|_| !request.is_empty()) {
            stream.write_all(request.as_bytes()).unwrap();
            assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        }
        std::thread::sleep(SHRUNK);
        let grown = self.resident().saturating_sub(before) as f64 / OPEN as f64;
        drop(open);
        support::wait_for("the end of all", || self.0.client_threads() == 0);
        grown
    }

    fn measure(&self, way: Way) -> Figure {
        let mut asking = Asking { server: self, stream: None, buffer: vec![0; 65536] };
        let (bytes, cpu, start) = (loopback(), self.cpu(), Instant::now());
        let mut requests = 0;
        while start.elapsed() < WINDOW {
            requests += asking.step(way);
        }
        let rate = requests as f64 / start.elapsed().as_secs_f64();
        let cpu_us = (self.cpu() - cpu).as_secs_f64() * 1e6 / requests as f64;
        Figure { rate, cpu_us, bytes: (loopback() - bytes) as f64 / requests as f64 }
    }
}

/// Bytes that the loopback has carried.
fn loopback() -> u64 {
    let devices = std::fs::read_to_string("/proc/net/dev").unwrap();
    let line = devices.lines().find_map(|line| line.trim().strip_prefix("lo:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

struct Asking<'a> {
    server: &'a Server,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

impl Asking<'_> {
    /// Asks as often as that way asks at once.
    fn step(&mut self, way: Way) -> usize {
        let (request, depth, each) = match way {
            Way::One { depth, each: true } => ("POST /draws?n=1 HTTP/1.0\r\n\r\n", depth, true),
            Way::One { depth, each } => (HTTP, depth, each),
            Way::Text { depth } => (TEXT, depth, false),
        };
        let is_text = matches!(way, Way::Text { .. });
        let stream = self.stream.get_or_insert_with(|| self.server.connect());
        stream.write_all(request.repeat(depth).as_bytes()).unwrap();
        let (mut ends, mut length) = (0, 0);
        loop {
            let count = stream.read(&mut self.buffer[length..]).unwrap();
            if count == 0 {
                assert!(each, "the server closed");
                break;
            }
            length += count;
            // A body is one line, which nothing else ends with LF alone.
            let came = &self.buffer[..length];
            let lines = came
                .iter()
                .enumerate()
                .filter(|&(at, &byte)| byte == b'\n' && (at == 0 || came[at - 1] != b'\r'));
            ends = lines.count();
            if ends == depth && !each {
                break;
            }
        }
        assert_eq!(ends, depth, "{}", self.buffer[..length].escape_ascii());
        assert!(is_text || self.buffer.starts_with(b"HTTP/1.1 200 OK\r\n"));
        if each && let Some(stream) = self.stream.take() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        depth
    }
}
