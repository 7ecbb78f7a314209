//! The one list of all commands and replies. The chapters define them; this file puts them
//! together.
//!
//! ```text
//!   bytes ─ decode ─► Request ─ execute, on a service of its chapter ─► Reply ─ encode ─► bytes
//!                     borrows from                     a draw borrows from the list,
//!                     the input buffer                 data owns one buffer
//! ```
//!
//! The string before a group of rows is its heading in `help`. A row of the first table names a
//! variant, the command of a chapter, and the service that executes it:
//!
//! ```text
//!   Receive(Receive) on shared waits,
//!   variant  command    service  it may wait for other clients
//! ```
//!
//! | service | the command gets | so it can lock |
//! | --- | --- | --- |
//! | `draw`, `numbers` | `Shared::numbers` | the draw's lock; in a lab server the parking's |
//! | `memory` | `Shared::memory` | the tables' lock and each block's, one at a time |
//! | `shared` | the whole `Shared` | all locks, one at a time |
//!
//! A row of the second table names a variant and the reply of a chapter. The chapter has everything
//! else: fields, words, kinds, effects. A new command needs a row in its chapter, a row here and
//! one function, and two more rows if its reply is new.
//!
//! **Invariants** no two commands have the same kind or word, and no two replies the same kind.
//!
//! **Lock** none here. **Simplified** the list is fixed when the program is compiled. A server with
//! plug-ins keeps a table of boxed commands instead, and makes an indirect call for each request.
//!
//! **Source** `memorylease.txt` and `loot-box.txt` for the first commands; the patents for the
//! commands of a process.

mod data;
mod enums;
mod help;

use enums::{replies, requests};
pub(crate) use help::command_words;
pub use help::{help, kinds};

use crate::common::caller::Caller;
use crate::common::description::{Answer, Asks, Command, Execute, Message, Sink, Source};
use crate::common::error::{Code, Error, Malformed};
use crate::common::line::put;
use crate::protocol::cdr::Reader;
use crate::protocol::text::words::{Words, read_command};
use crate::server::connection::draw;
use crate::server::shared::Shared;
use crate::server::waiting::{Begun, MayWait, Waits};

use crate::common::caller::ClientNumber;
pub use crate::cooperative::commands::{
    Accounts, Attach, Attached, Debts, Leave, Left, Owed, PoolStatement, Pools, Repaid, Report,
    Reported, Return, Reuse, Reused,
};
pub use crate::cooperative::words::{Account, Granted, Wanted};
pub use crate::lab::commands::{DoStep, Parked};
pub use crate::memory::commands::{
    Data, Get, Lease, Leased, Picture, Release, Released, Renew, Set, TimeLeft, Tree, Ttl, WasSet,
};
pub use crate::memory::named::Put;
pub use crate::memory::versions::{Inspect, Inspection, Replace, Replaced};
pub use crate::numbers::commands::{Draw, Row, Table};
pub use crate::numbers::parking::Step;
pub use crate::numbers::taken::Drawn;
pub use crate::server::commands::{Bye, CommandNames, Figure, Help, Quit, Stats};
pub use crate::server::lists::{List, Listing};
pub use crate::sessions::commands::{
    Close, Closed, Deliver, Delivered, DropValue, Dropped, Forward, Forwarded, Found, Grow, Join,
    Joined, ListSessions, Load, LoadedValue, Lookup, MessageReply, Names, Open, Opened, Patch,
    Patched, Peek, Publish, Published, Receive, Register, Registered, Resized, Send, Sent,
    ShareValue, SharedValue, Shrink, Store, Stored, ValueRow, Wait, Watch, Watching,
};
pub use crate::sessions::words::{SessionState, Told};

requests! {
    "" {
        Draw(Draw) on draw,
        Table(Table) on numbers,
        Lease(Lease) on memory,
        Set(Set<'a>) on memory,
        Get(Get) on memory,
        Renew(Renew) on memory,
        Ttl(Ttl) on memory,
        Release(Release) on memory,
        Inspect(Inspect) on memory,
        Replace(Replace<'a>) on memory,
        Put(Put<'a>) on memory,
        List(List) on shared,
        Stats(Stats) on shared,
        Tree(Tree) on memory,
        Help(Help) on shared,
        Quit(Quit) on shared,
    }
    "of a process: " {
        Join(Join<'a>) on shared waits,
        Attach(Attach) on shared,
        Leave(Leave) on shared,
        Report(Report) on shared,
        Grant(Wanted) on shared waits,
        Return(Return) on shared,
        Reuse(Reuse) on shared,
        Owed(Owed) on shared,
        Wait(Wait) on shared waits,
        Pools(Pools) on shared,
        Accounts(Accounts) on shared,
        Open(Open<'a>) on shared,
        Send(Send<'a>) on shared,
        Deliver(Deliver<'a>) on shared waits,
        Publish(Publish<'a>) on shared,
        Receive(Receive) on shared waits,
        Peek(Peek) on shared,
        Forward(Forward) on shared,
        Close(Close) on shared,
        Sessions(ListSessions) on shared,
        Lookup(Lookup<'a>) on shared waits,
        Watch(Watch) on shared,
        Register(Register) on shared waits,
        Grow(Grow) on shared,
        Shrink(Shrink) on shared,
        Store(Store<'a>) on shared,
        Load(Load<'a>) on shared,
        Patch(Patch<'a>) on shared,
        Drop(DropValue<'a>) on shared,
        Names(Names) on shared,
        Share(ShareValue<'a>) on shared,
    }
    "of a lab server: " {
        Parked(Parked) on numbers,
        Step(DoStep) on numbers,
    }
}

replies! {
    Drawn(Drawn<'a> as Drawn<'static>),
    Table(Vec<Row>),
    Leased(Leased),
    Set(WasSet),
    Data(Data),
    Ttl(TimeLeft),
    Released(Released),
    Stats(Vec<Figure>),
    Tree(Picture),
    Parked(Vec<(ClientNumber, Step)>),
    Help(CommandNames),
    Bye(Bye),
    Joined(Joined),
    Attached(Attached),
    Left(Left),
    Reported(Reported),
    Granted(Box<Granted>),
    Returned(Box<Repaid>),
    Reused(Reused),
    Owed(Box<Debts>),
    Signal(Option<Told>),
    Pools(Box<PoolStatement>),
    Accounts(Vec<Account>),
    Opened(Opened),
    Sent(Sent),
    Delivered(Delivered),
    Published(Published),
    Message(MessageReply),
    Forwarded(Forwarded),
    Closed(Closed),
    Sessions(Vec<SessionState>),
    Found(Found),
    Watching(Watching),
    Registered(Registered),
    Block(Resized),
    Stored(Stored),
    Value(LoadedValue),
    Patched(Patched),
    Dropped(Dropped),
    Names(Vec<ValueRow>),
    Shared(SharedValue),
    Inspected(Box<Inspection>),
    Replaced(Replaced),
    List(Box<Listing>),
}

/// The kind of an error's frame.
pub const ERROR: u8 = 0xff;

/// Turns the result of a command into a reply: an error is a reply too.
fn answered<'s, Done>(done: Result<Done, Error>) -> Reply<'s>
where
    Reply<'s>: From<Done>,
{
    done.map_or_else(Reply::Error, Reply::from)
}

/// Returns the refusal for a command's word that is not known.
pub(crate) fn no_such_command() -> Error {
    let text = "there is no such command; send help for those there are";
    Error::new(Code::UnknownCommand, text)
}
