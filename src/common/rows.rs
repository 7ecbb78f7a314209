//! The macros that make a struct or an enum of a row, and the functions that read and write it.
//!
//! | macro | makes |
//! | --- | --- |
//! | `message!` | the struct, its `read` and its `write` |
//! | `command!` | a message with its kind, its form, its route and its reply |
//! | `reply!` | a message with its kind and its word |
//! | `words!` | an enum whose values have words |
//! | `choice!` | an enum whose values are words in a text, and numbers in a frame |
//!
//! ```text
//!   command! { 0x03 "lease SIZE MS" @ "POST /leases?…" Lease -> Leased { size: u64, … } }
//!              kind form              route            struct   reply    fields
//! ```
//!
//! Without the macros a field would be written four times: in the struct, in `read`, in `write`,
//! and in `WORDS`. A field that is missing from `write` alone is a bug that no compiler sees.
//!
//! `WORDS` has the least and the greatest number of words that the fields of a message can have in
//! a text command. `lease SIZE MS` has 2 and 2. The reader of a text command counts the words
//! behind the command's name, and refuses any other number of them.
//!
//! How to read `macro_rules!`: an arm matches tokens, and `$(…),*` matches a list. An arm that
//! begins with `@` is internal: one macro calls itself with it, as a function calls a helper. Paths
//! begin with `$crate`, because the macros are used in other modules.
//!
//! **Simplified** the macros cannot check that no two commands have the same kind. If two have it,
//! the second one is never decoded. A test finds this: it decodes a frame of each command.
//!
//! **Source** [`super::description`] explains what the rows are for.

/// Makes a struct, and the two functions that visit its fields. `= value` behind a field's type is
/// the value of the field if a text leaves it out. `as "name"` behind a field's name is its name in
/// JSON and XML.
macro_rules! message {
    // A message without fields: `stats`, `quit`.
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name;
        impl<'a> $crate::common::description::Message<'a> for $name {
            fn read<S: $crate::common::description::Source<'a>>(
                _: &mut S,
            ) -> Result<Self, $crate::common::error::Error> {
                Ok($name)
            }
            fn write(&self, _: &mut impl $crate::common::description::Sink) {}
        }
    };
    // A message with fields. One that borrows data from the input has the lifetime `'a`, which is
    // that of the source.
    ($(#[$doc:meta])* $name:ident $(<$a:lifetime>)?
        { $($(#[$about:meta])* $field:ident $(as $shown:literal)?: $type:ty $(= $default:expr)?),* $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name $(<$a>)? { $($(#[$about])* pub $field: $type),* }
        impl<'a> $crate::common::description::Message<'a> for $name $(<$a>)? {
            // Adds up the least and the greatest number of words that each field can have in a text
            // command, at compile time. `read_command` in `protocol/text/words.rs` uses both sums.
            // The user may leave out a field with a default, so `@least` gives 0 for it. Data can
            // have any number of words: its greatest number is `usize::MAX`, where `+` would
            // overflow.
            const WORDS: (usize, usize) = {
                let (mut least, mut most) = (0_usize, 0_usize);
                $(
                    let words = <$type as $crate::common::description::Field<'a>>::WORDS;
                    least += $crate::common::description::message!(@least words $($default)?);
                    most = most.saturating_add(words.1);
                )*
                (least, most)
            };

            fn read<S: $crate::common::description::Source<'a>>(
                source: &mut S,
            ) -> Result<Self, $crate::common::error::Error> {
                $(let $field = $crate::common::description::message!(@read source $type $(, $default)?);)*
                Ok(Self { $($field),* })
            }

            fn write(&self, sink: &mut impl $crate::common::description::Sink) {
                $(
                    let name = $crate::common::description::message!(@name $field $($shown)?);
                    $crate::common::description::Field::write(&self.$field, name, sink);
                )*
            }
        }
    };
    // The least number of words of one field. The second arm is for a field with a default.
    (@least $words:ident) => { $words.0 };
    (@least $words:ident $default:expr) => { 0 };
    (@read $source:ident $type:ty) => {
        <$type as $crate::common::description::Field<'_>>::read($source)?
    };
    // A text that has ended gives the default. The body of a frame never ends early.
    (@read $source:ident $type:ty, $default:expr) => {
        if $source.is_over() {
            $default
        } else {
            <$type as $crate::common::description::Field<'_>>::read($source)?
        }
    };
    // The name of a field in JSON and XML.
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $shown:literal) => { $shown };
}
pub(crate) use message;

/// A request: its kind in frames, its form in a text, its route in HTTP, its struct, its reply, and
/// its fields.
macro_rules! command {
    ($(#[$doc:meta])* $kind:literal $form:literal $(@ $route:literal)?
        $name:ident $(<$a:lifetime>)? -> $reply:ty $({ $($fields:tt)* })?
    ) => {
        $crate::common::description::message!($(#[$doc])* $name $(<$a>)? $({ $($fields)* })?);
        impl<'a> $crate::common::description::Command<'a> for $name $(<$a>)? {
            const KIND: u8 = $kind;
            const FORM: &'static str = $form;
            $(const ROUTE: &'static str = $route;)?
        }
        impl $(<$a>)? $crate::common::description::Asks for $name $(<$a>)? {
            type Reply = $reply;
        }
    };
}
pub(crate) use command;

/// A reply: its kind in frames, the word of its line, its struct and its fields. If its name in XML
/// is not that word, the name stands after a slash. Replies from this macro own their data.
macro_rules! reply {
    ($(#[$doc:meta])* $kind:literal $word:literal $(/ $element:literal)? $name:ident $({ $($fields:tt)* })?) => {
        $crate::common::description::message!($(#[$doc])* $name $({ $($fields)* })?);
        impl<'m> $crate::common::description::Answer<'m> for $name {
            const KIND: u8 = $kind;
            const WORD: &'static str = $word;
            $(const ELEMENT: &'static str = $element;)?
        }
    };
}
pub(crate) use reply;

/// An enum whose values have words. A value's number is its place in the list, so a new value goes
/// to the end.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $value:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$about])* $value),* }

        impl $name {
            /// All values, in the order of their numbers.
            pub const ALL: [Self; [$($name::$value),*].len()] = [$($name::$value),*];

            /// Returns the word of a value.
            pub fn word(self) -> &'static str {
                match self { $($name::$value => $word),* }
            }
        }
    };
}
pub(crate) use words;

/// An enum of words that is a field. The brackets hold the error texts for a word, and for a
/// number, that no value has.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident [$wrong_word:literal, $wrong_number:literal] { $($values:tt)* }) => {
        $crate::common::description::words!($(#[$doc])* $name { $($values)* });

        impl $name {
            /// Returns the value of that word.
            ///
            /// # Errors
            /// `bad-request` when no value has it.
            pub fn named(word: &[u8]) -> Result<Self, $crate::common::error::Error> {
                use $crate::common::error::{Code, Error};
                let is_it = |known: &Self| known.word().as_bytes().eq_ignore_ascii_case(word);
                let found = Self::ALL.into_iter().find(is_it);
                found.ok_or_else(|| Error::new(Code::BadRequest, $wrong_word))
            }
        }

        impl<'m> $crate::common::description::Field<'m> for $name {
            fn read<S: $crate::common::description::Source<'m>>(
                source: &mut S,
            ) -> Result<Self, $crate::common::error::Error> {
                use $crate::common::error::Malformed;
                // A text has the word of the value. A frame has the value's number instead.
                if let Some(word) = source.word() {
                    return Self::named(word);
                }
                let number = source.u32()? as usize;
                Self::ALL.get(number).copied().ok_or_else(|| Malformed($wrong_number).into())
            }

            fn write(&self, name: &str, sink: &mut impl $crate::common::description::Sink) {
                sink.choice(name, self.word(), *self as u32);
            }
        }
    };
}
pub(crate) use choice;
