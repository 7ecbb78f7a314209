//! The one user that a server may be given, and whether somebody is that user.
//!
//! HTTP carries name and password in each request (Basic authentication), RESP once for each connection
//! (`AUTH`). The other representations have no log-on, so a server with a user refuses them.
//!
//! **Invariants** how long the comparison takes depends on what was given alone, not on how much of it
//! is right. A password is in no log: [`User`]'s `Debug` form has none.
//!
//! **Lock** none: never changes. **Simplified** one user; the password crosses the network as it
//! is, and wrong ones are not counted: put something that speaks TLS before a server that strangers
//! reach. That the comparison takes as long is by construction; no test measures it.
//!
//! **Source** the lecture: authentication, "user name and password style logon"; RFC 7617.

use std::fmt;

use super::{Decoded, Speaks, Tail, frame, memorylease};
use crate::common::error::{Code, Error};

/// The longest name and password in bytes.
pub const MAX: usize = 256;

/// Who may use the server.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    name: Vec<u8>,
    password: Vec<u8>,
}

impl User {
    /// A user.
    ///
    /// # Errors
    /// What is wrong with the name or the password, in words.
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

    /// Whether that is the user's name and password.
    pub fn is(&self, name: &[u8], password: &[u8]) -> bool {
        // Both in any case, so that a right name does not show.
        let (is_name, is_password) = (same(&self.name, name), same(&self.password, password));
        is_name & is_password
    }
}

/// Compares byte for byte, without an end at the first that differs.
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

/// The answer to whoever speaks in a way that has no log-on.
pub fn has_none() -> Error {
    let text = "this server wants a log-on, which this way of speaking has not; speak HTTP with \
                Basic authentication, or RESP with AUTH";
    Error::new(Code::Refused, text)
}

impl Speaks {
    /// Refuses the first thing that is asked in a way that has no log-on.
    #[cold]
    pub(super) fn turn_away<'a>(&mut self, input: &'a [u8], tail: Tail) -> Decoded<'a> {
        // A header says what kind of answer is understood; what it announces is not waited for.
        let (decoded, enough) = match self {
            Speaks::Text(text) => (text.decode(input, tail), usize::MAX),
            Speaks::MemoryLease(frames) => (frames.decode(input), memorylease::HEADER),
            Speaks::Frames(frames) => (frames.decode(input), frame::HEADER),
            Speaks::Http(_) | Speaks::Resp(_) => return Decoded::Incomplete,
        };
        match decoded {
            Decoded::Incomplete if input.len() < enough => Decoded::Incomplete,
            _ => Decoded::Last(Some(has_none())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_name_and_password() {
        let user = User::new("ada", b"secret").unwrap();
        assert!(user.is(b"ada", b"secret"));
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
            assert!(!user.is(name, password), "{name:?} {password:?}");
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
