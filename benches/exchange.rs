//! One exchange in each protocol, and requests a second in each representation.
//!
//! Server and client share one core (`taskset`), which makes ratios steady; each is the
//! median of pairs that alternate, with its spread. The library's client asks in the first
//! half, prepared bytes are sent in the second.
//!
//! Run: `cargo bench --bench exchange`, or with a word that the wanted rows hold.
#![allow(missing_docs, reason = "a bench has no public items")]

mod pinning;
#[path = "../tests/support/mod.rs"]
mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use leasebox::client::Client;
use leasebox::client::exchange::{Semantics, Way};
use leasebox::commands::{Draw, Get, Request};
use leasebox::common::id::LeaseId;
use leasebox::protocol::byte_order::ByteOrder;
use leasebox::protocol::frame::Header;
use support::Running;

/// Alternating pairs of one ratio, after a first one that is not counted.
const PAIRS: usize = 11;
/// How long one side of a pair is measured.
const WINDOW: Duration = Duration::from_millis(200);
/// The same for pipelined draws: a list has 10 million numbers.
const SHORT_WINDOW: Duration = Duration::from_millis(80);
const LIMIT: Duration = Duration::from_secs(30);

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if words.first().is_some_and(|word| word == "--pinned") {
        return bench(words.get(1).map_or("", String::as_str));
    }
    let wanted = words.first().map_or("", String::as_str);
    if !pinning::runs_pinned(wanted) {
        bench(wanted);
    }
}

/// One side of a pair: each step does as many requests as it answers.
type Side<'a> = Box<dyn FnMut() -> usize + 'a>;

fn rate(side: &mut Side<'_>, window: Duration) -> f64 {
    let (start, mut done) = (Instant::now(), 0);
    while start.elapsed() < window {
        done += side();
    }
    done as f64 / start.elapsed().as_secs_f64()
}

fn compare(name: &str, window: Duration, mut ours: Side<'_>, mut theirs: Side<'_>) -> f64 {
    let (mut ratios, mut first, mut second) = (Vec::new(), Vec::new(), Vec::new());
    for pair in 0..=PAIRS {
        let (a, b) = (rate(&mut ours, window), rate(&mut theirs, window));
        if pair > 0 {
            ratios.push(a / b);
            first.push(a);
            second.push(b);
        }
    }
    let [ratios, first, second] = [ratios, first, second].map(|mut figures| {
        figures.sort_by(f64::total_cmp);
        figures
    });
    let (least, median, most) = (ratios[0], ratios[PAIRS / 2], ratios[PAIRS - 1]);
    let (a, b) = (first[PAIRS / 2], second[PAIRS / 2]);
    println!("{name:<52} {median:>6.3}  ({least:.3} to {most:.3})  {a:>8.0} / {b:>8.0} a second");
    median
}

fn bench(wanted: &str) {
    println!("{PAIRS} pairs of {WINDOW:?}; median ratio (least to most), both median rates");
    let is_wanted = |name: &str| name.contains(wanted);
    exchanges(&is_wanted);
    let mut least: Option<f64> = None;
    for depth in [1, 16, 100] {
        for (order, name) in [(ByteOrder::Little, "little"), (ByteOrder::Big, "big")] {
            let name = format!("draw 1 by frames, {name}-endian, depth {depth:>3} / text");
            if is_wanted(&name) {
                let ratio = draws(&name, order, depth);
                least = Some(least.map_or(ratio, |least| least.min(ratio)));
            }
        }
    }
    if let Some(least) = least {
        let verdict = if least >= 0.95 { "within" } else { "NOT within" };
        println!("draw 1 by frames is {verdict} 5 % of text: the least ratio is {least:.3}");
    }
    gets(&is_wanted);
}

// --- one exchange ------------------------------------------------------------------------

fn server() -> Running {
    Running::start(&["--numbers", "10000000", "--udp"])
}

/// A get of 64 bytes: it has no effect, so it may be asked for ever.
fn exchanges(is_wanted: &dyn Fn(&str) -> bool) {
    let server = server();
    let (host, port) = (server.address.ip().to_string(), server.address.port());
    let stream = || Client::connect(&host, port, LIMIT).unwrap();
    let mut keeper = stream();
    let id = keeper.lease(64, Duration::from_secs(3600)).unwrap();
    keeper.set(id, &[7; 64]).unwrap();
    let by = |semantics, acknowledge| {
        let way = Way { semantics, acknowledge, ..Way::default() };
        Client::by_datagrams(&host, port, LIMIT, way).unwrap()
    };
    let asking = |mut client: Client| -> Side<'_> {
        Box::new(move || {
            client.get(id).unwrap();
            1
        })
    };
    let opened = || {
        stream().get(id).unwrap();
        1
    };
    let rows: Vec<(&str, Side<'_>)> = vec![
        ("RR, maybe", asking(by(Semantics::Maybe, false))),
        ("RR, at least once", asking(by(Semantics::AtLeastOnce, false))),
        ("RR, at most once", asking(by(Semantics::AtMostOnce, false))),
        ("RRA, at most once", asking(by(Semantics::AtMostOnce, true))),
        ("TCP, opened each time", Box::new(opened)),
    ];
    for (name, side) in rows {
        let name = format!("one exchange: {name} / TCP kept open");
        if is_wanted(&name) {
            compare(&name, WINDOW, side, asking(stream()));
        }
    }
    let name = "one exchange: R / TCP kept open";
    if is_wanted(name) {
        let mut teller = by(Semantics::Maybe, false);
        let mut last = by(Semantics::Maybe, false);
        // The reply to the last one says that all before it were taken; 16 fit the socket.
        let told = move || {
            (0..15).for_each(|_| teller.tell(&Request::Get(Get { id })).unwrap());
            last.get(id).unwrap();
            16
        };
        compare(name, WINDOW, Box::new(told), asking(stream()));
    }
}

// --- representations -----------------------------------------------------------------------

fn frame(order: ByteOrder, request: &Request<'_>) -> Vec<u8> {
    let mut frame = Vec::new();
    let header = Header::new(order, request.kind(), 7);
    header.put(&mut frame, 0, |body| request.write(body));
    frame
}

/// Sends the same bytes again and again, and reads as many as the answer has.
fn sending(server: &Running, request: Vec<u8>, answer: Answer, requests: usize) -> Side<'static> {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let mut buffer = vec![0; 64 * 1024];
    Box::new(move || {
        stream.write_all(&request).unwrap();
        let mut left = answer.length();
        while left > 0 {
            let count = stream.read(&mut buffer).unwrap();
            assert!(count > 0, "the server closed");
            left -= match answer {
                Answer::Bytes(_) => count,
                Answer::Lines(_) => buffer[..count].iter().filter(|&&byte| byte == b'\n').count(),
            };
        }
        requests
    })
}

#[derive(Clone, Copy)]
enum Answer {
    Bytes(usize),
    Lines(usize),
}

impl Answer {
    fn length(self) -> usize {
        match self {
            Answer::Bytes(count) | Answer::Lines(count) => count,
        }
    }
}

fn draws(name: &str, order: ByteOrder, depth: usize) -> f64 {
    let window = if depth == 100 { SHORT_WINDOW } else { WINDOW };
    let (by_frames, by_text) = (server(), server());
    let frames = frame(order, &Request::Draw(Draw { count: 1 })).repeat(depth);
    let ours = sending(&by_frames, frames, Answer::Bytes(24 * depth), depth);
    let lines = "draw 1\n".repeat(depth).into_bytes();
    compare(name, window, ours, sending(&by_text, lines, Answer::Lines(depth), depth))
}

/// A get of 64 bytes, 16 at a time, in each representation beside text.
fn gets(is_wanted: &dyn Fn(&str) -> bool) {
    const DEPTH: usize = 16;
    let server = server();
    let leased = |line: &str| server.ask(line).split(' ').nth(1).unwrap().to_string();
    let id = leased("lease 64 3600000");
    server.ask(&format!("set {id} {}", "x".repeat(64)));
    let text = || {
        let lines = format!("get {id}\n").repeat(DEPTH).into_bytes();
        sending(&server, lines, Answer::Lines(DEPTH), DEPTH)
    };
    let request = Request::Get(Get { id: LeaseId::parse(id.as_bytes()).unwrap() });
    for (order, name) in [(ByteOrder::Little, "little"), (ByteOrder::Big, "big")] {
        let name = format!("get of 64 bytes by frames, {name}-endian / text");
        if is_wanted(&name) {
            let frames = frame(order, &request).repeat(DEPTH);
            let ours = sending(&server, frames, Answer::Bytes((44 + 64) * DEPTH), DEPTH);
            compare(&name, WINDOW, ours, text());
        }
    }
    let name = "get of 64 bytes by MemoryLease frames / text";
    if is_wanted(name) {
        use support::frames::{Frames, get_frame};
        let mut old = server.connect();
        let number = old.lease_number(64, 3_600_000);
        assert_eq!(old.set(number, &[b'x'; 64]), 0);
        let frames = get_frame(number).repeat(DEPTH);
        let ours = sending(&server, frames, Answer::Bytes((24 + 64) * DEPTH), DEPTH);
        compare(name, WINDOW, ours, text());
    }
}
