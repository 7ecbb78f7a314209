//! How long a thread keeps the tables locked, at worst: the processor time of one hold, among as
//! many leases, processes, watchers and sessions as the default limits allow. No hold should take
//! more than 5 ms. A row is the worst of all holds of its kind; where a request has one hold only,
//! its whole time is measured, so the hold took less.
#![allow(missing_docs, reason = "a bench has no public items")]

use std::sync::{Arc, Condvar};
use std::time::{Duration, Instant};

use leasebox::commands::{
    Accounts, Close, Join, Lease, Leave, List, Open, Opened, Pools, Publish, Reply, Request,
    Return, Send, Stats, Tree, Watch,
};
use leasebox::common::caller::Caller;
use leasebox::common::id::IdKind;
use leasebox::cooperative::pool::{Share, Shares};
use leasebox::cooperative::words::{Pool, Reason, Wanted};
use leasebox::server::config::Config;
use leasebox::server::lists::Listed;
use leasebox::server::shared::Shared;
use nix::time::ClockId;

const MIB: u64 = 1 << 20;

/// The processor time that this thread has used.
fn used() -> Duration {
    ClockId::CLOCK_THREAD_CPUTIME_ID.now().expect("Linux has the clock").into()
}

/// The worst processor time of some calls.
#[derive(Default)]
struct Worst(Duration);

impl Worst {
    fn of<R>(&mut self, call: impl FnOnce() -> R) -> R {
        let before = used();
        let returned = call();
        self.0 = self.0.max(used() - before);
        returned
    }

    fn show(self, what: &str) {
        println!("{:8.2} ms  {what}", self.0.as_secs_f64() * 1000.0);
    }
}

fn once<R>(what: &str, call: impl FnOnce() -> R) -> R {
    let mut worst = Worst::default();
    let returned = worst.of(call);
    worst.show(what);
    returned
}

fn shared(config: Config) -> Shared {
    config.share().expect("this machine has the memory")
}

fn ask<'s>(shared: &'s Shared, client: u64, request: &Request<'_>) -> Reply<'s> {
    request.execute(shared, Caller::connected(client), &mut Vec::new())
}

fn join(shared: &Shared, client: u64) {
    let request = Join { name: format!("p{client}").into(), committed: Some(0), space: None };
    let reply = ask(shared, client, &Request::Join(request));
    assert!(matches!(reply, Reply::Joined(_)), "{reply:?}");
}

/// A million leases: each is made, looked at, and given back.
fn leases() {
    let shared = shared(Config { max_leases: Some(1_100_000), ..Config::default() });
    let mut worst = Worst::default();
    for _ in 0..1_000_000 {
        worst.of(|| shared.memory.lease(32, 3_600_000, IdKind::Uuid)).expect("there is room");
    }
    worst.show("lease, up to a million of them");
    let lease = Lease { size: 32, duration_ms: 1, id_kind: IdKind::Uuid };
    let mut worst = Worst::default();
    for _ in 0..10_000 {
        worst.of(|| ask(&shared, 1, &Request::Lease(lease.clone())));
    }
    worst.show("lease 32 1");
    once("tree", || ask(&shared, 1, &Request::Tree(Tree)));
    once("list leases", || ask(&shared, 1, &Request::List(List { what: Listed::Leases })));
    once("stats", || ask(&shared, 1, &Request::Stats(Stats)));
    let end = Instant::now() + Duration::from_secs(7200);
    let (mut worst, begun) = (Worst::default(), Instant::now());
    while worst.of(|| shared.memory.reap(end)) > 0 {}
    worst.show("1,024 of a million leases that end at once");
    println!(
        "{:8.0} ms  of the clock until all are given back",
        begun.elapsed().as_secs_f64() * 1e3
    );
}

/// As many processes as the default account has room for, of which 1024 watch.
fn processes() {
    const COUNT: u64 = 4600;
    let shared = shared(Config::default());
    let mut worst = Worst::default();
    for client in 1..=1024 {
        worst.of(|| join(&shared, client));
        worst.of(|| ask(&shared, client, &Request::Watch(Watch)));
    }
    worst.show("join and watch, up to 1024 watchers");
    let mut worst = Worst::default();
    for client in 1025..=COUNT {
        worst.of(|| join(&shared, client));
    }
    worst.show("join beside 1024 watchers");
    let mut worst = Worst::default();
    let mut last: Option<String> = None;
    loop {
        let part = worst.of(|| {
            shared.memory.with_tables(|tables, _| tables.processes.accounts(last.as_deref(), 256))
        });
        let Some(account) = part.last() else { break };
        last = Some(account.name.clone());
    }
    worst.show("256 of 4,600 accounts");
    once("accounts, all of them (not one hold)", || ask(&shared, 1, &Request::Accounts(Accounts)));
    once("pools", || ask(&shared, 1, &Request::Pools(Pools)));
    once("watch again", || ask(&shared, 1, &Request::Watch(Watch)));
    once("stats", || ask(&shared, 1, &Request::Stats(Stats)));
    once("a look of the reaper at all processes", || {
        shared.memory.change(|tables, now| {
            let now = now + Duration::from_secs(2);
            tables.manager().collect(now);
            tables.engine().look_after_blocks(now);
            tables.processes.silent(now)
        })
    });
    let mut worst = Worst::default();
    for client in (1025..=COUNT).step_by(2) {
        worst.of(|| ask(&shared, client, &Request::Leave(Leave)));
    }
    worst.show("leave beside 1024 watchers");
}

/// Processes of senders of datagrams, which are all silent for too long at the same time.
fn silence() {
    let shared = shared(Config::default());
    for client in 1..=4600 {
        let join = Join { name: format!("p{client}").into(), committed: Some(0), space: None };
        let caller =
            if client <= 1024 { Caller::connected(client) } else { Caller::unconnected(client) };
        Request::Join(join).execute(&shared, caller, &mut Vec::new());
        if client <= 1024 {
            ask(&shared, client, &Request::Watch(Watch));
        }
    }
    let later = Instant::now() + Duration::from_secs(3600);
    let silent = once("a look for silent clients among 4,600", || {
        shared.memory.with_tables(|tables, _| tables.processes.silent(later))
    });
    let mut worst = Worst::default();
    for client in silent {
        worst.of(|| shared.memory.change(|tables, _| tables.engine().end_silent(client, later)));
    }
    worst.show("the end of a silent process beside 1024 watchers");
}

/// One process in as many sessions as the account has room for.
fn sessions() {
    let shared = shared(Config::default());
    let mut sessions = Vec::new();
    let request = Join { name: "p1".into(), committed: Some(MIB), space: None };
    ask(&shared, 1, &Request::Join(request));
    for client in 2..=4000 {
        join(&shared, client);
        loop {
            let open = Open { name: "p1".into(), data: [][..].into() };
            match ask(&shared, client, &Request::Open(open)) {
                Reply::Opened(Opened { session }) => sessions.push(session),
                _ => break,
            }
        }
        if sessions.len() > 4000 {
            break;
        }
    }
    let count = sessions.len();
    let publish =
        Request::Publish(Publish { sessions: sessions.clone(), data: b"news"[..].into() });
    once(&format!("publish in {count} sessions (two holds)"), || {
        ask(&shared, 1, &publish);
    });
    for session in sessions.iter().take(1900) {
        ask(&shared, 1, &Request::Send(Send { session: *session, data: b"news"[..].into() }));
    }
    once("list sessions", || ask(&shared, 1, &Request::List(List { what: Listed::Sessions })));
    once(&format!("the end of a process with {count} sessions"), || {
        shared.memory.change(|tables, now| tables.engine().disconnect(1, now))
    });
}

/// One process whose messages lie in as many inboxes as its share allows.
fn messages() {
    let shared = shared(Config::default());
    let request = Join { name: "p1".into(), committed: Some(MIB), space: None };
    ask(&shared, 1, &Request::Join(request));
    let mut sessions = Vec::new();
    for client in 2..=300 {
        join(&shared, client);
        let open = Open { name: format!("p{client}").into(), data: [][..].into() };
        let Reply::Opened(Opened { session }) = ask(&shared, 1, &Request::Open(open)) else {
            break;
        };
        sessions.push(session);
    }
    let send = |session| {
        let sent = ask(&shared, 1, &Request::Send(Send { session, data: b"news"[..].into() }));
        matches!(sent, Reply::Sent(_))
    };
    let count = (0..900).filter(|_| send(sessions[0])).count();
    once(&format!("close of an inbox with {count} messages"), || {
        ask(&shared, 2, &Request::Close(Close { session: sessions[0] }))
    });
    let spread = sessions.iter().cycle().skip(1).take(4000).filter(|&&session| send(session));
    let count = spread.count();
    once(&format!("the end of a process with {count} messages in 298 inboxes"), || {
        shared.memory.change(|tables, now| tables.engine().disconnect(1, now))
    });
}

/// Thousands of requests for memory that wait.
fn requests() {
    let mut pools = Shares::default();
    for pool in [Pool::GrantedLeak, Pool::GrantedPause, Pool::LoanedEfficiency, Pool::LoanedPause] {
        pools.insert(pool, Share::Percent(20));
    }
    let shared = shared(Config { pools, ..Config::default() });
    let wanted = |size| Wanted { wait_ms: 60_000, ..Wanted::new(size, Reason::Pause) };
    let ask_for = |client, size| {
        shared.memory.change(|tables, now| {
            tables.manager().request_or_wait(client, &wanted(size), now).expect("it may fit")
        })
    };
    let mut granted = Vec::new();
    let (mut worst, mut waiting) = (Worst::default(), 0);
    for client in 1..=4600 {
        join(&shared, client);
        match worst.of(|| ask_for(client, 64 << 10)) {
            Ok(grant) => granted.push((client, grant.id)),
            Err(_) => waiting += 1,
        }
    }
    worst.show(&format!("a request for memory, of which {waiting} wait in the end"));
    let mut worst = Worst::default();
    for &(client, id) in &granted {
        worst.of(|| ask(&shared, client, &Request::Return(Return { id })));
    }
    worst.show(&format!("return, {} times", granted.len()));
    once("a look of the reaper at all who wait", || {
        shared.memory.change(|tables, now| {
            let now = now + Duration::from_secs(2);
            tables.manager().collect(now);
            tables.engine().look_after_blocks(now);
        })
    });
}

/// A set and a get of 32 MiB, under the lock of their block. Only those who use the same lease wait
/// for it. A get has made room in its buffer before.
fn copies() {
    const SIZE: u64 = 32 * MIB;
    let memory = shared(Config::default()).memory;
    let id = memory.lease(SIZE, 3_600_000, IdKind::Uuid).expect("there is room");
    let handle =
        memory.with_tables(|tables, now| tables.leases.find(id, now)).expect("it is there");
    let mut data = vec![7; SIZE as usize];
    let (mut sets, mut gets) = (Worst::default(), Worst::default());
    for _ in 0..100 {
        let mut opened = memory.arena().open(&handle).expect("it is there");
        sets.of(|| opened.set(&data, Instant::now())).expect("it fits");
        gets.of(|| opened.get(SIZE, &mut data)).expect("it fits");
    }
    sets.show("set of 32 MiB (the lock of its lease)");
    gets.show("get of 32 MiB (the lock of its lease)");
}

/// 8,000 clients that wait for one name.
fn lookups() {
    let shared = shared(Config::default());
    let wakers: Vec<Arc<Condvar>> = (0..8000).map(|_| Arc::default()).collect();
    for waker in &wakers {
        shared.memory.change(|tables, _| tables.engine().await_name("p1", waker.clone()));
    }
    once("a join that 8,000 clients wait for, with the wake-ups behind it", || join(&shared, 1));
}

fn main() {
    println!("processor time, for each kind the worst");
    leases();
    processes();
    silence();
    sessions();
    messages();
    requests();
    lookups();
    copies();
}
