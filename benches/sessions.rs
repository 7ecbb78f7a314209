//! What sessions cost in process: that the time to hand a message on does not depend on its
//! size, what a send with its receipt takes, and whether a look-aside table would help.
#![allow(missing_docs, reason = "a bench has no public items")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use leasebox::commands::{
    Forward, Forwarded, Join, MessageReply, Open, Opened, Receive, Reply, Request, Send,
};
use leasebox::common::caller::Caller;
use leasebox::memory::buddy::Buddy;
use leasebox::server::config::Config;
use leasebox::server::shared::Shared;
use leasebox::sessions::words::SessionId;

const MIB: u64 = 1 << 20;

fn ask<'s>(shared: &'s Shared, client: u64, request: &Request<'_>) -> Reply<'s> {
    request.execute(shared, Caller::connected(client), &mut Vec::new())
}

fn open(shared: &Shared, client: u64, name: &str) -> SessionId {
    let request = Request::Open(Open { name: name.into(), data: [][..].into() });
    match ask(shared, client, &request) {
        Reply::Opened(Opened { session }) => session,
        other => panic!("{other:?}"),
    }
}

/// Three processes, and sessions from the first to the second and from that to the third.
fn three() -> (Shared, SessionId, SessionId) {
    let shared = Config { memory: 64 * MIB, admin: 16 * MIB, ..Config::default() };
    let shared = shared.share().unwrap();
    for (client, name) in (1..).zip(["a", "b", "c"]) {
        let committed = Some(if client == 1 { 32 * MIB } else { 0 });
        let joined = ask(
            &shared,
            client,
            &Request::Join(Join { name: name.into(), committed, space: None }),
        );
        assert!(matches!(joined, Reply::Joined(_)), "{joined:?}");
    }
    let sessions = (open(&shared, 1, "b"), open(&shared, 2, "c"));
    (shared, sessions.0, sessions.1)
}

/// To and fro: by the second to the third, by the third back.
fn forwards(criterion: &mut Criterion) {
    for (word, size) in [("1 B", 1), ("16 MiB", 16 * MIB)] {
        let (shared, first, second) = three();
        let data = vec![7; size as usize];
        ask(&shared, 1, &Request::Send(Send { session: first, data: data.into() }));
        ask(&shared, 2, &Request::Forward(Forward { session: first, to: second }));
        let mut holder = 3;
        criterion.bench_function(&format!("forward {word}"), |bench| {
            bench.iter(|| {
                let request = Request::Forward(Forward { session: second, to: second });
                let reply = ask(&shared, holder, &request);
                assert!(
                    matches!(reply, Reply::Forwarded(Forwarded { length, .. }) if length == size)
                );
                holder = 5 - holder;
            });
        });
    }
}

fn sends(criterion: &mut Criterion) {
    for (word, size) in [("64 B", 64), ("4 KiB", 4096), ("1 MiB", MIB as usize)] {
        let (shared, session, _) = three();
        let send = Request::Send(Send { session, data: vec![7; size].into() });
        let receive = Request::Receive(Receive { session, ms: 0 });
        let mut spare = Vec::new();
        criterion.bench_function(&format!("send and receive {word}"), |bench| {
            bench.iter(|| {
                ask(&shared, 1, &send);
                let caller = Caller::connected(2);
                match receive.execute(&shared, caller, &mut spare) {
                    Reply::Message(MessageReply { data: Some(data), .. }) => {
                        spare = black_box(data)
                    }
                    other => panic!("{other:?}"),
                }
            });
        });
    }
}

/// A table beside the allocator: what was freed last, by size, is dealt first.
struct LookAside {
    buddy: Buddy,
    freed: [Vec<u64>; 8],
}

impl LookAside {
    /// How many of each size are kept.
    const MAX: usize = 64;

    fn allocate(&mut self, order: usize) -> u64 {
        let freed = self.freed[order].pop();
        freed.unwrap_or_else(|| self.buddy.allocate(32 << order).unwrap().offset)
    }

    fn release(&mut self, order: usize, address: u64) {
        if self.freed[order].len() < Self::MAX {
            self.freed[order].push(address);
        } else {
            self.buddy.release(address).unwrap();
        }
    }
}

/// Sub-blocks of 64 B to 4 KiB, sixteen of which are there at any time.
fn look_aside(criterion: &mut Criterion) {
    let mut buddy = Buddy::new(MIB);
    let mut there: Vec<u64> = (0..16).map(|_| buddy.allocate(64).unwrap().offset).collect();
    let mut at = 0;
    criterion.bench_function("a sub-block by the manager", |bench| {
        bench.iter(|| {
            at += 1;
            buddy.release(there[at % 16]).unwrap();
            there[at % 16] = buddy.allocate(black_box(64 << (at % 7))).unwrap().offset;
        });
    });
    let freed = std::array::from_fn(|_| Vec::with_capacity(LookAside::MAX));
    let mut table = LookAside { buddy: Buddy::new(MIB), freed };
    let mut there: Vec<(usize, u64)> = (0..16).map(|_| (1, table.allocate(1))).collect();
    let mut at = 0;
    criterion.bench_function("a sub-block by a look-aside table", |bench| {
        bench.iter(|| {
            at += 1;
            let (order, address) = there[at % 16];
            table.release(order, address);
            let order = black_box(1 + at % 7);
            there[at % 16] = (order, table.allocate(order));
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .measurement_time(Duration::from_secs(2))
        .warm_up_time(Duration::from_millis(500));
    targets = forwards, sends, look_aside
}
criterion_main!(benches);
