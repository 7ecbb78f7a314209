//! `leasebox client`: one command to a server, in MemoryLease's words and argument order.
//!
//! Lease, get and set with a numeric id go as MemoryLease frames, so they work with an
//! original server too. All else, and a lease that is named by a UUID, goes as one line
//! of text.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::{bad_news, no_answer, print};
use crate::lab::table;
use crate::representation::escape::{escape, unescape};
use crate::representation::memorylease::{
    ACCESS_DATA, ByteOrder, DATA_HEADER, DATA_SET, HEADER, LEASE, LEASED, SET_DATA, SET_DONE,
    SET_TOO_LARGE,
};
use crate::transport::config::DEFAULT_PORT;

/// How long a connect or an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a lease lasts when no duration is given, in milliseconds.
const DEFAULT_MS: &str = "60000";

/// The rows among which the busiest are looked for: as many as the server shows.
const MOST_ROWS: &[u8] = b"table 4096";

/// The longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 1 << 30;

/// The longest error line that is read, in bytes.
const MAX_LINE: u64 = 1 << 16;

#[derive(Args)]
#[command(after_help = "Commands:\n  \
    lease SIZE [MS]      bytes, and milliseconds (60000 when left out)\n  \
    get ID\n  \
    set ID DATA\n  \
    draw N · table [ROWS [each|twice|busiest]]\n  \
    renew ID MS · ttl ID · release ID · stats · tree · help\n\n\
    Examples:\n  \
    leasebox client localhost 4120 lease 1024 5000\n  \
    leasebox client localhost set 123 \"this is some text\"\n  \
    leasebox client localhost get 123\n  \
    leasebox client localhost draw 4")]
pub struct Arguments {
    /// The machine that runs the server, such as localhost
    host: String,
    /// [PORT] COMMAND [ARGUMENT...]; the port is 4120 when left out
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

/// Why a command has no good answer.
enum Failure {
    /// The server said no.
    BadNews(String),
    /// It was not asked, or its answer cannot be read.
    NoAnswer(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::NoAnswer(match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                format!("no answer within {PATIENCE:?}; is that a leasebox server?")
            }
            ErrorKind::UnexpectedEof => {
                "the server closed before it answered; look at its log".into()
            }
            _ => format!("the connection failed ({error}); is the server still running?"),
        })
    }
}

/// Sends the command and prints the answer.
pub fn run(arguments: &Arguments) -> ExitCode {
    match answer(arguments) {
        Ok(text) => print(&text, ExitCode::SUCCESS),
        Err(Failure::BadNews(why)) => bad_news(why),
        Err(Failure::NoAnswer(why)) => no_answer(why),
    }
}

fn answer(arguments: &Arguments) -> Result<Vec<u8>, Failure> {
    let words: Vec<&[u8]> = arguments.words.iter().map(|word| word.as_encoded_bytes()).collect();
    let (port, words) = match words.split_first() {
        Some((first, rest)) if first.iter().all(u8::is_ascii_digit) => {
            (parse::<u16>(first, "PORT")?, rest)
        }
        _ => (DEFAULT_PORT, &words[..]),
    };
    let Some((command, operands)) = words.split_first() else {
        return Err(Failure::NoAnswer("a command is missing; try leasebox client --help".into()));
    };
    let connect = || connect(&arguments.host, port);
    match (command.to_ascii_lowercase().as_slice(), operands) {
        (b"lease", [size]) => lease(connect, size, DEFAULT_MS.as_bytes()),
        (b"lease", [size, duration]) => lease(connect, size, duration),
        (b"lease", _) => Err(form("lease SIZE [MS]")),
        (b"get", [id]) if is_number(id) => get(connect, id),
        (b"get", [id]) => get_by_text(connect, id),
        (b"get", _) => Err(form("get ID")),
        (b"set", [id, data]) if is_number(id) => set(connect, id, data),
        (b"set", [id, data]) => set_by_text(connect, id, data),
        (b"set", _) => Err(form("set ID DATA, with the data in quotes")),
        (b"table", _) => table_by_text(connect, words),
        _ => ask(connect, &words.join(&b' ')),
    }
}

fn form(form: &str) -> Failure {
    Failure::NoAnswer(format!("wrong number of words; the form is: {form}"))
}

fn is_number(word: &[u8]) -> bool {
    word.strip_prefix(b"-").unwrap_or(word).iter().all(u8::is_ascii_digit)
}

fn parse<N: std::str::FromStr>(word: &[u8], name: &str) -> Result<N, Failure> {
    let number = std::str::from_utf8(word).ok().and_then(|word| word.parse().ok());
    number.ok_or_else(|| {
        Failure::NoAnswer(format!("{name} is no number in range; give digits, as in --help"))
    })
}

fn connect(host: &str, port: u16) -> Result<TcpStream, Failure> {
    let unknown = || format!("the host {host} is unknown; give its name or its IP address");
    let addresses = (host, port).to_socket_addrs().map_err(|_| Failure::NoAnswer(unknown()))?;
    let mut last = Failure::NoAnswer(unknown());
    for address in addresses {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                return Ok(stream);
            }
            Err(error) => {
                last = Failure::NoAnswer(format!(
                    "no server answers on {address} ({error}); start one with leasebox serve"
                ));
            }
        }
    }
    Err(last)
}

/// The byte order of this machine, as the original's clients send.
fn native() -> ByteOrder {
    if cfg!(target_endian = "big") { ByteOrder::Big } else { ByteOrder::Little }
}

/// Sends one frame and reads the payload of the answer.
fn exchange(
    mut stream: TcpStream,
    kind: i32,
    payload: &[&[u8]],
    expected: i32,
) -> Result<Vec<u8>, Failure> {
    let order = native();
    let payload = payload.concat();
    let frame = [order.header(kind, payload.len()).as_slice(), &payload].concat();
    stream.write_all(&frame)?;
    let mut header = [0; HEADER];
    stream.read_exact(&mut header)?;
    if let Some(begun) = header.strip_prefix(b"error ") {
        // A full server says so in text, whatever it is asked in.
        let mut error = begun.to_vec();
        BufReader::new(stream.take(MAX_LINE)).read_until(b'\n', &mut error)?;
        return Err(bad_news_of(&error));
    }
    let mut rest = &header[..];
    let kind = order.take_i32(&mut rest);
    let length = order.take_i64(&mut rest).and_then(|length| u64::try_from(length).ok());
    match length {
        Some(length) if kind == Some(expected) && length <= MAX_ANSWER => {
            let mut payload = Vec::new();
            stream.take(length).read_to_end(&mut payload)?;
            if payload.len() as u64 == length { Ok(payload) } else { Err(unreadable()) }
        }
        _ => Err(unreadable()),
    }
}

fn unreadable() -> Failure {
    Failure::NoAnswer("the answer is no MemoryLease frame; is that a leasebox server?".into())
}

type Connected = Result<TcpStream, Failure>;

fn lease(
    connect: impl Fn() -> Connected,
    size: &[u8],
    duration: &[u8],
) -> Result<Vec<u8>, Failure> {
    let (bytes, ms) = (parse::<i32>(size, "SIZE")?, parse::<i32>(duration, "MS")?);
    let order = native();
    let payload = [&order.put_i32(bytes)[..], &order.put_i32(ms)];
    let answer = exchange(connect()?, LEASE, &payload, LEASED)?;
    match order.take_i32(&mut answer.as_slice()).ok_or_else(unreadable)? {
        id if id > 0 => Ok(line(format!("You have leased {bytes} bytes for {ms} MS with id {id}"))),
        _ => Err(Failure::BadNews(format!(
            "{bytes} bytes for {ms} ms cannot be had; ask for less, or wait until leases end"
        ))),
    }
}

fn set(connect: impl Fn() -> Connected, id: &[u8], data: &[u8]) -> Result<Vec<u8>, Failure> {
    let (number, order) = (parse::<i32>(id, "ID")?, native());
    let payload = [&order.put_i32(number)[..], &order.put_i64(data.len() as i64), data];
    let answer = exchange(connect()?, SET_DATA, &payload, DATA_SET)?;
    match order.take_i32(&mut answer.as_slice()).ok_or_else(unreadable)? {
        SET_DONE => Ok(line(format!("Data set for lease {number}"))),
        SET_TOO_LARGE => {
            let length = data.len();
            Err(Failure::BadNews(format!("{length} bytes do not fit lease {number}; lease more")))
        }
        _ => Err(no_such_lease(number)),
    }
}

fn get(connect: impl Fn() -> Connected, id: &[u8]) -> Result<Vec<u8>, Failure> {
    let (number, order) = (parse::<i32>(id, "ID")?, native());
    let answer = exchange(connect()?, ACCESS_DATA, &[&order.put_i32(number)], ACCESS_DATA)?;
    let data = answer.get(DATA_HEADER..).ok_or_else(unreadable)?;
    if data.is_empty() {
        return Err(no_such_lease(number));
    }
    Ok(got(number.to_string().as_bytes(), data))
}

/// What was got, up to its trailing zero bytes, escaped.
fn got(id: &[u8], data: &[u8]) -> Vec<u8> {
    let end = data.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    let mut text = [b"Data get for lease ", id, b": "].concat();
    escape(&data[..end], &mut text);
    text.push(b'\n');
    text
}

fn no_such_lease(number: i32) -> Failure {
    Failure::BadNews(format!("there is no lease {number}, or no longer; lease again"))
}

fn line(text: String) -> Vec<u8> {
    (text + "\n").into_bytes()
}

/// Sends one line and reads one.
fn ask(connect: impl Fn() -> Connected, request: &[u8]) -> Result<Vec<u8>, Failure> {
    if request.contains(&b'\n') {
        return Err(Failure::NoAnswer("a command is one line; write a line break as \\n".into()));
    }
    let mut stream = connect()?;
    stream.write_all(&[request, b"\n"].concat())?;
    let mut reply = Vec::new();
    BufReader::new(stream.take(MAX_ANSWER)).read_until(b'\n', &mut reply)?;
    let refusal = [b"error ".as_slice(), b"-ERR ", b"HTTP/1.1 "];
    match refusal.iter().find_map(|begin| reply.strip_prefix(*begin)) {
        Some(error) => Err(bad_news_of(error)),
        None if reply.ends_with(b"\n") => Ok(reply),
        None => Err(io::Error::from(ErrorKind::UnexpectedEof).into()),
    }
}

fn bad_news_of(error: &[u8]) -> Failure {
    Failure::BadNews(String::from_utf8_lossy(error).trim_end().to_string())
}

fn get_by_text(connect: impl Fn() -> Connected, id: &[u8]) -> Result<Vec<u8>, Failure> {
    let reply = ask(connect, &[b"get ", id].concat())?;
    let data = reply.strip_suffix(b"\n").unwrap_or(&reply).splitn(3, |&byte| byte == b' ').nth(2);
    let data = data.and_then(unescape).ok_or_else(|| {
        Failure::NoAnswer("the answer is no data line; is that a leasebox server?".into())
    })?;
    Ok(got(id, &data))
}

fn set_by_text(
    connect: impl Fn() -> Connected,
    id: &[u8],
    data: &[u8],
) -> Result<Vec<u8>, Failure> {
    let mut request = [b"set ", id, b" "].concat();
    escape(data, &mut request);
    ask(connect, &request)?;
    Ok([b"Data set for lease ", id, b"\n"].concat())
}

fn table_by_text(connect: impl Fn() -> Connected, words: &[&[u8]]) -> Result<Vec<u8>, Failure> {
    let busiest = match words {
        [_, count, word] if word.eq_ignore_ascii_case(b"busiest") => {
            Some(parse::<usize>(count, "ROWS")?)
        }
        _ => None,
    };
    let asked = if busiest.is_some() { MOST_ROWS.to_vec() } else { words.join(&b' ') };
    let reply = ask(connect, &asked)?;
    let reply = String::from_utf8_lossy(&reply);
    let rows = table::parse(&reply).ok_or_else(|| {
        Failure::NoAnswer("the answer is no table; is that a leasebox server?".into())
    })?;
    let rows = busiest.map_or(&rows[..], |count| table::busiest(&rows, count));
    Ok(table::draw(rows).into_bytes())
}
