//! `leasebox client`: one command to a server, in MemoryLease's words and argument order.
//!
//! ```text
//!   words ─► request ─► one connection ─► reply ─► words on standard output
//! ```
//!
//! Options and words choose the format. The first row that fits counts:
//!
//! | words | format | file |
//! | --- | --- | --- |
//! | `--udp` | a leasebox frame in a datagram | `frames` |
//! | `--frames`, `--process`; `pools`, `accounts`, `list` | leasebox frames | `frames` |
//! | `lease`; `get` and `set` with a numeric id | MemoryLease frames | `memorylease` |
//! | all else, also `get` and `set` with a UUID | one line of text | here |
//!
//! MemoryLease frames come before text, so that the homework's three commands work with an original
//! server too. `pools`, `accounts` and `list` go as frames: `statement` prints a frame's numbers as
//! a table. The answer to `tree` is text, which the file `tree` draws on a terminal.
//!
//! **Invariants**
//!
//! 1. One deadline, `--timeout`, bounds the whole command: connect, write and read. It does not
//!    bound three waits: the system's lookup of a host's name; the wait that a request by frames
//!    asks for, such as `wait 5000`; and the attach of `--process`, a request that lets the
//!    connection speak for a process. The attach may take the time that the connect left.
//! 2. The server's text is printed without control characters, and data is printed escaped.
//!
//! **Lock** none: one thread. **Simplified** a connection for each command. A program that sends
//! many commands uses the library, [`crate::client`].
//!
//! **Source** `memorylease.txt` for the words of the three commands and their answers.

mod frames;
mod memorylease;
mod statement;
mod tree;

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use crate::cli::{bad_news, no_answer, print_or_lose, printable, units};
use crate::client::exchange::{Semantics, Way};
use crate::client::wire::Wire;
use crate::client::{CallError, dial};
use crate::common::escape::{escape, unescape};
use crate::common::id::LeaseId;
use crate::cooperative::words::ProcessToken;
use crate::lab::table;
use crate::numbers::commands::Row;
use crate::server::config::DEFAULT_PORT;

/// The duration of a lease when the command has none, in milliseconds: a minute, as `--help` says.
const DEFAULT_MS: &[u8] = b"60000";

/// The request for `table ROWS busiest`. The server does not know `busiest`: the client asks for
/// all rows that a server shows, and finds the busiest among them.
const ALL_ROWS_REQUEST: &[u8] = b"table 4096";

#[derive(Args)]
#[command(after_help = "Commands:\n  \
    lease SIZE [MS]      bytes, and milliseconds (60000 when left out)\n  \
    get ID\n  \
    set ID DATA\n  \
    draw N · table [ROWS [each|twice|busiest]]\n  \
    renew ID MS · ttl ID · release ID · stats · tree · help\n  \
    inspect ID [FIRST [LAST]] · replace ID VERSIONS DATA\n  \
    put NAME MS VERSIONS DATA     a lease under a name of one's own\n  \
    pools · accounts     of processes that share memory\n  \
    owed · report FREEABLE [EFFICIENCY] · request SIZE REASON [OPTION…] ·\n  \
    return ID · reuse SIZE · wait [MS] · leave     with --process\n  \
    lookup NAME [MS]     is there a process of that name?\n  \
    open NAME [DATA] · send SESSION DATA · deliver SESSION MS DATA ·\n  \
    publish SESSION,SESSION DATA · receive SESSION [MS] ·\n  \
    peek SESSION OFFSET LENGTH · forward SESSION OTHER · close SESSION ·\n  \
    sessions · watch · register SIZE · grow SIZE [BLOCK] ·\n  \
    shrink SIZE [BLOCK] · store NAME DATA · load NAME [OFFSET [LENGTH]] ·\n  \
    patch NAME OFFSET DATA · drop NAME · names ·\n  \
    share NAME SESSION     with --process\n\n\
    Examples:\n  \
    leasebox client localhost 4120 lease 1024 5000\n  \
    leasebox client localhost set 123 \"this is some text\"\n  \
    leasebox client localhost get 123\n  \
    leasebox client localhost draw 4\n  \
    leasebox client --frames localhost draw 4\n  \
    leasebox client --udp --semantics at-least-once localhost draw 4\n\n\
    RUST_LOG=debug shows each datagram that is sent and received.\n\
    Exit 0: the server did it; 1: it refused, or the answer could not be printed; 2: no answer.")]
pub struct ClientArguments {
    /// Speak leasebox frames
    #[arg(long)]
    frames: bool,
    /// Speak leasebox frames by datagrams, to a server started with --udp
    #[arg(long, conflicts_with = "frames")]
    udp: bool,
    /// r: a request alone; rr: request and reply; rra: request, reply and acknowledgement
    #[arg(long, value_enum, default_value = "rr", requires = "udp")]
    protocol: ExchangeProtocol,
    /// The number of times that the server may execute the request [default: at-most-once; maybe
    /// for r]
    #[arg(long, value_parser = units::one_of(SEMANTICS), requires = "udp")]
    semantics: Option<Semantics>,
    /// The wait before the request is sent again; it doubles each time, up to 16 times the first
    #[arg(long, default_value = "50ms", value_parser = units::time_limit, requires = "udp")]
    retry: Duration,
    /// The time limit of the command, without a wait that it asks for itself, such as wait 5000
    #[arg(long, default_value = "30s", value_parser = units::time_limit)]
    timeout: Duration,
    /// Send the command for a process that has joined; TOKEN is from the reply to its join
    #[arg(long, value_name = "TOKEN", conflicts_with = "udp")]
    process: Option<String>,
    /// The longest answer that is read, in frames over TCP; the answer to a draw may be longer
    #[arg(long, default_value = "32MiB", value_parser = units::size)]
    max_message: u64,
    /// The machine that runs the server, such as localhost
    host: String,
    /// [PORT] COMMAND [ARGUMENT...]; the port is 4120 when left out
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

// The value of `--protocol`: the lecture's R, RR and RRA.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExchangeProtocol {
    R,
    Rr,
    Rra,
}

/// The words of `--semantics`.
const SEMANTICS: [(&str, Semantics); 3] = [
    ("maybe", Semantics::Maybe),
    ("at-least-once", Semantics::AtLeastOnce),
    ("at-most-once", Semantics::AtMostOnce),
];

impl ClientArguments {
    /// Returns the way to exchange datagrams; `None` for the R protocol, which has no reply. R is
    /// *maybe* by its nature: without a reply the client cannot know whether to send again.
    ///
    /// # Errors
    /// Fails for R with a semantics that needs a reply.
    fn way(&self) -> Result<Option<Way>, Failure> {
        // `semantics` has no default value in clap, because its default depends on `--protocol`.
        let semantics = match (self.semantics, self.protocol) {
            (None | Some(Semantics::Maybe), ExchangeProtocol::R) => return Ok(None),
            (Some(_), ExchangeProtocol::R) => return Err(Failure::NoAnswer(R_IS_MAYBE.into())),
            (semantics, _) => semantics.unwrap_or(Semantics::AtMostOnce),
        };
        let acknowledge = self.protocol == ExchangeProtocol::Rra;
        Ok(Some(Way { semantics, acknowledge, retry: self.retry }))
    }
}

/// The error for `--protocol r` with a semantics that needs a reply.
const R_IS_MAYBE: &str =
    "without a reply nobody knows whether to ask again; give --protocol rr, or maybe";

/// The reason for an exit code other than 0. Only `run` turns it into a code and a line.
enum Failure {
    /// The server refused the command: exit code 1.
    BadNews(String),
    /// The command was not sent, or its answer could not be read: exit code 2.
    NoAnswer(String),
    /// The call failed: exit code 2, or 1 if the server refused it.
    Call(CallError),
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Failure::Call(error)
    }
}

/// The server, and the limits of the command.
struct Destination<'a> {
    host: &'a str,
    port: u16,
    /// The end of `--timeout`. A call gets only the time that is left after the connect.
    deadline: Instant,
    /// The longest answer that is read in frames over TCP, in bytes; a draw's may be longer. It
    /// bounds what a server can make the client allocate. A line of text and a datagram have bounds
    /// of their own.
    max_message: usize,
    /// The process to which the connection attaches before the command; `None` for none.
    process: Option<ProcessToken>,
}

impl Destination<'_> {
    /// Returns the time that is left until the deadline; zero after it.
    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Connects to the server within the time that is left. A call over the connection gets the
    /// time that is left then.
    fn wire(&self) -> Result<Wire, CallError> {
        let stream = dial(self.host, self.port, self.left())?;
        Ok(Wire::new(stream, self.left()))
    }
}

/// Sends the command and prints the answer. Returns exit code 1 if the server refused the command,
/// and 2 if there is no answer.
pub fn run(arguments: &ClientArguments) -> ExitCode {
    let log = env_logger::Env::default().default_filter_or("warn");
    env_logger::Builder::from_env(log).init();
    match answer(arguments) {
        Ok(text) => print_or_lose(&text),
        Err(Failure::BadNews(why)) => bad_news(why),
        Err(Failure::NoAnswer(why)) => no_answer(why),
        Err(Failure::Call(CallError::Refused(error))) => bad_news(error),
        // The error has the time that was left when the call began. But the user knows only the
        // value of `--timeout`, so the text names this value.
        Err(Failure::Call(error)) => no_answer(error.within(arguments.timeout)),
    }
}

/// Sends the command in the format that its words choose, and returns the text to print.
///
/// # Errors
/// Fails with a [`Failure`]. After a timeout it is unknown whether the server executed the command.
fn answer(arguments: &ClientArguments) -> Result<Vec<u8>, Failure> {
    let words: Vec<&[u8]> = arguments.words.iter().map(|word| word.as_encoded_bytes()).collect();
    // No command begins with a digit, so a first word of digits is the port.
    let (port, words) = match words.split_first() {
        Some((first, rest)) if first.iter().all(u8::is_ascii_digit) => {
            (parse::<u16>(first, "PORT")?, rest)
        }
        _ => (DEFAULT_PORT, &words[..]),
    };
    let deadline = Instant::now() + arguments.timeout;
    let max_message = usize::try_from(arguments.max_message).unwrap_or(usize::MAX);
    let process = arguments.process.as_ref().map(|token| LeaseId::parse(token.as_bytes()));
    let process = process.transpose().map_err(|error| Failure::NoAnswer(error.text.into()))?;
    let place = Destination { host: &arguments.host, port, deadline, max_message, process };
    if words.is_empty() {
        return Err(Failure::NoAnswer("a command is missing; try leasebox client --help".into()));
    }
    if arguments.udp {
        return frames::by_datagrams(&place, arguments.way()?, arguments.retry, words);
    }
    let is_statement = |word: &[u8]| {
        [&b"pools"[..], b"accounts", b"list"].iter().any(|known| word.eq_ignore_ascii_case(known))
    };
    if arguments.frames || process.is_some() || is_statement(words[0]) {
        return frames::answer(&place, words);
    }
    by_text_or_memorylease(&place, words)
}

/// Sends `lease`, and `get` and `set` with a numeric id, as MemoryLease frames, and all others as
/// text. The command is matched in lower case, as by the server; its operands are not changed.
fn by_text_or_memorylease(place: &Destination<'_>, words: &[&[u8]]) -> Result<Vec<u8>, Failure> {
    let (command, operands) = (words[0].to_ascii_lowercase(), &words[1..]);
    match (command.as_slice(), operands) {
        (b"lease", [size]) => memorylease::lease(place, size, DEFAULT_MS),
        (b"lease", [size, duration]) => memorylease::lease(place, size, duration),
        (b"lease", _) => Err(form("lease SIZE [MS]")),
        (b"get", [id]) if is_number(id) => memorylease::get(place, id),
        (b"get", [id]) => get_by_text(place, id),
        (b"get", _) => Err(form("get ID")),
        (b"set", [id, data]) if is_number(id) => memorylease::set(place, id, data),
        (b"set", [id, data]) => set_by_text(place, id, data),
        (b"set", _) => Err(form("set ID DATA, with the data in quotes")),
        (b"table", _) => table_by_text(place, words),
        _ => {
            let reply = ask(place, &words.join(&b' '))?;
            let reply = String::from_utf8_lossy(&reply);
            let is_for_people = io::stdout().is_terminal();
            match is_for_people.then(|| tree::drawn(&reply)).flatten() {
                Some(drawing) => Ok(drawing.into_bytes()),
                None => Ok(line(printable(&reply))),
            }
        }
    }
}

/// Returns the error for a command with a wrong number of words. `form` is its right form.
fn form(form: &str) -> Failure {
    Failure::NoAnswer(format!("wrong number of words; the form is: {form}"))
}

/// Returns whether a word is digits, perhaps after a minus sign. Such a word is an id of
/// MemoryLease frames, and no UUID: a UUID has hyphens between its digits.
fn is_number(word: &[u8]) -> bool {
    word.strip_prefix(b"-").unwrap_or(word).iter().all(u8::is_ascii_digit)
}

/// Parses a number. `name` is the operand in `--help`, for the error.
fn parse<N: std::str::FromStr>(word: &[u8], name: &str) -> Result<N, Failure> {
    let number = std::str::from_utf8(word).ok().and_then(|word| word.parse().ok());
    number.ok_or_else(|| {
        Failure::NoAnswer(format!("{name} is no number in range; give digits, as in --help"))
    })
}

/// Returns the line for a get: the data, escaped, without its trailing zero bytes. MemoryLease's
/// reply always has the lease's whole size, so most of these zeros were never set. The client
/// cannot tell these from zeros that were set at the end of the data, so it prints neither.
fn got_line(id: &[u8], data: &[u8]) -> Vec<u8> {
    let end = data.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    let mut text = [b"Data get for lease ", id, b": "].concat();
    escape(&data[..end], &mut text);
    text.push(b'\n');
    text
}

fn line(text: String) -> Vec<u8> {
    (text + "\n").into_bytes()
}

/// Sends one line and returns the line that answers it, both without their line ends.
///
/// # Errors
/// Fails with bad news for an error of the server: an error in text, or one in RESP or HTTP if
/// another kind of server listens there. Fails before it connects if the request holds a LF: the
/// server would read two commands.
fn ask(place: &Destination<'_>, request: &[u8]) -> Result<Vec<u8>, Failure> {
    if request.contains(&b'\n') {
        return Err(Failure::NoAnswer("a command is one line; write a line break as \\n".into()));
    }
    // The space makes the line text, whatever word comes first: no other format begins with one.
    let reply = place.wire()?.ask_line(&[b" ", request].concat())?;
    let refusal = [b"error ".as_slice(), b"-ERR ", b"HTTP/1.1 "];
    match refusal.iter().find_map(|begin| reply.strip_prefix(*begin)) {
        Some(error) => Err(bad_news_of(error)),
        None => Ok(reply),
    }
}

/// Returns the text of a server's error, which comes without the word `error`, as bad news.
fn bad_news_of(error: &[u8]) -> Failure {
    Failure::BadNews(String::from_utf8_lossy(error).trim_end().to_string())
}

/// Gets the data of a lease that is named by a UUID.
fn get_by_text(place: &Destination<'_>, id: &[u8]) -> Result<Vec<u8>, Failure> {
    let reply = ask(place, &[b"get ", id].concat())?;
    // `data ID DATA`: the third part is all after the second space, because data may hold spaces.
    let data = reply.splitn(3, |&byte| byte == b' ').nth(2);
    let data = data.and_then(unescape).ok_or_else(|| {
        Failure::NoAnswer("the answer is no data line; is that a leasebox server?".into())
    })?;
    Ok(got_line(id, &data))
}

/// Sets the data of a lease that is named by a UUID. The data is escaped, so it may hold any bytes,
/// a LF too.
fn set_by_text(place: &Destination<'_>, id: &[u8], data: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut request = [b"set ", id, b" "].concat();
    escape(data, &mut request);
    ask(place, &request)?;
    Ok([b"Data set for lease ", id, b"\n"].concat())
}

/// Returns the request to send, and the number of busiest rows to show. The server does not know
/// `table N busiest`, so for these words the request is `rows`, which asks for many rows. For any
/// other words the request is the words themselves, and the number is `None`.
///
/// # Errors
/// Fails if the word before `busiest` is no number.
fn busiest(words: &[&[u8]], rows: &[u8]) -> Result<(Vec<u8>, Option<usize>), Failure> {
    match words {
        [command, count, word]
            if command.eq_ignore_ascii_case(b"table") && word.eq_ignore_ascii_case(b"busiest") =>
        {
            Ok((rows.to_vec(), Some(parse(count, "ROWS")?)))
        }
        _ => Ok((words.join(&b' '), None)),
    }
}

/// Draws the rows as the homework's table: all of them, or the busiest.
fn drawn_table(rows: &[Row], busiest: Option<usize>) -> Vec<u8> {
    let rows = busiest.map_or(rows, |count| table::busiest(rows, count));
    table::render(rows).into_bytes()
}

/// Asks for the table in text, and draws it.
fn table_by_text(place: &Destination<'_>, words: &[&[u8]]) -> Result<Vec<u8>, Failure> {
    let (asked, busiest) = busiest(words, ALL_ROWS_REQUEST)?;
    let reply = ask(place, &asked)?;
    let rows = table::parse(&String::from_utf8_lossy(&reply)).ok_or_else(|| {
        Failure::NoAnswer("the answer is no table; is that a leasebox server?".into())
    })?;
    Ok(drawn_table(&rows, busiest))
}
