//! The expected bytes of sessions' frames.

use super::{UUID, id};
use crate::commands::{
    Close, Closed, Deliver, Delivered, Forward, Forwarded, Found, Grow, ListSessions, Lookup,
    MessageReply, Open, Opened, Peek, Publish, Published, Receive, Register, Registered, Reply,
    Request, Resized, Send, Sent, Shrink, Told, Watch, Watching,
};
use crate::sessions::words::{Notice, SessionState};

/// A name of seven bytes and its NUL: a `u32` behind it needs no padding.
const NAME: &str = "00000008 =64617461626173 =00";
const DATA: &str = "00000002 =6869";
const FIVE: &str = "0000000000000005";

pub fn requests() -> Vec<(u8, String, Request<'static>)> {
    let data = || b"hi"[..].into();
    let (session, to) = (id(), id());
    vec![
        (
            0x1a,
            format!("{NAME} {DATA}"),
            Request::Open(Open { name: "databas".into(), data: data() }),
        ),
        (0x1b, format!("{UUID} {DATA}"), Request::Send(Send { session, data: data() })),
        (
            0x1c,
            format!("{UUID} {FIVE} {DATA}"),
            Request::Deliver(Deliver { session, ms: 5, data: data() }),
        ),
        (
            0x1d,
            format!("00000002 {UUID} {UUID} {DATA}"),
            Request::Publish(Publish { sessions: vec![session, to], data: data() }),
        ),
        (0x1e, format!("{UUID} {FIVE}"), Request::Receive(Receive { session, ms: 5 })),
        (
            0x1f,
            format!("{UUID} {FIVE} 0000000000000007"),
            Request::Peek(Peek { session, offset: 5, length: 7 }),
        ),
        (0x20, format!("{UUID} {UUID}"), Request::Forward(Forward { session, to })),
        (0x21, UUID.into(), Request::Close(Close { session })),
        (0x22, String::new(), Request::Sessions(ListSessions)),
        // The name ends at 28, the number stands at 32.
        (
            0x23,
            format!("{NAME} =00000000 {FIVE}"),
            Request::Lookup(Lookup { name: "databas".into(), ms: 5 }),
        ),
        (0x24, String::new(), Request::Watch(Watch)),
        (0x25, FIVE.into(), Request::Register(Register { size: 5 })),
        (0x26, format!("{FIVE} 0000000000000001"), Request::Grow(Grow { size: 5, block: 1 })),
        (0x27, format!("{FIVE} 0000000000000001"), Request::Shrink(Shrink { size: 5, block: 1 })),
    ]
}

pub fn replies() -> Vec<(u8, u8, String, Reply<'static>)> {
    let (session, length) = (id(), 5);
    let name = || "databas".to_string();
    let state = SessionState { session, name: name(), inward: 5, outward: 7 };
    let told = |notice| Reply::Signal(Some(Told::Notice(notice)));
    vec![
        (0x9a, 0, UUID.into(), Reply::Opened(Opened { session })),
        (0x9b, 0, format!("{UUID} {FIVE}"), Reply::Sent(Sent { session, length })),
        (0x9c, 0, format!("{UUID} {FIVE}"), Reply::Delivered(Delivered { session, length })),
        (
            0x9d,
            0,
            format!("0000000000000003 {FIVE}"),
            Reply::Published(Published { count: 3, length }),
        ),
        (
            0x9e,
            0,
            format!("{UUID} 00000001 {DATA}"),
            Reply::Message(MessageReply { session, data: Some(b"hi".to_vec()) }),
        ),
        (
            0x9e,
            0,
            format!("{UUID} 00000001 00000000"),
            Reply::Message(MessageReply { session, data: Some(Vec::new()) }),
        ),
        (
            0x9e,
            0,
            format!("{UUID} 00000000 00000000"),
            Reply::Message(MessageReply { session, data: None }),
        ),
        (0xa0, 0, format!("{UUID} {FIVE}"), Reply::Forwarded(Forwarded { session, length })),
        (0xa1, 0, UUID.into(), Reply::Closed(Closed { session })),
        (
            0xa2,
            0,
            format!("00000001 {UUID} {NAME} {FIVE} 0000000000000007"),
            Reply::Sessions(vec![state]),
        ),
        (0xa3, 0, NAME.into(), Reply::Found(Found { name: name() })),
        (0xa4, 0, format!("00000001 {NAME}"), Reply::Watching(Watching { names: vec![name()] })),
        (
            0xa5,
            0,
            format!("0000000000000001 {FIVE}"),
            Reply::Registered(Registered { block: 1, size: 5 }),
        ),
        (0xa6, 0, FIVE.into(), Reply::Block(Resized { size: 5 })),
        (
            0x97,
            0,
            format!("00000004 {UUID} {NAME}"),
            told(Notice::Opened { session, name: name() }),
        ),
        (
            0x97,
            0,
            format!("00000005 {UUID} =00000000 {FIVE}"),
            told(Notice::Message { session, length }),
        ),
        (0x97, 0, format!("00000006 {UUID}"), told(Notice::Blocked { session })),
        (0x97, 0, format!("00000007 {UUID}"), told(Notice::Unblocked { session })),
        (
            0x97,
            0,
            format!("00000008 {UUID} =00000000 {FIVE}"),
            told(Notice::Lost { session, count: 5 }),
        ),
        (0x97, 0, format!("00000009 {UUID}"), told(Notice::Closed { session })),
        (0x97, 0, format!("0000000a {NAME}"), told(Notice::Joined { name: name() })),
        (0x97, 0, format!("0000000b {NAME}"), told(Notice::Left { name: name() })),
        (0x97, 0, "0000000c".into(), told(Notice::Missed)),
    ]
}
