//! Processes over real connections: what one returns another is given, and what one holds is
//! back as soon as it has gone, however it went.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use leasebox::client::Client as Library;
use leasebox::client::exchange::Way;
use leasebox::cooperative::words::{Pool, Reason, Signal, Wanted};
use leasebox::sessions::words::Told;

use crate::support::calls::Calls as _;
use crate::support::{Client, Running, wait_for};

const LIMIT: Duration = Duration::from_secs(30);

const POOLS: [&str; 4] =
    ["--memory", "1MiB", "--pools", "committed=50%,gl=5%,gp=10%,le=25%,lp=10%"];

pub fn server() -> Running {
    Running::start(&POOLS)
}

pub fn library(server: &Running) -> Library {
    Library::connect(&server.address.ip().to_string(), server.address.port(), LIMIT).unwrap()
}

/// A word of a reply.
fn word(reply: &str, at: usize) -> &str {
    reply.split(' ').nth(at).unwrap_or_else(|| panic!("{reply:?} has no word {at}"))
}

fn granted(client: &mut Client, request: &str) -> String {
    let reply = client.ask(request);
    assert_eq!(word(&reply, 0), "granted", "{request}: {reply}");
    word(&reply, 1).to_string()
}

/// Free bytes of a pool.
fn free(server: &Running, pool: &str) -> u64 {
    let reply = server.ask("pools");
    let state = reply.split(' ').find_map(|word| word.strip_prefix(pool)?.strip_prefix('='));
    state.unwrap().split(':').nth(1).unwrap().parse().unwrap()
}

pub fn all_free(server: &Running) -> bool {
    all_free_but(server, 0)
}

fn all_free_but(server: &Running, held: u64) -> bool {
    let reply = server.ask("pools");
    let states = reply.split(' ').filter_map(|word| word.split_once('=')?.1.split_once(':'));
    let number = |text: &str| text.parse::<u64>().unwrap();
    let given = states.map(|(size, rest)| number(size) - number(rest.split(':').next().unwrap()));
    given.sum::<u64>() == held
}

#[test]
fn who_is_told_to_collect_returns_memory_and_who_paused_is_granted_it() {
    let server = Running::start(&["--memory", "1MiB", "--pools", "gp=10%"]);
    let (mut holder, mut waiter) = (server.connect(), server.connect());
    holder.ask("join holder 65536");
    waiter.ask("join waiter 0");
    let ids: Vec<String> = (0..3).map(|_| granted(&mut holder, "request 32768 pause")).collect();
    assert_eq!(holder.ask("report 65536"), "reported");
    let waiting = thread::spawn(move || {
        let reply = waiter.ask("request 65536 pause wait=20000 why");
        (waiter, reply)
    });
    server.await_figure("waiting", 1);
    let mut signal = holder.ask("wait 10000");
    // The low pool was noticed first; whom another waits for is told so.
    while word(&signal, 2) != "3" {
        assert_eq!(word(&signal, 0), "collect", "{signal}");
        signal = holder.ask("wait 10000");
    }
    for id in ids {
        assert!(holder.ask(&format!("return {id}")).starts_with("returned 32768 "));
    }
    let (_waiter, reply) = waiting.join().unwrap();
    assert_eq!(word(&reply, 3), "gp", "{reply}");
    assert!(reply.ends_with(" by 800-801-802-812-900-906-912-914"), "{reply}");
    assert_eq!(server.figure("waiting"), 0);
    assert!(holder.ask("accounts").contains(" asked="));
}

#[test]
fn a_process_that_is_killed_gives_everything_back_at_once() {
    let server = server();
    let mut child = process(&server, "killed", &["--seconds", "60", "--rate", "4000000"]);
    wait_for("memory to be granted", || server.figure("requested") > 100_000);
    child.kill().unwrap();
    let killed = Instant::now();
    child.wait().unwrap();
    wait_for("all to be back", || all_free(&server) && server.figure("processes") == 0);
    // Promised promptly: a socket's end is seen at once.
    assert!(killed.elapsed() < Duration::from_secs(1), "{:?}", killed.elapsed());
}

fn process(server: &Running, name: &str, more: &[&str]) -> Child {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/client_py/process.py");
    let (host, port) = (server.address.ip().to_string(), server.address.port().to_string());
    let mut command = Command::new("python3");
    command.args([script, &host, &port, name]).args(more);
    command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap()
}

#[test]
fn garbage_collected_processes_share_a_pool_that_is_too_small_for_each() {
    let server = Running::start(&[&["--memory", "2MiB"], &POOLS[2..]].concat());
    let processes: Vec<Child> = (0..4)
        .map(|n| process(&server, &format!("p{n}"), &["--seconds", "2", "--seed", &n.to_string()]))
        .collect();
    for child in processes {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}");
        assert!(said.contains(" collected ") && said.contains(" returned "), "{said}");
    }
    assert!(all_free(&server));
}

#[test]
fn who_waits_and_goes_is_noticed() {
    let server = server();
    let mut keeper = server.connect();
    let token = keeper.ask("join p 0");
    let token = word(&token, 1);
    granted(&mut keeper, "request 262144 pause");
    let attach = |server: &Running| {
        let mut client = server.connect();
        assert_eq!(client.ask(&format!("attach {token}")), "attached p");
        client
    };
    for (wait, behind) in
        [("wait 60000", ""), ("request 262144 pause wait=60000", ""), ("wait 60000", "owed\n")]
    {
        // The keeper, and whoever asks for the figure.
        server.await_figure("clients", 2);
        let mut client = attach(&server);
        client.send(format!("{wait}\n"));
        if wait.starts_with("request") {
            server.await_figure("waiting", 1);
        }
        // What is sent behind a wait stays unread for long, and hides the end of the stream.
        client.send(behind);
        thread::sleep(Duration::from_millis(60));
        drop(client);
        let gone = Instant::now();
        server.await_figure("clients", 2);
        assert_eq!(server.figure("waiting"), 0);
        assert!(gone.elapsed() < Duration::from_secs(1), "{wait}: {:?}", gone.elapsed());
    }
    assert_eq!(
        keeper.ask("owed"),
        "owed lp=0 le=262144 gp=0 gl=0 pause=262144",
        "the process lives on"
    );
}

#[test]
fn what_came_for_a_client_that_had_gone_is_not_lost() {
    let server = Running::start(&["--memory", "1MiB", "--pools", "gp=64KiB"]);
    let (mut holder, mut keeper) = (server.connect(), server.connect());
    holder.ask("join holder 0");
    let token = keeper.ask("join p 1024");
    let attach = || {
        let mut client = server.connect();
        client.ask(&format!("attach {}", word(&token, 1)));
        client
    };
    for _ in 0..5 {
        let id = granted(&mut holder, "request 65536 pause");
        let mut waiter = attach();
        waiter.send("request 65536 pause wait=20000\n");
        server.await_figure("waiting", 1);
        // It comes before the client's end is looked for.
        server.hang_up(waiter);
        assert!(holder.ask(&format!("return {id}")).starts_with("returned 65536"));
        wait_for("the grant to come back", || all_free_but(&server, 1024));
        assert_eq!(keeper.ask("owed"), "owed lp=0 le=0 gp=0 gl=0");
    }
}

#[test]
fn a_signal_for_a_client_that_had_gone_is_anothers() {
    let server = Running::start(&["--memory", "1MiB", "--pools", "lp=64KiB"]);
    let mut keeper = server.connect();
    let token = keeper.ask("join p 65536");
    for loan in 1..=5 {
        let mut waiter = server.connect();
        waiter.ask(&format!("attach {}", word(&token, 1)));
        waiter.send("wait 20000\n");
        keeper.ask("report 65536");
        granted(&mut keeper, "request 1024 pause");
        thread::sleep(Duration::from_millis(20));
        server.hang_up(waiter);
        // Its loans are no longer secured, each time by more: that is signalled.
        keeper.ask("report 0");
        assert_eq!(keeper.ask("wait 10000"), format!("collect {} 1 2000", loan * 1024));
    }
}

#[test]
fn who_sends_too_much_behind_a_wait_waits_no_longer() {
    let server = server();
    let mut client = server.connect();
    client.ask("join p 1024");
    let behind = "owed\n".repeat(20_000);
    client.send(format!("wait 60000\n{behind}"));
    let asked = Instant::now();
    assert_eq!(client.line(), "none");
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    assert_eq!(client.line(), "owed lp=0 le=0 gp=0 gl=0");
    // Many waits of a client that has closed its side take no time each.
    let mut client = server.connect();
    client.ask("join q 0");
    client.send("wait 60000\n".repeat(2000));
    client.end_of_requests();
    let asked = Instant::now();
    assert_eq!(client.rest(), "none\n".repeat(2000).as_bytes());
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
}

#[test]
fn what_can_never_be_granted_is_not_waited_for() {
    let server = server();
    let mut client = server.connect();
    client.ask("join p 0");
    let asked = Instant::now();
    let reply = client.ask("request 2097152 pause wait=60000 why");
    assert!(reply.starts_with("error refused no pool that may answer a pause"), "{reply}");
    assert!(asked.elapsed() < Duration::from_secs(6), "{:?}", asked.elapsed());
    let short = Running::start(&["--max-lease", "50ms"]);
    let mut client = short.connect();
    client.ask("join p 0");
    assert_eq!(client.ask("wait"), "none", "no longer than a wait may be");
}

#[test]
fn who_closes_its_side_while_it_waits_gets_its_answer_then() {
    let server = server();
    let mut client = server.connect();
    client.send("join p\nwait 60000\n");
    assert_eq!(word(&client.line(), 0), "joined", "before the wait is over");
    client.end_of_requests();
    assert_eq!(client.line(), "none");
    assert_eq!(client.rest(), b"");
}

#[test]
fn a_process_ends_with_its_last_connection() {
    let server = server();
    let (mut first, mut second) = (server.connect(), server.connect());
    let token = first.ask("join p 65536");
    assert_eq!(second.ask(&format!("attach {}", word(&token, 1))), "attached p");
    let id = granted(&mut first, "request 65536 pause");
    assert!(second.ask(&format!("set {id} shared")).starts_with("set "));
    drop(first);
    server.await_figure("clients", 2);
    assert_eq!(second.ask(&format!("get {id}")), format!("data {id} shared"));
    drop(second);
    wait_for("its end", || all_free(&server));
    assert!(server.ask(&format!("attach {}", word(&token, 1))).starts_with("error not-found"));
    assert!(server.ask(&format!("get {id}")).starts_with("error not-found"));
}

#[test]
fn a_process_of_many_blocks_gives_all_of_them_back() {
    let server = server();
    let mut client = server.connect();
    client.ask("join p");
    client.send("request 32 committed\n".repeat(1000));
    (0..1000).for_each(|_| assert!(client.line().starts_with("granted ")));
    assert_eq!(client.ask("leave"), "left p");
    assert!(all_free(&server), "{}", server.ask("pools"));
}

#[test]
fn a_granted_block_is_reached_like_a_lease_and_ends_by_return_alone() {
    let server = server();
    let (mut owner, mut other) = (server.connect(), server.connect());
    owner.ask("join owner");
    other.ask("join other");
    let id = granted(&mut owner, "request 1000 pause");
    assert_eq!(owner.ask(&format!("set {id} this is some text")), format!("set {id} 17"));
    assert_eq!(owner.ask(&format!("get {id}")), format!("data {id} this is some text"));
    for refused in [format!("release {id}"), format!("renew {id} 5"), format!("ttl {id}")] {
        let reply = owner.ask(&refused);
        assert!(reply.starts_with("error refused a granted block"), "{refused}: {reply}");
    }
    for stranger in [&mut other, &mut server.connect()] {
        let reply = stranger.ask(&format!("return {id}"));
        assert!(reply.starts_with("error "), "{reply}");
    }
    let returned = "returned 1024 lp=0 le=0 gp=1024 gl=0 committed=0";
    assert_eq!(owner.ask(&format!("return {id}")), returned);
    assert!(owner.ask(&format!("return {id}")).starts_with("error not-found"));
    assert!(owner.ask(&format!("get {id}")).starts_with("error not-found"));
    let id = granted(&mut owner, "request 1024 pause");
    assert_eq!(owner.ask(&format!("get {id}")), format!("data {id} "), "nobody's old bytes");
}

#[test]
fn a_plain_lease_is_drawn_from_committed_memory() {
    let server = server();
    let committed = free(&server, "committed");
    let mut client = server.connect();
    let id = client.lease(1000, 60_000);
    assert_eq!(free(&server, "committed"), committed - 1024);
    assert!(client.ask("lease 900000 1000").starts_with("error too-large"));
    assert!(client.ask("lease 500000 1000").starts_with("error out-of-memory"));
    client.ask(&format!("release {id}"));
    assert_eq!(free(&server, "committed"), committed);
}

#[test]
fn a_server_that_stops_waits_for_nobody_who_waits() {
    let mut server = server();
    let mut holder = server.connect();
    holder.ask("join holder 0");
    granted(&mut holder, "request 262144 pause");
    let mut clients: Vec<Client> = (0..4).map(|_| server.connect()).collect();
    for (at, client) in clients.iter_mut().enumerate() {
        client.ask(&format!("join p{at} 0"));
        client.send(["wait 60000\n", "request 262144 pause wait=60000\n"][at % 2]);
    }
    server.await_figure("waiting", 2);
    let asked = Instant::now();
    server.signal("-TERM");
    assert!(server.wait().success());
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    let replies: Vec<String> = clients.iter_mut().map(Client::line).collect();
    assert_eq!([&replies[0], &replies[2]], ["none", "none"]);
    // The holder's connection may end first: then its memory is there for one who waits.
    let is_answer =
        |reply: &String| reply.starts_with("error refused") || reply.starts_with("granted ");
    assert!(is_answer(&replies[1]) && is_answer(&replies[3]), "{replies:?}");
}

#[test]
fn by_datagrams_a_process_asks_but_does_not_wait_and_ends_by_silence() {
    let server = Running::start(&[&POOLS[..], &["--udp", "--process-idle", "1s"]].concat());
    let (host, port) = (server.address.ip().to_string(), server.address.port());
    let mut client = Library::by_datagrams(&host, port, LIMIT, Way::default()).unwrap();
    client.join("quiet", Some(4096)).unwrap();
    let granted = client.request(4096, Reason::Pause).unwrap();
    assert_eq!(granted.pool, Pool::GrantedPause);
    assert_eq!(client.owed().unwrap()[Pool::GrantedPause], 4096);
    assert_eq!(client.wait(Duration::ZERO).unwrap(), None);
    let wait = client.wait(Duration::from_millis(1)).unwrap_err().to_string();
    assert!(wait.contains("waits for nobody"), "{wait}");
    let wanted = Wanted { wait_ms: 5, ..Wanted::new(1 << 30, Reason::Pause) };
    assert!(client.request_as(&wanted).unwrap_err().to_string().contains("waits for nobody"));
    // Whatever it says keeps it alive.
    for _ in 0..6 {
        thread::sleep(Duration::from_millis(300));
        client.draw(1).unwrap();
    }
    assert_eq!(server.figure("processes"), 1);
    wait_for("the end of a silent process", || all_free(&server));
    assert!(client.owed().unwrap_err().to_string().contains("belongs to no process"));
}

#[test]
fn the_library_speaks_for_a_process() {
    let server = server();
    let (mut process, mut other) = (library(&server), library(&server));
    let token = process.join("p", None).unwrap();
    assert_eq!(other.attach(token).unwrap(), "p");
    process.report(4096, Some(80)).unwrap();
    let wanted = Wanted { freeable: Some(2048), why: true, ..Wanted::new(1000, Reason::Pause) };
    let granted = process.request_as(&wanted).unwrap();
    assert_eq!(granted.by.as_deref(), Some("800-801-802-812-900-902-904-908"));
    process.report(1, None).unwrap();
    assert!(matches!(
        other.wait(LIMIT).unwrap(),
        Some(Told::Signal(Signal::Collect { size: 1023, .. }))
    ));
    let (pools, pressure) = process.pools().unwrap();
    assert_eq!((pools.len(), pressure.some_10), (5, 0));
    let account = process.accounts().unwrap().remove(0);
    assert_eq!((account.name.as_str(), account.efficiency), ("p", Some(80)));
    assert_eq!(account.owes[Pool::LoanedPause], 1024);
    assert!(process.reuse(64).is_err());
    assert_eq!(process.give_back(granted.id).unwrap()[Pool::LoanedPause], 1024);
    process.reuse(64).unwrap();
    process.set_limit(Duration::from_millis(100));
    assert_eq!(process.wait(Duration::from_millis(300)).unwrap(), None, "beside the limit");
    process.set_limit(LIMIT);
    process.leave().unwrap();
    assert!(other.owed().is_err());
}

#[test]
fn the_log_says_by_which_boxes_it_was_decided() {
    let mut command = Command::new(crate::support::BINARY);
    command.args(["serve", "--port", "0"]).args(POOLS).env("RUST_LOG", "debug");
    let server = Running::start_command(command);
    let mut client = server.connect();
    client.ask("join logged");
    let id = granted(&mut client, "request 1000 pause");
    client.ask(&format!("return {id}"));
    client.ask("request 1000 efficiency");
    wait_for("the log", || {
        let log = server.log();
        log.contains("logged asked for 1024 bytes, pause: gp by 800-801-802-812-900-906-912-914")
            && log.contains("logged asked for 1024 bytes, efficiency: refused by 800-801-802-813-1100-1114-1106")
            && log.contains("logged returned 1024 bytes by 1250-1252-1256-1260-1262-1264-1268")
    });
    assert!(!server.whole_log().contains(&id), "an id is a secret");
}

#[test]
fn pools_may_stand_in_a_file_that_fixes_committed_memory_by_name() {
    let path = std::env::temp_dir().join(format!("leasebox-pools-{}", std::process::id()));
    std::fs::write(&path, "gp=25% # against pauses\ncommitted.db = 256KiB\n").unwrap();
    let server = Running::start(&["--memory", "1MiB", "--pools", path.to_str().unwrap()]);
    std::fs::remove_file(&path).unwrap();
    let mut client = server.connect();
    assert!(client.ask("join db 1024").starts_with("error refused 262144 bytes are fixed"));
    assert!(client.ask("join db").starts_with("joined "));
    assert_eq!(free(&server, "committed"), 768 * 1024 - 256 * 1024);
}
