//! Tests of one connection, against servers that send what each test tells them to send.

use super::*;
use crate::lab::grader::shape::ReplyShape;
use std::net::TcpListener;
use std::sync::mpsc::channel;
use std::thread;

const PATIENCE: Duration = Duration::from_secs(20);

/// A peer of a server that runs `talk` on its first connection.
fn with_server(
    last: Option<u8>,
    talk: impl FnOnce(TcpStream) + Send + 'static,
    test: impl FnOnce(GradedPeer),
) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || talk(listener.accept().unwrap().0));
    let shape = ReplyShape { last, ..ReplyShape::default() };
    let dialect = Dialect { line_end: "\n", keeps_open: true, shape, ..Dialect::default() };
    let late = Instant::now() + PATIENCE;
    test(GradedPeer::new(address, dialect, PATIENCE, late, Shortage::default()));
    server.join().unwrap();
}

fn hear(stream: &mut TcpStream) {
    let count = stream.read(&mut [0; 64]).unwrap();
    assert!(count > 0);
}

/// Returns a server that sends these pieces, and stays until the peer is gone.
fn say(pieces: &'static [&'static [u8]]) -> impl FnOnce(TcpStream) + Send {
    move |mut stream| {
        hear(&mut stream);
        pieces.iter().for_each(|piece| stream.write_all(piece).unwrap());
        let _ = stream.read(&mut [0; 64]);
    }
}

#[test]
fn a_reply_in_pieces_is_one_reply() {
    with_server(Some(b'\n'), say(&[b"19\n22", b"8\n", b"665\n"]), |mut peer| {
        let answer = peer.draw(3);
        assert_eq!((answer.numbers, answer.ending), (vec![19, 228, 665], AnswerEnd::Whole));
        assert!(peer.stream.is_some());
    });
}

#[test]
fn a_number_that_may_be_cut_is_not_taken() {
    with_server(Some(b'\n'), say(&[b"19 228 66"]), |mut peer| {
        let answer = peer.draw(4);
        assert_eq!((answer.numbers, answer.ending), (vec![19, 228], AnswerEnd::Short));
    });
    with_server(None, say(&[b"19 228 665"]), |mut peer| {
        let answer = peer.draw(4);
        assert_eq!(answer.numbers, [19, 228, 665], "no reply of this one has an end");
    });
}

#[test]
fn a_server_that_closes_or_says_nothing_is_no_answer() {
    let close = |mut stream: TcpStream| hear(&mut stream);
    with_server(Some(b'\n'), close, |mut peer| {
        let answer = peer.draw(4);
        assert_eq!((answer.numbers.len(), answer.ending), (0, AnswerEnd::Closed));
        assert!(peer.stream.is_none());
    });
    let (done, wait) = channel::<()>();
    let mute = move |mut stream: TcpStream| {
        hear(&mut stream);
        let _ = wait.recv();
    };
    with_server(Some(b'\n'), mute, |mut peer| {
        peer.patience = Duration::from_millis(5);
        assert_eq!(peer.draw(4).ending, AnswerEnd::Silent);
        drop(done);
    });
}

#[test]
fn a_reply_without_end_is_not_read_for_ever() {
    let talk = |mut stream: TcpStream| {
        hear(&mut stream);
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    };
    with_server(Some(b'\n'), talk, |mut peer| {
        let answer = peer.draw(1);
        assert_eq!(answer.ending, AnswerEnd::TooLong);
        assert!(answer.raw.len() < 2 * BYTES_BESIDE);
        drop(peer);
    });
}

#[test]
fn a_reply_that_dribbles_ends_with_the_patience() {
    let talk = |mut stream: TcpStream| {
        hear(&mut stream);
        while stream.write_all(b" ").is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
    };
    with_server(Some(b'\n'), talk, |mut peer| {
        peer.patience = Duration::from_millis(50);
        let start = Instant::now();
        assert_eq!(peer.draw(1).ending, AnswerEnd::Short);
        assert!(peer.listen(BANNER_PAUSE, BANNER_PAUSE).len() < 1000);
        assert!(start.elapsed() < PATIENCE / 2, "{:?}", start.elapsed());
        drop(peer);
    });
}

#[test]
fn nothing_is_waited_for_after_the_deadline() {
    let (done, wait) = channel::<()>();
    let mute = move |mut stream: TcpStream| {
        hear(&mut stream);
        let _ = wait.recv();
    };
    with_server(Some(b'\n'), mute, |mut peer| {
        peer.deadline = Instant::now() + Duration::from_millis(50);
        let start = Instant::now();
        assert_eq!(peer.draw(4).ending, AnswerEnd::Cut);
        assert!(start.elapsed() < PATIENCE / 2, "{:?}", start.elapsed());
        drop(done);
    });
}
