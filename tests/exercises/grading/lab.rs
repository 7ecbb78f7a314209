//! Chapters 7 and 8.

use std::net::UdpSocket;
use std::thread;
use std::time::Duration;

use leasebox::lab::explorer::{Case, Drawer, Stage};
use leasebox::numbers::locking::Locking;

use super::memory::random;
use crate::pieces::{e7_01, e7_02, e7_03, e8_01, e8_02};

/// Counts orders by trying each.
fn tried(steps: &[u64]) -> u128 {
    if steps.iter().all(|&left| left == 0) {
        return 1;
    }
    let mut count = 0;
    for client in 0..steps.len() {
        if steps[client] > 0 {
            let mut rest = steps.to_vec();
            rest[client] -= 1;
            count += tried(&rest);
        }
    }
    count
}

pub fn e7_01() {
    for steps in [&[][..], &[3], &[8, 4], &[2, 1], &[3, 3, 2], &[1, 1, 1, 1], &[0, 5]] {
        assert_eq!(e7_01::schedules(steps), Some(tried(steps)), "{steps:?}");
    }
    // As `leasebox race` says them.
    assert_eq!(e7_01::schedules(&[12, 6]), Some(18_564));
    assert_eq!(e7_01::schedules(&[18, 18]), Some(9_075_135_300));
    assert_eq!(e7_01::schedules(&[40, 40, 40, 40, 40]), None, "more than 128 bits");
}

pub fn e7_02() {
    let drawers = vec![Drawer { name: 'A', count: 4 }, Drawer { name: 'B', count: 2 }];
    let case = Case { drawers, locking: Locking::None, reads: false, increments: false };
    let letters = e7_02::schedule();
    assert_eq!([8, 4], ['A', 'B'].map(|one| letters.matches(one).count()), "{letters}");
    let schedule: Vec<u8> = letters.chars().filter_map(|one| case.client_named(one)).collect();
    assert_eq!(schedule.len(), 12, "{letters}");
    let run = Stage::new(case).unwrap().run(&schedule).unwrap();
    assert_eq!(run.duplicates(), 3, "{letters}: {:?}", run.received);
}

/// Whether some order of the requests respects time, by trying each: the one that is next must have
/// the next index, and nobody else may have been over before it was asked.
fn has_an_order(left: &[e7_03::Drawn], next: u32) -> bool {
    left.is_empty()
        || left.iter().enumerate().any(|(at, one)| {
            let mut rest = left.to_vec();
            rest.remove(at);
            one.index == next
                && rest.iter().all(|other| other.answered >= one.asked)
                && has_an_order(&rest, next + 1)
        })
}

pub fn e7_03() {
    let (mut next, mut seen) = (random(73), [0, 0]);
    for _ in 0..3000 {
        let count = 1 + next(5) as u32;
        let mut indices: Vec<u32> = (0..count).collect();
        for at in 1..indices.len() {
            if next(3) == 0 {
                indices.swap(at - 1, at);
            }
        }
        let mut history = Vec::new();
        for (at, index) in indices.into_iter().enumerate() {
            let asked = 10 * at as u64 + next(10);
            history.push(e7_03::Drawn { asked, answered: asked + next(15), index });
        }
        let is_one = has_an_order(&history, 0);
        seen[usize::from(is_one)] += 1;
        assert_eq!(e7_03::is_of_one_counter(&history), is_one, "{history:?}");
    }
    assert!(seen[0] > 100 && seen[1] > 100, "both kinds were tried: {seen:?}");
    let twice = [0, 0].map(|index| e7_03::Drawn { asked: 0, answered: 9, index });
    assert!(!e7_03::is_of_one_counter(&twice), "an index came twice");
}

pub fn e8_01() {
    let mut message = Vec::new();
    for text in ["Smith", "London", "", "abc"] {
        e8_01::put_string(&mut message, text);
    }
    let expected = [
        &b"\x06\0\0\0Smith\0\0\0"[..],
        b"\x07\0\0\0London\0\0",
        b"\x01\0\0\0\0\0\0\0",
        b"\x04\0\0\0abc\0",
    ];
    assert_eq!(message, expected.concat());
}

pub fn e8_02() {
    let local = || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket
    };
    let (server, client) = (local(), local());
    client.connect(server.local_addr().unwrap()).unwrap();
    let serve = thread::spawn(move || {
        let mut buffer = Vec::new();
        (0..4).all(|_| e8_02::echo_one(&server, &mut buffer).is_ok())
    });
    for length in [900, 2, 0, 9000] {
        let sent: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        client.send(&sent).unwrap();
        let mut echo = vec![0; 65_507];
        let came = client.recv(&mut echo).unwrap();
        assert!(echo[..came] == sent, "of {length} bytes {came} came back, or other ones");
    }
    assert!(serve.join().unwrap());
}
