//! Tests of guesses: the requests that are guesses, and those that need none.

use super::*;
use crate::commands::{Get, Lease, Release, Renew, Return, Set};
use crate::common::guesses::MAX_GUESSES;
use crate::common::id::IdKind;
use crate::server::config::Config;

fn shared() -> Shared {
    Config { memory: 4096, ..Config::default() }.share().unwrap()
}

fn get(number: i32) -> Request<'static> {
    Request::Get(Get { id: LeaseId::from_number(number as u64) })
}

/// Returns the code of the refusal. A client without a connection never waits, so no test waits.
fn code(guesser: &mut Guesser, shared: &Shared, request: &Request<'_>) -> Option<Code> {
    match guesser.run(request, shared, Caller::unconnected(1), &mut Vec::new()) {
        Reply::Error(error) => Some(error.code),
        _ => None,
    }
}

fn lease(guesser: &mut Guesser, shared: &Shared) -> i32 {
    let request = Request::Lease(Lease { size: 16, duration_ms: 60_000, id_kind: IdKind::Number });
    match guesser.run(&request, shared, Caller::unconnected(1), &mut Vec::new()) {
        Reply::Leased(Leased { id, .. }) => id.number().unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn when_the_budget_is_gone_only_known_numbers_are_looked_for() {
    let shared = shared();
    let (mut owner, mut stranger) = (Guesser::default(), Guesser::default());
    let number = lease(&mut owner, &shared);
    assert_eq!(code(&mut stranger, &shared, &get(number)), None, "a right guess costs nothing");
    let wrong = number ^ 1;
    for tried in 0..MAX_GUESSES {
        assert_eq!(
            code(&mut Guesser::default(), &shared, &get(wrong)),
            Some(Code::NotFound),
            "{tried}"
        );
    }
    assert_eq!(shared.guesses.wrong(), MAX_GUESSES);
    // A second may have passed by now; no test runs for a thousand.
    let is_busy = |request: &Request<'_>| {
        (0..MAX_GUESSES)
            .any(|_| code(&mut Guesser::default(), &shared, request) == Some(Code::Busy))
    };
    let id = LeaseId::from_number(number as u64);
    assert!(is_busy(&get(wrong)) && is_busy(&get(number)), "a stranger is not told which is right");
    assert!(is_busy(&Request::Set(Set { id, data: b"x"[..].into() })));
    assert!(is_busy(&Request::Release(Release { id })));
    assert_eq!(code(&mut owner, &shared, &get(number)), None, "its own");
    assert_eq!(code(&mut stranger, &shared, &get(number)), None, "found before");
    let uuid = Request::Get(Get { id: LeaseId::from_uuid(u128::MAX) });
    assert_eq!(code(&mut Guesser::default(), &shared, &uuid), Some(Code::NotFound), "no guess");
}

#[test]
fn a_request_that_fails_before_it_looks_makes_no_number_known() {
    let shared = shared();
    let mut stranger = Guesser::default();
    let id = LeaseId::from_number(7);
    let renew = Request::Renew(Renew { id, duration_ms: 0 });
    assert_eq!(code(&mut stranger, &shared, &renew), Some(Code::BadRequest));
    let back = Request::Return(Return { id });
    assert_eq!(code(&mut stranger, &shared, &back), Some(Code::Refused), "of no process");
    assert_eq!(shared.guesses.wrong(), 0);
    for wrong in 1..=2 {
        assert_eq!(code(&mut stranger, &shared, &get(7)), Some(Code::NotFound));
        assert_eq!(shared.guesses.wrong(), wrong);
    }
}

#[test]
fn a_connection_remembers_its_last_numbers() {
    let mut guesser = Guesser::default();
    (0..2 * REMEMBERED as i32).for_each(|number| guesser.remember(number));
    (0..5).for_each(|_| guesser.remember(2 * REMEMBERED as i32 - 1));
    guesser.known.sort_unstable();
    assert!(guesser.known.into_iter().eq(REMEMBERED as i32..2 * REMEMBERED as i32));
}
