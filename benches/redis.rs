//! `redis-benchmark -c 64 -P 16 draw 1` beside the same call of `SPOP` on Redis: both hand out each
//! of three million members once, to the same generator.
//!
//! The sides alternate, each on a server of its own that is filled anew; the median of the ratios
//! counts. Where Redis or its tools are missing it says so.
//!
//! Run: `cargo bench --bench redis`
#![allow(missing_docs, reason = "a bench has no public items")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use support::Running;

/// Alternating pairs.
const PAIRS: usize = 5;

/// Requests of one side of a pair: each takes one member.
const REQUESTS: &str = "3000000";

struct Redis(Child, u16);

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Redis with a set of as many members; `None` where it is not installed.
fn redis() -> Option<Redis> {
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let mut command = Command::new("redis-server");
    command.args(["--save", "", "--appendonly", "no", "--port", &port.to_string()]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
    let server = Redis(child, port);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::sleep(Duration::from_millis(20));
    }
    let fill = format!("for i = 1, {REQUESTS} do redis.call('sadd', 'numbers', i) end");
    let filled = Command::new("redis-cli")
        .args(["-p", &port.to_string(), "eval", &fill, "0"])
        .output()
        .ok()?;
    assert!(filled.status.success());
    Some(server)
}

/// Requests a second, as redis-benchmark says.
fn rate(port: u16, command: &[&str]) -> f64 {
    let arguments = ["-p", &port.to_string(), "-n", REQUESTS, "-c", "64", "-P", "16", "--csv"];
    let output = Command::new("redis-benchmark").args(arguments).args(command).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().last().unwrap();
    line.split(',').nth(1).unwrap().trim_matches('"').parse().unwrap_or_else(|_| panic!("{text}"))
}

fn main() {
    if Command::new("redis-benchmark").arg("--version").output().is_err() {
        println!("redis-benchmark is not installed: left out");
        return;
    }
    let (mut ratios, mut rates) = (Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        let Some(redis) = redis() else {
            println!("redis-server is not installed: left out");
            return;
        };
        let theirs = rate(redis.1, &["SPOP", "numbers"]);
        drop(redis);
        let leasebox = Running::start(&["--numbers", REQUESTS]);
        let ours = rate(leasebox.address.port(), &["draw", "1"]);
        ratios.push(ours / theirs);
        rates.push((ours, theirs));
    }
    ratios.sort_by(f64::total_cmp);
    rates.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (ours, theirs) = rates[PAIRS / 2];
    println!(
        "draw 1 / SPOP, 64 conn., 16 ahead, {REQUESTS} requests: {:.3} ({:.3} to {:.3}); {ours:.0} beside {theirs:.0} a second",
        ratios[PAIRS / 2],
        ratios[0],
        ratios[PAIRS - 1]
    );
}
