//! One description of each message, from which every representation follows.
//!
//! A row says what a message is called and which fields it has:
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
//!                                           ├─ Source ► message ► Sink
//!   the body of a frame ────────────────────┘                      └──► a frame, JSON, XML
//! ```
//!
//! The type of a field says how it is read and written ([`Field`]). What is irregular has its own
//! `read` or `write`, by hand, beside its row: those ask [`Source::word`] or [`Sink::is_binary`]
//! which kind of representation they have.
//!
//! **Invariants** what is written to a frame is read from it as the same. A source never allocates
//! for a length that was only claimed.
//!
//! **Source** the idea is serde's: a type describes itself once, and each format visits it. A macro
//! of 100 lines replaces its derive.

use std::borrow::Cow;

use super::caller::Caller;
use super::error::Error;
use super::id::LeaseId;
pub(crate) use super::rows::{choice, command, message, reply};

/// Where the fields of a message come from.
pub trait Source<'a>: Sized {
    /// The next word of a text; `None` when this is the body of a frame.
    fn word(&mut self) -> Option<&'a [u8]>;
    /// Whether a text has no further word. The body of a frame has every field.
    fn is_over(&self) -> bool;
    /// A number.
    fn u64(&mut self) -> Result<u64, Error>;
    /// A number of 32 bits; a text has none.
    fn u32(&mut self) -> Result<u32, Error>;
    /// A number that may be left out.
    fn optional(&mut self) -> Result<Option<u64>, Error>;
    /// An id.
    fn id(&mut self) -> Result<LeaseId, Error>;
    /// A name or a text.
    fn text(&mut self) -> Result<Cow<'a, str>, Error>;
    /// Data, which ends the message.
    fn data(&mut self) -> Result<Cow<'a, [u8]>, Error>;
    /// Several of one kind, each of at least `least` bytes in a frame; in a text with commas
    /// between them.
    fn list<T>(
        &mut self,
        least: usize,
        each: impl Fn(&mut Self) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error>;
}

/// Where the fields of a message go.
pub trait Sink: Sized {
    /// Whether this is the body of a frame: names are left out, and everything has its fixed place.
    fn is_binary(&self) -> bool;
    /// A number.
    fn u64(&mut self, name: &str, value: u64);
    /// A number of 32 bits.
    fn u32(&mut self, name: &str, value: u32);
    /// Hundredths, as 32 bits.
    fn hundredths(&mut self, name: &str, value: u32);
    /// A number that may be left out.
    fn optional(&mut self, name: &str, value: Option<u64>);
    /// An id.
    fn id(&mut self, name: &str, id: LeaseId);
    /// A name or a text.
    fn text(&mut self, name: &str, text: &str);
    /// One of several words, and its number in a frame.
    fn choice(&mut self, name: &str, word: &str, number: u32);
    /// Data, which ends the message.
    fn data(&mut self, name: &str, data: &[u8]);
    /// Several of one kind; `one` is the name of one of them.
    fn list<T>(&mut self, name: &str, one: &str, items: &[T], each: impl Fn(&T, &mut Self));
    /// Fields that belong together.
    fn record(&mut self, name: &str, fields: impl FnOnce(&mut Self));
}

/// The type of a field.
pub trait Field<'a>: Sized {
    /// How many words it takes in a text, at least and at most.
    const WORDS: (usize, usize) = (1, 1);

    /// Reads it.
    ///
    /// # Errors
    /// The mistake that the source found.
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error>;
    /// Writes it under a name.
    fn write(&self, name: &str, sink: &mut impl Sink);
}

/// A message: a request or a reply.
pub trait Message<'a>: Sized {
    /// How many words its fields take in a text, at least and at most.
    const WORDS: (usize, usize) = (0, 0);

    /// Reads its fields.
    ///
    /// # Errors
    /// The mistake that the source found.
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error>;
    /// Writes its fields.
    fn write(&self, sink: &mut impl Sink);
}

/// A request.
pub trait Command<'a>: Message<'a> {
    /// Its kind in frames.
    const KIND: u8;
    /// Its word, and what follows it: a line of `help`, and of a message about wrong words.
    const FORM: &'static str;
    /// Its route in HTTP: the method, the path with `ID` for an id, and the parameters in the order
    /// of the fields, each with the words that explain it. Empty for a command that HTTP leaves out.
    const ROUTE: &'static str = "";
    /// Its word, as [`key`] makes it.
    const KEY: u64 = key(first_word(Self::FORM.as_bytes()));
    /// The reply that answers it.
    type Reply;
}

/// A reply.
pub trait Answer<'a>: Message<'a> {
    /// Its kind in frames.
    const KIND: u8;
    /// The word that its line begins with.
    const WORD: &'static str;
    /// Its name in XML.
    const ELEMENT: &'static str = Self::WORD;

    /// Appends it as a line, without the line's end.
    fn line(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(Self::WORD.as_bytes());
        self.write(&mut super::line::Line(out));
    }
}

/// Carries a command out, on the service of its chapter. This is the second half of a command's home.
pub trait Execute<Service>: Sized {
    /// Its result: a reply, or a part of one.
    type Done;

    /// Carries it out for `caller`. `spare` is a buffer to put data in; it may be taken.
    ///
    /// # Errors
    /// The refusal that is answered.
    fn execute(
        &self,
        service: &Service,
        caller: Caller,
        spare: &mut Vec<u8>,
    ) -> Result<Self::Done, Error>;
}

/// Large messages are boxed: every reply would be larger by them.
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

/// A word in lower case as one integer, so that finding a command is comparing integers;
/// 0 for no word. No command has more than eight letters, or a NUL among them: such a word
/// has the key of none.
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

/// A form up to its first space.
pub const fn first_word(form: &[u8]) -> &[u8] {
    let mut end = 0;
    while end < form.len() && form[end] != b' ' {
        end += 1;
    }
    form.split_at(end).0
}

/// Fields that are a number in every representation.
macro_rules! number_field {
    ($type:ty, $method:ident) => {
        impl<'a> Field<'a> for $type {
            fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
                source.$method()
            }

            fn write(&self, name: &str, sink: &mut impl Sink) {
                sink.$method(name, *self);
            }
        }
    };
}

number_field!(u64, u64);
number_field!(u32, u32);
number_field!(LeaseId, id);

impl<'a> Field<'a> for Option<u64> {
    const WORDS: (usize, usize) = (0, 1);

    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        source.optional()
    }

    fn write(&self, name: &str, sink: &mut impl Sink) {
        sink.optional(name, *self);
    }
}

/// A share in percent. A number that no byte holds is no share either: it becomes 255, which the
/// chapter refuses.
impl<'a> Field<'a> for Option<u8> {
    const WORDS: (usize, usize) = (0, 1);

    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        Ok(source.optional()?.map(|percent| u8::try_from(percent).unwrap_or(u8::MAX)))
    }

    fn write(&self, name: &str, sink: &mut impl Sink) {
        sink.optional(name, self.map(u64::from));
    }
}

impl<'a> Field<'a> for Cow<'a, str> {
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        source.text()
    }

    fn write(&self, name: &str, sink: &mut impl Sink) {
        sink.text(name, self);
    }
}

impl<'a> Field<'a> for String {
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        source.text().map(Cow::into_owned)
    }

    fn write(&self, name: &str, sink: &mut impl Sink) {
        sink.text(name, self);
    }
}

impl<'a> Field<'a> for Cow<'a, [u8]> {
    const WORDS: (usize, usize) = (0, usize::MAX);

    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        source.data()
    }

    fn write(&self, name: &str, sink: &mut impl Sink) {
        sink.data(name, self);
    }
}

impl<'a> Field<'a> for Vec<u8> {
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        source.data().map(Cow::into_owned)
    }

    fn write(&self, name: &str, sink: &mut impl Sink) {
        sink.data(name, self);
    }
}

/// The bytes of an id.
pub const ID_BYTES: usize = 16;

/// The least bytes of a string in a frame: its length, and its NUL.
pub const LEAST_STRING: usize = 5;

impl<'a> Field<'a> for Vec<LeaseId> {
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        source.list(ID_BYTES, S::id)
    }

    fn write(&self, name: &str, sink: &mut impl Sink) {
        sink.list(name, "id", self, |id, sink| sink.id("", *id));
    }
}

impl<'a> Field<'a> for Vec<String> {
    fn read<S: Source<'a>>(source: &mut S) -> Result<Self, Error> {
        source.list(LEAST_STRING, |source| source.text().map(Cow::into_owned))
    }

    fn write(&self, name: &str, sink: &mut impl Sink) {
        sink.list(name, "name", self, |text, sink| sink.text("", text));
    }
}
