//! Tests of the log-on by HTTP, and of the formats that have no log-on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;
use crate::common::guesses::Guesses;
use crate::protocol::base64;
use crate::protocol::log_on::User;

#[test]
fn only_the_user_gets_in() {
    let user = Some(User::new("ada", b"a:b c").unwrap());
    let policy = Policy { user, ..policy() };
    let with = |credentials: &str| {
        let request = format!("POST /draws?n=1 HTTP/1.1\r\n{HOST}{credentials}\r\n");
        heard(&policy, request.as_bytes()).remove(0)
    };
    let basic = |pair: &str| {
        let mut letters = Vec::new();
        base64::encode(pair.as_bytes(), &mut letters);
        String::from_utf8(letters).unwrap()
    };
    assert_eq!(with(&format!("Authorization: Basic {}\r\n", basic("ada:a:b c"))), draw(1));
    assert_eq!(with(&format!("authorization: bAsIc   {}\r\n", basic("ada:a:b c"))), draw(1));
    let right = basic("ada:a:b c");
    for wrong in [
        String::new(),
        format!("Authorization: Basic {}\r\n", basic("ada:a:b")),
        format!("Authorization: Basic {}\r\n", basic("ada")),
        format!("Authorization: Bearer {right}\r\n"),
        format!("Authorization: {right}\r\n"),
        "Authorization: Basic ====\r\n".into(),
        "Authorization: Basic\r\n".into(),
    ] {
        let answer = with(&wrong);
        assert!(answer.starts_with("HTTP/1.1 401 "), "{wrong:?}: {answer}");
        assert!(answer.contains("\r\nWWW-Authenticate: Basic realm=\"leasebox\""), "{answer}");
    }
    // A server without a user ignores the field.
    let request = format!("POST /draws?n=1 HTTP/1.1\r\n{HOST}Authorization: Basic x\r\n\r\n");
    assert_eq!(heard(&Policy { user: None, ..policy }, request.as_bytes())[0], draw(1));
}

#[test]
fn a_wrong_password_costs_a_guess_a_right_one_none_and_who_cannot_guess_is_told_so() {
    let user = Some(User::new("ada", b"secret").unwrap());
    // The budget is full, and gains no guess before tomorrow: none is added during this test.
    let guesses = Arc::new(Guesses::new(Instant::now() + Duration::from_secs(86_400)));
    let policy = Policy { user, guesses, ..policy() };
    let try_all = |password: &[u8]| {
        let pair = [b"ada:", password].concat();
        let mut basic = Vec::new();
        base64::encode(&pair, &mut basic);
        let basic = String::from_utf8(basic).unwrap();
        let request =
            format!("POST /draws?n=1 HTTP/1.1\r\n{HOST}Authorization: Basic {basic}\r\n\r\n");
        let http = heard(&policy, request.as_bytes()).remove(0);
        let auth = format!(
            "*3\r\n$4\r\nAUTH\r\n$3\r\nada\r\n${}\r\n{}\r\n",
            password.len(),
            password.escape_ascii()
        )
        .into_bytes();
        let mut conversation = Conversation::new(&policy, 1);
        let decoded = conversation.decode(&auth, Tail::Open);
        let Decoded::SelfAnswered { answer, .. } = decoded else { panic!("{decoded:?}") };
        (http, String::from_utf8(answer).unwrap())
    };
    for _ in 0..3 {
        assert_eq!(try_all(b"secret"), (draw(1), "+OK\r\n".into()));
    }
    assert_eq!(policy.guesses.wrong(), 0);
    let (http, resp) = try_all(b"wrong");
    assert!(http.starts_with("HTTP/1.1 401 ") && resp.starts_with("-WRONGPASS "), "{http} {resp}");
    assert_eq!(policy.guesses.wrong(), 2);
    // After `close` no thread waits for a guess, so the loop ends when the budget is empty.
    policy.guesses.close();
    while policy.guesses.begin(false, true) {}
    for password in [&b"secret"[..], b"wrong"] {
        let (http, resp) = try_all(password);
        assert!(http.starts_with("HTTP/1.1 503 "), "{http}");
        assert!(resp.starts_with("-ERR busy "), "{resp}");
    }
}

#[test]
fn a_request_in_many_pieces_is_one_guess() {
    let user = Some(User::new("ada", b"secret").unwrap());
    let guesses = Arc::new(Guesses::new(Instant::now() + Duration::from_secs(86_400)));
    let policy = Policy { user, guesses, ..policy() };
    let mut conversation = Conversation::new(&policy, 1);
    let mut basic = Vec::new();
    base64::encode(b"ada:wrong", &mut basic);
    let basic = String::from_utf8(basic).unwrap();
    let request = format!(
        "PUT /leases/7 HTTP/1.1\r\n{HOST}Authorization: Basic {basic}\r\nContent-Length: 40\r\n\r\n{:40}",
        ""
    );
    for round in 1..=2 {
        for arrived in 0..request.len() {
            let decoded = conversation.decode(&request.as_bytes()[..arrived], Tail::Open);
            assert_eq!(decoded, Decoded::Incomplete);
        }
        let decoded = conversation.decode(request.as_bytes(), Tail::Open);
        let is_whole = |used: usize| used == request.len();
        assert!(matches!(decoded, Decoded::SelfAnswered { used, .. } if is_whole(used)));
        assert_eq!(policy.guesses.wrong(), round);
    }
}

#[test]
fn what_has_no_log_on_is_refused_where_one_is_wanted() {
    let user = Some(User::new("ada", b"secret").unwrap());
    let policy = Policy { user, ..policy() };
    let first: [&[u8]; 3] =
        [b"draw 4\n", b"\x89LBX\x02\x01\x01\0\x07\0\0\0\x08\0\0\0\x04\0\0\0\0\0\0\0", &[1; 20]];
    for bytes in first {
        let mut conversation = Conversation::new(&policy, 1);
        let decoded = conversation.decode(bytes, Tail::Open);
        let Decoded::Last(Some(error)) = decoded else { panic!("{decoded:?}") };
        assert!(error.text.contains("Basic") && error.text.contains("AUTH"), "{error}");
    }
}
