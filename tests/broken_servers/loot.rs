//! A right draw server in Rust, a thread for each client. The argument is its port.
//!
//!     rustc -O loot.rs && ./loot 8888

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

const NUMBERS: u32 = 100_000;

fn serve(client: TcpStream, left: &Mutex<Vec<u32>>) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let mut reply = client.try_clone()?;
    for line in BufReader::new(client).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        let count = line.trim().strip_prefix("draw ").and_then(|count| count.parse().ok());
        let Some(count) = count.filter(|&count: &usize| count > 0) else {
            reply.write_all(b"error say draw and a number\n")?;
            continue;
        };
        let mut left = left.lock().unwrap();
        let keep = left.len().saturating_sub(count);
        let drawn: Vec<String> = left.drain(keep..).map(|number| number.to_string()).collect();
        drop(left);
        let line = if drawn.is_empty() { "no numbers left".into() } else { drawn.join(" ") };
        reply.write_all((line + "\n").as_bytes())?;
    }
    Ok(())
}

fn main() {
    let port = std::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    let mut list: Vec<u32> = (1..=NUMBERS).collect();
    // The standard library has no random numbers, but its hashes begin at random.
    let random = RandomState::new();
    for at in (1..list.len()).rev() {
        let mut hasher = random.build_hasher();
        hasher.write_usize(at);
        list.swap(at, (hasher.finish() % (at as u64 + 1)) as usize);
    }
    let left = Arc::new(Mutex::new(list));
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    for client in listener.incoming().flatten() {
        let left = left.clone();
        std::thread::spawn(move || serve(client, &left));
    }
}
