//! The one list of all commands and replies: what the chapters put into it, put together.
//!
//! ```text
//!   bytes ─ decode ─► Request ─ execute, on a service of its chapter ─► Reply ─ encode ─► bytes
//!                     borrows from                     a draw borrows from the list,
//!                     the input buffer                 data owns one buffer
//! ```
//!
//! A line of the first table names a variant, the command of a chapter, and the service that carries
//! it out; `waits` marks a command that may wait for other clients. A line of the second names a
//! variant and the reply of a chapter. Everything else about them stands in their chapters.
//!
//! **Invariants** each kind and each word stands once.

mod data;
mod help;

pub use help::{help, kinds};

use crate::common::caller::Caller;
use crate::common::description::{Answer, Command, Execute, Message, Sink, Source};
use crate::common::error::{Code, Error, Malformed};
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
pub use crate::memory::versions::{Inspect, Inspection, Replace, Replaced};
pub use crate::numbers::commands::{Draw, Row, Table};
pub use crate::numbers::list::Drawn;
pub use crate::numbers::parking::Step;
pub use crate::server::commands::{Bye, CommandNames, Figure, Help, Quit, Stats};
pub use crate::server::lists::{List, Listing};
pub use crate::sessions::commands::{
    Close, Closed, Deliver, Delivered, Forward, Forwarded, Found, Grow, Join, Joined, ListSessions,
    Lookup, MessageReply, Open, Opened, Peek, Publish, Published, Receive, Register, Registered,
    Resized, Send, Sent, Shrink, Wait, Watch,
};
pub use crate::sessions::words::{SessionState, Told};

macro_rules! requests {
    ($($group:literal { $($variant:ident($command:ty) on $service:ident $($waits:ident)?,)* })*) => {
        /// One thing asked of the server. Borrows its bytes from the input buffer.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each variant is a command, whose documentation stands there")]
        pub enum Request<'a> { $($($variant($command),)*)* }

        $($(impl<'a> From<$command> for Request<'a> {
            fn from(command: $command) -> Self {
                Request::$variant(command)
            }
        })*)*

        impl<'a> Request<'a> {
            /// The request whose word has that key; its fields are the words that follow. `None` for
            /// no such word.
            pub(crate) fn by_word(key: u64, words: Words<'a>) -> Option<Result<Self, Error>> {
                $($(if key == <$command as Command<'a>>::KEY {
                    return Some(read_command(words).map(Request::$variant));
                })*)*
                None
            }

            /// The request of that kind; its fields are the body of a frame. `None` for no such kind.
            pub fn by_kind(kind: u8, body: &mut Reader<'a>) -> Option<Result<Self, Error>> {
                $($(if kind == <$command as Command<'a>>::KIND {
                    return Some(<$command as Message<'a>>::read(body).map(Request::$variant));
                })*)*
                None
            }

            /// The request that has that route in HTTP; its fields are the parameters. `None` for no
            /// such route.
            pub(crate) fn by_route(
                route: &str,
                parameters: &mut impl Source<'a>,
            ) -> Option<Result<Self, Error>> {
                $($(if route == <$command as Command<'a>>::ROUTE {
                    return Some(<$command as Message<'a>>::read(parameters).map(Request::$variant));
                })*)*
                None
            }

            /// Its kind in frames.
            pub fn kind(&self) -> u8 {
                match self { $($(Request::$variant(_) => <$command as Command<'_>>::KIND,)*)* }
            }

            /// Writes its fields.
            pub fn write(&self, sink: &mut impl Sink) {
                match self { $($(Request::$variant(command) => command.write(sink),)*)* }
            }

            /// The kind of the reply that answers it.
            pub fn reply_kind(&self) -> u8 {
                match self {
                    $($(Request::$variant(_) => {
                        <<$command as Command<'_>>::Reply as Answer<'_>>::KIND
                    })*)*
                }
            }

            /// How long its answer may have to wait for other clients, in milliseconds.
            #[inline]
            pub fn longest_wait_ms(&self) -> u64 {
                match self {
                    $($(Request::$variant(command) => requests!(@longest command $($waits)?),)*)*
                }
            }

            /// Whether its answer may have to wait for other clients.
            #[inline]
            pub fn may_wait(&self) -> bool {
                // First which commands ever do: that is one test of a bit.
                let may_ever = match self {
                    $($(Request::$variant(_) => requests!(@may $($waits)?),)*)*
                };
                may_ever
                    && match self {
                        $($(Request::$variant(command) => requests!(@now command $($waits)?),)*)*
                    }
            }

            /// Answers it at once, for `caller`. `spare` is a buffer to put data in; it may be taken.
            pub fn execute<'s>(
                &self,
                shared: &'s Shared,
                caller: Caller,
                spare: &mut Vec<u8>,
            ) -> Reply<'s> {
                match self {
                    $($(Request::$variant(command) => {
                        requests!(@execute $service command shared caller spare)
                    })*)*
                }
            }

            /// Answers it, or says how it waits.
            ///
            /// # Errors
            /// How it waits.
            pub fn begin<'s>(
                &self,
                shared: &'s Shared,
                caller: Caller,
                spare: &mut Vec<u8>,
            ) -> Result<Reply<'s>, Waits> {
                match self {
                    $($(Request::$variant(command) => {
                        requests!(@begin $service command shared caller spare $($waits)?)
                    })*)*
                }
            }

            /// The route of every command; empty for those that HTTP leaves out.
            pub(crate) const ROUTES: &'static [&'static str] =
                &[$($(<$command as Command<'a>>::ROUTE,)*)*];

            /// Every command: its group, its kind, its form.
            const COMMANDS: &'static [(&'static str, u8, &'static str)] = &[$($(
                ($group, <$command as Command<'a>>::KIND, <$command as Command<'a>>::FORM),
            )*)*];
        }
    };

    (@longest $command:ident) => {{ let _ = $command; 0 }};
    (@longest $command:ident waits) => { $command.longest_wait_ms() };
    (@may) => { false };
    (@may waits) => { true };
    (@now $command:ident) => {{ let _ = $command; false }};
    (@now $command:ident waits) => { $command.may_wait() };

    // Not by way of the trait: what it returns borrows from the list.
    (@execute draw $command:ident $shared:ident $caller:ident $spare:ident) => {
        draw($shared, $caller.client, $command.count)
    };
    (@execute numbers $command:ident $shared:ident $caller:ident $spare:ident) => {
        answered($command.execute(&$shared.numbers, $caller, $spare))
    };
    (@execute memory $command:ident $shared:ident $caller:ident $spare:ident) => {
        answered($command.execute(&$shared.memory, $caller, $spare))
    };
    (@execute shared $command:ident $shared:ident $caller:ident $spare:ident) => {
        answered($command.execute($shared, $caller, $spare))
    };

    (@begin $service:ident $command:ident $shared:ident $caller:ident $spare:ident) => {
        Ok(requests!(@execute $service $command $shared $caller $spare))
    };
    (@begin $service:ident $command:ident $shared:ident $caller:ident $spare:ident waits) => {
        match MayWait::begin($command, $shared, $caller, $spare) {
            Ok(Begun::Done(done)) => Ok(done.into()),
            Ok(Begun::Waits(waits)) => Err(waits),
            Err(error) => Ok(Reply::Error(error)),
        }
    };
}

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
        Register(Register) on shared,
        Grow(Grow) on shared,
        Shrink(Shrink) on shared,
    }
    "of a lab server: " {
        Parked(Parked) on numbers,
        Step(DoStep) on numbers,
    }
}

macro_rules! replies {
    ($($variant:ident($reply:ty $(as $owned:ty)?),)*) => {
        /// One answer. What it borrows is the immutable list of numbers.
        #[derive(Debug)]
        #[allow(missing_docs, reason = "each variant is a reply, whose documentation stands there")]
        pub enum Reply<'a> {
            $($variant($reply),)*
            /// A refusal.
            Error(Error),
        }

        $(impl<'a> From<$reply> for Reply<'a> {
            fn from(reply: $reply) -> Self {
                Reply::$variant(reply)
            }
        })*

        $(impl TryFrom<Reply<'static>> for replies!(@owned $reply $(, $owned)?) {
            type Error = Reply<'static>;

            fn try_from(reply: Reply<'static>) -> Result<Self, Reply<'static>> {
                match reply {
                    Reply::$variant(reply) => Ok(reply),
                    other => Err(other),
                }
            }
        })*

        impl<'a> Reply<'a> {
            /// Its kind in frames.
            pub fn kind(&self) -> u8 {
                match self {
                    $(Reply::$variant(_) => <$reply as Answer<'_>>::KIND,)*
                    Reply::Error(_) => ERROR,
                }
            }

            /// Its name in XML.
            pub fn element(&self) -> &'static str {
                match self {
                    $(Reply::$variant(_) => <$reply as Answer<'_>>::ELEMENT,)*
                    Reply::Error(_) => "error",
                }
            }

            /// Writes its fields.
            pub fn write(&self, sink: &mut impl Sink) {
                match self {
                    $(Reply::$variant(reply) => reply.write(sink),)*
                    Reply::Error(error) if sink.is_binary() => sink.text("text", &error.text),
                    Reply::Error(error) => {
                        sink.text("code", error.code.word());
                        sink.text("text", &error.text);
                    }
                }
            }

            /// Appends it as a line, without the line's end.
            #[inline]
            pub fn line(&self, out: &mut Vec<u8>) {
                match self {
                    $(Reply::$variant(reply) => reply.line(out),)*
                    Reply::Error(error) => {
                        // Writing to a vector cannot fail.
                        let _ = std::io::Write::write_fmt(out, format_args!("error {error}"));
                    }
                }
            }
        }

        impl Reply<'static> {
            /// The reply of that kind that is no error; its fields are the body of a frame.
            ///
            /// # Errors
            /// `bad-request` for a kind that there is not, or another body than the kind has.
            pub fn by_kind(kind: u8, body: &mut Reader<'_>) -> Result<Self, Error> {
                $(if kind == <replies!(@owned $reply $(, $owned)?) as Answer<'_>>::KIND {
                    return <replies!(@owned $reply $(, $owned)?) as Message<'_>>::read(body)
                        .map(Reply::$variant);
                })*
                Err(Malformed("is that of no known reply").into())
            }
        }
    };
    (@owned $reply:ty) => { $reply };
    (@owned $reply:ty, $owned:ty) => { $owned };
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
    Watching(Vec<String>),
    Registered(Registered),
    Block(Resized),
    Inspected(Box<Inspection>),
    Replaced(Replaced),
    List(Box<Listing>),
}

/// The kind of an error's frame.
pub const ERROR: u8 = 0xff;

fn answered<'s, Done>(done: Result<Done, Error>) -> Reply<'s>
where
    Reply<'s>: From<Done>,
{
    done.map_or_else(Reply::Error, Reply::from)
}

/// The refusal of a word that no command has.
pub(crate) fn no_such_command() -> Error {
    let text = "there is no such command; send help for those there are";
    Error::new(Code::UnknownCommand, text)
}
