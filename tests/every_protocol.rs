//! One effect, every protocol: the same requests, said in each representation to a server
//! started with the same seed, have the same replies and leave the same state.
//!
//! What a protocol cannot say is said in text, beside it, so that each server goes through
//! the same. A representation that is added later joins by a [`Protocol`] and a line in
//! [`TONGUES`].

mod support;

#[path = "every_protocol/frames.rs"]
mod frames;
#[path = "every_protocol/http.rs"]
mod http;
#[path = "every_protocol/memorylease.rs"]
mod memorylease;
#[path = "every_protocol/resp.rs"]
mod resp;
#[path = "every_protocol/text.rs"]
mod text;

use std::time::Duration;

use leasebox::common::error::Code;
use leasebox::cooperative::words::Reason;
use leasebox::protocol::byte_order::ByteOrder;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use support::Running;
use text::Text;

const LIMIT: Duration = Duration::from_secs(30);
const LONG: Duration = Duration::from_secs(3600);

/// A lease that was never granted stands for those that are unknown.
const UNKNOWN: usize = usize::MAX;

/// One request; a lease by its place among those granted.
#[derive(Debug, Clone)]
enum Asked {
    Draw(u64),
    Lease(u64),
    Set(usize, Vec<u8>),
    Get(usize),
    Renew(usize),
    Ttl(usize),
    Release(usize),
    Tree,
    /// The homework's table, as far as it is the same for each client.
    Table,
    Join(u64),
    Report(u64, u8),
    Request(u64, Reason, Option<u64>),
    Return(usize),
    Reuse(u64),
    Owed,
    Pools,
    Leave,
    /// A line of a process, with a lease, block or session for each `{}`.
    Say(&'static str, usize),
    /// What the other process says, always in text.
    Peer(&'static str, usize),
}

/// What a process says to another, and about sessions.
const SAYINGS: [&str; 34] = [
    "open q",
    "open q hi",
    "open nobody hi",
    "send {} \\x00 and \\xff",
    "send {} more than fits a block of a hundred bytes, and then more than it may grow to ......",
    "deliver {} 0 now",
    "publish {} to one",
    "publish {},{} to one twice",
    "receive {}",
    "receive {} 0",
    "peek {} 1 4",
    "forward {} {}",
    "close {}",
    "sessions",
    "lookup q",
    "watch",
    "inspect {}",
    "inspect {} 1 3",
    "inspect {} 9999",
    "replace {} 0,1,2 \\x00 and \\xff",
    "replace {} !1 other",
    "replace {} * any",
    "put n 60000 * hi",
    "put n 60000 !0 hi, and more than a block of 32 bytes",
    "store v \\x00 and \\xff",
    "load v",
    "load v 2 5",
    "patch v 1 !!",
    "share v {}",
    "names",
    "drop v",
    "register 64",
    "grow 200",
    "shrink 64",
];

/// What the other one says.
const PEER: [&str; 6] =
    ["open p", "send {} from q", "receive {}", "receive {}", "wait 0", "close {}"];

/// One reply, without what differs by chance: ids and moments.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answered {
    Numbers(Vec<u32>),
    /// Size and duration; MemoryLease's answer has neither.
    Leased(Option<(u64, u64)>),
    /// How many bytes; MemoryLease's answer does not say.
    Set(Option<u64>),
    Data(Vec<u8>),
    /// The whole lease, zeros and all.
    Whole(Vec<u8>),
    Ttl,
    Released(u64),
    Tree(String),
    /// Counters and results.
    Table(Vec<(u32, u32)>),
    /// What a process is told, in text's words, without ids.
    Told(String),
    No(Code),
    /// A refusal in a protocol that has no codes.
    SomeNo,
}

impl Answered {
    /// Whether this is what text says, as far as this protocol can say it.
    fn agrees(&self, other: &Self) -> bool {
        match (self, other) {
            (Answered::SomeNo, Answered::No(_)) | (Answered::Leased(None), Answered::Leased(_)) => {
                true
            }
            (Answered::Set(None), Answered::Set(_)) => true,
            (Answered::Whole(whole), Answered::Data(data)) => {
                whole.starts_with(data) && whole[data.len()..].iter().all(|&byte| byte == 0)
            }
            _ => self == other,
        }
    }
}

/// A way to ask. `None` for what it cannot say.
trait Protocol {
    fn ask(&mut self, asked: &Asked) -> Option<Answered>;
    /// The lease granted last, as text names it.
    fn last_id(&self) -> String;
    /// A lease was granted by text.
    fn learn(&mut self, id: &str);
}

type Start = fn(&Running) -> Box<dyn Protocol>;

const TONGUES: [(&str, Start); 8] = [
    ("text", |server| Box::new(Text { client: server.connect(), ids: Vec::new() })),
    ("MemoryLease frames", memorylease::start),
    ("frames, little-endian", |server| frames::stream(server, ByteOrder::Little)),
    ("frames, big-endian", |server| frames::stream(server, ByteOrder::Big)),
    ("HTTP", http::start),
    ("RESP", resp::start),
    ("datagrams, little-endian", |server| frames::datagrams(server, ByteOrder::Little)),
    ("datagrams, big-endian", |server| frames::datagrams(server, ByteOrder::Big)),
];

/// A process's reply as text has it, without ids and the time that others waited.
fn told(reply: &str) -> String {
    let is_chance =
        |word: &&str| word.len() == 36 || word.starts_with("some") || word.starts_with("all");
    // An id that is a number, a moment, and the time that is left.
    let is_time = |at: usize| match () {
        () if reply.starts_with("inspected ") => matches!(at, 1 | 5 | 6),
        () => reply.starts_with("replaced ") && at == 1,
    };
    let words = reply.split(' ').enumerate().filter(|&(at, _)| !is_time(at));
    let words = words.map(|(_, word)| word).filter(|word| !is_chance(word));
    if !reply.starts_with("sessions") {
        return words.collect::<Vec<_>>().join(" ");
    }
    // In the order of their ids, which is chance.
    let mut states: Vec<&str> =
        words.map(|word| word.split_once(':').map_or("", |w| w.1)).collect();
    states.sort_unstable();
    states.join(" ")
}

/// A saying with the id of what it is about.
fn said(saying: &str, id: &str) -> String {
    saying.replace("{}", id)
}

// --- the test --------------------------------------------------------------------------

/// What is asked: mostly sense, some nonsense.
fn story(seed: u64) -> Vec<Asked> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut leases = 0;
    (0..400)
        .map(|_| {
            let lease = match rng.random_range(0..10) {
                0 => UNKNOWN,
                _ => rng.random_range(0..=leases),
            };
            match rng.random_range(0..40) {
                0 | 1 => Asked::Draw(rng.random_range(0..90)),
                2..5 => {
                    leases += 1;
                    Asked::Lease([0, 1, 31, 64, 100, 1000, 5000][rng.random_range(0..7)])
                }
                5..7 => {
                    let length = rng.random_range(0..200);
                    Asked::Set(lease, (0..length).map(|_| rng.random()).collect())
                }
                7..9 => Asked::Get(lease),
                9 => Asked::Renew(lease),
                10 => Asked::Ttl(lease),
                11 if rng.random() => Asked::Tree,
                11 => Asked::Table,
                12 => Asked::Release(lease),
                13 => Asked::Join([0, 100, 1 << 20][rng.random_range(0..3)]),
                14 | 15 => Asked::Report(rng.random_range(0..600), rng.random_range(0..110)),
                16..20 => {
                    leases += 1;
                    let reason = Reason::ALL[rng.random_range(0..5)];
                    let freeable = rng.random::<bool>().then(|| rng.random_range(0..600));
                    Asked::Request(rng.random_range(0..500), reason, freeable)
                }
                20 => Asked::Return(lease),
                21 if rng.random() => Asked::Reuse(rng.random_range(0..100)),
                21 => Asked::Owed,
                23..36 => {
                    let saying = SAYINGS[rng.random_range(0..SAYINGS.len())];
                    leases += usize::from(saying.starts_with("open"));
                    Asked::Say(saying, lease)
                }
                36..40 => {
                    let saying = PEER[rng.random_range(0..PEER.len())];
                    leases += usize::from(saying.starts_with("open"));
                    Asked::Peer(saying, lease)
                }
                _ if rng.random_range(0..4) == 0 => Asked::Leave,
                _ => Asked::Pools,
            }
        })
        .collect()
}

/// Whether there is a new id.
fn is_given(asked: &Asked, answered: &Answered) -> bool {
    matches!(
        (asked, answered),
        (Asked::Lease(_), Answered::Leased(_)) | (Asked::Request(..), Answered::Told(_))
    ) || matches!((asked, answered), (Asked::Say(..) | Asked::Peer(..), Answered::Told(told)) if told == "opened")
}

/// Whether the reply names what was opened: a signal names who opened it, too.
fn is_new(reply: &str) -> bool {
    !reply.starts_with("opened") || reply.split(' ').count() == 2
}

/// Tells the story in one protocol; answers the replies and the state that is left.
fn tell(story: &[Asked], start: Start) -> (Vec<Answered>, String) {
    const POOLS: &str = "committed=60%,gl=10%,gp=10%,le=10%,lp=10%";
    let arguments =
        ["--seed", "7", "--numbers", "900", "--memory", "8192", "--udp", "--pools", POOLS];
    let server = Running::start(&arguments);
    let mut protocol = start(&server);
    let mut beside = Text { client: server.connect(), ids: Vec::new() };
    let mut peer = Text { client: server.connect(), ids: Vec::new() };
    peer.client.ask("join q 256");
    let is_peer = |asked: &Asked| matches!(asked, Asked::Peer(..));
    let spoken = |protocol: &mut dyn Protocol, asked: &Asked| {
        if is_peer(asked) { None } else { protocol.ask(asked) }
    };
    let replies = story.iter().map(|asked| match spoken(&mut *protocol, asked) {
        Some(answered) => {
            if is_given(asked, &answered) {
                [&mut beside, &mut peer].into_iter().for_each(|o| o.learn(&protocol.last_id()));
            }
            answered
        }
        None => {
            let (speaker, other) =
                if is_peer(asked) { (&mut peer, &mut beside) } else { (&mut beside, &mut peer) };
            let answered = speaker.ask(asked).unwrap();
            if is_given(asked, &answered) {
                protocol.learn(&speaker.last_id());
                other.learn(&speaker.last_id());
            }
            answered
        }
    });
    let replies = replies.collect();
    let stats = server.ask("stats");
    let figures = stats.split(' ').filter(|word| {
        let name = word.split('=').next().unwrap();
        !["clients", "history", "resent", "locked", "wrong_guesses", "buffers_used"].contains(&name)
    });
    let mut state: Vec<String> = figures.map(str::to_string).collect();
    state.push(server.ask("tree"));
    state.push(
        server
            .ask("table 900")
            .split(' ')
            .map(|row| {
                let (counter, rest) = row.split_once(':').unwrap_or((row, ""));
                format!("{counter}:{} ", rest.rsplit(':').next().unwrap())
            })
            .collect(),
    );
    (replies, state.join("\n"))
}

#[test]
fn one_effect_in_every_protocol() {
    for seed in 0..6 {
        let story = story(seed);
        let (expected, state) = tell(&story, TONGUES[0].1);
        let refused = expected.iter().filter(|reply| matches!(reply, Answered::No(_))).count();
        assert!(refused > 5 && refused < 330, "{refused} refusals make no good story");
        let is_grant = |reply: &&Answered| matches!(reply, Answered::Told(told) if told.starts_with("granted"));
        assert!(expected.iter().filter(is_grant).count() > 2, "a story without grants");
        for (name, start) in &TONGUES[1..] {
            let (replies, left) = tell(&story, *start);
            for ((asked, expected), came) in story.iter().zip(&expected).zip(&replies) {
                let shown = format!("story {seed}, {name}, {asked:?}: {came:?}, not {expected:?}");
                assert!(came.agrees(expected), "{shown}");
            }
            assert_eq!(left, state, "story {seed}, {name}");
        }
    }
}
