//! The cost of send, receive, forward and share by the size of the message, over TCP: some of them
//! scale with it, and some do not.
//!
//! Three processes, each a connection with frames. A round sends a message of the size from the
//! first to the second, which hands it on to the third, which receives it; then the first shares a
//! value of the size with the second, which receives that. Each time is the median of the rounds,
//! from the request to the whole reply, in microseconds. Clients and server share one core
//! (`taskset`), which makes the times steady.
//!
//! Run: `cargo bench --bench messages`, or with `-- --svg docs/messages.svg` for the plot.
#![allow(missing_docs, reason = "a bench has no public items")]

mod pinning;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use leasebox::client::Client;
use leasebox::commands::{Forward, Join, Open, ShareValue, Store};
use leasebox::sessions::words::SessionId;

const LEASEBOX: &str = env!("CARGO_BIN_EXE_leasebox");
const LIMIT: Duration = Duration::from_secs(30);
const WHATS: [&str; 4] = ["send", "receive", "forward", "share"];

/// The sizes in bytes: powers of four from 1 B to 4 MiB.
fn sizes() -> impl Iterator<Item = usize> {
    (0..12).map(|power| 1 << (2 * power))
}

/// Fewer rounds for large messages: each size takes about as long.
fn rounds(size: usize) -> usize {
    (400_000_000 / (size + 200_000)).clamp(60, 1000)
}

struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start() -> Self {
        let arguments = ["serve", "--port", "0", "--memory", "64MiB", "--block", "16MiB"];
        let mut command = Command::new(LEASEBOX);
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim_end().rsplit(':').next().unwrap().parse().unwrap();
        Self { child, port }
    }

    fn join(&self, name: &str) -> Client {
        let mut client = Client::connect("127.0.0.1", self.port, LIMIT).unwrap();
        client.call(Join { name: name.into(), committed: None, space: None }).unwrap();
        client
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn open(client: &mut Client, name: &str) -> SessionId {
    client.call(Open { name: name.into(), data: [][..].into() }).unwrap().session
}

/// The time of one call, in microseconds.
fn timed<T>(call: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    drop(call());
    start.elapsed().as_secs_f64() * 1e6
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// The medians of send, receive, forward and share for one size.
fn measure(
    clients: &mut [Client; 3],
    first: SessionId,
    onward: SessionId,
    size: usize,
) -> [f64; 4] {
    let [alice, bob, carol] = clients;
    let data = vec![7; size];
    alice.call(Store { name: "value".into(), data: data.as_slice().into() }).unwrap();
    let mut times: [Vec<f64>; 4] = Default::default();
    for _ in 0..rounds(size) {
        times[0].push(timed(|| alice.send(first, &data).unwrap()));
        times[2].push(timed(|| bob.call(Forward { session: first, to: onward }).unwrap()));
        times[1].push(timed(|| carol.receive(onward, Duration::ZERO).unwrap().unwrap()));
        let share = ShareValue { name: "value".into(), session: first };
        times[3].push(timed(|| alice.call(share).unwrap()));
        bob.receive(first, Duration::ZERO).unwrap().unwrap();
    }
    times.map(|mut times| median(&mut times))
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let behind = |flag: &str| {
        let at = words.iter().position(|word| word == flag)?;
        Some(words.get(at + 1).map_or("", String::as_str))
    };
    match behind("--pinned") {
        Some(file) => bench(file),
        None => {
            let file = behind("--svg").unwrap_or_default();
            if !pinning::runs_pinned(file) {
                bench(file);
            }
        }
    }
}

/// Measures all sizes, prints them, and writes the plot into a file if one is named.
fn bench(file: &str) {
    let server = Server::start();
    let mut clients = ["alice", "bob", "carol"].map(|name| server.join(name));
    let first = open(&mut clients[0], "bob");
    let onward = open(&mut clients[1], "carol");
    let heads = WHATS.map(|what| format!("{what:>9}")).concat();
    println!("microseconds, medians\n{:>9} {heads}", "bytes");
    let mut rows = Vec::new();
    for size in sizes() {
        let row = measure(&mut clients, first, onward, size);
        println!("{size:>9} {}", row.map(|time| format!("{time:>9.1}")).concat());
        rows.push((size, row));
    }
    if !file.is_empty() {
        std::fs::write(file, plot(&rows)).unwrap();
        println!("the plot is in {file}");
    }
}

// --- the plot ------------------------------------------------------------------------

/// Both axes are logarithmic: from 1 B to 4 MiB, and from 10 us to 10 ms.
fn plot(rows: &[(usize, [f64; 4])]) -> String {
    let x = |size: usize| 60.0 + (size as f64).log2() / 22.0 * 620.0;
    let y = |time: f64| 350.0 - (time.log10() - 1.0) / 3.0 * 320.0;
    let mut text = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 400\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <title>Time of send, receive, forward and share, by the size of the message</title>\n\
         <style>@media(prefers-color-scheme:dark){rect{fill:#0f141a}text{fill:#e6ebf1}.grid{stroke:#313c48}}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
    );
    for (time, word) in [(10.0, "10 us"), (100.0, "100 us"), (1000.0, "1 ms"), (10_000.0, "10 ms")]
    {
        let at = y(time);
        text += &format!("<path d=\"M60 {at:.1}H680\" stroke=\"#ddd\" class=\"grid\"/>");
        text +=
            &format!("<text x=\"52\" y=\"{:.1}\" text-anchor=\"end\">{word}</text>\n", at + 4.0);
    }
    for (size, word) in [
        (1, "1 B"),
        (1 << 10, "1 KiB"),
        (1 << 16, "64 KiB"),
        (1 << 20, "1 MiB"),
        (1 << 22, "4 MiB"),
    ] {
        text +=
            &format!("<text x=\"{:.1}\" y=\"370\" text-anchor=\"middle\">{word}</text>\n", x(size));
    }
    let strokes =
        [("#0072b2", ""), ("#d55e00", "8 4"), ("#009e73", "2 3"), ("#cc79a7", "12 3 2 3")];
    for (at, (what, (colour, dash))) in WHATS.into_iter().zip(strokes).enumerate() {
        let points: Vec<String> = rows
            .iter()
            .map(|(size, times)| format!("{:.1},{:.1}", x(*size), y(times[at])))
            .collect();
        let stroke = format!("stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"");
        text += &format!("<polyline points=\"{}\" fill=\"none\" {stroke}/>\n", points.join(" "));
        let low = 45 + 20 * at;
        text += &format!(
            "<path d=\"M80 {low}h30\" {stroke}/><text x=\"118\" y=\"{}\">{what}</text>\n",
            low + 4
        );
    }
    text + "</svg>\n"
}
