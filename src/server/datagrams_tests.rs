//! Tests of what a server does with a datagram. `tests/request_reply.rs` tries each way in which a
//! network can lose, repeat or delay up to three datagrams of an exchange.

use super::*;
use crate::commands::{Data, Draw, Get, Help, Set, Stats, Wait};
use crate::numbers::taken::Drawn;
use crate::protocol::byte_order::ByteOrder;
use crate::protocol::datagram::{Heard, ask, hear, hello};

const ALWAYS: Wish = Wish { at_most_once: false, reply: true };
const ONCE: Wish = Wish { at_most_once: true, reply: true };
const MAX_DATAGRAM: usize = 1024;
const TIME: Duration = Duration::from_secs(60);

/// An executor that counts the requests. It answers a get with `data` bytes, and any other request
/// with one number, the count.
#[derive(Default)]
struct Counting {
    clients: ClientNumber,
    executed: u32,
    data: usize,
}

impl Executor for Counting {
    fn next_client(&mut self) -> ClientNumber {
        self.clients += 1;
        self.clients
    }

    fn execute(&mut self, request: &Request<'_>, _: ClientNumber, _: Wish) -> Reply<'_> {
        self.executed += 1;
        match *request {
            Request::Get(Get { id }) => {
                Reply::Data(Data { id, size: 9999, data: vec![7; self.data] })
            }
            _ => Reply::Drawn(Drawn::Values(vec![self.executed])),
        }
    }
}

struct Bench {
    server: Datagrams,
    executor: Counting,
    start: Instant,
}

fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

impl Bench {
    fn new() -> Self {
        let limits = DatagramLimits { longest: MAX_DATAGRAM, max_clients: 4, history_time: TIME };
        let start = Instant::now();
        let server = Datagrams::new(&limits, 100_000, RandomState::new(), start);
        Self { server, executor: Counting::default(), start }
    }

    fn receive(&mut self, datagram: &[u8], port: u16, after: Duration) -> Option<Vec<u8>> {
        self.server.receive(datagram, at(port), self.start + after, &mut self.executor)
    }

    fn token(&mut self, port: u16) -> Token {
        let welcome = self.receive(&hello(ByteOrder::Big, 1), port, Duration::ZERO).unwrap();
        match hear(&welcome) {
            Ok((1, Heard::Welcome(welcome))) => {
                assert_eq!((welcome.history_ms, welcome.longest), (60_000, 1024));
                welcome.token
            }
            other => panic!("{other:?}"),
        }
    }

    /// Sends one draw. Returns how many numbers the reply has, or the code of the error.
    fn draw(&mut self, id: u32, token: Token, wish: Wish, count: u64) -> Result<u64, Code> {
        let request = Request::Draw(Draw { count });
        let datagram = ask(ByteOrder::Big, id, token, wish, &request);
        outcome(self.receive(&datagram, 5, Duration::ZERO))
    }
}

fn outcome(answer: Option<Vec<u8>>) -> Result<u64, Code> {
    match hear(&answer.expect("no answer")) {
        Ok((_, Heard::Reply(Some(_), Reply::Drawn(drawn)))) => Ok(drawn.count()),
        Ok((_, Heard::Reply(_, Reply::Error(error)))) => Err(error.code),
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_a_token_of_ours_nothing_is_executed() {
    let mut bench = Bench::new();
    let (token, other) = (bench.token(5), Bench::new().token(5));
    assert_eq!(bench.draw(1, other, ONCE, 1), Err(Code::Refused));
    let from_elsewhere = ask(ByteOrder::Big, 1, token, ONCE, &Request::Draw(Draw { count: 1 }));
    assert_eq!(outcome(bench.receive(&from_elsewhere, 6, Duration::ZERO)), Err(Code::Refused));
    let mut unproven = Vec::new();
    Header::new(ByteOrder::Big, 1, 1).put(&mut unproven, 0, |body| body.u64(1));
    assert_eq!(outcome(bench.receive(&unproven, 5, Duration::ZERO)), Err(Code::Refused));
    assert_eq!((bench.executor.executed, bench.server.history().len()), (0, 0));
    assert_eq!(bench.draw(1, token, ONCE, 1), Ok(1));
}

#[test]
fn without_a_token_no_answer_is_over_three_times_the_question() {
    let mut bench = Bench::new();
    let other = Bench::new().token(5);
    let mut questions = vec![hello(ByteOrder::Big, 1)];
    for request in [Request::Stats(Stats), Request::Help(Help), Request::Draw(Draw { count: 1 })] {
        questions.push(ask(ByteOrder::Big, 1, other, ONCE, &request));
        let mut unproven = Vec::new();
        let header = Header::new(ByteOrder::Big, request.kind(), 1);
        header.put(&mut unproven, 0, |_| {});
        questions.push(unproven);
    }
    for question in questions {
        let answer = bench.receive(&question, 5, Duration::ZERO).expect("it fits");
        assert!(answer.len() <= 3 * question.len(), "{} for {}", answer.len(), question.len());
    }
}

#[test]
fn what_does_not_fit_a_datagram_is_refused_before_it_is_executed() {
    let mut bench = Bench::new();
    let token = bench.token(5);
    let most = (MAX_DATAGRAM - 16 - 24 - 4) as u64 / 4;
    assert_eq!(bench.draw(1, token, ONCE, most + 1), Err(Code::TooLarge));
    assert_eq!(bench.draw(2, token, ALWAYS, u64::MAX), Err(Code::TooLarge));
    let id = crate::common::id::LeaseId::from_number(7);
    let set = Request::Set(Set { id, data: vec![7; MAX_DATAGRAM].into() });
    let datagram = ask(ByteOrder::Big, 3, token, ALWAYS, &set);
    assert_eq!(outcome(bench.receive(&datagram, 5, Duration::ZERO)), Err(Code::TooLarge));
    assert_eq!(bench.executor.executed, 0);
    assert_eq!(bench.draw(4, token, ONCE, most), Ok(1));
    bench.executor.data = MAX_DATAGRAM;
    let get = ask(ByteOrder::Big, 5, token, ONCE, &Request::Get(Get { id }));
    assert_eq!(outcome(bench.receive(&get, 5, Duration::ZERO)), Err(Code::TooLarge));
}

#[test]
fn a_request_that_may_wait_is_refused_before_it_is_executed() {
    let mut bench = Bench::new();
    let token = bench.token(5);
    let wait = |ms| ask(ByteOrder::Big, 1, token, ALWAYS, &Request::Wait(Wait { ms: Some(ms) }));
    assert_eq!(outcome(bench.receive(&wait(1), 5, Duration::ZERO)), Err(Code::Refused));
    assert_eq!(bench.executor.executed, 0);
    bench.receive(&wait(0), 5, Duration::ZERO);
    assert_eq!(bench.executor.executed, 1);
}

#[test]
fn a_repeated_request_is_filtered_only_where_that_was_asked_for() {
    let mut bench = Bench::new();
    let token = bench.token(5);
    for _ in 0..3 {
        assert_eq!(bench.draw(1, token, ONCE, 1), Ok(1));
    }
    assert_eq!((bench.executor.executed, bench.server.history().resent()), (1, 2));
    for _ in 0..3 {
        bench.draw(1, token, ALWAYS, 1).unwrap();
    }
    assert_eq!(bench.executor.executed, 4);
    let silent = Wish { at_most_once: true, reply: false };
    for _ in 0..3 {
        let datagram = ask(ByteOrder::Big, 2, token, silent, &Request::Draw(Draw { count: 1 }));
        assert_eq!(bench.receive(&datagram, 5, Duration::ZERO), None);
    }
    assert_eq!(bench.executor.executed, 5);
    assert_eq!(bench.draw(1, token, ONCE, 1), Err(Code::Refused), "it is behind");
}

#[test]
fn a_token_that_outlived_the_history_is_refused_whatever_it_asks() {
    let mut bench = Bench::new();
    let token = bench.token(5);
    bench.draw(1, token, ONCE, 1).unwrap();
    for wish in [ONCE, ALWAYS] {
        let again = ask(ByteOrder::Big, 1, token, wish, &Request::Draw(Draw { count: 1 }));
        assert_eq!(outcome(bench.receive(&again, 5, TIME)), Err(Code::Refused));
    }
    assert_eq!(bench.executor.executed, 1);
    let known = bench.token(5);
    let almost = TIME - Duration::from_secs(1);
    for (id, after) in [(1, almost), (2, almost + TIME / 2)] {
        let request = ask(ByteOrder::Big, id, known, ONCE, &Request::Draw(Draw { count: 1 }));
        assert_eq!(outcome(bench.receive(&request, 5, after)), Ok(1), "who asks is known");
    }
}

#[test]
fn a_repeat_that_wants_no_reply_gets_none() {
    let mut bench = Bench::new();
    let token = bench.token(5);
    bench.draw(1, token, ONCE, 1).unwrap();
    let silent = Wish { at_most_once: true, reply: false };
    let datagram = ask(ByteOrder::Big, 1, token, silent, &Request::Draw(Draw { count: 1 }));
    assert_eq!(bench.receive(&datagram, 5, Duration::ZERO), None);
}

#[test]
fn a_full_history_is_busy_and_executes_nothing() {
    let mut bench = Bench::new();
    let tokens = [5; 3].map(|port| bench.token(port));
    assert_eq!(bench.draw(1, tokens[0], ONCE, 1), Ok(1));
    assert_eq!(bench.draw(1, tokens[1], ONCE, 1), Ok(1));
    assert_eq!(bench.draw(1, tokens[2], ONCE, 1), Err(Code::Busy));
    assert_eq!(bench.executor.executed, 2);
}

proptest::proptest! {
    #[test]
    fn no_datagram_makes_it_panic_or_amplify(
        mut bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..100),
        is_frame in proptest::prelude::any::<bool>(),
    ) {
        let mut bench = Bench::new();
        if is_frame {
            let begin = [0x89, b'L', b'B', b'X', 2];
            let length = begin.len().min(bytes.len());
            bytes[..length].copy_from_slice(&begin[..length]);
        }
        let answer = bench.receive(&bytes, 5, Duration::ZERO).unwrap_or_default();
        proptest::prop_assert!(answer.len() <= 3 * bytes.len());
        proptest::prop_assert_eq!(bench.executor.executed, 0);
    }
}
