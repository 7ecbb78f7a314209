//! The commands of RESP about the connection. Client libraries send them before they serve a
//! program.
//!
//! | request | reply |
//! | --- | --- |
//! | `PING [TEXT]`, `ECHO TEXT` | `+PONG` or the text |
//! | `HELLO [2\|3] [AUTH NAME PASSWORD] [SETNAME X]` | a map that describes the server |
//! | `AUTH NAME PASSWORD` | `+OK`; until then a command that needs a log-on gets `-NOAUTH …` |
//! | `SELECT 0`, `QUIT` | `+OK` |
//! | `RESET` | `+RESET`: as before the first command, without a log-on |
//! | `CLIENT SETINFO …`, `NO-EVICT …`, `NO-TOUCH …` | `+OK`; nothing is kept |
//! | `CLIENT SETNAME X`, `GETNAME`, `ID`, `INFO` | `+OK`; the name; the client's number; both |
//! | `INFO [SECTION …]` | a bulk string: sections of lines `name:value` |
//! | `CONFIG GET save\|appendonly` | an array: the name, and a value for *nothing is saved* |
//! | `COMMAND`, `COMMAND LIST`, `DOCS`, `INFO …`, `COUNT` | none, in the form that Redis has |
//!
//! A library that gets an error here gives up, although it could work with the commands of
//! leasebox. So each of these answers has the form that Redis has, and only true contents.
//!
//! **Invariants** before the log-on, every command but `HELLO`, `AUTH` and `QUIT` is answered with
//! `-NOAUTH`. The server keeps the name of a client, at most 128 bytes, and nothing else.
//!
//! **Lock** that of the guesses, for a log-on. **Simplified** `COMMAND` lists nothing: `help` has
//! leasebox's commands in words.
//!
//! **Source** the pages of these commands at redis.io; what ioredis, node-redis, valkey-glide,
//! redis-py and redis-rs send.

use super::{Resp, bulk};
use crate::common::description::Source;
use crate::protocol::Policy;
use crate::protocol::log_on::LogOn;
use crate::protocol::text::words::Words;

/// The result of a command about the connection. The error is a whole line, without its CR LF.
type OwnReply<T> = Result<T, &'static str>;

const NO_USER: &str = "-ERR refused this server has no user; leave AUTH out";
const NO_GUESS: &str = "-ERR busy too many wrong passwords or numbers of leases were tried; try again in a \
                        second";
pub(super) const NO_AUTH: &str = "-NOAUTH Authentication required; send AUTH NAME PASSWORD";
const OK: &[u8] = b"+OK\r\n";

/// The longest name of a connection, in bytes.
const MAX_NAME: usize = 128;

impl Resp {
    /// Returns the answer to a command about the connection. Before the log-on it answers every
    /// command. Afterwards it returns `None` for a command that no arm below matches.
    pub(super) fn answer_own(&mut self, mut words: Words<'_>, policy: &Policy) -> Option<Vec<u8>> {
        let (command, rest) = (words.next(), words);
        // Most commands need only the first two words; HELLO, INFO and COMMAND read `rest` by
        // themselves. A `count` of 3 means three words or more.
        let (count, first, second) = (rest.count(3), words.next(), words.next());
        let answer: OwnReply<Vec<u8>> = match &*command.to_ascii_uppercase() {
            b"HELLO" => self.hello(rest, policy),
            b"AUTH" if count == 2 => self.log_on(first, second, policy).map(|()| OK.into()),
            b"AUTH" if policy.user.is_none() => Err(NO_USER),
            b"AUTH" => Err("-ERR bad-request AUTH has two words; send AUTH NAME PASSWORD"),
            b"QUIT" => {
                self.is_over = true;
                Ok(OK.into())
            }
            // A client may send the commands above before its log-on, and none of those below.
            _ if !self.is_logged_on => Err(NO_AUTH),
            b"PING" if count == 0 => Ok(b"+PONG\r\n".into()),
            b"PING" | b"ECHO" if count == 1 => Ok(bulk(first)),
            b"PING" => Err("-ERR bad-request PING has at most one word; send PING TEXT"),
            b"ECHO" => Err("-ERR bad-request ECHO has one word; send ECHO TEXT"),
            b"SELECT" if count == 1 && first == b"0" => Ok(OK.into()),
            b"SELECT" => Err("-ERR refused there is one database; SELECT 0"),
            b"RESET" if count == 0 => {
                *self = Self::new(policy, self.client);
                Ok(b"+RESET\r\n".into())
            }
            b"RESET" => Err("-ERR bad-request RESET has no words; send it alone"),
            b"CLIENT" => self.about_client(first, second),
            b"INFO" => Ok(bulk(info(rest).as_bytes())),
            b"CONFIG" if count == 2 && first.eq_ignore_ascii_case(b"GET") => Ok(config(second)),
            b"CONFIG" => Err("-ERR bad-request of CONFIG there is GET with one name; send that"),
            b"COMMAND" => self.about_commands(rest),
            _ => return None,
        };
        Some(answer.unwrap_or_else(|error| [error.as_bytes(), b"\r\n"].concat()))
    }

    /// Logs on.
    ///
    /// # Errors
    /// Fails with an error line for a wrong pair, or on a server without a user. A connection that
    /// was logged on before stays logged on.
    fn log_on(&mut self, name: &[u8], password: &[u8], policy: &Policy) -> OwnReply<()> {
        let Some(user) = &policy.user else {
            return Err(NO_USER);
        };
        match user.try_log_on(name, password, &policy.guesses) {
            LogOn::Right => {
                self.is_logged_on = true;
                Ok(())
            }
            LogOn::Wrong => Err("-WRONGPASS name or password is wrong; send AUTH NAME PASSWORD"),
            LogOn::NoGuess => Err(NO_GUESS),
        }
    }

    /// Answers `HELLO`: changes the version of RESP, logs on if the command has `AUTH`, and
    /// describes the server. Without a version it keeps the present one.
    ///
    /// # Errors
    /// Fails with an error line; then the version is unchanged.
    fn hello(&mut self, mut words: Words<'_>, policy: &Policy) -> OwnReply<Vec<u8>> {
        let proto = match words.next() {
            b"" if words.is_over() => 2 + u8::from(self.is_resp3),
            b"2" => 2,
            b"3" => 3,
            _ => return Err("-NOPROTO unsupported protocol version; HELLO 2 or HELLO 3"),
        };
        let (mut pair, mut name) = (None, None);
        while !words.is_over() {
            match &*words.next().to_ascii_uppercase() {
                b"AUTH" => pair = Some((words.next(), words.next())),
                b"SETNAME" => name = Some(words.next()),
                _ => return Err("-ERR bad-request HELLO has AUTH NAME PASSWORD and SETNAME X"),
            }
        }
        // Every option was read before this log-on, so a HELLO with an unknown option does not log
        // on.
        pair.map_or(Ok(()), |(user, password)| self.log_on(user, password, policy))?;
        if !self.is_logged_on {
            return Err(NO_AUTH);
        }
        name.map_or(Ok(()), |name| self.set_name(name))?;
        self.is_resp3 = proto == 3;
        // RESP2 has no map. Its form is an array of 14: seven names, each before its value.
        let (map, version) = (["*14", "%7"][usize::from(self.is_resp3)], env!("CARGO_PKG_VERSION"));
        let (length, client) = (version.len(), self.client);
        let text = format!(
            "{map}\r\n$6\r\nserver\r\n$8\r\nleasebox\r\n$7\r\nversion\r\n${length}\r\n{version}\r\n\
             $5\r\nproto\r\n:{proto}\r\n$2\r\nid\r\n:{client}\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n\
             $4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n",
        );
        Ok(text.into_bytes())
    }

    /// Keeps the name of the connection.
    ///
    /// # Errors
    /// Fails with an error line for a long name, or one with a space or a control byte.
    fn set_name(&mut self, name: &[u8]) -> OwnReply<()> {
        if name.len() > MAX_NAME || !name.iter().all(u8::is_ascii_graphic) {
            return Err(
                "-ERR bad-request a name has at most 128 bytes of printable ASCII, without spaces",
            );
        }
        self.name = name.to_vec();
        Ok(())
    }

    /// Answers `CLIENT …`.
    ///
    /// # Errors
    /// Fails with an error line for what is not in the table.
    fn about_client(&mut self, about: &[u8], name: &[u8]) -> OwnReply<Vec<u8>> {
        match &*about.to_ascii_uppercase() {
            // Client libraries send their name and version by `SETINFO` when they connect. The
            // other two commands are about features of Redis that leasebox does not have.
            b"SETINFO" | b"NO-EVICT" | b"NO-TOUCH" => Ok(OK.into()),
            b"SETNAME" => self.set_name(name).map(|()| OK.into()),
            b"GETNAME" if self.name.is_empty() => Ok(self.nil().into()),
            b"GETNAME" => Ok(bulk(&self.name)),
            b"ID" => Ok(format!(":{}\r\n", self.client).into_bytes()),
            b"INFO" => {
                let name = String::from_utf8_lossy(&self.name);
                let resp = 2 + u8::from(self.is_resp3);
                Ok(bulk(format!("id={} name={name} db=0 resp={resp}\n", self.client).as_bytes()))
            }
            _ => Err("-ERR unknown-command CLIENT has SETINFO, SETNAME, GETNAME, ID, INFO, \
                      NO-EVICT and NO-TOUCH here"),
        }
    }

    /// Answers `COMMAND …`: nothing is listed. `redis-cli` asks for the documentation when it
    /// starts.
    ///
    /// # Errors
    /// Fails with an error line for what is not in the table.
    fn about_commands(&self, mut words: Words<'_>) -> OwnReply<Vec<u8>> {
        match &*words.next().to_ascii_uppercase() {
            b"" | b"LIST" => Ok(b"*0\r\n".into()),
            b"DOCS" => Ok(if self.is_resp3 { b"%0\r\n".into() } else { b"*0\r\n".into() }),
            b"COUNT" => Ok(b":0\r\n".into()),
            // A nil for each command that the client names.
            b"INFO" => {
                let count = words.count(MAX_NAMED);
                Ok([format!("*{count}\r\n").as_bytes(), &self.nil().repeat(count)].concat())
            }
            _ => Err("-ERR unknown-command COMMAND has LIST, DOCS, COUNT and INFO here"),
        }
    }

    /// Returns nil.
    pub(super) fn nil(&self) -> &'static [u8] {
        if self.is_resp3 { b"_\r\n" } else { b"$-1\r\n" }
    }
}

/// The most words that the answers to `COMMAND INFO` and `INFO` look at. A request may have a
/// million words, and each costs up to five bytes in the answer to `COMMAND INFO`.
const MAX_NAMED: usize = 1024;

/// The sections of `INFO`. A library waits until `loading` is 0, and writes only where `role` is
/// master.
const SECTIONS: [(&str, &str); 4] = [
    (
        "server",
        concat!(
            "# Server\r\nserver_name:leasebox\r\nleasebox_version:",
            env!("CARGO_PKG_VERSION"),
            "\r\nredis_mode:standalone\r\n"
        ),
    ),
    ("persistence", "# Persistence\r\nloading:0\r\n"),
    ("replication", "# Replication\r\nrole:master\r\nconnected_slaves:0\r\n"),
    ("cluster", "# Cluster\r\ncluster_enabled:0\r\n"),
];

/// Answers `INFO`: the sections that the words name, or all of them. Redis, too, passes over a
/// section that it does not have.
fn info(words: Words<'_>) -> String {
    let is_named = |section: &str| {
        let mut rest = words;
        // Behind the last word there are only empty ones, and no section has that name.
        (0..MAX_NAMED).any(|_| rest.next().eq_ignore_ascii_case(section.as_bytes()))
    };
    let has_all = words.is_over() || ["all", "default", "everything"].into_iter().any(is_named);
    let asked = SECTIONS.iter().filter(|(section, _)| has_all || is_named(section));
    asked.map(|(_, text)| *text).collect::<Vec<_>>().join("\r\n")
}

/// Answers `CONFIG GET`. `redis-benchmark` asks for `save` and `appendonly` before it begins; the
/// answers say that leasebox saves nothing. An unknown name gets an empty array, as in Redis.
fn config(name: &[u8]) -> Vec<u8> {
    match &*name.to_ascii_lowercase() {
        b"save" => [b"*2\r\n", &*bulk(b"save"), &bulk(b"")].concat(),
        b"appendonly" => [b"*2\r\n", &*bulk(b"appendonly"), &bulk(b"no")].concat(),
        _ => b"*0\r\n".into(),
    }
}
