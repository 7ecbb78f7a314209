//! The server beside a bare floor, Redis and memcached: ratios in one run.
//!
//! The floor is the least that a thread-per-connection server in std can be: it reads
//! lines, answers each with one constant line, and flushes when its input is drained.
//! Servers and generator share one core (`taskset`), which makes ratios steady; each is
//! the median of pairs that alternate, with its spread.
//!
//! Run: `cargo bench --bench load`, or with a word that the wanted rows hold. With
//! `LEASEBOX_BEFORE=PATH` also beside that binary, which an earlier commit made.
#![allow(missing_docs, reason = "a bench has no public items")]

mod pinning;

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Alternating pairs of one ratio, after a first one that is not counted.
const PAIRS: usize = 11;

/// How long one side of a pair is measured.
const WINDOW: Duration = Duration::from_millis(200);

/// Pairs of loads of 1 MiB, each with servers of its own. Their ratios differ so much that 11 are
/// too few.
const FRESH_PAIRS: usize = 41;

/// The same at a depth of 100, because a list has 10 million numbers; and at 1 MiB, because the
/// pairs are many.
const SHORT_WINDOW: Duration = Duration::from_millis(80);

const MIB: usize = 1 << 20;
const LEASEBOX: &str = env!("CARGO_BIN_EXE_leasebox");

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match words.first().map(String::as_str) {
        Some("--floor") => floor(),
        Some("--pinned") => bench(true, words.get(1).map_or("", String::as_str)),
        wanted => {
            let wanted = wanted.unwrap_or("");
            if !pinning::runs_pinned(wanted) {
                bench(false, wanted);
            }
        }
    }
}

// --- the floor -----------------------------------------------------------------------

/// Answers every line with one constant line.
fn floor() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    println!("floor listening on {}", listener.local_addr().unwrap());
    loop {
        let (stream, _) = listener.accept().unwrap();
        let serve = move || {
            stream.set_nodelay(true).unwrap();
            let mut input = BufReader::new(&stream);
            let mut output = BufWriter::new(&stream);
            let mut line = String::new();
            while input.read_line(&mut line).is_ok_and(|count| count > 0) {
                line.clear();
                if output.write_all(b"1234567\n").is_err() {
                    return;
                }
                if input.buffer().is_empty() && output.flush().is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new().stack_size(256 * 1024).spawn(serve).unwrap();
    }
}

// --- servers -------------------------------------------------------------------------

struct Server {
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// A server whose first line ends with its port.
    fn announced(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().rsplit(':').next().unwrap().parse().unwrap();
        Self { child, port }
    }

    fn leasebox() -> Self {
        Self::made_by(LEASEBOX.as_ref(), "10000000")
    }

    /// A server that starts at once, because its list is short.
    fn with_few_numbers() -> Self {
        Self::made_by(LEASEBOX.as_ref(), "1000")
    }

    fn made_by(binary: &OsStr, numbers: &str) -> Self {
        let arguments = ["serve", "--port", "0", "--numbers", numbers];
        Self::announced(Command::new(binary).args(arguments))
    }

    /// The binary of an earlier commit, if the environment names one.
    fn before() -> Option<Self> {
        std::env::var_os("LEASEBOX_BEFORE").map(|binary| Self::made_by(&binary, "10000000"))
    }

    fn floor() -> Self {
        Self::announced(Command::new(std::env::current_exe().unwrap()).arg("--floor"))
    }

    /// A server that is told its port; `None` where it is not installed.
    fn told(name: &str, arguments: &[&str]) -> Option<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let mut command = Command::new(name);
        command.args(arguments).arg(port.to_string());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let server = Self { child, port };
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(server);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }

    fn redis() -> Option<Self> {
        Self::told("redis-server", &["--save", "", "--appendonly", "no", "--port"])
    }

    fn memcached() -> Option<Self> {
        Self::told("memcached", &["-u", "root", "-t", "1", "-I", "8m", "-m", "256", "-p"])
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

// --- the generator -------------------------------------------------------------------

/// What one step sends on a connection and how its answer ends.
#[derive(Clone)]
struct Step {
    request: Vec<u8>,
    answer: Answer,
}

#[derive(Clone, Copy)]
enum Answer {
    Lines(usize),
    Bytes(usize),
}

impl Step {
    /// The same request `depth` times, one line each.
    fn lines(request: &str, depth: usize) -> Self {
        Self { request: request.repeat(depth).into_bytes(), answer: Answer::Lines(depth) }
    }

    fn bytes(request: Vec<u8>, answer: usize) -> Self {
        Self { request, answer: Answer::Bytes(answer) }
    }
}

/// Connections that are stepped one after the other: all are asked, then all are read.
struct Load {
    streams: Vec<TcpStream>,
    /// What each stream in turn sends.
    steps: Vec<Step>,
    buffer: Vec<u8>,
    /// Dropped after the streams, which ends it.
    _server: Server,
}

impl Load {
    fn new(server: Server, connections: usize, step: Step) -> Self {
        let streams = (0..connections).map(|_| server.connect()).collect();
        Self { streams, steps: vec![step], buffer: vec![0; 256 * 1024], _server: server }
    }

    /// One lease of 64 bytes; `request` has `ID` where its id belongs.
    fn of_a_lease(server: Server, request: &str) -> Self {
        let leased = ask(&mut server.connect(), "lease 64 3600000");
        let request = request.replace("ID", leased.split(' ').nth(1).unwrap());
        Self::new(server, 1, Step::lines(&request, 1))
    }

    /// Two processes: one sends, and the other receives that.
    fn of_a_session(server: Server) -> Self {
        let mut streams = vec![server.connect(), server.connect()];
        for (stream, name) in streams.iter_mut().zip(["a", "b"]) {
            ask(stream, &format!("join {name}"));
        }
        let opened = ask(&mut streams[0], "open b");
        let session = opened.split(' ').nth(1).unwrap();
        let requests =
            [format!("send {session} 0123456789\n"), format!("receive {session} 1000\n")];
        let steps = requests.iter().map(|request| Step::lines(request, 1)).collect();
        Self { streams, steps, buffer: vec![0; 256 * 1024], _server: server }
    }

    /// Steps a second for one window.
    fn rate(&mut self) -> f64 {
        let start = Instant::now();
        let step = &self.steps[0];
        let is_short = matches!(step.answer, Answer::Lines(100) | Answer::Bytes(_));
        let window = if is_short || step.request.len() > MIB { SHORT_WINDOW } else { WINDOW };
        let mut steps = 0;
        while start.elapsed() < window {
            for (stream, step) in self.streams.iter_mut().zip(self.steps.iter().cycle()) {
                stream.write_all(&step.request).unwrap();
            }
            for (stream, step) in self.streams.iter_mut().zip(self.steps.iter().cycle()) {
                read_answer(stream, step.answer, &mut self.buffer);
            }
            steps += self.streams.len();
        }
        steps as f64 / start.elapsed().as_secs_f64()
    }
}

/// Says a line, and gives the line that answers it.
fn ask(stream: &mut TcpStream, line: &str) -> String {
    writeln!(stream, "{line}").unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    assert!(!answer.starts_with("error"), "{answer}");
    answer.trim_end().to_string()
}

fn read_answer(stream: &mut TcpStream, answer: Answer, buffer: &mut [u8]) {
    let mut left = match answer {
        Answer::Lines(count) | Answer::Bytes(count) => count,
    };
    while left > 0 {
        let count = stream.read(buffer).unwrap();
        assert!(count > 0, "the server closed");
        left -= match answer {
            Answer::Lines(_) => buffer[..count].iter().filter(|&&byte| byte == b'\n').count(),
            Answer::Bytes(_) => count,
        };
    }
}

/// Compares two loads, whose servers and connections stay the same in all pairs.
fn compare(name: &str, mut ours: Load, mut theirs: Load, scale: f64, unit: &str) {
    // The first pair is not counted.
    let _warm = (ours.rate(), theirs.rate());
    let pairs = (0..PAIRS).map(|_| (ours.rate(), theirs.rate())).collect();
    print(name, pairs, scale, unit);
}

/// Compares loads of 1 MiB. Each pair has servers and connections of its own: a connection with a
/// large buffer is fast or slow for as long as it lasts, and the next one may be the other.
fn compare_fresh(name: &str, ours: impl Fn() -> Load, theirs: impl Fn() -> Load) {
    let rates = |_| {
        let (mut ours, mut theirs) = (ours(), theirs());
        let _warm = (ours.rate(), theirs.rate());
        (ours.rate(), theirs.rate())
    };
    print(name, (0..FRESH_PAIRS).map(rates).collect(), 1.0, "MiB/s");
}

/// Prints the ratio of each pair of rates, and what a step of the first one carries.
fn print(name: &str, pairs: Vec<(f64, f64)>, scale: f64, unit: &str) {
    let mut ratios: Vec<f64> = pairs.iter().map(|(ours, theirs)| ours / theirs).collect();
    let mut rates: Vec<f64> = pairs.iter().map(|(ours, _)| ours * scale).collect();
    ratios.sort_by(f64::total_cmp);
    rates.sort_by(f64::total_cmp);
    let (least, most) = (ratios[0], ratios[ratios.len() - 1]);
    let (median, rate) = (ratios[ratios.len() / 2], rates[rates.len() / 2]);
    println!("{name:<46} {median:>6.3}  ({least:.3} to {most:.3})  {rate:>11.0} {unit}");
}

// --- the rows ------------------------------------------------------------------------

fn bench(pinned: bool, wanted: &str) {
    let place = if pinned { "server and generator on one core" } else { "not pinned" };
    println!(
        "{place}; {PAIRS} pairs of {WINDOW:?}; median ratio (least to most), leasebox's median rate"
    );
    let is_wanted = |name: &str| name.contains(wanted);
    for (connections, depth) in [(1, 1), (1, 16), (1, 100), (64, 1)] {
        draws(connections, depth, &is_wanted);
    }
    if std::env::var_os("LEASEBOX_BEFORE").is_some() {
        memory_and_sessions(&is_wanted);
    }
    for connections in [1, 8] {
        whole_mib(connections, &is_wanted);
    }
    if is_wanted("idle") {
        idle("leasebox", &Server::leasebox());
        idle("floor", &Server::floor());
    }
}

/// A server to compare with: its name, how it starts, and what it is asked.
type Other<'a> = (&'a str, &'a dyn Fn() -> Option<Server>, &'a str);

fn draws(connections: usize, depth: usize, is_wanted: &dyn Fn(&str) -> bool) {
    let ours = || Load::new(Server::leasebox(), connections, Step::lines("draw 1\n", depth));
    let rows: [Other<'_>; 4] = [
        ("the floor", &|| Some(Server::floor()), "draw 1\n"),
        ("the binary before", &Server::before, "draw 1\n"),
        ("Redis INCR", &Server::redis, "INCR x\r\n"),
        ("memcached incr", &Server::memcached, "incr x 1\r\n"),
    ];
    for (other, start, request) in rows {
        let name = format!("draw 1, {connections} conn., depth {depth:>3} / {other}");
        if !is_wanted(&name) {
            continue;
        }
        let Some(server) = start() else {
            println!("{name:<46} left out: not installed");
            continue;
        };
        if other.starts_with("memcached") {
            let mut stream = server.connect();
            stream.write_all(b"set x 0 0 1\r\n1\r\n").unwrap();
            read_answer(&mut stream, Answer::Lines(1), &mut [0; 64]);
        }
        let theirs = Load::new(server, connections, Step::lines(request, depth));
        compare(&name, ours(), theirs, depth as f64, "requests/s");
    }
}

/// Beside the binary of an earlier commit alone: no other server has the same requests.
fn memory_and_sessions(is_wanted: &dyn Fn(&str) -> bool) {
    type Start = fn(Server) -> Load;
    let rows: [(&str, Start); 4] = [
        ("lease", |server| Load::new(server, 1, Step::lines("lease 64 1\n", 1))),
        ("set", |server| Load::of_a_lease(server, "set ID 0123456789\n")),
        ("get", |server| Load::of_a_lease(server, "get ID\n")),
        ("send, receive", Load::of_a_session),
    ];
    for (what, start) in rows {
        let name = format!("{what} / the binary before");
        if let Some(before) = Server::before().filter(|_| is_wanted(&name)) {
            compare(&name, start(Server::leasebox()), start(before), 1.0, "requests/s");
        }
    }
}

/// Leases 1 MiB by frames and sets all of it; answers the id's bytes.
fn lease_mib(server: &Server) -> [u8; 4] {
    let mut stream = server.connect();
    let size = (MIB as i32).to_le_bytes();
    let frame =
        [&1_i32.to_le_bytes()[..], &8_i64.to_le_bytes(), &size, &3_600_000_i32.to_le_bytes()];
    stream.write_all(&frame.concat()).unwrap();
    let mut answer = [0; 16];
    stream.read_exact(&mut answer).unwrap();
    let id = answer[12..].try_into().unwrap();
    stream.write_all(&set_mib(id)).unwrap();
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer[12..], [0; 4]);
    id
}

fn set_mib(id: [u8; 4]) -> Vec<u8> {
    let outer = (MIB as i64 + 12).to_le_bytes();
    let header = [&3_i32.to_le_bytes()[..], &outer, &id, &(MIB as i64).to_le_bytes()].concat();
    [header, vec![b'x'; MIB]].concat()
}

fn whole_mib(connections: usize, is_wanted: &dyn Fn(&str) -> bool) {
    const VALUE: &str = "VALUE x 0 1048576\r\n";
    let set = [b"set x 0 0 1048576\r\n".to_vec(), vec![b'x'; MIB], b"\r\n".to_vec()].concat();
    for verb in ["get", "set"] {
        let ours = || load_of_a_mib(Server::with_few_numbers(), connections, verb);
        let step = match verb {
            "get" => Step::bytes(b"get x\r\n".to_vec(), VALUE.len() + MIB + "\r\nEND\r\n".len()),
            _ => Step::lines_of(set.clone()),
        };
        let memcached = || {
            let server = Server::memcached().expect("it started a moment ago");
            let mut stream = server.connect();
            stream.write_all(&set).unwrap();
            read_answer(&mut stream, Answer::Lines(1), &mut [0; 64]);
            Load::new(server, connections, step.clone())
        };
        let name = format!("{verb} of 1 MiB, {connections} conn. / memcached");
        match is_wanted(&name).then(Server::memcached) {
            Some(Some(_)) => compare_fresh(&name, ours, memcached),
            Some(None) => println!("{name:<46} left out: not installed"),
            None => {}
        }
        let name = format!("{verb} of 1 MiB, {connections} conn. / the binary before");
        if let Some(before) = std::env::var_os("LEASEBOX_BEFORE").filter(|_| is_wanted(&name)) {
            let before = || load_of_a_mib(Server::made_by(&before, "1000"), connections, verb);
            compare_fresh(&name, ours, before);
        }
    }
}

/// Gets or sets of 1 MiB by frames.
fn load_of_a_mib(server: Server, connections: usize, verb: &str) -> Load {
    let id = lease_mib(&server);
    let get = [&4_i32.to_le_bytes()[..], &4_i64.to_le_bytes(), &id].concat();
    let step =
        if verb == "get" { Step::bytes(get, 24 + MIB) } else { Step::bytes(set_mib(id), 16) };
    Load::new(server, connections, step)
}

impl Step {
    /// One request that is answered with one line.
    fn lines_of(request: Vec<u8>) -> Self {
        Self { request, answer: Answer::Lines(1) }
    }
}

/// Resident memory of idle connections that have said nothing.
fn idle(name: &str, server: &Server) {
    const IDLE: usize = 5000;
    let before = server.resident_kib();
    let mut streams = Vec::new();
    for _ in 0..IDLE / 100 {
        streams.extend((0..100).map(|_| server.connect()));
        std::thread::sleep(Duration::from_millis(30));
    }
    std::thread::sleep(Duration::from_millis(1000));
    let each = (server.resident_kib() - before) as f64 / IDLE as f64;
    println!("{IDLE} idle connections to {name:<24} {each:>6.1}  KiB resident each");
}
