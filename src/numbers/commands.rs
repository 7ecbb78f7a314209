//! The commands of this chapter: `draw`, and `table`, which shows the client that drew each index.
//!
//! ```text
//!   > draw 4        < 2 4 5 3
//!   > draw 9        < 1 6                                   the list had 6 numbers
//!   > draw 1        < error exhausted every number has been drawn; …
//!   > table 3       < table 0:1:2 1:1:4 2:1:5               counter:client:number
//! ```
//!
//! `command!` declares a command: its number in a frame, its text form and its arguments.
//! [`Execute`] runs it on the server. `draw` needs no [`Execute`]: the server calls
//! [`Numbers::draw`] directly.
//!
//! **Lock** none here. **Source** `loot-box.txt`: `draw [number]`, and the scenario's two tables.

use super::draw::Numbers;
use super::taken::Drawn;
use crate::common::caller::{Caller, ClientNumber};
use crate::common::description::{
    Answer, Execute, Executed, Message, Sink, Source, choice, command,
};
use crate::common::error::Error;

command! {
    /// Draws the next numbers of the shuffled list.
    0x01 "draw N" @ "POST /draws?n=how many numbers" Draw -> Drawn<'static> {
        /// The count of the numbers, at least 1.
        count: u64,
    }
}

/// The rows of a table when the request gives no number: as many as the homework's two tables of 6
/// rows have together.
pub const TABLE_ROWS: u64 = 12;

choice! {
    /// The choice of the rows of the homework's table.
    Rows[
        "rows are each, twice or last; give one, or none for the first",
        "asks for rows that are none of 0 to 3"
    ] {
        /// The first rows of all.
        First = "first",
        /// The first rows of each client.
        Each = "each",
        /// The rows around the least index that was taken twice; none on a server with the lock.
        Twice = "twice",
        /// The last rows of all.
        Last = "last",
    }
}

command! {
    /// Shows rows of the homework's table: each index, its client and its number.
    0x02 "table [ROWS [each|twice|last]]" Table -> Vec<Row> {
        /// The most rows; with `each`, the most of each client. No table has more than 4096 rows.
        rows: u64 = TABLE_ROWS,
        /// The choice of the rows.
        which: Rows = Rows::First,
    }
}

impl Execute<Numbers> for Table {
    fn execute(&self, numbers: &Numbers, caller: Caller, _: &mut Vec<u8>) -> Executed<Self> {
        let rows = numbers.table(self.rows, self.which);
        // The check of the connection's memory counts 64 bytes for a row of the reply.
        caller.check_rows(rows, 64)
    }
}

/// One row of the homework's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The counter: an index into the list, from 0.
    pub counter: u32,
    /// The client that drew it.
    pub client: ClientNumber,
    /// The number at that index of the list.
    pub result: u32,
}

/// The bytes of a row in a frame: a `u64` and two `u32`. The reader of a list needs this size: it
/// refuses a frame that claims more rows than its bytes can hold. In a frame the client comes
/// first: a `u64` stands at a multiple of 8. So there is no padding between two rows.
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
            // In the order of the homework's columns. Its column "thread" is our client.
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
        Ok(Drawn::Values(source.list(size_of::<u32>(), S::u32)?))
    }

    fn write(&self, sink: &mut impl Sink) {
        // The server calls this for JSON, XML and datagrams. Text, RESP and the frames of a
        // connection do not: they copy from the list, by `append_text` and `for_each_run`, which
        // is faster. An item without a field name is a bare number: `[5,19]` in JSON.
        sink.list("numbers", "number", &self.numbers(), |&number, sink| sink.u32("", number));
    }
}

impl Answer<'_> for Drawn<'_> {
    const KIND: u8 = 0x81;
    // No word: the line has the numbers alone, as a client of the homework expects.
    const WORD: &'static str = "";
    const ELEMENT: &'static str = "draw";

    /// Appends the numbers as one line. The list keeps its numbers as text too, so this copies
    /// bytes, and removes the space behind the last number.
    #[inline]
    fn line(&self, out: &mut Vec<u8>) {
        self.append_text(out);
        out.pop();
    }
}
