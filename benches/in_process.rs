//! Requests in process, without a socket: a draw (lock, take, into the reply buffer), a get
//! and a set of 1 MiB (two locks and the copy), and what a lock alone costs.
#![allow(missing_docs, reason = "a bench has no public items")]

use std::hint::black_box;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use leasebox::commands::{Data, Get, Lease, Leased, Reply, Request, Set};
use leasebox::common::caller::Caller;
use leasebox::common::id::IdKind;
use leasebox::numbers::locking::Locking;
use leasebox::protocol::output::Output;
use leasebox::protocol::{Conversation, Decoded, Policy, Tail};
use leasebox::server::config::Config;

const NUMBERS: u32 = 1_000_000;

const CALLER: Caller =
    Caller { client: 1, is_connected: true, stranger: None, most_data: u64::MAX, room: u64::MAX };

/// Draws `count` at a time, `iters` times, from as many lists as that takes.
fn draw(count: u32, locking: Locking, iters: u64) -> Duration {
    let mut total = Duration::ZERO;
    let mut left = iters;
    let mut out = Output::default();
    let line = format!("draw {count}\n").into_bytes();
    while left > 0 {
        let config = Config { numbers: NUMBERS, locking, memory: 32, ..Config::default() };
        let shared = config.share().unwrap();
        let policy = Policy::plain(1 << 20);
        let mut conversation = Conversation::new(&policy, 1);
        let draws = left.min(u64::from(NUMBERS / count));
        let start = Instant::now();
        for _ in 0..draws {
            let Decoded::Asked { request: Ok(request), .. } =
                conversation.decode(black_box(&line), Tail::Open)
            else {
                unreachable!("the line is a draw");
            };
            debug_assert!(matches!(request, Request::Draw(_)));
            let mut reply = request.execute(&shared, CALLER, &mut Vec::new());
            out.bytes.clear();
            conversation.encode(&mut reply, &mut out);
            black_box(&out.bytes);
        }
        total += start.elapsed();
        left -= draws;
    }
    total
}

/// A get or a set of 1 MiB.
fn whole_mib(criterion: &mut Criterion) {
    const MIB: usize = 1 << 20;
    let shared = Config { memory: 4 << 20, numbers: 1, ..Config::default() }.share().unwrap();
    let lease =
        Request::Lease(Lease { size: MIB as u64, duration_ms: 3_600_000, id_kind: IdKind::Uuid });
    let Reply::Leased(Leased { id, .. }) = lease.execute(&shared, CALLER, &mut Vec::new()) else {
        unreachable!("there is room");
    };
    let mut group = criterion.benchmark_group("1 MiB in process");
    group.sample_size(20).throughput(Throughput::Bytes(MIB as u64));
    let mut spare = Vec::new();
    let set = Request::Set(Set { id, data: vec![7; MIB].into() });
    group.bench_function("set", |bench| {
        bench.iter(|| black_box(set.execute(&shared, CALLER, &mut spare)));
    });
    group.bench_function("get, into a buffer that is kept", |bench| {
        bench.iter(|| {
            if let Reply::Data(Data { data, .. }) =
                Request::Get(Get { id }).execute(&shared, CALLER, &mut spare)
            {
                spare = black_box(data);
            }
        });
    });
    group.bench_function("memcpy of as much, to compare", |bench| {
        let (from, mut to) = (vec![7_u8; MIB], vec![0; MIB]);
        bench.iter(|| black_box(&mut to).copy_from_slice(black_box(&from)));
    });
    group.finish();
    let lock = Mutex::new(0_u32);
    criterion.bench_function("a free lock, taken and let go", |bench| {
        bench.iter(|| *black_box(&lock).lock().unwrap() += 1);
    });
}

fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("draw");
    group.sample_size(20).warm_up_time(Duration::from_secs(1));
    group.measurement_time(Duration::from_secs(2));
    for count in [1, 1000] {
        group.throughput(Throughput::Elements(u64::from(count)));
        group.bench_function(format!("draw {count}, the lock once a request"), |bench| {
            bench.iter_custom(|iters| draw(count, Locking::Request, iters));
        });
    }
    group.bench_function("draw 1000, the lock once a number", |bench| {
        bench.iter_custom(|iters| draw(1000, Locking::Number, iters));
    });
}

criterion_group!(group, benches, whole_mib);
criterion_main!(group);
