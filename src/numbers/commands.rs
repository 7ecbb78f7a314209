//! The commands of this chapter: `draw`, and `table`, which shows who drew what.
//!
//! Each stands here whole: its row, and the function that carries it out. A draw has no function
//! here: [`Numbers::draw`] is the lesson of the chapter.

use super::draw::Numbers;
use super::list::Drawn;
use crate::common::caller::{Caller, ClientNumber};
use crate::common::description::{Answer, Execute, Message, Sink, Source, choice, command};
use crate::common::error::Error;

command! {
    /// Draws numbers off the shuffled list.
    0x01 "draw N" @ "POST /draws?n=how many numbers" Draw -> Drawn<'static> {
        /// How many, at least 1.
        count: u64,
    }
}

/// Rows of a table when a text asks for no number of them: two of the homework's tables.
pub const TABLE_ROWS: u64 = 12;

choice! {
    /// Which rows of the homework's table.
    Rows[
        "rows are each, twice or last; give one, or none for the first",
        "asks for rows that are none of 0 to 3"
    ] {
        /// The first of all.
        First = "first",
        /// The first of each client.
        Each = "each",
        /// The rows around the first index that was taken twice.
        Twice = "twice",
        /// The last of all.
        Last = "last",
    }
}

command! {
    /// Shows rows of the homework's table: who drew what.
    0x02 "table [ROWS [each|twice|last]]" Table -> Vec<Row> {
        /// How many rows.
        rows: u64 = TABLE_ROWS,
        /// Which ones.
        which: Rows = Rows::First,
    }
}

impl Execute<Numbers> for Table {
    type Done = Vec<Row>;

    fn execute(&self, numbers: &Numbers, _: Caller, _: &mut Vec<u8>) -> Result<Vec<Row>, Error> {
        Ok(numbers.table(self.rows, self.which))
    }
}

/// One row of the homework's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The counter: an index into the list, from 0.
    pub counter: u32,
    /// The client that drew it.
    pub client: ClientNumber,
    /// The number there.
    pub result: u32,
}

/// The bytes of a row in a frame, where the client stands first: it is the widest.
const ROW_BYTES: usize = 16;

impl Row {
    fn read<'a, S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        let (client, counter, result) = (source.u64()?, source.u32()?, source.u32()?);
        Ok(Row { counter, client, result })
    }

    fn write(&self, sink: &mut impl Sink) {
        if sink.is_binary() {
            sink.u64("client", self.client);
            sink.u32("counter", self.counter);
        } else {
            sink.u32("counter", self.counter);
            sink.u64("client", self.client);
        }
        sink.u32("result", self.result);
    }
}

/// The reply to [`Table`].
impl<'a> Message<'a> for Vec<Row> {
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        source.list(ROW_BYTES, Row::read)
    }

    fn write(&self, sink: &mut impl Sink) {
        sink.list("rows", "row", self, Row::write);
    }
}

impl Answer<'_> for Vec<Row> {
    const KIND: u8 = 0x82;
    const WORD: &'static str = "table";
}

/// The reply to [`Draw`].
impl<'a> Message<'a> for Drawn<'_> {
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        Ok(Drawn::Received(source.list(size_of::<u32>(), S::u32)?))
    }

    fn write(&self, sink: &mut impl Sink) {
        sink.list("numbers", "number", &self.numbers(), |&number, sink| sink.u32("", number));
    }
}

impl Answer<'_> for Drawn<'_> {
    const KIND: u8 = 0x81;
    const WORD: &'static str = "";
    const ELEMENT: &'static str = "draw";

    /// The numbers were rendered when the list was made: this copies them, less the space that
    /// follows the last one.
    #[inline]
    fn line(&self, out: &mut Vec<u8>) {
        self.append_text(out);
        out.pop();
    }
}
