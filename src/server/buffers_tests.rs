//! Tests of the account of buffers.

use std::io::Read;
use std::net::TcpListener;
use std::sync::Barrier;
use std::thread;

use proptest::prelude::*;

use super::*;

const KIB: usize = 1024;

/// Returns a connection and its peer.
fn connection() -> (Arc<TcpStream>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (Arc::new(listener.accept().unwrap().0), peer)
}

/// Returns whether a read on this connection finds the end.
fn is_shut_down(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    matches!((&*stream).read(&mut [0]), Ok(0))
}

fn later() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(3600))
}

proptest! {
    #[test]
    fn it_is_the_sum_of_what_all_hold(steps in prop::collection::vec((0..4_usize, any::<bool>(), 0..200_usize), 0..100)) {
        let (stream, _peer) = connection();
        let buffers = Buffers::new(300 * KIB);
        let mut shares: Vec<Charge> = (0..4).map(|n| Charge::new(&buffers, n, &stream)).collect();
        let mut held = [0; 4];
        for (who, grows, kib) in steps {
            let bytes = kib * KIB;
            let free = 300 * KIB - held.iter().sum::<usize>();
            if !grows {
                if bytes <= held[who] {
                    shares[who].settle(bytes);
                    held[who] = if bytes > SMALL { bytes } else { 0 };
                }
            } else {
                let is_more = bytes > held[who].max(SMALL);
                let fits = !is_more || bytes - held[who] <= free;
                prop_assert_eq!(shares[who].reserve(bytes, None).is_ok(), fits);
                held[who] = if is_more && fits { bytes } else { held[who] };
            }
            prop_assert_eq!(buffers.used(), held.iter().sum::<usize>());
            prop_assert_eq!(shares[who].bytes(), held[who]);
        }
        drop(shares);
        prop_assert_eq!(buffers.used(), 0);
        prop_assert!(lock(&buffers.charges).holders.is_empty());
    }
}

#[test]
fn who_finds_no_room_waits_until_another_gives_back() {
    let (stream, _peer) = connection();
    let (buffers, both) = (Buffers::new(100 * KIB), Barrier::new(2));
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut first = Charge::new(&buffers, 1, &stream);
            first.reserve(80 * KIB, None).unwrap();
            both.wait();
            // The other one waits by now, or will find room at once.
            while lock(&buffers.charges).wanted == 0 {
                thread::yield_now();
            }
            first.settle(0);
        });
        both.wait();
        let mut second = Charge::new(&buffers, 2, &stream);
        assert_eq!(second.reserve(60 * KIB, None), Err(NoRoom));
        assert_eq!(second.reserve(60 * KIB, later()), Ok(()));
        assert_eq!((buffers.used(), lock(&buffers.charges).wanted), (60 * KIB, 0));
    });
}

#[test]
fn nobody_waits_beyond_the_deadline_nor_in_the_stop_nor_for_more_than_the_bound() {
    let (stream, _peer) = connection();
    let buffers = Buffers::new(100 * KIB);
    let (mut first, mut second) =
        (Charge::new(&buffers, 1, &stream), Charge::new(&buffers, 2, &stream));
    first.reserve(80 * KIB, None).unwrap();
    assert_eq!(second.reserve(60 * KIB, Some(Instant::now())), Err(NoRoom));
    assert_eq!(second.reserve(101 * KIB, later()), Err(NoRoom));
    assert_eq!(first.reserve(101 * KIB, later()), Err(NoRoom), "its own charge is a part of it");
    assert!(!first.is_closed(), "without a wait nothing is looked for that could be closed");
    buffers.close();
    assert_eq!(second.reserve(60 * KIB, later()), Err(NoRoom));
    assert_eq!((buffers.used(), lock(&buffers.charges).wanted), (80 * KIB, 0));
}

/// Makes three holders of 60, 50 and 40 KiB, and looks at them at second 0 and at these `seconds`.
/// With `moves` the largest one moves 64 KiB after the first look. Returns for each holder whether
/// it was closed for so many missing bytes.
fn closed_for(missing: usize, moves: bool, seconds: [u64; 2]) -> [bool; 3] {
    let connections = [connection(), connection(), connection()];
    let buffers = Buffers::new(200 * KIB);
    let mut shares = Vec::new();
    for (at, (stream, _)) in connections.iter().enumerate() {
        let mut share = Charge::new(&buffers, at as u64, stream);
        share.reserve((100 - 20 * at) * KIB / 2 + 10 * KIB, None).unwrap();
        shares.push(share);
    }
    let start = Instant::now();
    let mut look = |at: u64| {
        let now = start + Duration::from_secs(at);
        let mut charges = lock(&buffers.charges);
        close(&charges.look(missing, now));
    };
    look(0);
    if moves {
        shares[0].moved(64 * KIB);
    }
    seconds.into_iter().for_each(&mut look);
    let closed: Vec<bool> = shares.iter().map(Charge::is_closed).collect();
    let shut_down: Vec<bool> = connections.iter().map(|(stream, _)| is_shut_down(stream)).collect();
    assert_eq!(closed, shut_down);
    [closed[0], closed[1], closed[2]]
}

#[test]
fn the_greatest_that_does_not_move_is_closed_first() {
    assert_eq!(closed_for(0, false, [1, 2]), [false; 3], "nobody waits");
    assert_eq!(closed_for(1, false, [0, 1]), [true, false, false]);
    assert_eq!(closed_for(KIB, true, [0, 1]), [false, true, false]);
    assert_eq!(closed_for(70 * KIB, false, [0, 1]), [true, true, false]);
    assert_eq!(closed_for(1000 * KIB, true, [0, 1]), [false, true, true]);
}

#[test]
fn one_look_closes_once_and_a_look_long_ago_does_not_count() {
    assert_eq!(closed_for(KIB, false, [0, 0]), [false; 3], "a second has not passed");
    assert_eq!(closed_for(KIB, false, [60, 60]), [false; 3], "the last look is a minute ago");
    let leaves = [true, false, false];
    assert_eq!(closed_for(KIB, false, [1, 2]), leaves, "what leaves counts for the next look");
}

#[test]
fn one_that_is_closed_and_stays_is_closed_for_writing_too() {
    let (stream, mut peer) = connection();
    let buffers = Buffers::new(100 * KIB);
    let mut share = Charge::new(&buffers, 1, &stream);
    share.reserve(80 * KIB, None).unwrap();
    let start = Instant::now();
    peer.set_nonblocking(true).unwrap();
    let mut sees_the_end_after = |seconds| {
        let now = start + Duration::from_secs(seconds);
        close(&lock(&buffers.charges).look(1, now));
        matches!(peer.read(&mut [0]), Ok(0))
    };
    // The first time only reading is closed, so that the client can still be told why.
    assert_eq!([0, 1, 2].map(&mut sees_the_end_after), [false, false, true]);
}
