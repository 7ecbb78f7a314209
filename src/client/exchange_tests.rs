//! Tests of one exchange: the times at which it sends, and the answers that it accepts.
//! `tests/request_reply.rs` tries each way in which a network can lose, repeat or delay up to three
//! datagrams of an exchange.

use super::*;
use crate::commands::{Draw, Set};
use crate::numbers::taken::Drawn;
use crate::protocol::byte_order::ByteOrder;
use crate::protocol::datagram::{TOKEN, Token, read, reply, welcome};

const MS: Duration = Duration::from_millis(1);
const LIMIT: Duration = Duration::from_secs(5);
const DRAW: Request<'static> = Request::Draw(Draw { count: 1 });
const T: Token = Token([7; TOKEN]);

fn way(semantics: Semantics) -> Way {
    Way { semantics, acknowledge: false, retry: 50 * MS }
}

/// Returns the [`Peer`] of a client that has a token.
fn greeted() -> Peer {
    let mut peer = Peer::new(ByteOrder::Big, 0);
    peer.welcome = Some(Welcome { token: T, history_ms: 60_000, longest: 1024 });
    peer
}

/// Returns the times at which copies are sent, in milliseconds, if no answer ever comes.
fn sent_at(mut exchange: Exchange<'_>, peer: &Peer, start: Instant) -> Vec<u128> {
    let (mut now, mut sent) = (start, Vec::new());
    loop {
        match exchange.turn(peer, now) {
            NextStep::Send => sent.push((now - start).as_millis()),
            NextStep::Wait(until) => now = until,
            NextStep::Over => return sent,
        }
    }
}

fn ask<'r>(
    request: &'r Request<'r>,
    way: Way,
    peer: &mut Peer,
    limit: Duration,
    now: Instant,
) -> Exchange<'r> {
    Exchange::new(ExchangePurpose::Ask(request), way, peer, limit, now)
}

fn tell(peer: &mut Peer, now: Instant) -> Exchange<'static> {
    Exchange::new(ExchangePurpose::Tell(&DRAW), Way::default(), peer, LIMIT, now)
}

fn drawn(asked: &[u8], token: Option<Token>) -> Vec<u8> {
    reply(read(asked).unwrap().0, token, &mut Reply::Drawn(Drawn::Values(vec![5])))
}

fn error(asked: &[u8], code: Code) -> Vec<u8> {
    reply(read(asked).unwrap().0, None, &mut Reply::Error(Error::new(code, "say Hello again")))
}

#[test]
fn a_request_is_sent_again_after_waits_that_grow() {
    let (mut peer, now) = (greeted(), Instant::now());
    for semantics in [Semantics::AtLeastOnce, Semantics::AtMostOnce] {
        let exchange = ask(&DRAW, way(semantics), &mut peer, LIMIT, now);
        let expected = [0, 50, 150, 350, 750, 1550, 2350, 3150, 3950, 4750];
        assert_eq!(sent_at(exchange, &peer, now), expected);
    }
    let maybe = ask(&DRAW, way(Semantics::Maybe), &mut peer, LIMIT, now);
    assert_eq!(sent_at(maybe, &peer, now), [0]);
    let told = tell(&mut peer, now);
    assert_eq!(sent_at(told, &peer, now), [0]);
    let mut stranger = Peer::new(ByteOrder::Big, 0);
    let hello = ask(&DRAW, way(Semantics::Maybe), &mut stranger, 100 * MS, now);
    assert_eq!(sent_at(hello, &stranger, now), [0, 50], "a Hello has no effect to repeat");
}

#[test]
fn only_a_reply_with_its_id_and_token_is_believed() {
    let (mut peer, now) = (greeted(), Instant::now());
    let mut exchange = ask(&DRAW, Way::default(), &mut peer, LIMIT, now);
    assert_eq!(exchange.turn(&peer, now), NextStep::Send);
    let asked = exchange.datagram().to_vec();
    let mut other_id = asked.clone();
    other_id[11] ^= 1;
    for forged in [
        drawn(&asked, None),
        drawn(&asked, Some(Token([8; TOKEN]))),
        drawn(&other_id, Some(T)),
        drawn(&asked, Some(T))[..40].to_vec(),
        asked.clone(),
        Vec::new(),
    ] {
        exchange.hear(&mut peer, &forged, now);
        assert!(matches!(exchange.turn(&peer, now), NextStep::Wait(_)));
    }
    exchange.hear(&mut peer, &drawn(&asked, Some(T)), now);
    assert_eq!(exchange.turn(&peer, now), NextStep::Over);
    assert!(matches!(exchange.into_outcome(), Ok(Some(Reply::Drawn(_)))));
}

#[test]
fn a_reply_is_acknowledged_once_where_that_was_agreed() {
    let (mut peer, now) = (greeted(), Instant::now());
    let rra = Way { acknowledge: true, ..Way::default() };
    let mut exchange = ask(&DRAW, rra, &mut peer, LIMIT, now);
    exchange.turn(&peer, now);
    let asked = exchange.datagram().to_vec();
    exchange.hear(&mut peer, &drawn(&asked, Some(T)), now);
    assert_eq!(exchange.turn(&peer, now), NextStep::Send);
    assert_eq!(exchange.datagram(), datagram::acknowledge(ByteOrder::Big, 1, T));
    assert_eq!(exchange.turn(&peer, now), NextStep::Over);
}

#[test]
fn a_token_that_is_not_taken_ends_it_but_for_at_least_once() {
    for (semantics, is_over) in
        [(Semantics::Maybe, true), (Semantics::AtLeastOnce, false), (Semantics::AtMostOnce, true)]
    {
        let (mut peer, now) = (greeted(), Instant::now());
        let mut exchange = ask(&DRAW, way(semantics), &mut peer, LIMIT, now);
        exchange.turn(&peer, now);
        let asked = exchange.datagram().to_vec();
        exchange.hear(&mut peer, &error(&asked, Code::Refused), now);
        assert_eq!(exchange.turn(&peer, now) == NextStep::Over, is_over, "{semantics:?}");
        assert!(peer.welcome.is_none(), "the next exchange says Hello");
        if is_over {
            assert!(matches!(exchange.into_outcome(), Err(CallError::TokenRefused)));
        }
    }
}

#[test]
fn a_server_that_takes_no_token_is_not_asked_without_end() {
    let (mut peer, start) = (greeted(), Instant::now());
    let mut exchange = ask(&DRAW, way(Semantics::AtLeastOnce), &mut peer, LIMIT, start);
    let (mut now, mut sent) = (start, 0);
    loop {
        match exchange.turn(&peer, now) {
            NextStep::Send => {
                sent += 1;
                let asked = exchange.datagram().to_vec();
                let answer = match exchange.stage {
                    ExchangeStage::Greeting => {
                        let again = Welcome { token: T, history_ms: 60_000, longest: 1024 };
                        welcome(read(&asked).unwrap().0, &again)
                    }
                    _ => error(&asked, Code::Refused),
                };
                exchange.hear(&mut peer, &answer, now);
            }
            NextStep::Wait(until) => now = until,
            NextStep::Over => break,
        }
    }
    assert!(sent < 30, "{sent} datagrams");
}

/// *At most once* must not depend on the client's clock. Here it stands still (the machine sleeps)
/// while the server's history drops the entry of this client.
#[test]
fn a_client_that_slept_through_the_historys_time_does_not_ask_again() {
    let (mut peer, now) = (greeted(), Instant::now());
    let mut exchange = ask(&DRAW, Way::default(), &mut peer, LIMIT, now);
    assert_eq!(exchange.turn(&peer, now), NextStep::Send, "executed, and the reply lost");
    // The machine sleeps here. The answer to the next copy is that the token is too old.
    assert_eq!(exchange.turn(&peer, now + 50 * MS), NextStep::Send);
    let asked = exchange.datagram().to_vec();
    exchange.hear(&mut peer, &error(&asked, Code::Refused), now + 51 * MS);
    assert_eq!(exchange.turn(&peer, now + 51 * MS), NextStep::Over);
    assert!(matches!(exchange.into_outcome(), Err(CallError::TokenRefused)));
}

#[test]
fn a_token_that_was_not_used_for_long_is_renewed_before_anything_is_asked() {
    let (mut peer, now) = (greeted(), Instant::now());
    peer.refresh(now);
    let stage = |peer: &mut Peer, after: Duration| {
        ask(&DRAW, Way::default(), peer, LIMIT, now + after).stage
    };
    assert_eq!(stage(&mut peer, 29_999 * MS), ExchangeStage::Asking);
    // A reply to an at-most-once request shows that the server knows the token.
    let used = now + 20_000 * MS;
    let mut exchange = ask(&DRAW, Way::default(), &mut peer, LIMIT, used);
    exchange.turn(&peer, used);
    let asked = exchange.datagram().to_vec();
    exchange.hear(&mut peer, &drawn(&asked, Some(T)), used);
    assert_eq!(stage(&mut peer, 49_999 * MS), ExchangeStage::Asking);
    assert_eq!(stage(&mut peer, 50_000 * MS), ExchangeStage::Greeting);
}

/// The server may refuse a request before its history sees it. So an error does not show that the
/// server still knows the token.
#[test]
fn an_error_does_not_keep_a_token_fresh() {
    let (mut peer, now) = (greeted(), Instant::now());
    peer.refresh(now);
    let later = now + 29_000 * MS;
    let mut exchange = ask(&DRAW, Way::default(), &mut peer, LIMIT, later);
    exchange.turn(&peer, later);
    let asked = exchange.datagram().to_vec();
    let mut refusal = Reply::Error(Error::new(Code::TooLarge, "it does not fit"));
    exchange.hear(&mut peer, &reply(read(&asked).unwrap().0, Some(T), &mut refusal), later);
    let after = now + 30_000 * MS;
    let next = ask(&DRAW, Way::default(), &mut peer, LIMIT, after);
    assert_eq!(next.stage, ExchangeStage::Greeting);
}

#[test]
fn after_a_copy_was_sent_nothing_says_that_it_was_not_asked() {
    let (mut peer, now) = (greeted(), Instant::now());
    let mut exchange = ask(&DRAW, way(Semantics::AtLeastOnce), &mut peer, LIMIT, now);
    exchange.turn(&peer, now);
    let asked = exchange.datagram().to_vec();
    exchange.hear(&mut peer, &error(&asked, Code::Refused), now);
    assert_eq!(exchange.stage, ExchangeStage::Greeting);
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], 5));
    exchange.hear_no_listener(CallError::NoServer(address, std::io::ErrorKind::Other.into()));
    assert_eq!(exchange.stage, ExchangeStage::Greeting, "it may come back");
    assert_eq!(exchange.turn(&peer, now + 100 * MS), NextStep::Send);
    let hello = exchange.datagram().to_vec();
    let small = Welcome { token: T, history_ms: 60_000, longest: 10 };
    exchange.hear(&mut peer, &welcome(read(&hello).unwrap().0, &small), now + 100 * MS);
    assert!(matches!(exchange.into_outcome(), Err(CallError::TokenRefused)));
}

#[test]
fn busy_is_no_answer_to_at_most_once_until_time_is_over() {
    let busy = |asked: &[u8]| {
        let mut full = Reply::Error(Error::new(Code::Busy, "the history is full"));
        reply(read(asked).unwrap().0, Some(T), &mut full)
    };
    let (mut peer, now) = (greeted(), Instant::now());
    let mut exchange = ask(&DRAW, Way::default(), &mut peer, LIMIT, now);
    exchange.turn(&peer, now);
    let asked = exchange.datagram().to_vec();
    exchange.hear(&mut peer, &busy(&asked), now);
    assert!(matches!(exchange.turn(&peer, now), NextStep::Wait(_)));
    // Another copy found room.
    exchange.hear(&mut peer, &drawn(&asked, Some(T)), now);
    assert!(matches!(exchange.into_outcome(), Ok(Some(Reply::Drawn(_)))));
    let mut exchange = ask(&DRAW, Way::default(), &mut peer, LIMIT, now);
    exchange.turn(&peer, now);
    let asked = exchange.datagram().to_vec();
    exchange.hear(&mut peer, &busy(&asked), now);
    assert_eq!(exchange.turn(&peer, now + LIMIT), NextStep::Over);
    assert!(matches!(exchange.into_outcome(), Err(CallError::HistoryFull(_))));
}

#[test]
fn who_only_tells_hears_in_between_that_its_token_is_not_taken() {
    let (mut peer, now) = (greeted(), Instant::now());
    let mut told = tell(&mut peer, now);
    assert_eq!(told.turn(&peer, now), NextStep::Send);
    let asked = told.datagram().to_vec();
    peer.hear_between(&drawn(&asked, Some(T)));
    assert!(peer.welcome.is_some());
    peer.hear_between(&error(&asked, Code::Refused));
    assert_eq!(tell(&mut peer, now).stage, ExchangeStage::Greeting);
}

#[test]
fn without_a_wait_between_copies_it_waits_all_the_same() {
    let (mut peer, now) = (greeted(), Instant::now());
    let hasty = Way { retry: Duration::ZERO, ..Way::default() };
    let exchange = ask(&DRAW, hasty, &mut peer, 100 * MS, now);
    assert_eq!(sent_at(exchange, &peer, now), [0, 1, 3, 7, 15, 31, 47, 63, 79, 95]);
}

#[test]
fn a_request_that_does_not_fit_is_not_sent() {
    let (mut peer, now) = (greeted(), Instant::now());
    let id = crate::common::id::LeaseId::from_number(7);
    let set = Request::Set(Set { id, data: vec![7; 1000].into() });
    let mut exchange = ask(&set, Way::default(), &mut peer, LIMIT, now);
    assert_eq!(exchange.turn(&peer, now), NextStep::Over);
    let refused = exchange.into_outcome();
    assert!(matches!(refused, Err(CallError::Refused(Error { code: Code::TooLarge, .. }))));
}

#[test]
fn when_the_ids_of_a_token_are_used_up_another_token_is_asked_for() {
    let (mut peer, now) = (greeted(), Instant::now());
    peer.last_id = u32::MAX;
    let exchange = ask(&DRAW, Way::default(), &mut peer, LIMIT, now);
    assert_eq!(exchange.stage, ExchangeStage::Greeting);
}
