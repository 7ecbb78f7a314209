//! Figures 8 to 12 of `cooperative-memory-management.txt` as an oracle beside a live server.
//!
//! The oracle is written from the text alone, as the figures are drawn: a box is a question with
//! two arrows, or an end. It shares no code with the server. Five processes ask, report, return and
//! reuse at random, and after each step every reply, debt and pool has to be the oracle's.
//!
//! Where the text leaves a choice, the oracle follows the documents of the server: the limit of a pool is the lesser
//! of what is free and of what the process may still owe; collateral is garbage that secures no
//! loan; a block has a power of two bytes, at least 32.

mod support;

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use support::{Client, Running};

const KIB: u64 = 1024;
const PROCESSES: usize = 5;
const OWN: u64 = 64 * KIB;

/// The pools in the order of figure 12: whoever returns memory repays them so.
const POOLS: [&str; 5] = ["lp", "le", "gp", "gl", "committed"];
const LP: usize = 0;
const LE: usize = 1;
const GP: usize = 2;
const GL: usize = 3;
const COMMITTED: usize = 4;

/// The question of a box.
enum Asks {
    /// Is the request for committed memory?
    Committed,
    /// Which kind of request is it? The arrows go to 804, 812 and 813.
    Kind,
    /// Has the process collateral for all that it asks for?
    Sufficient,
    /// Has it any collateral?
    Any,
    /// Is the pool empty?
    Empty(usize),
    /// Does the request exceed the pool's limit?
    Exceeds(usize),
    /// Was the request marked urgent?
    Urgent,
    /// Nothing: the one arrow goes on.
    Nothing,
}

/// The arrows of a box, or its end.
enum Leads {
    /// To one box for yes, to another for no.
    To(u16, u16),
    /// The pool gives.
    Gives(usize),
    /// The request is refused.
    Refuses,
}

/// The boxes of figures 8 to 11.
fn figure(number: u16) -> (Asks, Leads) {
    use Asks::*;
    use Leads::*;
    match number {
        800 => (Nothing, To(801, 801)),
        801 => (Committed, To(803, 802)),
        803 => (Nothing, Gives(COMMITTED)),
        802 => (Kind, To(0, 0)),
        804 => (Nothing, To(1200, 1200)),
        812 | 1116 => (Nothing, To(900, 900)),
        813 => (Nothing, To(1100, 1100)),
        900 => (Sufficient, To(902, 906)),
        902 => (Empty(LP), To(906, 904)),
        904 => (Exceeds(LP), To(906, 908)),
        908 => (Nothing, Gives(LP)),
        906 => (Empty(GP), To(920, 912)),
        912 => (Exceeds(GP), To(920, 914)),
        914 => (Nothing, Gives(GP)),
        920 => (Empty(LE), To(922, 924)),
        924 => (Exceeds(LE), To(926, 928)),
        928 | 1110 => (Nothing, Gives(LE)),
        1100 => (Any, To(1104, 1114)),
        1104 => (Empty(LE), To(1114, 1108)),
        1108 => (Exceeds(LE), To(1114, 1110)),
        1114 => (Urgent, To(1116, 1106)),
        1200 => (Empty(GL), To(1202, 1204)),
        1204 => (Exceeds(GL), To(1206, 1208)),
        1208 => (Nothing, Gives(GL)),
        922 | 926 | 1106 | 1202 | 1206 => (Nothing, Refuses),
        other => panic!("there is no box {other}"),
    }
}

#[derive(Debug, Default, Clone)]
struct Holder {
    /// Bytes owed to each pool, and the parts of them that came for a pause and that are secured.
    owed: [u64; 5],
    pause: [u64; 5],
    secured: [u64; 5],
    garbage: u64,
    /// Granted blocks by their ids.
    blocks: BTreeMap<String, u64>,
}

impl Holder {
    fn held(&self) -> u64 {
        OWN + self.blocks.values().sum::<u64>()
    }

    fn collateral(&self) -> u64 {
        self.garbage.saturating_sub(self.secured.iter().sum())
    }

    fn owes(&self) -> String {
        let debts = POOLS[..COMMITTED].iter().zip(self.owed);
        let mut line = debts.map(|(pool, owed)| format!(" {pool}={owed}")).collect::<String>();
        match self.pause.iter().sum() {
            0 => {}
            pause => line += &format!(" pause={pause}"),
        }
        format!("owed{line}")
    }
}

struct Oracle {
    free: [u64; 5],
    /// The most that a process may owe each pool.
    cap: [u64; 5],
    holders: Vec<Holder>,
}

impl Oracle {
    /// Figures 8 to 11: the pool that gives, and the boxes that were passed.
    fn decide(&self, who: usize, reason: &str, asked: u64) -> (Option<usize>, String) {
        let block = asked.next_power_of_two().max(32);
        let holder = &self.holders[who];
        let (mut number, mut path) = (800, Vec::new());
        loop {
            path.push(number.to_string());
            let (asks, leads) = figure(number);
            let (yes, no) = match leads {
                Leads::To(yes, no) => (yes, no),
                // The figure gives committed memory without a question; what is not there, or
                // beyond the limit, cannot be given.
                Leads::Gives(COMMITTED) if self.is_beyond(who, COMMITTED, block) => {
                    path.push("full".into());
                    return (None, path.join("-"));
                }
                Leads::Gives(pool) => return (Some(pool), path.join("-")),
                Leads::Refuses => return (None, path.join("-")),
            };
            let is_so = match asks {
                Asks::Nothing => true,
                Asks::Committed => reason == "committed",
                Asks::Sufficient => holder.collateral() >= asked,
                Asks::Any => holder.collateral() > 0,
                Asks::Empty(pool) => self.free[pool] == 0,
                Asks::Exceeds(pool) => self.is_beyond(who, pool, block),
                Asks::Urgent => reason == "urgent-efficiency",
                Asks::Kind => {
                    number = match reason {
                        "out-of-memory" => 804,
                        "pause" => 812,
                        _ => 813,
                    };
                    continue;
                }
            };
            number = if is_so { yes } else { no };
        }
    }

    fn is_beyond(&self, who: usize, pool: usize, block: u64) -> bool {
        let room = self.cap[pool].saturating_sub(self.holders[who].owed[pool]);
        block > self.free[pool].min(room)
    }

    fn give(&mut self, who: usize, reason: &str, pool: usize, id: &str, block: u64) {
        let holder = &mut self.holders[who];
        if pool == LP || pool == LE {
            holder.secured[pool] += holder.collateral().min(block);
        }
        if reason == "pause" {
            holder.pause[pool] += block;
        }
        holder.owed[pool] += block;
        holder.blocks.insert(id.to_string(), block);
        self.free[pool] -= block;
    }

    /// Figure 12: what each pool gets back.
    fn take_back(&mut self, who: usize, id: &str) -> String {
        let holder = &mut self.holders[who];
        let block = holder.blocks.remove(id).unwrap();
        let (mut left, mut told) = (block, format!("returned {block}"));
        for (pool, name) in POOLS.iter().enumerate() {
            let refill = left.min(holder.owed[pool]);
            left -= refill;
            holder.owed[pool] -= refill;
            holder.pause[pool] = holder.pause[pool].saturating_sub(refill);
            holder.secured[pool] = holder.secured[pool].min(holder.owed[pool]);
            self.free[pool] += refill;
            told += &format!(" {name}={refill}");
        }
        assert_eq!(left, 0, "debts and blocks are the same sum");
        holder.garbage = holder.garbage.saturating_sub(block);
        told
    }
}

struct Play {
    oracle: Oracle,
    clients: Vec<Client>,
    watcher: Client,
    rng: StdRng,
    /// How many requests each pool served, and how many were refused.
    served: [u64; 6],
}

impl Play {
    fn start(server: &Running, seed: u64, oracle: Oracle) -> Self {
        let clients = (0..PROCESSES).map(|n| {
            let mut client = server.connect();
            assert!(client.ask(&format!("join p{n} {OWN}")).starts_with("joined"));
            client
        });
        let (clients, watcher) = (clients.collect(), server.connect());
        Self { oracle, clients, watcher, rng: StdRng::seed_from_u64(seed), served: [0; 6] }
    }

    fn request(&mut self, who: usize) {
        let reasons = ["committed", "efficiency", "urgent-efficiency", "pause", "out-of-memory"];
        let reason = reasons[self.rng.random_range(0..reasons.len())];
        let asked = self.rng.random_range(1..24 * KIB);
        let reply = self.clients[who].ask(&format!("request {asked} {reason} why"));
        let (pool, path) = self.oracle.decide(who, reason, asked);
        match pool {
            Some(pool) => {
                let words: Vec<&str> = reply.split(' ').collect();
                let block = asked.next_power_of_two().max(32);
                let id = words.get(1).copied().unwrap_or_default();
                let name = POOLS[pool];
                assert_eq!(reply, format!("granted {id} {block} {name} by {path}"), "{reason}");
                self.oracle.give(who, reason, pool, id, block);
                self.served[pool] += 1;
            }
            None => {
                let refused = reply.starts_with("error refused ");
                assert!(refused && reply.ends_with(&format!(" by {path}")), "{path}: {reply}");
                self.served[5] += 1;
            }
        }
    }

    fn step(&mut self) {
        let who = self.rng.random_range(0..PROCESSES);
        let holder = self.oracle.holders[who].clone();
        match self.rng.random_range(0..100) {
            0..45 => self.request(who),
            45..75 if !holder.blocks.is_empty() => {
                let at = self.rng.random_range(0..holder.blocks.len());
                let id = holder.blocks.keys().nth(at).unwrap();
                let reply = self.clients[who].ask(&format!("return {id}"));
                assert_eq!(reply, self.oracle.take_back(who, id));
            }
            45..95 => {
                let most = holder.held() + 2 * KIB;
                let garbage = self.rng.random_range(0..most);
                let reply = self.clients[who].ask(&format!("report {garbage} 50"));
                if garbage <= holder.held() {
                    assert_eq!(reply, "reported");
                    self.oracle.holders[who].garbage = garbage;
                } else {
                    assert!(reply.starts_with("error bad-request"), "{reply}");
                }
            }
            _ => {
                let size = self.rng.random_range(1..4 * KIB);
                let reply = self.clients[who].ask(&format!("reuse {size}"));
                if holder.owed[..COMMITTED].iter().sum::<u64>() == 0 {
                    assert_eq!(reply, format!("reused {size}"));
                    self.oracle.holders[who].garbage = holder.garbage.saturating_sub(size);
                } else {
                    assert!(reply.starts_with("error refused"), "{reply}");
                }
            }
        }
        self.compare(who);
    }

    fn compare(&mut self, who: usize) {
        assert_eq!(self.clients[who].ask("owed"), self.oracle.holders[who].owes());
        let told = self.watcher.ask("pools");
        for (pool, free) in POOLS.iter().zip(self.oracle.free) {
            let words = told.split(' ').find_map(|word| word.strip_prefix(&format!("{pool}=")));
            let told_free = words.and_then(|figures| figures.split(':').nth(1));
            assert_eq!(told_free, Some(&*free.to_string()), "{pool}: {told}");
        }
    }
}

/// Plays against a server with small pools, so that each is often empty; the arena is large, so a
/// pool that has the bytes has them in one piece. Returns how often each pool served.
fn play(seed: u64, steps: usize) -> [u64; 6] {
    let pools = "--pools gl=64KiB,gp=64KiB,le=128KiB,lp=64KiB";
    let caps = "--caps gl=48KiB,gp=48KiB,le=64KiB,lp=48KiB,committed=128KiB";
    let low = "--low-water gl=0%,gp=0%,le=0%,lp=0%,committed=0%";
    let arguments = format!("--memory 16MiB {pools} {caps} {low}");
    let server = Running::start(&arguments.split(' ').collect::<Vec<_>>());
    let own = Holder { owed: [0, 0, 0, 0, OWN], ..Holder::default() };
    let pools = [64, 128, 64, 64, 16 * KIB - 320].map(|size| size * KIB);
    let mut free = pools;
    free[COMMITTED] -= PROCESSES as u64 * OWN;
    let cap = [48, 64, 48, 48, 128].map(|size| size * KIB);
    let oracle = Oracle { free, cap, holders: vec![own; PROCESSES] };
    let mut play = Play::start(&server, seed, oracle);
    (0..steps).for_each(|_| play.step());
    play.served
}

#[test]
fn a_live_server_decides_as_the_figures_do() {
    let served = play(1, 400);
    assert!(served.iter().all(|&count| count > 0), "{served:?}");
}

#[test]
#[ignore = "long: ./run.sh soak"]
fn a_live_server_decides_as_the_figures_do_in_ten_thousand_steps() {
    let served = play(2, 10_000);
    println!("pools lp le gp gl committed, refused: {served:?}");
    assert!(served.iter().all(|&count| count > 100), "{served:?}");
}
