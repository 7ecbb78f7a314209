//! The commands of a lab server (`serve --lab`): `parked` lists the clients whose draw is parked,
//! and `step` lets one of them do its next step.
//!
//! ```text
//!   client 2   > draw 1                                  parked before load: no reply yet
//!   control    > parked              < parked 2:load
//!   control    > step 2              < parked 2:store    the counter was loaded
//!   control    > step 2              < parked            the counter was stored; the draw is over
//!   client 2                         < 5                 its reply comes only now
//! ```
//!
//! A person types these lines, or [`crate::lab::replay`] sends them. A lab server is a debugger for
//! one thing: it stops real clients before the steps of a draw, and nowhere else.
//!
//! **Invariants** `step` moves only the client that it names. A `step` that fails has moved no
//! other client.
//!
//! **Lock** the parking's own, to look at its state or change it. The thread of the control
//! connection waits for the step without this lock, so further clients can still park.
//!
//! **Simplified** any connection may send these commands. A server with `--lab` is for one
//! classroom.
//!
//! **Source** the homework's two tables: each shows one order of these steps.

use std::time::Duration;

use crate::common::caller::{Caller, ClientNumber};
use crate::common::description::{
    Answer, Execute, Executed, Field, Message, Sink, Source, command,
};
use crate::common::error::{Code, Error};
use crate::numbers::draw::Numbers;
use crate::numbers::parking::{Parking, Step, Stuck};

/// The time that `step` waits for the client to finish its step. A step is one load or store, so it
/// takes far less. A client that needs a second is most often not parked any more, because a client
/// parks for a limited time before each step.
const STEP_LIMIT: Duration = Duration::from_secs(1);

command! {
    /// Shows the parked clients of a lab server, each with its next step.
    0x0b "parked" Parked -> Vec<(ClientNumber, Step)>
}

command! {
    /// Lets a parked client of a lab server do its next step.
    0x0c "step CLIENT" DoStep -> Vec<(ClientNumber, Step)> {
        /// The number of the parked client, as `parked` shows it.
        client: ClientNumber,
    }
}

/// The bytes of one parked client in a frame: its number as a u64 and its step as a u32. The reader
/// of a list needs this least size of an item: it refuses a count for which the frame is too short,
/// before it reserves memory.
const PARKED_BYTES: usize = 12;

/// The reply to both commands: the parked clients in the order of their numbers, each with the step
/// that it is parked before. A text line has one word for each client, `2:load`.
impl<'a> Message<'a> for Vec<(ClientNumber, Step)> {
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        source.list(PARKED_BYTES, |source| Ok((source.u64()?, Step::read(source)?)))
    }

    fn write(&self, sink: &mut impl Sink) {
        sink.list("parked", "client", self, |(client, step), sink| {
            sink.u64("client", *client);
            step.write("step", sink);
        });
    }
}

impl Answer<'_> for Vec<(ClientNumber, Step)> {
    const KIND: u8 = 0x8b;
    const WORD: &'static str = "parked";
}

impl Execute<Numbers> for Parked {
    /// Returns the parked clients.
    ///
    /// # Errors
    /// `refused` on a server without `--lab`.
    fn execute(&self, numbers: &Numbers, caller: Caller, _: &mut Vec<u8>) -> Executed<Self> {
        // The check of the connection's memory counts 32 bytes for a client of the reply.
        caller.check_rows(parking(numbers)?.parked(), 32)
    }
}

impl Execute<Numbers> for DoStep {
    /// Lets the client do one step and returns the clients that are parked after that step.
    ///
    /// # Errors
    /// `refused` on a server without `--lab`, and when the step does not end in time; `not-found`
    /// when the client is not parked; `busy` while another connection's step is under way.
    fn execute(&self, numbers: &Numbers, _: Caller, _: &mut Vec<u8>) -> Executed<Self> {
        let parking = parking(numbers)?;
        // The check here and the step below lock the parking separately. In between the client can
        // go on: its time to park ends, or another connection lets it do its step. Then `carry_out`
        // fails with `Unfinished` or `Busy`, unless the client parks again in time. No other client
        // can do the step instead.
        if !parking.parked().iter().any(|&(parked, _)| parked == self.client) {
            let text = "no such client is parked; send parked for those that are";
            return Err(Error::new(Code::NotFound, text));
        }
        match parking.carry_out([self.client], STEP_LIMIT) {
            Ok(()) => Ok(parking.parked()),
            Err(Stuck::Busy) => {
                let text = "another step is under way; step from one connection at a time";
                Err(Error::new(Code::Busy, text))
            }
            Err(Stuck::Unfinished) => {
                let text = "the client did not do its step in time; send parked and try again";
                Err(Error::new(Code::Refused, text))
            }
        }
    }
}

/// Returns the parking of a lab server: the place where its clients wait before each step.
///
/// # Errors
/// `refused` on a server without `--lab`: its clients draw without parking.
fn parking(numbers: &Numbers) -> Result<&Parking, Error> {
    let text = "this is no lab server, so nobody is parked; start one with serve --lab";
    numbers.unlocked().parking().ok_or_else(|| Error::new(Code::Refused, text))
}
