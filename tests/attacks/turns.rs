//! One address that asks by datagrams faster than it is answered. In an earlier edition all others
//! waited behind it.

use std::net::UdpSocket;
use std::time::Duration;

use leasebox::commands::{Draw, Reply, Request};
use leasebox::numbers::list::shuffled;
use leasebox::protocol::byte_order::ByteOrder;
use leasebox::protocol::datagram::{Heard, Token, Wish, ask, hear, hello};

use crate::support::{Running, wait_for};

/// As many datagrams as the system holds for one socket, or nearly.
const CROWD: u32 = 150;

/// A socket at this address of the machine, with a token.
fn with_token(server: &Running, address: &str) -> (UdpSocket, Token) {
    let socket = UdpSocket::bind((address, 0)).unwrap();
    socket.connect(server.address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    socket.send(&hello(ByteOrder::Big, 1)).unwrap();
    let mut buffer = [0; 2048];
    let length = socket.recv(&mut buffer).unwrap();
    match hear(&buffer[..length]) {
        Ok((1, Heard::Welcome(welcome))) => (socket, welcome.token),
        other => panic!("{other:?}"),
    }
}

fn ask_for_one(socket: &UdpSocket, token: Token, id: u32) {
    let draw = Request::Draw(Draw { count: 1 });
    let wish = Wish { reply: true, at_most_once: false };
    socket.send(&ask(ByteOrder::Big, id, token, wish, &draw)).unwrap();
}

/// The place of a drawn number in the list: how many were drawn before it.
fn place(socket: &UdpSocket) -> usize {
    let mut buffer = [0; 2048];
    let length = socket.recv(&mut buffer).unwrap();
    match hear(&buffer[..length]) {
        Ok((_, Heard::Reply(_, Reply::Drawn(drawn)))) => {
            let number = drawn.numbers()[0];
            let list = shuffled(1000, Some(7));
            (0..1000).position(|index| list.number(index) == number).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_asks_too_much_by_datagrams_waits_behind_who_asks_little() {
    let server = Running::start(&["--udp", "--seed", "7", "--numbers", "1000"]);
    let (much, token_of_much) = with_token(&server, "127.0.0.2");
    let (little, token_of_little) = with_token(&server, "127.0.0.3");
    // All requests are there before the first one is answered.
    server.signal("-STOP");
    wait_for("the server to stand still", || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.child.id())).unwrap();
        stat.contains(") T ")
    });
    for id in 2..CROWD {
        ask_for_one(&much, token_of_much, id);
    }
    ask_for_one(&little, token_of_little, 2);
    server.signal("-CONT");
    let place = place(&little);
    assert!(place < 40, "{place} of {CROWD} were answered before");
}
