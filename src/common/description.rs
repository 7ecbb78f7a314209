//! One description of each message, from which every format follows.
//!
//! A row gives the name and the fields of a message:
//!
//! ```text
//!   command! {
//!       /// Leases bytes for a duration.
//!       0x03 "lease SIZE MS" @ "POST /leases?size=in bytes&duration=in milliseconds" Lease -> Leased {
//!           /// Bytes, at least 1.
//!           size: u64,
//!           /// Milliseconds, at least 1.
//!           duration_ms: u64,
//!       }
//!   }
//!   reply! {
//!       /// A lease was granted or renewed.
//!       0x83 "leased" Leased { id: LeaseId, size: u64, duration_ms: u64 }
//!   }
//! ```
//!
//! The macro makes the struct, and two functions that visit its fields in the order of the row:
//! `read` fills them from a [`Source`], `write` hands them to a [`Sink`].
//!
//! ```text
//!   words of a line, bulk strings of RESP ──┐                      ┌──► a line, a simple string
//!   the parameters of an HTTP request ──────┼─ Source ► message ► Sink
//!   the body of a frame ────────────────────┘                      └──► a frame, JSON, XML
//! ```
//!
//! Three sources and three sinks serve all commands. With c commands and f formats this is c + f
//! pieces of code; one parser for each command in each format would be c × f.
//!
//! The type of a field decides how the field is read and written ([`Field`]). An irregular message
//! has its own `read` or `write`, written by hand beside its row. Such a function learns the kind
//! of format from [`Source::word`] or [`Sink::is_binary`].
//!
//! **Invariants**
//!
//! 1. A message that is written to a frame is read from it unchanged, with two exceptions. The kind
//!    of id in a lease is not written, because a leasebox frame always asks for a UUID. A client
//!    drops the text of `help`.
//! 2. `read` and `write` visit the fields in the same order: a frame has no names to find them by.
//! 3. A source reserves memory for a claimed length only after it has checked that so many bytes
//!    are there.
//!
//! **Lock** none. **Source** serde's idea: a type describes itself once, and each format visits it.
//! The macros of `rows` replace its derive.

use std::borrow::Cow;
use std::cell::Cell;

use super::caller::Caller;
use super::error::{Code, Error};
use super::id::LeaseId;
pub(crate) use super::rows::{choice, command, message, reply, words};

/// The origin of a message's fields: a *text* (a line, the bulk strings of RESP, or the parameters
/// of HTTP) or the body of a frame. Each method reads the next field, so the order of the calls is
/// the order of the row. `'a` is the lifetime of the input, from which data is borrowed.
pub trait Source<'a>: Sized {
    /// Reads the next word of a text; returns `None` in the body of a frame. The word is empty when
    /// the text has ended.
    fn word(&mut self) -> Option<&'a [u8]>;
    /// Returns whether a text has no further word. For the body of a frame it returns false,
    /// because a body has every field.
    fn is_over(&self) -> bool;
    /// Returns whether nothing follows, neither a word of a text nor a byte of a frame. A field
    /// that a later edition added to a frame stands at the end, and an earlier sender leaves it
    /// out.
    fn is_at_end(&self) -> bool {
        self.is_over()
    }
    /// Reads a number.
    fn u64(&mut self) -> Result<u64, Error>;
    /// Reads a number of 32 bits.
    fn u32(&mut self) -> Result<u32, Error> {
        u32::try_from(self.u64()?).map_err(|_| Error::not_a_number())
    }
    /// Reads a number that the sender may leave out. A line of text leaves it out by ending before
    /// it, so optional fields are the last ones. In a frame a flag before the number says whether
    /// it is there.
    fn optional(&mut self) -> Result<Option<u64>, Error> {
        if self.is_over() { Ok(None) } else { self.u64().map(Some) }
    }
    /// Reads an id.
    fn id(&mut self) -> Result<LeaseId, Error>;
    /// Reads a string, such as a name.
    fn text(&mut self) -> Result<Cow<'a, str>, Error>;
    /// Reads the data that ends the message.
    fn data(&mut self) -> Result<Cow<'a, [u8]>, Error>;
    /// Reads several values of one kind. In a frame each has at least `least` bytes, which bounds
    /// their number before memory is reserved; in a text commas separate them.
    fn list<T>(
        &mut self,
        least: usize,
        each: impl Fn(&mut Self) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error>;
}

/// The destination of a message's fields. A frame and a line need only the values, JSON and XML
/// also the names. So each call passes the name and the value, and the sink takes what it needs. A
/// method with a body here is right for most sinks.
pub trait Sink: Sized {
    /// Returns whether this is the body of a frame, in which each field has its fixed place.
    fn is_binary(&self) -> bool {
        false
    }
    /// Writes a number.
    fn u64(&mut self, name: &str, value: u64);
    /// Writes a number of 32 bits.
    fn u32(&mut self, name: &str, value: u32) {
        self.u64(name, value.into());
    }
    /// Writes hundredths, as 32 bits: 125 is 1.25. A frame has no floating point.
    fn hundredths(&mut self, name: &str, value: u32);
    /// Writes a number, or that there is none.
    fn optional(&mut self, name: &str, value: Option<u64>);
    /// Writes an id.
    fn id(&mut self, name: &str, id: LeaseId);
    /// Writes a string, such as a name.
    fn text(&mut self, name: &str, text: &str);
    /// Writes one of several words; a frame carries the number of the word instead.
    fn choice(&mut self, name: &str, word: &str, _number: u32) {
        self.text(name, word);
    }
    /// Writes the data that ends the message.
    fn data(&mut self, name: &str, data: &[u8]);
    /// Writes several values of one kind: calls `each` for each of `items`. `one` is the name of a
    /// single value, for XML. If `each` writes one field with an empty name, the value stands in
    /// the list by itself, and not as a record with one field.
    fn list<T>(&mut self, name: &str, one: &str, items: &[T], each: impl Fn(&T, &mut Self));
    /// Writes fields that belong together. JSON and XML show them as a record under the name; the
    /// other formats write them one after the other.
    fn record(&mut self, _name: &str, fields: impl FnOnce(&mut Self)) {
        fields(self);
    }
}

/// The type of a field: it decides how the field is read and written.
pub trait Field<'a>: Sized {
    /// The least and the greatest number of words that the field can have in a line or in RESP.
    /// [`Message::WORDS`] adds them up.
    const WORDS: (usize, usize) = (1, 1);

    /// Reads the field.
    ///
    /// # Errors
    /// Fails with the mistake that the source found.
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error>;
    /// Writes the field under a name.
    fn write(&self, name: &str, sink: &mut impl Sink);
}

/// A message: a request or a reply.
pub trait Message<'a>: Sized {
    /// The least and the greatest number of words that all fields together can have in a line or in
    /// RESP. [`crate::protocol::text`] refuses a command with any other number of words before it
    /// reads a field. Replies have the constant too, but nothing uses it there.
    const WORDS: (usize, usize) = (0, 0);

    /// Reads all fields.
    ///
    /// # Errors
    /// Fails with the mistake that the source found.
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error>;
    /// Writes all fields.
    fn write(&self, sink: &mut impl Sink);
}

/// A request and the reply that answers it. This trait is separate from [`Command`] because it has
/// no lifetime, so [`Execute`] needs none.
pub trait Asks: Sized {
    /// The reply that answers it.
    type Reply;
}

/// A request, with the constants by which each format finds it.
pub trait Command<'a>: Message<'a> + Asks {
    /// The kind of its frame.
    const KIND: u8;
    /// Its word and the words behind it, as `help` and the error for wrong words show them.
    const FORM: &'static str;
    /// Its route in HTTP: the method, the path with `ID` for an id, and the parameters in the order
    /// of the fields, each with the words that explain it. Empty for a command that HTTP does not
    /// have.
    const ROUTE: &'static str = "";
    /// Its word as an integer, made by [`key`] at compile time.
    const KEY: u64 = key(first_word(Self::FORM.as_bytes()));
}

/// A reply, with the constants by which each format marks it.
pub trait Answer<'a>: Message<'a> {
    /// The kind of its frame.
    const KIND: u8;
    /// The first word of its line.
    const WORD: &'static str;
    /// Its name in XML.
    const ELEMENT: &'static str = Self::WORD;

    /// Appends the reply as a line, without the line's end.
    fn line(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(Self::WORD.as_bytes());
        self.write(&mut super::line::Line(out));
    }
}

/// The execution of a command on a service: the `Numbers` of chapter 1, the `Memory` of chapter 2,
/// or `Shared`, the struct that all threads of the server share.
pub trait Execute<Service>: Asks {
    /// Executes the command for `caller`. `spare` is a buffer, perhaps with old bytes, that the
    /// command may take for the data of its reply: the requests of a connection reuse one
    /// allocation.
    ///
    /// # Errors
    /// Fails with the refusal that answers the client.
    fn execute(&self, service: &Service, caller: Caller, spare: &mut Vec<u8>) -> Executed<Self>;
}

/// The result of a command: its reply, or the refusal that answers the client.
pub type Executed<C> = Result<<C as Asks>::Reply, Error>;

/// Large messages are boxed: an enum is as large as its largest variant, and every request, also a
/// short draw, would move that many bytes.
impl<'a, T: Message<'a>> Message<'a> for Box<T> {
    const WORDS: (usize, usize) = T::WORDS;

    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        T::read(source).map(Box::new)
    }

    fn write(&self, sink: &mut impl Sink) {
        T::write(self, sink);
    }
}

impl<'a, T: Answer<'a>> Answer<'a> for Box<T> {
    const KIND: u8 = T::KIND;
    const WORD: &'static str = T::WORD;
    const ELEMENT: &'static str = T::ELEMENT;

    fn line(&self, out: &mut Vec<u8>) {
        T::line(self, out);
    }
}

/// Returns a word in lower case as one integer: its bytes, the first one highest. So the search for
/// a command compares integers, not strings. The empty word has the key 0.
///
/// ```text
///   "draw", "DRAW"  ──►  0x6472_6177
/// ```
///
/// No command has more than eight letters. A longer word gets `u64::MAX`, which no command has as
/// its key. A word with a NUL byte gets it too: NULs in front add nothing to the integer, so
/// `\0draw` would be taken for `draw`.
///
/// The function also runs at compile time, so it has a `while` loop: iterators do not run then.
pub const fn key(word: &[u8]) -> u64 {
    if word.len() > 8 {
        return u64::MAX;
    }
    let mut key = 0;
    let mut at = 0;
    while at < word.len() {
        if word[at] == 0 {
            return u64::MAX;
        }
        key = key << 8 | word[at].to_ascii_lowercase() as u64;
        at += 1;
    }
    key
}

/// Returns a form up to its first space. It uses a `while` loop, because iterators do not run at
/// compile time.
pub const fn first_word(form: &[u8]) -> &[u8] {
    let mut end = 0;
    while end < form.len() && form[end] != b' ' {
        end += 1;
    }
    form.split_at(end).0
}

/// The bytes of an id in a frame.
pub const ID_BYTES: usize = 16;

/// The fewest bytes of a string in a frame: four of its length, and its NUL.
pub const MIN_STRING: usize = 5;

/// The most ids in one list. An id in a line of text can be as short as a digit and a comma, 2
/// bytes, but it takes 16 bytes in the vector, and the vector may have room for as many again.
/// Without this bound a list would take many times the bytes of its request.
pub const MAX_IDS: usize = 32 * 1024;

/// Reads a list of ids. It counts them while it reads, so a list that is too long is refused before
/// the vector grows over the bound.
///
/// # Errors
/// Fails with the mistake that the source found, or for more than [`MAX_IDS`] ids.
fn ids<'a, S: Source<'a>>(source: &mut S) -> Result<Vec<LeaseId>, Error> {
    // `list` takes an `Fn`, which may change no variable; a `Cell` can be changed all the same.
    let count = Cell::new(0);
    source.list(ID_BYTES, |source| {
        count.set(count.get() + 1);
        if count.get() > MAX_IDS {
            let text = format!("a list has at most {MAX_IDS} ids; send it in several requests");
            return Err(Error::new(Code::BadRequest, text));
        }
        source.id()
    })
}

/// Implements [`Field`] for each type of a table. A row has the least and the greatest number of
/// words ([`Field::WORDS`]), how a source reads the field, and how a sink writes it.
macro_rules! fields {
    (<$a:lifetime> $($type:ty = $words:expr,
        |$source:ident| $read:expr,
        |$sink:ident, $name:ident, $value:ident| $write:expr;)*
    ) => {
        $(impl<$a> Field<$a> for $type {
            const WORDS: (usize, usize) = $words;

            fn read<S: Source<$a>>($source: &mut S) -> Result<Self, Error> {
                $read
            }

            fn write(&self, $name: &str, $sink: &mut impl Sink) {
                let $value = self;
                $write
            }
        })*
    };
}

fields! { <'a>
    u64 = (1, 1), |source| source.u64(), |sink, name, value| sink.u64(name, *value);
    u32 = (1, 1), |source| source.u32(), |sink, name, value| sink.u32(name, *value);
    LeaseId = (1, 1), |source| source.id(), |sink, name, id| sink.id(name, *id);
    Option<u64> = (0, 1),
        |source| source.optional(),
        |sink, name, value| sink.optional(name, *value);
    // A share in percent, such as the efficiency in `report` (chapter 5). A number over 255 becomes
    // 255. That is still over 100, so the command that has the field refuses it.
    Option<u8> = (0, 1),
        |source| Ok(source.optional()?.map(|percent| u8::try_from(percent).unwrap_or(u8::MAX))),
        |sink, name, percent| sink.optional(name, percent.map(u64::from));
    Cow<'a, str> = (1, 1), |source| source.text(), |sink, name, text| sink.text(name, text);
    String = (1, 1),
        |source| source.text().map(Cow::into_owned),
        |sink, name, text| sink.text(name, text);
    // Data is the rest of a line: it may be empty, and may have any number of spaces.
    Cow<'a, [u8]> = (0, usize::MAX),
        |source| source.data(),
        |sink, name, data| sink.data(name, data);
    Vec<u8> = (0, usize::MAX),
        |source| source.data().map(Cow::into_owned),
        |sink, name, data| sink.data(name, data);
    // In a line a list is one word, with commas between the values.
    Vec<LeaseId> = (1, 1),
        |source| ids(source),
        |sink, name, ids| sink.list(name, "id", ids, |id, sink| sink.id("", *id));
    Vec<String> = (1, 1),
        |source| source.list(MIN_STRING, |source| source.text().map(Cow::into_owned)),
        |sink, name, texts| sink.list(name, "name", texts, |text, sink| sink.text("", text));
}
