//! The one user that a server can have, and the check of a name and a password.
//!
//! HTTP carries both in each request (Basic authentication), RESP once for each connection
//! (`AUTH`). The other formats have no log-on, so a server with a user refuses them.
//!
//! ```text
//!   password  s e c r e t     A comparison that ends at the first difference takes longer
//!   guess 1   X X X X X X     for guess 2 than for guess 1. An attacker who measures that
//!   guess 2   s X X X X X     finds one byte after the other: at most 6 * 256 guesses, not 256^6.
//! ```
//!
//! **Invariants**
//!
//! 1. The time of a comparison depends on the length of the given bytes alone, and not on how many
//!    of them are right.
//! 2. No log holds a password: the `Debug` form of [`User`] has none.
//!
//! **Lock** that of [`Guesses`], for a few steps of each try. If no guess is left, the try waits up
//! to 1 s for one; the lock is free meanwhile. The user never changes while the server runs.
//!
//! **Simplified** one user. The password crosses the network in the open: a server that strangers
//! reach needs a program that speaks TLS in front of it. While strangers spend all wrong guesses,
//! the user, too, waits for a guess at each log-on, and in HTTP at each request. The first
//! invariant follows from the code; no test measures it.
//!
//! **Source** the lecture: authentication, "user name and password style logon"; RFC 7617.

use std::fmt;

use super::{Decoded, FormatState, Tail, frame, memorylease};
use crate::common::error::{Code, Error};
use crate::common::guesses::Guesses;

/// The most bytes of a name, and of a password.
pub const MAX: usize = 256;

/// The refusal of a log-on while no guess is left. Wrong passwords and wrong numbers of leases
/// spend one budget ([`Guesses`]), so the text names both.
pub const TOO_MANY: &str =
    "too many wrong passwords or numbers of leases were tried; try again in a second";

/// The refusal of an HTTP request without the right name and password.
pub const WRONG_PAIR: &str = "name and password are wrong or missing; send Authorization: Basic";

/// The result of a log-on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogOn {
    /// These are the user's name and password.
    Right,
    /// The name or the password is wrong or missing.
    Wrong,
    /// No guess was left, so nothing was compared.
    NoGuess,
}

/// The user of the server.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    name: Vec<u8>,
    password: Vec<u8>,
}

impl User {
    /// Makes a user. A name has no colon, because in HTTP the first colon ends the name.
    ///
    /// # Errors
    /// Fails with the rule that the name or the password breaks, in words.
    pub fn new(name: &str, password: &[u8]) -> Result<Self, &'static str> {
        let is_bad = |bytes: &[u8]| bytes.iter().any(u8::is_ascii_control);
        if name.is_empty() || name.len() > MAX || name.contains(':') || is_bad(name.as_bytes()) {
            return Err("a user's name has 1 to 256 bytes, no colon and no control byte");
        }
        if password.is_empty() || password.len() > MAX || is_bad(password) {
            return Err("a password has 1 to 256 bytes and no control byte");
        }
        Ok(Self { name: name.into(), password: password.into() })
    }

    /// Compares a name and a password with the user's. A wrong pair spends one guess of the budget
    /// that all clients share.
    pub fn try_log_on(&self, name: &[u8], password: &[u8], guesses: &Guesses) -> LogOn {
        // `false`: without a pause first, because a log-on does not count how often its caller was
        // wrong. `true`: this thread may wait up to 1 s for a guess.
        if !guesses.begin(false, true) {
            return LogOn::NoGuess;
        }
        let is_right = self.matches(name, password);
        guesses.end(is_right);
        if is_right { LogOn::Right } else { LogOn::Wrong }
    }

    /// Returns whether these are the user's name and password.
    fn matches(&self, name: &[u8], password: &[u8]) -> bool {
        // Always compares both: with `&&`, a wrong name would be refused sooner than a right name
        // with a wrong password.
        let (is_name, is_password) = (same(&self.name, name), same(&self.password, password));
        is_name & is_password
    }
}

/// Compares all bytes, also behind the first difference. Repeats `known` if `given` is longer, so
/// that the loop runs once for each given byte. `black_box` hides the result from the optimizer:
/// without it the optimizer could end the loop at the first difference.
fn same(known: &[u8], given: &[u8]) -> bool {
    let mut differs = u8::from(known.len() != given.len());
    for (known, given) in known.iter().cycle().zip(given) {
        differs |= known ^ given;
    }
    std::hint::black_box(differs) == 0
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("User(…)")
    }
}

/// Makes the error that a server with a user sends in a format without a log-on.
pub fn no_log_on() -> Error {
    let text = "this server wants a log-on, which this way of speaking has not; speak HTTP with \
                Basic authentication, or RESP with AUTH";
    Error::new(Code::Refused, text)
}

impl FormatState {
    /// Refuses the first request in a format that has no log-on; the connection then closes.
    /// `#[cold]`: the compiler moves this out of the way of requests that are served.
    #[cold]
    pub(super) fn turn_away<'a>(&mut self, input: &'a [u8], tail: Tail) -> Decoded<'a> {
        // `enough` is the length of a format's header in bytes. A frame whose header has arrived is
        // refused before its body arrives: otherwise the server would keep the body of a client
        // without a log-on. The refusal needs the header, because the header of a leasebox frame
        // has the id and the byte order of the answer. A text line has no header, so its refusal
        // waits for the end of the line.
        let (decoded, enough) = match self {
            FormatState::Text(text) => (text.decode(input, tail), usize::MAX),
            FormatState::MemoryLease(frames) => (frames.decode(input), memorylease::HEADER),
            FormatState::Frames(frames) => (frames.decode(input), frame::HEADER),
            // Does not happen: these formats have a log-on, so `Conversation::decode` serves them.
            FormatState::Http(_) | FormatState::Resp(_) => return Decoded::Incomplete,
        };
        match decoded {
            Decoded::Incomplete if input.len() < enough => Decoded::Incomplete,
            _ => Decoded::Last(Some(no_log_on())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_name_and_password() {
        let user = User::new("ada", b"secret").unwrap();
        assert!(user.matches(b"ada", b"secret"));
        let wrong: [(&[u8], &[u8]); 8] = [
            (b"ada", b""),
            (b"", b"secret"),
            (b"ada", b"secreT"),
            (b"ada", b"secre"),
            (b"ada", b"secretsecret"),
            (b"adaada", b"secret"),
            (b"Ada", b"secret"),
            (b"", b""),
        ];
        for (name, password) in wrong {
            assert!(!user.matches(name, password), "{name:?} {password:?}");
        }
    }

    #[test]
    fn what_could_not_be_given_is_refused() {
        assert!(User::new("", b"x").is_err() && User::new("a:b", b"x").is_err());
        assert!(User::new("a", b"").is_err() && User::new("a", b"x\n").is_err());
        assert!(User::new("a", &[b'x'; 257]).is_err() && User::new("a", &[b'x'; 256]).is_ok());
        assert_eq!(format!("{:?}", User::new("ada", b"secret").unwrap()), "User(…)");
    }
}
