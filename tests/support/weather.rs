//! Datagrams in bad weather: the proxy, and clients that drain a list through it.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use leasebox::client::exchange::Way;
use leasebox::client::{CallError, Client};
use leasebox::common::error::Code;

use super::{BINARY, announced};

const LIMIT: Duration = Duration::from_secs(30);

/// A client by datagrams.
pub fn client(address: SocketAddr, way: Way) -> Client {
    Client::by_datagrams(&address.ip().to_string(), address.port(), LIMIT, way).unwrap()
}

/// Much is lost, repeated and reordered.
pub const BAD: [&str; 6] = ["--drop", "0.3", "--duplicate", "0.2", "--reorder", "0.1"];

/// A `leasebox lossy` in front of a server, killed at the end of the test.
pub struct Lossy {
    child: Child,
    pub address: SocketAddr,
}

impl Lossy {
    pub fn start(to: SocketAddr, seed: u64, weather: &[&str]) -> Self {
        let (to, seed) = (to.to_string(), seed.to_string());
        let mut command = Command::new(BINARY);
        command.args(["lossy", "--listen", "127.0.0.1:0", "--to", &to, "--seed", &seed]);
        let (child, line) = announced(command.args(weather), Stdio::null());
        let address = line.split(' ').nth(5).unwrap().parse().unwrap();
        Self { child, address }
    }
}

impl Drop for Lossy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Draws until the list is drained; answers what came.
fn drain(mut client: Client, count: u64) -> Vec<u32> {
    let mut numbers = Vec::new();
    loop {
        match client.draw(count) {
            Ok(drawn) => numbers.extend(drawn),
            Err(CallError::Refused(error)) if error.code == Code::Exhausted => return numbers,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Eight clients that draw at once until nothing is left.
pub fn drain_by_eight(address: SocketAddr, way: Way) -> Vec<u32> {
    let barrier = Arc::new(Barrier::new(8));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let barrier = barrier.clone();
            std::thread::spawn(move || {
                let client = client(address, way);
                barrier.wait();
                drain(client, 50)
            })
        })
        .collect();
    threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
}
