//! Tests of datagrams: golden bytes, and what is not a client's whole frame.

use super::*;
use crate::commands::{Bye, Draw};
use crate::numbers::taken::Drawn;

const T: Token = Token([0xab; TOKEN]);

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_kind_has_its_bytes() {
    let order = ByteOrder::Little;
    let token = "ab".repeat(TOKEN);
    assert_eq!(hex(&hello(order, 7)), "894c425802017000 07000000 00000000".replace(' ', ""));
    let wish = Wish { at_most_once: true, reply: true };
    let draw = ask(order, 8, T, wish, &Request::Draw(Draw { count: 4 }));
    let head = "894c425802070100 08000000 20000000".replace(' ', "");
    assert_eq!(hex(&draw), head + &token + "0400000000000000");
    let said = acknowledge(order, 8, T);
    assert_eq!(hex(&said), "894c425802037100 08000000 18000000".replace(' ', "") + &token);
    let asked = Header::read(draw.first_chunk().unwrap()).unwrap();
    let said = Welcome { token: T, history_ms: 60_000, longest: 8192 };
    let head = "894c42580201f000 08000000 20000000".replace(' ', "");
    assert_eq!(hex(&welcome(asked, &said)), head + &token + "60ea000000200000");
    let drawn = reply(asked, Some(T), &mut Reply::Drawn(Drawn::Values(vec![5])));
    let head = "894c425802038100 08000000 20000000".replace(' ', "");
    assert_eq!(hex(&drawn), head + &token + "0100000005000000");
}

#[test]
fn what_a_client_says_is_read_in_either_order() {
    for order in [ByteOrder::Big, ByteOrder::Little] {
        for (at_most_once, reply) in [(false, false), (false, true), (true, true), (true, false)] {
            let wish = Wish { at_most_once, reply };
            let datagram = ask(order, 8, T, wish, &Request::Draw(Draw { count: 4 }));
            let said = read(&datagram).unwrap().1;
            let request = Ok(Request::Draw(Draw { count: 4 }));
            assert_eq!(said, Said::Asked { token: T, wish, request });
        }
        assert_eq!(read(&hello(order, 1)).unwrap().1, Said::Hello);
        assert_eq!(read(&acknowledge(order, 1, T)).unwrap().1, Said::Acknowledge(T));
    }
}

#[test]
fn what_is_no_whole_frame_of_a_clients_is_not_read_as_one() {
    let wish = Wish { at_most_once: true, reply: true };
    let good = ask(ByteOrder::Big, 8, T, wish, &Request::Draw(Draw { count: 4 }));
    for cut in 0..HEADER + TOKEN {
        assert!(read(&good[..cut]).is_none(), "{cut}");
    }
    let refusal = |datagram: &[u8]| match read(datagram) {
        Some((_, Said::Asked { request: Err(error), .. })) => error.text.into_owned(),
        other => panic!("{other:?}"),
    };
    for cut in HEADER + TOKEN..good.len() {
        assert!(refusal(&good[..cut]).contains("one whole frame"), "{cut}");
    }
    assert!(refusal(&[&good[..], &good].concat()).contains("one whole frame"));
    let changed = |at: usize, byte: u8| {
        let mut datagram = good.clone();
        datagram[at] = byte;
        datagram
    };
    assert!(refusal(&changed(5, 0x16)).contains("flags over bit 3"));
    assert!(refusal(&changed(7, 1)).contains("status is 0"));
    assert!(refusal(&changed(6, 0x2b)).contains("no such kind"));
    assert_eq!(read(&changed(5, 0)).unwrap().1, Said::Unproven);
    assert!(read(&changed(0, b'x')).is_none());
    let answer = reply(read(&good).unwrap().0, Some(T), &mut Reply::Bye(Bye));
    assert!(read(&answer).is_none(), "a reply is never answered, so two servers cannot talk");
}

#[test]
fn a_welcome_that_goes_on_too_long_is_refused() {
    let asked = hello(ByteOrder::Little, 7);
    let asked = Header::read(asked.first_chunk().unwrap()).unwrap();
    let mut said = welcome(asked, &Welcome { token: T, history_ms: 1, longest: 1 });
    assert!(matches!(hear(&said), Ok((7, Heard::Welcome(_)))));
    // The length of the body stands in the header's last four bytes.
    said[12] += 1;
    said.push(0);
    assert!(hear(&said).unwrap_err().text.contains("goes on too long"));
}

#[test]
fn the_longest_reply_to_a_draw_is_known_before() {
    let mut drawn = Reply::Drawn(Drawn::Values(vec![7; 100]));
    let asked = Header::new(ByteOrder::Big, 1, 1);
    let length = reply(asked, Some(T), &mut drawn).len();
    let longest = |count, numbers| longest_reply(&Request::Draw(Draw { count }), numbers);
    assert_eq!((longest(100, 1000), longest(u64::MAX, 100)), (length, length));
}

#[test]
fn a_token_stays_out_of_logs() {
    assert_eq!(format!("{T:?}"), "Token(…)");
}
