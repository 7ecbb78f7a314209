//! The macros that make an enum of each table of [`super`], and the functions that choose a variant.
//!
//! ```text
//!   requests! {                                enum Request<'a> { Draw(Draw), Set(Set<'a>), … }
//!       Draw(Draw) on draw,                    by_word, by_kind, by_route   ─► a variant
//!       Set(Set<'a>) on memory,          ──►   kind, reply_kind, write      ◄─ its row
//!       Receive(Receive) on shared waits,      execute, begin               ─► its service
//!   }
//! ```
//!
//! Each function is one `match` over all variants, written once here: a new row needs no new arm. The
//! names in the macros are those of the file that uses them.
//!
//! **Lock** none. **Source** the enum dispatch of `clap` and `serde`, by hand.

/// Makes `Request` of a table of commands.
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
pub(super) use requests;

/// Makes `Reply` of a table of replies.
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
pub(super) use replies;
