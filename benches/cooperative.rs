//! What a decision costs: the figures alone, and a request and a return by the manager among
//! 1,000 processes, with everything that goes with them.
#![allow(missing_docs, reason = "a bench has no public items")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use leasebox::common::caller::Caller;
use leasebox::cooperative::decision::{Standing, decide};
use leasebox::cooperative::manager::{Rules, StandAlone};
use leasebox::cooperative::pool::{Share, Shares};
use leasebox::cooperative::words::{Amounts, Pool, Reason, Wanted};

const PROCESSES: u64 = 1000;
const ARENA: u64 = 64 << 20;
const SIZE: u64 = 1024;

/// A thousand processes that hold memory of every pool and have reported garbage.
fn tables(rules: Rules, now: Instant) -> StandAlone<()> {
    let mut shares = Shares::default();
    let parts = [
        (Pool::GrantedLeak, 5),
        (Pool::GrantedPause, 10),
        (Pool::LoanedEfficiency, 25),
        (Pool::LoanedPause, 10),
    ];
    for (pool, percent) in parts {
        shares.insert(pool, Share::Percent(percent));
    }
    let mut tables = StandAlone::new(ARENA, &shares, &Shares::default(), rules, now).unwrap();
    for client in 1..=PROCESSES {
        tables
            .manager()
            .join(Caller::connected(client), &format!("p{client}"), Some(16 * SIZE), (), now)
            .unwrap();
        tables.manager().report(client, 8 * SIZE, Some(50), now).unwrap();
        for reason in [Reason::Pause, Reason::Efficiency, Reason::OutOfMemory] {
            tables.manager().request(client, &wanted(SIZE, reason), now).unwrap();
        }
    }
    tables
}

fn wanted(size: u64, reason: Reason) -> Wanted {
    Wanted::new(size, reason)
}

fn decisions(criterion: &mut Criterion) {
    let standing = Standing { free: Amounts::default(), room: Amounts::default(), collateral: 5 };
    criterion.bench_function("figures 8, 10 and 9, to a refusal", |bench| {
        bench.iter(|| {
            decide(black_box(SIZE), black_box(SIZE), Reason::UrgentEfficiency, black_box(&standing))
        });
    });
    let now = Instant::now();
    let mut tables = tables(Rules::default(), now);
    let mut client = 0;
    criterion.bench_function("a refusal among 1,000 processes", |bench| {
        bench.iter(|| {
            client = client % PROCESSES + 1;
            tables
                .manager()
                .request(client, &wanted(ARENA, Reason::UrgentEfficiency), now)
                .unwrap_err()
        });
    });
    criterion.bench_function("a grant and its return among 1,000 processes", |bench| {
        bench.iter(|| {
            client = client % PROCESSES + 1;
            let granted =
                tables.manager().request(client, &wanted(SIZE, Reason::Pause), now).unwrap();
            let (ending, _) = tables.manager().return_block(client, granted.id).unwrap();
            tables.manager().give_back(vec![ending], now);
            tables.processes.take_wakers();
        });
    });
}

/// The reaper's part: every pool is low, and every process could be asked.
fn collection(criterion: &mut Criterion) {
    let now = Instant::now();
    let low_water = Shares::from(Pool::ALL.map(|pool| (pool, Share::Percent(100))));
    let mut tables = tables(Rules { low_water, ..Rules::default() }, now);
    let mut later = now;
    criterion.bench_function("whom to ask of 1,000 processes, four pools being low", |bench| {
        bench.iter(|| {
            // Those that were asked before have not obeyed, and may be asked again.
            later += Duration::from_secs(3);
            tables.manager().collect(later);
            tables.processes.take_wakers();
        });
    });
}

criterion_group!(benches, decisions, collection);
criterion_main!(benches);
