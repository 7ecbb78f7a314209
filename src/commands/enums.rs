//! The macros that make an enum of each table of [`super`], and the functions that choose a
//! variant.
//!
//! ```text
//!   requests! {                                enum Request<'a> { Draw(Draw), Set(Set<'a>), … }
//!       Draw(Draw) on draw,                    by_word, by_kind, by_route   ─► a variant
//!       Set(Set<'a>) on memory,          ──►   kind, reply_kind, write      ◄─ its row
//!       Receive(Receive) on shared waits,      execute, begin               ─► its service
//!   }
//! ```
//!
//! Each function goes through all variants, by a `match` or a chain of `if`, and is written once
//! here. So a new row needs no new arm. For `Set(Set<'a>) on memory` the macro writes into
//! `execute`:
//!
//! ```text
//!   Request::Set(command) => answered(command.execute(&shared.memory, caller, spare)),
//! ```
//!
//! How to read the rules: `$( … )*` repeats its content for each row. A rule that begins with `@`
//! is internal: the macro calls itself with it, as a function calls a helper, to choose by the word
//! behind `on` or by `waits`. The names in the macros are those of the file that uses them.
//!
//! **Cost** `by_word` and `by_kind` compare an integer with one constant after the other, at most
//! 49. The usual line `draw N` does not use `by_word`: the parser recognizes it first.
//!
//! **Lock** none here. **Source** the enum dispatch of `clap` and `serde`, by hand.

/// Makes `Request` from a table of commands.
macro_rules! requests {
    ($($group:literal { $($variant:ident($command:ty) on $service:ident $($waits:ident)?,)* })*) => {
        /// One request to the server. It borrows its data from the input buffer, so decoding
        /// usually copies nothing. Data with escapes, and lists, are copied.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each variant is a command, whose documentation stands there")]
        pub enum Request<'a> { $($($variant($command),)*)* }

        $($(impl<'a> From<$command> for Request<'a> {
            fn from(command: $command) -> Self {
                Request::$variant(command)
            }
        })*)*

        impl<'a> Request<'a> {
            /// Returns the request whose word has this key (its letters as one integer), with the
            /// words that follow as its fields. Returns `None` if no command has the word, and an
            /// error for wrong fields.
            pub(crate) fn by_word(key: u64, words: Words<'a>) -> Option<Result<Self, Error>> {
                $($(if key == <$command as Command<'a>>::KEY {
                    return Some(read_command(words).map(Request::$variant));
                })*)*
                None
            }

            /// Returns the request of this kind, with the body of a frame as its fields. Returns
            /// `None` if there is no such kind, and an error for wrong fields.
            pub fn by_kind(kind: u8, body: &mut Reader<'a>) -> Option<Result<Self, Error>> {
                $($(if kind == <$command as Command<'a>>::KIND {
                    return Some(<$command as Message<'a>>::read(body).map(Request::$variant));
                })*)*
                None
            }

            /// Returns the request that has this route in HTTP, with the parameters as its fields.
            /// Returns `None` if there is no such route, and an error for wrong fields.
            pub(crate) fn by_route(
                route: &str,
                parameters: &mut impl Source<'a>,
            ) -> Option<Result<Self, Error>> {
                $($(if route == <$command as Command<'a>>::ROUTE {
                    return Some(<$command as Message<'a>>::read(parameters).map(Request::$variant));
                })*)*
                None
            }

            /// Returns the request's kind in frames.
            pub fn kind(&self) -> u8 {
                match self { $($(Request::$variant(_) => <$command as Command<'_>>::KIND,)*)* }
            }

            /// Writes the request's fields.
            pub fn write(&self, sink: &mut impl Sink) {
                match self { $($(Request::$variant(command) => command.write(sink),)*)* }
            }

            /// Returns the kind of the reply that answers the request.
            pub fn reply_kind(&self) -> u8 {
                match self {
                    $($(Request::$variant(_) => {
                        <<$command as Asks>::Reply as Answer<'_>>::KIND
                    })*)*
                }
            }

            /// Returns the longest wait for other clients that the request names, in milliseconds;
            /// 0 if it names none. (A `join` names none: the server limits its wait.) A client of
            /// the library adds this wait to its own time limit.
            #[inline]
            pub fn longest_wait_ms(&self) -> u64 {
                match self {
                    $($(Request::$variant(command) => requests!(@longest command $($waits)?),)*)*
                }
            }

            /// Returns whether [`Request::begin`] may return a wait for other clients.
            #[inline]
            pub fn may_wait(&self) -> bool {
                // This first test looks only at the variant, and compiles to one test of a bit. For
                // most requests it is enough.
                let may_ever = match self {
                    $($(Request::$variant(_) => requests!(@may $($waits)?),)*)*
                };
                may_ever
                    && match self {
                        $($(Request::$variant(command) => requests!(@now command $($waits)?),)*)*
                    }
            }

            /// Executes the request for `caller`, and returns its reply without waiting for other
            /// clients. (Exceptions: a `list` waits for its turn, and a draw or a `step` of a lab
            /// server for its step.) `spare` is a buffer that the
            /// command may take for the data of the reply.
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

            /// Executes the request, or begins its wait.
            ///
            /// # Errors
            /// Returns the wait as `Err`, if there is no answer yet. A refusal is a reply, in `Ok`.
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

            /// The route of each command; empty for a command that HTTP does not have.
            pub const ROUTES: &'static [&'static str] =
                &[$($(<$command as Command<'a>>::ROUTE,)*)*];

            /// The group, the kind and the form of each command, for `help`.
            pub const COMMANDS: &'static [(&'static str, u8, &'static str)] = &[$($(
                ($group, <$command as Command<'a>>::KIND, <$command as Command<'a>>::FORM),
            )*)*];
        }
    };

    // These rules choose by `waits`, for `longest_wait_ms` and `may_wait`. A command without
    // `waits` waits 0 ms, and its fields are not read.
    (@longest $command:ident) => {{ let _ = $command; 0 }};
    (@longest $command:ident waits) => { $command.longest_wait_ms() };
    (@may) => { false };
    (@may waits) => { true };
    (@now $command:ident) => {{ let _ = $command; false }};
    (@now $command:ident waits) => { $command.may_wait() };

    // These rules choose by the service. A draw does not go through the trait `Execute`: its reply
    // borrows from the list of numbers, and the trait's replies own all they hold.
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

    // These rules choose by `waits`. A command without it has its reply at once.
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
pub(super) use requests;

/// Makes `Reply` from a table of replies. `as` names the type for a reply that a client has read,
/// where the server's own type borrows.
macro_rules! replies {
    ($($variant:ident($reply:ty $(as $owned:ty)?),)*) => {
        /// One reply. A draw borrows from the immutable list of numbers; every other reply owns its
        /// data.
        #[derive(Debug)]
        #[allow(missing_docs, reason = "each variant is a reply, whose documentation stands there")]
        pub enum Reply<'a> {
            $($variant($reply),)*
            /// A refusal of any command.
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
            /// Returns the reply's kind in frames.
            pub fn kind(&self) -> u8 {
                match self {
                    $(Reply::$variant(_) => <$reply as Answer<'_>>::KIND,)*
                    Reply::Error(_) => ERROR,
                }
            }

            /// Returns the reply's name in XML.
            pub fn element(&self) -> &'static str {
                match self {
                    $(Reply::$variant(_) => <$reply as Answer<'_>>::ELEMENT,)*
                    Reply::Error(_) => "error",
                }
            }

            /// Writes the reply's fields. An error in a frame has its code in the header, as the
            /// status.
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

            /// Appends the reply as a line, without the line's end.
            #[inline]
            pub fn line(&self, out: &mut Vec<u8>) {
                match self {
                    $(Reply::$variant(reply) => reply.line(out),)*
                    Reply::Error(error) => put(out, format_args!("error {error}")),
                }
            }
        }

        impl Reply<'static> {
            /// Returns the reply of this kind, with the body of a frame as its fields. Clients call
            /// this only for a frame with status 0: no error comes here.
            ///
            /// # Errors
            /// Fails with `bad-request` for an unknown kind, or for a body that the kind does not
            /// have.
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
pub(super) use replies;
