//! A draw in process: lock, take, into the reply buffer; no socket.
#![allow(missing_docs, reason = "a bench has no public items")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use leasebox::message::Request;
use leasebox::representation::output::Output;
use leasebox::representation::{Conversation, Decoded, Tail};
use leasebox::transport::config::Config;
use leasebox::transport::shared::Grain;

const NUMBERS: u32 = 1_000_000;

/// Draws `count` at a time, `iters` times, from as many lists as that takes.
fn draw(count: u32, grain: Grain, iters: u64) -> Duration {
    let mut total = Duration::ZERO;
    let mut left = iters;
    let mut out = Output::default();
    let line = format!("draw {count}\n").into_bytes();
    while left > 0 {
        let config = Config { numbers: NUMBERS, grain, memory: 32, ..Config::default() };
        let shared = config.share().unwrap();
        let mut conversation = Conversation::new(1 << 20);
        let draws = left.min(u64::from(NUMBERS / count));
        let start = Instant::now();
        for _ in 0..draws {
            let Decoded::Asked { request: Ok(request), .. } =
                conversation.decode(black_box(&line), Tail::Open)
            else {
                unreachable!("the line is a draw");
            };
            debug_assert!(matches!(request, Request::Draw { .. }));
            let mut reply = shared.answer(&request, 1, &mut Vec::new());
            out.bytes.clear();
            conversation.encode(&mut reply, &mut out);
            black_box(&out.bytes);
        }
        total += start.elapsed();
        left -= draws;
    }
    total
}

fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("draw");
    group.sample_size(20).warm_up_time(Duration::from_secs(1));
    group.measurement_time(Duration::from_secs(2));
    for count in [1, 1000] {
        group.throughput(Throughput::Elements(u64::from(count)));
        group.bench_function(format!("draw {count}, the lock once a request"), |bench| {
            bench.iter_custom(|iters| draw(count, Grain::Request, iters));
        });
    }
    group.bench_function("draw 1000, the lock once a number", |bench| {
        bench.iter_custom(|iters| draw(1000, Grain::Number, iters));
    });
}

criterion_group!(group, benches);
criterion_main!(group);
