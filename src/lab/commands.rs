//! The commands of a lab server: which draws are parked, and the next step of one of them.

use std::time::Duration;

use crate::common::caller::{Caller, ClientNumber};
use crate::common::description::{Answer, Execute, Field, Message, Sink, Source, command};
use crate::common::error::{Code, Error};
use crate::numbers::draw::Numbers;
use crate::numbers::parking::{Parking, Step, Stuck};

/// How long a step of a parked client may take before its asker is told that it hangs.
const STEP_PATIENCE: Duration = Duration::from_secs(1);

command! {
    /// Shows which clients of a lab server are parked, and before what.
    0x0b "parked" Parked -> Vec<(ClientNumber, Step)>
}

command! {
    /// Lets a parked client of a lab server do its next step.
    0x0c "step CLIENT" DoStep -> Vec<(ClientNumber, Step)> {
        /// Which one.
        client: ClientNumber,
    }
}

/// The bytes of a parked client in a frame.
const PARKED_BYTES: usize = 12;

/// The reply to both: parked clients in the order of their numbers.
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
    type Done = Vec<(ClientNumber, Step)>;

    fn execute(&self, numbers: &Numbers, _: Caller, _: &mut Vec<u8>) -> Result<Self::Done, Error> {
        Ok(parking(numbers)?.parked())
    }
}

impl Execute<Numbers> for DoStep {
    type Done = Vec<(ClientNumber, Step)>;

    fn execute(&self, numbers: &Numbers, _: Caller, _: &mut Vec<u8>) -> Result<Self::Done, Error> {
        let parking = parking(numbers)?;
        if !parking.parked().iter().any(|&(parked, _)| parked == self.client) {
            let text = "no such client is parked; send parked for those that are";
            return Err(Error::new(Code::NotFound, text));
        }
        match parking.carry_out([self.client], STEP_PATIENCE) {
            Ok(()) => Ok(parking.parked()),
            Err(Stuck::Busy) => {
                let text = "another step is under way; step from one connection at a time";
                Err(Error::new(Code::Busy, text))
            }
            Err(Stuck::Late) => {
                let text = "the client did not do its step in time; send parked and try again";
                Err(Error::new(Code::Refused, text))
            }
        }
    }
}

fn parking(numbers: &Numbers) -> Result<&Parking, Error> {
    let text = "this is no lab server, so nobody is parked; start one with serve --lab";
    numbers.unlocked().parking().ok_or_else(|| Error::new(Code::Refused, text))
}
