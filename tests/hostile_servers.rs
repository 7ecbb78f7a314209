//! `leasebox client` and the library against servers that mean harm: they end in time, keep
//! to their memory, and print nothing that steers a terminal.

mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use leasebox::client::{CallError, Client};
use support::{leasebox, shown};

const LIMIT: Duration = Duration::from_millis(500);

/// A server that does `speak` to one client, in a thread that ends with the test.
fn server(speak: impl FnOnce(TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        speak(stream);
    });
    port
}

/// Sends `first`, and then a byte now and then for as long as somebody listens.
fn dripping(first: Vec<u8>) -> u16 {
    server(move |mut stream| {
        let _ = stream.write_all(&first);
        while stream.write_all(b"1").is_ok() {
            std::thread::sleep(LIMIT / 5);
        }
    })
}

fn ask(options: &[&str], port: u16, words: &[&str]) -> (String, String, Option<i32>) {
    let port = port.to_string();
    let arguments = [&["client"], options, &["127.0.0.1", &port], words].concat();
    shown(&leasebox(&arguments))
}

#[test]
fn a_server_that_dribbles_is_given_up_in_time_in_every_protocol() {
    let memorylease = [&4_i32.to_le_bytes()[..], &(1_i64 << 20).to_le_bytes()].concat();
    let frame = b"\x89LBX\x02\x01\x81\x00\x01\0\0\0\xff\xff\0\0".to_vec();
    for (first, options, words) in [
        (vec![], &[][..], &["draw", "4"][..]),
        (b"error ".to_vec(), &[], &["draw", "4"]),
        (memorylease, &[], &["get", "5"]),
        (b"error busy ".to_vec(), &[], &["get", "5"]),
        (frame, &["--frames"], &["draw", "4"]),
        (b"error ".to_vec(), &["--frames"], &["draw", "4"]),
    ] {
        let (port, start) = (dripping(first), Instant::now());
        let (_, stderr, code) = ask(&[&["--timeout", "500ms"], options].concat(), port, words);
        assert_eq!(code, Some(2), "{words:?}: {stderr}");
        assert!(stderr.contains("no answer within 500ms"), "{words:?}: {stderr}");
        assert!(start.elapsed() < 10 * LIMIT, "{words:?}: {:?}", start.elapsed());
    }
}

#[test]
fn what_was_waited_for_at_first_is_not_waited_for_again() {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let port = socket.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut hello = [0; 100];
        let (_, from) = socket.recv_from(&mut hello).unwrap();
        std::thread::sleep(Duration::from_millis(1500));
        let mut welcome = b"\x89LBX\x02\x01\xf0\x00".to_vec();
        welcome.extend_from_slice(&hello[8..12]);
        welcome.extend_from_slice(&[32, 0, 0, 0]);
        welcome.extend_from_slice(&[7; 24]);
        welcome.extend_from_slice(&60_000_u32.to_le_bytes());
        welcome.extend_from_slice(&8192_u32.to_le_bytes());
        socket.send_to(&welcome, from).unwrap();
        std::thread::sleep(Duration::from_secs(10));
    });
    let start = Instant::now();
    let (_, stderr, code) = ask(&["--udp", "--timeout", "2s"], port, &["draw", "4"]);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("no answer within 2s"), "{stderr}");
    // Twice the limit would be 3.5 s; the machine has the rest to be slow in.
    assert!(start.elapsed() < Duration::from_millis(3300), "{:?}", start.elapsed());
}

#[test]
fn an_answer_that_is_longer_than_was_asked_for_is_not_read() {
    let huge = |kind: u8| {
        let head = [&b"\x89LBX\x02\x01"[..], &[kind, 0, 1, 0, 0, 0]].concat();
        let claimed = [head, (1_u32 << 30).to_le_bytes().to_vec()].concat();
        server(move |mut stream| {
            let _ = stream.write_all(&claimed);
            let _ = stream.read(&mut [0; 100]);
            std::thread::sleep(Duration::from_secs(10));
        })
    };
    for kind in [0x81, 0x85, 0x89, 0xff] {
        let mut client = Client::connect("127.0.0.1", huge(kind), 10 * LIMIT).unwrap();
        assert!(matches!(client.draw(4), Err(CallError::Unreadable)), "{kind:02x}");
    }
    let endless = server(|mut stream| {
        let _ = stream.write_all(b"error ");
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    });
    let mut client = Client::connect("127.0.0.1", endless, 10 * LIMIT).unwrap();
    assert!(matches!(client.draw(4), Err(CallError::Unreadable)));
    let memorylease = server(|mut stream| {
        let claimed = [&4_i32.to_le_bytes()[..], &(1_i64 << 30).to_le_bytes()].concat();
        let _ = stream.write_all(&claimed);
        let _ = stream.read(&mut [0; 100]);
        std::thread::sleep(Duration::from_secs(10));
    });
    let (_, stderr, code) = ask(&[], memorylease, &["get", "5"]);
    assert!(code == Some(2) && stderr.contains("no MemoryLease frame"), "{stderr}");
}

#[test]
fn what_a_server_says_does_not_steer_the_terminal() {
    let evil = "boo\n\u{1b}[31mleasebox: all is well\u{1b}]0;owned\u{7}\u{202e}";
    let error = [&b"\x89LBX\x02\x01\xff\x07\x01\0\0\0"[..], &(evil.len() as u32 + 5).to_le_bytes()];
    let length = (evil.len() as u32 + 1).to_le_bytes();
    let error = [&error.concat()[..], &length, evil.as_bytes(), b"\0"].concat();
    let tree = [&b"\x89LBX\x02\x01\x8a\x00\x01\0\0\0"[..], &(evil.len() as u32 + 5).to_le_bytes()];
    let tree = [&tree.concat()[..], &length, evil.as_bytes(), b"\0"].concat();
    let line = format!("error refused {}\n", evil.replace('\n', "\r"));
    let reply = format!("{}\n", evil.replace('\n', "\r"));
    for (answer, options, words) in [
        (error, &["--frames"][..], &["draw", "4"][..]),
        (tree, &["--frames"], &["tree"]),
        (line.into_bytes(), &[], &["draw", "4"]),
        (reply.into_bytes(), &[], &["stats"]),
    ] {
        let port = server(move |mut stream| {
            let _ = stream.write_all(&answer);
            let _ = stream.read_to_end(&mut Vec::new());
        });
        let (stdout, stderr, _) = ask(options, port, words);
        let said = stdout + &stderr;
        assert!(said.contains("\\u{1b}[31m") && said.contains("\\u{202e}"), "{said:?}");
        assert!(said.lines().count() == 1 && !said.contains('\u{1b}'), "{said:?}");
    }
}

#[test]
fn a_reply_to_another_question_is_no_answer() {
    let bye = b"\x89LBX\x02\x01\x8e\x00\x01\0\0\0\0\0\0\0";
    for words in [&["draw", "4"][..], &["get", "5"], &["lease", "64"], &["stats"]] {
        let port = server(move |mut stream| {
            let _ = stream.write_all(bye);
            let _ = stream.read_to_end(&mut Vec::new());
        });
        let (stdout, stderr, code) = ask(&["--frames"], port, words);
        assert_eq!((stdout.as_str(), code), ("", Some(2)), "{words:?}: {stderr}");
    }
}
