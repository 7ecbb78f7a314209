//! Tests of RESP: what Redis clients send, and what is no RESP.

use super::*;
use crate::commands::{Data, Set, WasSet};
use crate::common::id::LeaseId;
use crate::numbers::list::NumberList;
use crate::numbers::taken::{Drawn, Taken};
use crate::protocol::Tail;
use crate::protocol::log_on::User;
use crate::protocol::{Conversation, Decoded};

const MAX: usize = 1 << 16;

/// Returns a request of these words.
fn request(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    words.iter().for_each(|word| bytes.extend(bulk(word)));
    bytes
}

/// Returns a request of the words of a line.
fn words(line: &str) -> Vec<u8> {
    request(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>())
}

/// Returns RESP's own answer to each request of one connection; `None` for one that a service gets.
fn answers(policy: &Policy, requests: &[Vec<u8>]) -> Vec<Option<String>> {
    let mut conversation = Conversation::new(policy, 1);
    let answer = |bytes: &Vec<u8>| match conversation.decode(bytes, Tail::Open) {
        Decoded::SelfAnswered { used, answer } => {
            assert_eq!(used, bytes.len());
            Some(String::from_utf8(answer).unwrap())
        }
        Decoded::Asked { .. } => None,
        other => panic!("{other:?}"),
    };
    requests.iter().map(answer).collect()
}

/// Returns RESP's own answer to one request on a new connection.
fn said(line: &str) -> Option<String> {
    answers(&Policy::plain(MAX), &[words(line)]).remove(0)
}

#[test]
fn words_are_those_of_text_and_data_is_as_it_is() {
    let mut resp = Resp::new(&Policy::plain(MAX), 7);
    let mut asked = |bytes: &[u8]| match resp.decode(bytes, &Policy::plain(MAX)) {
        Decoded::Asked { request, used } => {
            assert_eq!(used, bytes.len());
            format!("{request:?}")
        }
        other => panic!("{other:?}"),
    };
    let data = b"a\\x00 b\r\n\0\xff";
    let id = LeaseId::from_number(7);
    let set: Result<Request<'_>, Error> = Ok(Request::Set(Set { id, data: data[..].into() }));
    assert_eq!(asked(&request(&[b"SET", b"7", data])), format!("{set:?}"));
    let empty: Result<Request<'_>, Error> = Ok(Request::Set(Set { id, data: b""[..].into() }));
    assert_eq!(asked(&request(&[b"set", b"7", b""])), format!("{empty:?}"));
    for line in ["draw 4", "LEASE 64 5000", "get 7", "table 3 last", "list leases", "inspect 7 1 2"]
    {
        let text = text::parse(line.as_bytes());
        assert!(text.is_ok(), "{line}");
        assert_eq!(asked(&words(line)), format!("{text:?}"), "{line}");
    }
    let send = asked(&request(&[b"send", b"7", b"a b"]));
    assert!(send.contains("Send") && send.contains(&format!("{:?}", b"a b")), "{send}");
    for wrong in [&[&b"draw"[..]][..], &[b"draw", b"4", b""], &[b"draw", b"4 "], &[b"draw", b""]] {
        assert!(asked(&request(wrong)).contains("BadRequest"), "{wrong:?}");
    }
    assert!(asked(&request(&[b"set", b"7", b"a", b"b"])).contains("one bulk string"));
    assert!(asked(&words("nonsense")).contains("UnknownCommand"));
}

#[test]
fn what_clients_say_to_say_hello_is_answered() {
    let ok = Some("+OK\r\n".to_string());
    for line in [
        "CLIENT SETINFO LIB-NAME x",
        "client setname x",
        "CLIENT NO-EVICT ON",
        "SELECT 0",
        "QUIT",
        "quit",
    ] {
        assert_eq!(said(line), ok, "{line}");
    }
    assert_eq!(said("PING").as_deref(), Some("+PONG\r\n"));
    assert_eq!(said("ping hello").as_deref(), Some("$5\r\nhello\r\n"));
    for (line, answer) in [
        ("COMMAND", "*0\r\n"),
        ("COMMAND DOCS", "*0\r\n"),
        ("COMMAND DOCS get", "*0\r\n"),
        ("COMMAND COUNT", ":0\r\n"),
        ("COMMAND INFO get set", "*2\r\n$-1\r\n$-1\r\n"),
        ("CLIENT ID", ":1\r\n"),
        ("CLIENT GETNAME", "$-1\r\n"),
        ("CLIENT INFO", "$23\r\nid=1 name= db=0 resp=2\n\r\n"),
        ("INFO nonsense", "$0\r\n\r\n"),
        ("INFO Persistence", "$26\r\n# Persistence\r\nloading:0\r\n\r\n"),
    ] {
        assert_eq!(said(line).as_deref(), Some(answer), "{line}");
    }
    let all = said("INFO").unwrap();
    assert!(all.contains("leasebox_version:") && all.contains("role:master"), "{all}");
    assert_eq!(said("INFO all"), Some(all.clone()));
    assert_eq!(said("INFO server replication persistence cluster"), Some(all));
    assert_eq!(said("CONFIG GET save").as_deref(), Some("*2\r\n$4\r\nsave\r\n$0\r\n\r\n"));
    assert_eq!(
        said("CONFIG GET appendonly").as_deref(),
        Some("*2\r\n$10\r\nappendonly\r\n$2\r\nno\r\n")
    );
    assert_eq!(said("CONFIG GET maxmemory").as_deref(), Some("*0\r\n"));
    for (line, error) in [
        ("SELECT 1", "-ERR refused there is one database"),
        ("CLIENT KILL x", "-ERR unknown-command CLIENT"),
        ("COMMAND GETKEYS x", "-ERR unknown-command COMMAND"),
        ("CLIENT SETNAME a\nb", "-ERR bad-request a name"),
        ("AUTH a b", "-ERR refused this server has no user"),
        ("HELLO 4", "-NOPROTO "),
        ("HELLO 2 X", "-ERR bad-request HELLO"),
    ] {
        assert!(said(line).unwrap().starts_with(error), "{line}: {:?}", said(line));
    }
    let version = env!("CARGO_PKG_VERSION");
    let map = |head: &str, proto| {
        Some(format!(
            "{head}\r\n$6\r\nserver\r\n$8\r\nleasebox\r\n$7\r\nversion\r\n$5\r\n{version}\r\n\
             $5\r\nproto\r\n:{proto}\r\n$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n\
             $4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n"
        ))
    };
    assert_eq!(said("HELLO"), map("*14", 2));
    assert_eq!(said("HELLO 3 SETNAME x"), map("%7", 3));
}

#[test]
fn a_name_is_kept_until_the_reset() {
    let policy = Policy::plain(MAX);
    let lines =
        ["HELLO 3 SETNAME ada", "CLIENT GETNAME", "COMMAND DOCS", "RESET", "CLIENT GETNAME"];
    let said = answers(&policy, &lines.map(words));
    let said: Vec<&str> = said[1..].iter().map(|answer| answer.as_deref().unwrap()).collect();
    assert_eq!(said, ["$3\r\nada\r\n", "%0\r\n", "+RESET\r\n", "$-1\r\n"]);
    let long = words(&format!("CLIENT SETNAME {}", "x".repeat(129)));
    assert!(answers(&policy, &[long])[0].as_ref().unwrap().starts_with("-ERR bad-request"));
    // Each name costs more bytes in the answer than in the request, so their count has a bound.
    let many = answers(&policy, &[words(&format!("COMMAND INFO{}", " x".repeat(5000)))]);
    assert!(many[0].as_ref().unwrap().starts_with("*1024\r\n"));
}

#[test]
fn of_the_inline_commands_ping_is_answered_however_it_arrives() {
    let policy = Policy::plain(MAX);
    for line in ["PING\r\n", "PING\n"] {
        let mut conversation = Conversation::new(&policy, 1);
        for end in 1..line.len() {
            let decoded = conversation.decode(&line.as_bytes()[..end], Tail::Open);
            assert_eq!(decoded, Decoded::Incomplete, "{end}");
        }
        for _ in 0..2 {
            assert_eq!(answers(&policy, &[line.into()]), [Some("+PONG\r\n".to_string())]);
        }
    }
    let both = answers(&policy, &[words("PING"), b"PING\r\n".to_vec(), words("draw 4")]);
    assert_eq!(both[1].as_deref(), Some("+PONG\r\n"));
    assert_eq!(both[2], None);
    let user = Some(User::new("ada", b"secret").unwrap());
    let policy = Policy { user, ..Policy::plain(MAX) };
    assert!(answers(&policy, &[b"PING\r\n".to_vec()])[0].as_ref().unwrap().starts_with("-NOAUTH"));
}

#[test]
fn nobody_is_served_before_the_log_on() {
    let user = Some(User::new("ada", b"secret").unwrap());
    let policy = Policy { user, ..Policy::plain(MAX) };
    let before = ["draw 4", "PING", "nonsense", "draw x", "HELLO 3", "COMMAND"];
    for line in before {
        let answer = answers(&policy, &[words(line)]).remove(0).unwrap();
        assert!(answer.starts_with("-NOAUTH "), "{line}: {answer}");
    }
    let wrong = ["AUTH ada wrong", "AUTH eve secret", "HELLO 2 AUTH ada x"];
    let broken =
        ["AUTH secret", "AUTH", "AUTH ada secret more", "HELLO 3 AUTH ada secret NONSENSE x"];
    for (at, line) in wrong.into_iter().chain(broken).enumerate() {
        let answers = answers(&policy, &[words(line), words("draw 4")]);
        let is_wrong = answers[0].as_ref().unwrap().starts_with("-WRONGPASS ");
        assert_eq!(is_wrong, at < wrong.len(), "{line}: {answers:?}");
        assert!(answers[1].as_ref().unwrap().starts_with("-NOAUTH "), "{line}: {answers:?}");
    }
    let draw = || words("draw 4");
    assert_eq!(answers(&policy, &[words("AUTH ada secret"), draw()])[1], None);
    for hello in [
        "HELLO 3 AUTH ada secret",
        "HELLO 2 SETNAME x AUTH ada secret",
        "HELLO 3 AUTH ada secret SETNAME x",
    ] {
        assert_eq!(answers(&policy, &[words(hello), draw()])[1], None, "{hello}");
    }
    // A client that has not logged on cannot fill memory.
    let broken = |bytes: &[u8]| answers(&policy, &[bytes.to_vec()]).remove(0).unwrap();
    for long in [&b"*11\r\n"[..], b"*1\r\n$16385\r\n"] {
        assert!(broken(long).starts_with("-ERR Protocol error: before the log-on "));
    }
    // A known command with the wrong words is not called unknown.
    for (line, why) in [("AUTH secret", "AUTH NAME PASSWORD"), ("AUTH", "AUTH NAME PASSWORD")] {
        assert!(answers(&policy, &[words(line)])[0].as_ref().unwrap().contains(why), "{line}");
    }
    let open = Policy::plain(MAX);
    let cases = [("AUTH secret", "no user"), ("PING a b", "PING TEXT"), ("ECHO", "ECHO TEXT")];
    for (line, why) in cases.into_iter().chain([("RESET x", "alone"), ("CONFIG SET a b", "GET")]) {
        assert!(answers(&open, &[words(line)])[0].as_ref().unwrap().contains(why), "{line}");
    }
}

#[test]
fn what_is_no_resp_is_told_so_and_the_connection_closes() {
    let cases: [(&[u8], &str); 15] = [
        (b"*3000000000\r\n", "a request has at most 1048576 words"),
        (b"*1048577\r\n", "a request has at most 1048576 words"),
        (b"*99999999999999999999\r\n", "invalid multibulk length"),
        (b"*x\r\n", "invalid multibulk length"),
        (b"*\r\n", "invalid multibulk length"),
        (b"*1\rx", "invalid multibulk length"),
        (b"*00000000000000000000000000000001\r\n", "invalid multibulk length"),
        (b"*1\r\n$-10\r\n", "invalid bulk length"),
        (b"*1\r\n$2000000000\r\n", "too big request; --max-message"),
        (b"*1\r\n$1e3\r\n", "invalid bulk length"),
        (b"*1\r\n:1\r\n", "expected '$'"),
        (b"*1\r\n$4\r\nPINGxx", "expected CR LF"),
        (b"*1\r\n$4\r\nPING\n\n", "expected CR LF"),
        (b"*1\r\n$3\r\nPING\r\n", "expected CR LF"),
        (b"*2\r\n$4\r\ndraw\r\n\0", "expected '$'"),
    ];
    for (bytes, why) in cases {
        let policy = Policy::plain(MAX);
        let mut conversation = Conversation::new(&policy, 1);
        let decoded = conversation.decode(bytes, Tail::Open);
        let Decoded::SelfAnswered { used, answer } = decoded else { panic!("{decoded:?}") };
        assert_eq!(used, bytes.len(), "{}", bytes.escape_ascii());
        let text = String::from_utf8(answer).unwrap();
        assert!(text.starts_with(&format!("-ERR Protocol error: {why}")), "{text}");
        assert!(conversation.is_over(), "{}", bytes.escape_ascii());
    }
}

#[test]
fn a_request_over_the_limit_is_refused_before_it_has_come() {
    let mut resp = Resp::new(&Policy::plain(MAX), 7);
    let mut bytes = b"*9\r\n".to_vec();
    bytes.extend(bulk(&[b'x'; MAX / 2]));
    assert_eq!(resp.decode(&bytes, &Policy::plain(MAX)), Decoded::Incomplete);
    bytes.extend_from_slice(format!("${}\r\n", MAX / 2 + 100).as_bytes());
    let decoded = resp.decode(&bytes, &Policy::plain(MAX));
    let Decoded::SelfAnswered { answer, .. } = decoded else { panic!("{decoded:?}") };
    assert!(answer.starts_with(b"-ERR Protocol error: too big request") && resp.is_over());
}

#[test]
fn an_array_of_nothing_asks_nothing() {
    let mut resp = Resp::new(&Policy::plain(MAX), 7);
    for bytes in [&b"*0\r\n"[..], b"*-1\r\n", b"*-5\r\n"] {
        let skip = Decoded::Skip { used: bytes.len() };
        assert_eq!(resp.decode(bytes, &Policy::plain(MAX)), skip);
    }
}

#[test]
fn replies_have_the_shapes_of_redis() {
    let list = NumberList::new(vec![5, 19, 1_234_567]);
    let id = LeaseId::from_number(7);
    let not_found = || Reply::Error(Error::new(Code::NotFound, "there is none"));
    let drawn = Reply::Drawn(Drawn::Taken(Taken::new(&list, 0..3)));
    let data = Reply::Data(Data { id, size: 64, data: b"a\r\nb".to_vec() });
    let cases = [
        (drawn, "*3\r\n:5\r\n:19\r\n:1234567\r\n"),
        (Reply::Drawn(Drawn::Values(vec![0, 10])), "*2\r\n:0\r\n:10\r\n"),
        (data, "$4\r\na\r\nb\r\n"),
        (Reply::Set(WasSet { id, length: 3 }), "+set 7 3\r\n"),
        (not_found(), "-ERR not-found there is none\r\n"),
    ];
    for (mut reply, expected) in cases {
        let (mut resp, mut out) = (Resp::default(), Output::default());
        resp.encode(&mut reply, &mut out);
        assert_eq!(String::from_utf8(out.bytes).unwrap(), expected);
    }
    for (is_resp3, nil) in [(false, "$-1\r\n"), (true, "_\r\n")] {
        let (mut resp, mut out) =
            (Resp { is_get: true, is_resp3, ..Resp::default() }, Output::default());
        resp.encode(&mut not_found(), &mut out);
        // Only the answer to a get is nil: the next one is an error.
        resp.encode(&mut not_found(), &mut out);
        let expected = format!("{nil}-ERR not-found there is none\r\n");
        assert_eq!(String::from_utf8(out.bytes).unwrap(), expected);
    }
}

#[test]
fn large_data_is_moved_and_not_copied() {
    let data = vec![7; 20_000];
    let mut out = Output::default();
    let mut reply = Reply::Data(Data { id: LeaseId::from_number(7), size: 20_000, data });
    Resp::default().encode(&mut reply, &mut out);
    assert_eq!(out.bytes, b"$20000\r\n");
    assert_eq!((out.body.len(), &out.body[20_000..]), (20_002, &b"\r\n"[..]));
}
