//! Chapters 5 and 6.

use leasebox::cooperative::repayment;
use leasebox::cooperative::words::{Amounts, Pool};

use super::memory::random;
use crate::pieces::{e5_01, e5_02, e5_03, e6_01, e6_02, e6_03};

pub fn e5_01() {
    let mut process = e5_01::Process { freeable: 100, secured: 0 };
    assert!(process.lend(80));
    assert!(!process.lend(80), "the same garbage secured two loans");
    assert_eq!((process.freeable, process.secured), (100, 80), "a refusal changes nothing");
    assert!(process.lend(20), "what is left of the garbage");
    process.repay(80);
    assert_eq!((process.freeable, process.secured), (20, 20), "what was collected is no garbage");
    let (mut next, mut process) = (random(5), e5_01::Process::default());
    for _ in 0..2000 {
        match next(3) {
            0 => process.freeable += next(50),
            1 => process.repay(next(50)),
            _ => {
                let (size, collateral) = (1 + next(80), process.freeable - process.secured);
                assert_eq!(process.lend(size), size <= collateral, "{size} of {collateral}");
            }
        }
        assert!(process.secured <= process.freeable);
    }
}

/// The server's own figure 12 is the judge.
pub fn e5_02() {
    let mut next = random(12);
    for _ in 0..2000 {
        let [lp, le, gp, gl, freed] = [60, 60, 60, 60, 250].map(&mut next);
        let owed = e5_02::Bytes { lp, le, gp, gl, committed: 0 };
        let of_pool = |pool| match pool {
            Pool::LoanedPause => lp,
            Pool::LoanedEfficiency => le,
            Pool::GrantedPause => gp,
            Pool::GrantedLeak => gl,
            Pool::Committed => 0,
        };
        let (refill, _) = repayment::repay(freed, &Amounts::each(of_pool));
        let expected = e5_02::Bytes {
            lp: refill[Pool::LoanedPause],
            le: refill[Pool::LoanedEfficiency],
            gp: refill[Pool::GrantedPause],
            gl: refill[Pool::GrantedLeak],
            committed: refill[Pool::Committed],
        };
        assert_eq!(e5_02::repay(freed, &owed), expected, "{freed} bytes for {owed:?}");
    }
}

pub fn e5_03() {
    let mut pool = e5_03::Pool { free: 100, owed: 0, cap: 60 };
    assert!(!pool.lend(80), "over the cap");
    assert_eq!((pool.free, pool.owed), (100, 0), "a refusal changes nothing");
    assert!(pool.lend(60) && !pool.lend(1));
    let mut next = random(53);
    for _ in 0..500 {
        let (free, cap) = (next(200), next(200));
        let mut pool = e5_03::Pool { free, owed: 0, cap };
        for _ in 0..20 {
            let (size, may) = (next(100), pool.free.min(cap - pool.owed));
            assert_eq!(pool.lend(size), size <= may, "{size}, where {may} may be lent");
            assert_eq!(pool.free + pool.owed, free, "no byte is lost");
        }
    }
}

pub fn e6_01() {
    use e6_01::{Engine, Received};
    let mut engine = Engine::default();
    engine.send(1, b"first");
    engine.send(2, b"second");
    engine.send(1, b"third");
    assert_eq!(engine.receive(), Received::Message(b"first".to_vec()));
    engine.end(1, 3);
    assert_eq!(engine.receive(), Received::Message(b"second".to_vec()), "its sender lives");
    assert_eq!(engine.receive(), Received::Lost, "bytes of somebody else, or silence");
    assert_eq!(engine.receive(), Received::Nothing, "a loss is told once");
    engine.send(3, b"fourth");
    assert_eq!(engine.receive(), Received::Message(b"fourth".to_vec()));
}

pub fn e6_02() {
    let mut next = random(62);
    for _ in 0..300 {
        let mut seat = e6_02::Seat::default();
        // The naive model: a line of copies, of which the first has the seat.
        let mut line: Vec<u32> = Vec::new();
        for copy in 0..40 {
            if next(3) > 0 || line.is_empty() {
                assert_eq!(seat.ask(copy), line.is_empty(), "the seat was taken by {line:?}");
                line.push(copy);
            } else {
                let at = next(line.len() as u64) as usize;
                let gone = line.remove(at);
                let changed = if at == 0 { line.first().copied() } else { None };
                assert_eq!(seat.leave(gone), changed, "after {gone}, of {line:?}");
            }
            assert_eq!(seat.taken, line.first().copied());
        }
    }
}

pub fn e6_03() {
    for readers in 1..=4 {
        for goes in 0..=readers {
            let mut block = e6_03::SubBlock::default();
            block.publish(b"hello", readers);
            for reader in 0..readers {
                assert_eq!(block.freed, 0, "it was given back before its last reader had it");
                if reader == goes {
                    block.go();
                } else {
                    assert_eq!(block.receive().as_deref(), Some(&b"hello"[..]));
                }
            }
            assert_eq!((block.freed, block.bytes), (1, None), "free, and once");
        }
    }
}
