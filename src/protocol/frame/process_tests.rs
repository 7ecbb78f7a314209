//! The expected bytes of the frames of a process's memory commands.

use super::{UUID, id};
use crate::commands::{
    Accounts, Attach, Attached, Debts, Join, Joined, Leave, Left, Owed, PoolStatement, Pools,
    Repaid, Reply, Report, Reported, Request, Return, Reuse, Reused, Told, Wait,
};
use crate::cooperative::words::{
    Account, Amounts, Granted, Level, Pool, PoolState, Pressure, Reason, Signal, Wanted,
};

/// A name of seven bytes and its NUL: a `u32` behind it needs no padding.
const NAME: &str = "00000008 =64617461626173 =00";
const NONE: &str = "00000000 0000000000000000";

pub fn requests() -> Vec<(u8, String, Request<'static>)> {
    let join = |committed| Request::Join(Join { name: "databas".into(), committed, space: None });
    let wanted = Wanted { wait_ms: 5, why: true, ..Wanted::new(64, Reason::Pause) };
    vec![
        // The name ends at 28, the presence at 32, where the number is aligned already.
        (0x0f, format!("{NAME} 00000001 0000000000001000"), join(Some(4096))),
        (0x0f, format!("{NAME} {NONE}"), join(None)),
        (0x10, UUID.into(), Request::Attach(Attach { token: id() })),
        (0x11, String::new(), Request::Leave(Leave)),
        (
            0x12,
            "0000000000000040 00000001 =00000000 0000000000000032".into(),
            Request::Report(Report { freeable: 64, efficiency: Some(50) }),
        ),
        (
            0x13,
            format!("0000000000000040 00000003 {NONE} 0000000000000005 00000001"),
            Request::Grant(wanted),
        ),
        (
            0x13,
            format!("0000000000000040 00000003 {NONE} 0000000000000005 00000001 0000001e"),
            Request::Grant(Wanted { efficiency: Some(30), ..wanted }),
        ),
        (
            0x13,
            "0000000000000040 00000004 00000001 0000000000000007 0000000000000000 00000000".into(),
            Request::Grant(Wanted {
                reason: Reason::OutOfMemory,
                freeable: Some(7),
                efficiency: None,
                wait_ms: 0,
                why: false,
                ..wanted
            }),
        ),
        (0x14, UUID.into(), Request::Return(Return { id: id() })),
        (0x15, "0000000000000040".into(), Request::Reuse(Reuse { size: 64 })),
        (0x16, String::new(), Request::Owed(Owed)),
        (0x17, "00000001 =00000000 0000000000000005".into(), Request::Wait(Wait { ms: Some(5) })),
        (0x18, String::new(), Request::Pools(Pools)),
        (0x19, String::new(), Request::Accounts(Accounts)),
    ]
}

/// The amounts of the five pools: committed 1, gl 2, gp 3, le 4, lp 5.
const AMOUNTS: &str =
    "0000000000000001 0000000000000002 0000000000000003 0000000000000004 0000000000000005";

pub fn replies() -> Vec<(u8, u8, String, Reply<'static>)> {
    let amounts = Amounts::each(|pool| pool as u64 + 1);
    let granted = |by: Option<&str>| {
        let by = by.map(str::to_string);
        Reply::Granted(Granted { id: id(), size: 64, pool: Pool::LoanedPause, by }.into())
    };
    let signal = |signal| Reply::Signal(Some(Told::Signal(signal)));
    let account = Account {
        name: "databas".into(),
        freeable: 6,
        secured: 7,
        efficiency: Some(50),
        asked: 8,
        obeyed: 9,
        holds: amounts,
        owes: amounts,
        may: amounts,
    };
    let state = PoolState { pool: Pool::GrantedPause, size: 3, free: 2, freeable: 1 };
    let pressure = Pressure { some_10: 1, some_60: 2, all_10: 3, all_60: 4 };
    vec![
        (0x8f, 0, UUID.into(), Reply::Joined(Joined { token: id() })),
        (0x90, 0, NAME.into(), Reply::Attached(Attached { name: "databas".into() })),
        (0x91, 0, NAME.into(), Reply::Left(Left { name: "databas".into() })),
        (0x92, 0, String::new(), Reply::Reported(Reported)),
        (0x93, 0, format!("{UUID} 0000000000000040 00000004 00000001 =00"), granted(None)),
        (
            0x93,
            0,
            format!("{UUID} 0000000000000040 00000004 00000004 =38303000"),
            granted(Some("800")),
        ),
        (0x94, 0, AMOUNTS.into(), Reply::Returned(Repaid { amounts }.into())),
        (0x95, 0, "0000000000000040".into(), Reply::Reused(Reused { size: 64 })),
        (0x96, 0, AMOUNTS.into(), Reply::Owed(Debts { amounts, pause: 0 }.into())),
        (
            0x96,
            0,
            format!("{AMOUNTS} 0000000000000007"),
            Reply::Owed(Debts { amounts, pause: 7 }.into()),
        ),
        (0x97, 0, "00000000".into(), Reply::Signal(None)),
        (
            0x97,
            0,
            "00000001 =00000000 0000000000000040 00000003 =00000000 00000000000001f4".into(),
            signal(Signal::Collect { size: 64, level: Level::Urgent, within_ms: 500 }),
        ),
        (0x97, 0, "00000002".into(), signal(Signal::Status)),
        (
            0x97,
            0,
            // The id needs no padding before it, the size behind it does.
            format!("00000003 {UUID} =00000000 0000000000000040 00000003"),
            signal(Signal::Granted { id: id(), size: 64, pool: Pool::LoanedEfficiency }),
        ),
        (
            0x98,
            0,
            "00000001 00000002 0000000000000003 0000000000000002 0000000000000001 \
             00000001 00000002 00000003 00000004"
                .into(),
            Reply::Pools(PoolStatement { pools: vec![state], pressure }.into()),
        ),
        (
            0x99,
            0,
            format!(
                "00000001 {NAME} 0000000000000006 0000000000000007 00000001 =00000000 \
                 0000000000000032 0000000000000008 0000000000000009 {AMOUNTS} {AMOUNTS} {AMOUNTS}"
            ),
            Reply::Accounts(vec![account]),
        ),
    ]
}
