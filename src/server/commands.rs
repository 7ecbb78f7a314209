//! The commands of this chapter: `stats`, `help` and `quit`. `list` is in [`super::lists`].
//!
//! ```text
//!   > stats
//!   < stats numbers=100000 drawn=4 remaining=99996 undelivered=0 lock=request clients=1 …
//!   > help
//!   < commands: draw N | table … | lease SIZE MS | …
//!   > quit
//!   < bye                                                      then the connection closes
//! ```
//!
//! `command!` declares a command: its number in frames, its text form, its resource in HTTP (after
//! `@`), its struct, and the type of its reply. [`Execute`] runs it on the server.
//!
//! **Invariants** the figures of `stats` have a fixed order, and no name is used twice. They
//! begin with `warning` only on a server without the lock.
//!
//! **Lock** `stats` takes the draw's lock twice (on a server without the lock once), then the
//! tables', the clients' and the guesses' once each; never two at the same time. So the figures of
//! the tables agree with each other (`used` and `free` add up). Between two locks other commands
//! may run.
//!
//! **Simplified** no rates and no times: a tool that wants them reads `stats` twice.
//!
//! **Source** ours.

use std::borrow::Cow;
use std::sync::atomic::Ordering;

use super::shared::{DatagramGauges, Shared};
use super::tables::ServerTables;
use crate::commands::{help, kinds};
use crate::common::caller::Caller;
use crate::common::description::{
    Answer, Execute, Executed, Message, Sink, Source, command, reply,
};
use crate::common::error::Error;
use crate::common::id::parse_decimal;
use crate::common::line::put;
use crate::memory::lease::SpaceFigures;
use crate::numbers::locking::Locking;
use crate::sessions::SessionFigures;

command! {
    /// Shows the server's figures.
    0x09 "stats" @ "GET /stats" Stats -> Vec<Figure>
}

/// One figure: its name and its value.
pub type Figure = (Cow<'static, str>, String);

/// The fewest bytes of a figure in a frame: two empty strings, each with 4 bytes of length and a
/// NUL. A frame that claims more figures than its bytes can hold is refused before memory is
/// reserved for them.
const MIN_FIGURE: usize = 10;

/// The reply to [`Stats`]: names and values, in a fixed order.
impl<'a> Message<'a> for Vec<Figure> {
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        source.list(MIN_FIGURE, |source| {
            Ok((source.text()?.into_owned().into(), source.text()?.into_owned()))
        })
    }

    /// Writes a list of pairs to a frame. In every other format each figure is a field with its own
    /// name. So JSON has `"drawn": 4`, and a new figure does not change the form of the frame.
    fn write(&self, sink: &mut impl Sink) {
        if sink.is_binary() {
            return sink.list("figures", "figure", self, |(name, value), sink| {
                sink.text("name", name);
                sink.text("value", value);
            });
        }
        for (name, value) in self {
            match parse_decimal(value.as_bytes()) {
                Some(number) => sink.u64(name, number),
                None => sink.text(name, value),
            }
        }
    }
}

impl Answer<'_> for Vec<Figure> {
    const KIND: u8 = 0x89;
    const WORD: &'static str = "stats";

    fn line(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"stats");
        for (name, value) in self {
            put(out, format_args!(" {name}={value}"));
        }
    }
}

impl Execute<Shared> for Stats {
    /// Reads the figures that each lock guards, one lock after the other.
    fn execute(&self, shared: &Shared, _: Caller, _: &mut Vec<u8>) -> Executed<Self> {
        let numbers = &shared.numbers;
        // `remaining` is calculated from this `drawn`, so the two always add up to `numbers`.
        let (drawn, undelivered) = (numbers.drawn(), numbers.undelivered());
        let (memory, spaces, sessions) = shared.memory.with_tables(|tables, _| {
            (memory_figures(tables), spaces(tables), tables.sessions.figures())
        });
        let mut figures: Vec<(&str, String)> = vec![
            ("numbers", numbers.length().to_string()),
            ("drawn", drawn.to_string()),
            ("remaining", (numbers.length() - drawn).to_string()),
            ("undelivered", undelivered.to_string()),
            ("lock", numbers.locking().word().to_string()),
            ("clients", shared.clients.count().to_string()),
        ];
        figures.extend(memory);
        figures.extend(spaces);
        figures.extend(session_figures(shared, &sessions));
        figures.push(("wrong_guesses", shared.guesses.wrong().to_string()));
        figures.push(("buffers", shared.buffers.bound().to_string()));
        figures.push(("buffers_used", shared.buffers.used().to_string()));
        if let Some(DatagramGauges { history, resent }) = &shared.datagrams {
            figures.push(("history", history.load(Ordering::Relaxed).to_string()));
            figures.push(("resent", resent.load(Ordering::Relaxed).to_string()));
        }
        // The warning comes first, so that a reader of the line cannot overlook it.
        if numbers.locking() == Locking::None {
            figures.insert(0, ("warning", "no-lock-so-numbers-come-twice".to_string()));
            figures.push(("came_twice", numbers.unlocked().repeated().to_string()));
        }
        Ok(figures.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }
}

/// Returns the figure of the memory spaces: for each its name, its bytes and its used bytes.
/// Returns `None` if there is only one, because `memory` and `used` show the first space already.
fn spaces(tables: &ServerTables) -> Option<(&'static str, String)> {
    let spaces = tables.leases.space_figures();
    let shown = |space: &SpaceFigures| format!("{}:{}:{}", space.name, space.size, space.used);
    (spaces.len() > 1).then(|| ("spaces", spaces.iter().map(shown).collect::<Vec<_>>().join(",")))
}

/// Returns the figures of the first memory space and of the processes; `leases` counts leases and
/// blocks of processes. `waiting` counts the requests that wait for memory. The caller holds the
/// tables' lock.
fn memory_figures(tables: &ServerTables) -> [(&'static str, String); 11] {
    let ServerTables { leases, processes, .. } = tables;
    let (filling, requested) = (leases.filling(), leases.requested());
    let percent = |share: f64| format!("{share:.1}%");
    [
        ("memory", leases.buddy().size().to_string()),
        ("unused", filling.unused.to_string()),
        ("leases", leases.count().to_string()),
        ("requested", requested.to_string()),
        ("used", filling.used.to_string()),
        ("free", filling.free.to_string()),
        ("largest_free", filling.largest_free.to_string()),
        ("internal_fragmentation", percent(filling.internal_fragmentation(requested))),
        ("external_fragmentation", percent(filling.external_fragmentation())),
        ("processes", processes.living_count().to_string()),
        ("waiting", processes.requests_waiting().to_string()),
    ]
}

/// Returns the figures of the sessions; [`SessionFigures`] and [`Shared`] explain each of them. The
/// counts in `shared` are atomics; they may be newer than `figures`.
fn session_figures(shared: &Shared, figures: &SessionFigures) -> [(&'static str, String); 10] {
    let SessionFigures { admin, admin_used, sessions, messages, counts } = *figures;
    [
        ("admin", admin),
        ("admin_used", admin_used),
        ("sessions", sessions),
        ("messages", messages),
        ("locked", shared.found_locked.load(Ordering::Relaxed)),
        ("full", counts.full),
        ("blocked", counts.blocked),
        ("lost", counts.lost),
        ("resized", counts.resized),
        ("contenders", shared.contenders.load(Ordering::Relaxed).into()),
    ]
    .map(|(name, value)| (name, value.to_string()))
}

command! {
    /// Names the commands.
    0x0d "help" Help -> CommandNames
}

/// The names of all commands. A line of text or RESP shows the form of each command, such as
/// `draw N`; a frame shows the kind of each command, its number in frames. The struct is empty,
/// because the names never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandNames;

impl<'a> Message<'a> for CommandNames {
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        source.text().map(|_| CommandNames)
    }

    fn write(&self, sink: &mut impl Sink) {
        sink.text("kinds", &kinds());
    }
}

impl Answer<'_> for CommandNames {
    const KIND: u8 = 0x8d;
    const WORD: &'static str = "commands:";

    fn line(&self, out: &mut Vec<u8>) {
        put(out, format_args!("commands: {}", help()));
    }
}

impl Execute<Shared> for Help {
    /// Only answers: `help()` or `kinds()` makes the names later, when the reply is written.
    fn execute(&self, _: &Shared, _: Caller, _: &mut Vec<u8>) -> Result<CommandNames, Error> {
        Ok(CommandNames)
    }
}

command! {
    /// Ends the connection.
    0x0e "quit" Quit -> Bye
}

reply! {
    /// The connection closes after this.
    0x8e "bye" Bye
}

impl Execute<Shared> for Quit {
    /// Only answers. The connection's thread closes after this reply.
    fn execute(&self, _: &Shared, _: Caller, _: &mut Vec<u8>) -> Result<Bye, Error> {
        Ok(Bye)
    }
}
