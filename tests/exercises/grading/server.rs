//! Chapters 3 and 4.

use std::io::{self, Write};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::memory::random;
use crate::pieces::{e3_01, e3_02, e3_03, e3_04, e4_01, e4_02, e4_03};

const PATIENCE: Duration = Duration::from_secs(10);

/// A socket that looks whether the lock is free while it is written.
struct Socket<'a> {
    lock: &'a Mutex<u64>,
    written: Vec<u8>,
}

impl Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        assert!(self.lock.try_lock().is_ok(), "the lock is held while the socket is written");
        self.written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub fn e3_01() {
    let lock = Mutex::new(0);
    for number in 1..=3 {
        let mut socket = Socket { lock: &lock, written: Vec::new() };
        e3_01::answer(&lock, &mut socket).unwrap();
        assert_eq!(socket.written, format!("request {number}\n").as_bytes());
        assert_eq!(*lock.lock().unwrap(), number);
    }
}

pub fn e3_02() {
    let accounts: Vec<Mutex<i64>> = (0..3).map(|_| Mutex::new(100)).collect();
    let held = |first: &Mutex<Vec<usize>>| {
        let is_held = |&at: &usize| accounts[at].try_lock().is_err();
        *first.lock().unwrap() = (0..3).filter(is_held).collect();
    };
    for (one, two) in [(0, 1), (0, 2), (1, 2)] {
        let (there, back) = (Mutex::default(), Mutex::default());
        e3_02::transfer(&accounts, one, two, 10, || held(&there));
        e3_02::transfer(&accounts, two, one, 10, || held(&back));
        let (there, back) = (there.into_inner().unwrap(), back.into_inner().unwrap());
        assert_eq!(there.len(), 1, "one lock is held between the two: {there:?}");
        assert_eq!(
            there, back,
            "the two directions begin with different locks: they wait for each other"
        );
    }
    e3_02::transfer(&accounts, 1, 1, 50, || ());
    e3_02::transfer(&accounts, 2, 0, 30, || ());
    let sums: Vec<i64> = accounts.iter().map(|account| *account.lock().unwrap()).collect();
    assert_eq!(sums, [130, 100, 70]);
}

pub fn e3_03() {
    let (bytes, mut next) = (b"draw 10\nlease 64 5000\r\n\nget 7\nhalf a li", random(3));
    for _ in 0..500 {
        let (mut lines, mut rest, mut found) = (e3_03::Lines::default(), &bytes[..], Vec::new());
        while !rest.is_empty() {
            let (read, more) = rest.split_at(1 + next(rest.len() as u64) as usize);
            found.extend(lines.push(read));
            rest = more;
        }
        assert_eq!(found, ["draw 10", "lease 64 5000", "", "get 7"], "a line has no end left");
        assert_eq!(lines.push(b"ne\n"), ["half a line"], "what had no end was kept");
    }
}

pub fn e3_04() {
    for stops_first in [false, true] {
        let (work, (said, heard)) = (Arc::new(e3_04::Work::default()), channel());
        work.add(1);
        work.add(2);
        if stops_first {
            work.stop();
        }
        let own = work.clone();
        thread::spawn(move || {
            while let Some(job) = own.next() {
                let _ = said.send(Some(job));
            }
            let _ = said.send(None);
        });
        assert_eq!(heard.recv_timeout(PATIENCE), Ok(Some(1)));
        assert_eq!(heard.recv_timeout(PATIENCE), Ok(Some(2)), "work that had come is done");
        if !stops_first {
            assert!(heard.recv_timeout(Duration::from_millis(20)).is_err(), "it waits");
            work.stop();
        }
        assert_eq!(heard.recv_timeout(PATIENCE), Ok(None), "the stop ends the wait");
    }
}

pub fn e4_01() {
    let frame =
        |claimed: u64, data: &[u8]| [&[0, 0, 0, 1], &claimed.to_be_bytes()[..], data].concat();
    let whole = frame(5, b"hello and more");
    assert_eq!(e4_01::payload(&whole, 5), Ok(Some(&b"hello"[..])));
    assert_eq!(e4_01::payload(&frame(0, b""), 5), Ok(Some(&b""[..])));
    for came in 0..whole.len().min(e4_01::HEADER + 5) {
        assert_eq!(e4_01::payload(&whole[..came], 5), Ok(None), "{came} bytes are no whole frame");
    }
    for claimed in [6, u64::from(u32::MAX), u64::MAX - 11, u64::MAX] {
        assert_eq!(e4_01::payload(&frame(claimed, b"hello"), 5), Err(e4_01::TooLong), "{claimed}");
    }
    assert_eq!(e4_01::payload(&frame(u64::MAX, b""), u64::MAX), Ok(None), "it has not come yet");
}

pub fn e4_02() {
    use e4_02::{Answered, History, KEPT};
    let mut history = History::default();
    assert_eq!(history.ask(7, 0, 1, 0), Answered::Executed);
    assert_eq!(history.ask(7, 0, 1, 1), Answered::Repeated, "a copy");
    assert_eq!(history.ask(7, 0, 2, KEPT - 1), Answered::Executed, "the next request");
    assert_eq!(history.ask(7, 0, 3, KEPT + 5), Answered::Executed, "it was heard meanwhile");
    // Silence for longer than the history remembers; then copies of all three come.
    for (id, now) in [(1, 200), (2, 500), (3, 100_000)] {
        let answered = history.ask(7, 0, id, now);
        assert_ne!(answered, Answered::Executed, "a copy of request {id} was executed again");
    }
    assert_eq!(history.ask(8, 100_000, 1, 100_001), Answered::Executed, "a new client is served");
    assert_eq!(
        history.ask(9, 100_000 - KEPT + 2, 1, 100_001),
        Answered::Executed,
        "its token is young"
    );
}

pub fn e4_03() {
    use e4_03::{ByteOrder, order_of};
    for number in 0..=300_u32 {
        let known = (1..=5).contains(&number);
        let little = known.then_some((ByteOrder::Little, number));
        let big = known.then_some((ByteOrder::Big, number));
        assert_eq!(order_of(number.to_le_bytes()), little, "{number} from a little-endian machine");
        assert_eq!(order_of(number.to_be_bytes()), big, "{number} from a big-endian machine");
    }
    assert_eq!(order_of(*b"draw"), None);
}
