//! The homework in one file: a server that hands out the numbers 1 to 100,000, none of them twice.
//!
//! ```text
//!   client A ──► thread A ─┐
//!   client B ──► thread B ─┼──► Arc<Mutex<LootBox>>: the shuffled list, and a counter
//!   client C ──► thread C ─┘
//! ```
//!
//! Run it, and talk to it from a second terminal:
//!
//! ```text
//!   first terminal     cargo run --release --example homework 4120
//!   second terminal    python3 client_py/client.py 127.0.0.1 4120
//!   to see the race    cargo run --release --example homework 4120 broken, and two clients at once
//! ```
//!
//! The client sends `draw 4`; the server answers `5 19 228 665`. The list is never changed and
//! nothing is removed from it: the counter says where the next draw begins.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rand::seq::SliceRandom;

const NUMBERS: u32 = 100_000;

/// What all threads share.
struct LootBox {
    /// 1 to 100,000 in a random order.
    numbers: Vec<u32>,
    /// The index of the next number.
    counter: usize,
}

impl LootBox {
    fn new() -> Self {
        let mut numbers: Vec<u32> = (1..=NUMBERS).collect();
        numbers.shuffle(&mut rand::rng());
        Self { numbers, counter: 0 }
    }

    /// Returns the index behind the last number of a draw of `count` numbers from index `first` on.
    /// It is at most the length of the list.
    fn end(&self, first: usize, count: usize) -> usize {
        first.saturating_add(count).min(self.numbers.len())
    }
}

/// One of the two functions below, [`draw`] or [`broken_draw`]: `main` chooses.
type Draw = fn(&Mutex<LootBox>, usize) -> Vec<u32>;

/// Takes the next `count` numbers, or as many as are left. The lock is held from before the counter is read until after it
/// is written, so no other thread comes between. The list is in the same `Mutex`, so the numbers are
/// copied under the lock too; the real server keeps the list outside, and copies later.
fn draw(loot_box: &Mutex<LootBox>, count: usize) -> Vec<u32> {
    // After a panic under the lock, `lock` returns an error. The counter is written in one step, so
    // it is never half changed: we take the lock all the same.
    let mut loot_box = loot_box.lock().unwrap_or_else(PoisonError::into_inner);
    let first = loot_box.counter;
    let end = loot_box.end(first, count);
    loot_box.counter = end;
    loot_box.numbers[first..end].to_vec()
    // The end of the function drops the guard (this `loot_box`, not the parameter), which unlocks.
}

/// Does the same without one lock around all steps. Safe Rust does not compile a plain variable that two threads
/// change without a lock, so each step locks and unlocks by itself; between the steps the lock is
/// free. Two threads may both read 0, both write 4, and both answer `5 19 228 665`.
fn broken_draw(loot_box: &Mutex<LootBox>, count: usize) -> Vec<u32> {
    // The guard is in no variable, so each `lock()` below unlocks at the end of its own statement.
    let lock = || loot_box.lock().unwrap_or_else(PoisonError::into_inner);
    let first = lock().counter;
    // The gap is 1 ms wide: the race happens whenever two clients draw within the same millisecond.
    thread::sleep(Duration::from_millis(1));
    let end = lock().end(first, count);
    lock().counter = end;
    lock().numbers[first..end].to_vec()
}

/// Returns the answer to one line: N numbers, or an error.
fn answer(line: &str, loot_box: &Mutex<LootBox>, draw: Draw) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let count = match words[..] {
        ["draw", count] => count.parse().unwrap_or(0),
        _ => 0,
    };
    if count == 0 {
        return "error: send draw and a number, such as draw 4\n".to_string();
    }
    let numbers = draw(loot_box, count);
    if numbers.is_empty() {
        return "error: no number is left; start the server again\n".to_string();
    }
    let words: Vec<String> = numbers.iter().map(u32::to_string).collect();
    words.join(" ") + "\n"
}

/// One client's thread: reads, answers and writes until the client is gone.
///
/// The bytes of one read are taken for whole lines. The last one may lack its line end, because the
/// course's client sends none. So `draw 10` that arrives as `draw 1` and `0` is answered wrongly;
/// `src/protocol` does better.
fn serve(mut stream: TcpStream, loot_box: &Mutex<LootBox>, draw: Draw) -> io::Result<()> {
    // Each answer is sent at once; the system would else wait for more bytes to send with it.
    stream.set_nodelay(true)?;
    let mut buffer = [0; 1024];
    loop {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&buffer[..length]);
        for line in text.lines() {
            // No lock is held here: a client that does not read its answer stops only itself.
            stream.write_all(answer(line, loot_box, draw).as_bytes())?;
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (port, draw): (u16, Draw) = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [port] => (port.parse()?, draw),
        [port, "broken"] => (port.parse()?, broken_draw),
        _ => return Err("say which port: homework PORT [broken]".into()),
    };
    let listener = TcpListener::bind(("0.0.0.0", port))?;
    println!("listening on {}", listener.local_addr()?.port());
    let loot_box = Arc::new(Mutex::new(LootBox::new()));
    for stream in listener.incoming() {
        let loot_box = Arc::clone(&loot_box);
        // A client that is gone before it was accepted is an `Err`: the server goes on.
        let Ok(stream) = stream else { continue };
        let served = move || serve(stream, &loot_box, draw);
        // Not `thread::spawn`, which panics when the system has no thread left.
        if let Err(error) = thread::Builder::new().spawn(served) {
            eprintln!("no thread for a client: {error}");
        }
    }
    Ok(())
}
