//! A real server, its clients, and what to print when a test fails.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod calls;
pub mod folders;
pub mod frames;
pub mod http;
pub mod report;
pub mod scripts;
pub mod students;
pub mod weather;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

/// No answer takes longer, or the test fails instead of hanging.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const BINARY: &str = env!("CARGO_BIN_EXE_leasebox");

/// A running `leasebox serve`, killed at the end of the test.
pub struct Running {
    pub child: Child,
    pub address: SocketAddr,
    log: PathBuf,
}

impl Running {
    /// Starts the server on a free port.
    pub fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(BINARY);
        command.args(["serve", "--port", "0"]).args(arguments);
        Self::start_command(command)
    }

    /// Starts `leasebox lesson` on a free port.
    pub fn start_lessons(arguments: &[&str]) -> Self {
        let mut command = Command::new(BINARY);
        command.args(["lesson", "--port", "0"]).args(arguments);
        Self::start_command(command)
    }

    /// Starts a server by a command of one's own.
    pub fn start_command(mut command: Command) -> Self {
        let log = scratch("log");
        let stderr = File::create(&log).unwrap();
        let (child, line) = announced(&mut command, stderr);
        let said = ["leasebox listening on ", "the lessons are at http://"];
        let address = said.iter().find_map(|said| line.strip_prefix(said));
        let address = address.map(|text| text.trim().trim_end_matches('/').parse());
        match address {
            Some(Ok(address)) => Self { child, address, log },
            _ => panic!("first line {line:?}, log:\n{}", std::fs::read_to_string(&log).unwrap()),
        }
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The log with all that was logged before this call: the lines of a further client, which are
    /// waited for, stand behind it.
    pub fn whole_log(&self) -> String {
        let client = self.connect();
        let port = client.stream.get_ref().local_addr().unwrap().port();
        drop(client);
        wait_for("the log", || self.log().contains(&format!(":{port} goes; ")));
        self.log()
    }

    pub fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// One request on a connection of its own.
    pub fn ask(&self, request: &str) -> String {
        self.connect().ask(request)
    }

    /// One figure of `stats`.
    pub fn figure(&self, name: &str) -> u64 {
        figure(&self.ask("stats"), name)
    }

    /// Waits until a figure is what it should be.
    pub fn await_figure(&self, name: &str, expected: u64) {
        let mut client = self.connect();
        wait_for(&format!("{name}={expected}"), || figure(&client.ask("stats"), name) == expected);
    }

    /// Closes a client, and waits until the system has told the server so: on a busy machine the
    /// end may arrive after what another client sends next. Linux lists the server's side of a
    /// connection as ESTABLISHED (01) until then; where there is no list, nothing is waited for.
    pub fn hang_up(&self, client: Client) {
        let there = client.stream.get_ref().local_addr().unwrap().port();
        drop(client);
        let (here, there) = (format!(":{:04X}", self.address.port()), format!(":{there:04X}"));
        wait_for("the end of a client to arrive", || {
            let list = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
            let is_open = |line: &str| {
                let words: Vec<&str> = line.split_whitespace().take(4).collect();
                let [_, local, remote, state] = words[..] else { return false };
                local.ends_with(&here) && remote.ends_with(&there) && state == "01"
            };
            !list.lines().any(is_open)
        });
    }

    /// Runs `leasebox client` against it.
    pub fn client(&self, words: &[&str]) -> Output {
        let (host, port) = (self.address.ip().to_string(), self.address.port().to_string());
        leasebox(&[&["client", &host, &port], words].concat())
    }

    pub fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        wait_for("the server's end", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    /// Threads and descriptors of the process.
    pub fn resources(&self) -> (usize, usize) {
        let count = |what: &str| {
            std::fs::read_dir(format!("/proc/{}/{what}", self.child.id())).unwrap().count()
        };
        (count("task"), count("fd"))
    }

    /// The threads that serve a client.
    pub fn client_threads(&self) -> usize {
        self.statuses_of_clients().len()
    }

    /// The text of `/proc/PID/task/TID/status` for each thread that serves a client.
    pub fn statuses_of_clients(&self) -> Vec<String> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        // A thread may have ended by now.
        let read = |task: std::fs::DirEntry| fs::read_to_string(task.path().join("status")).ok();
        let statuses = tasks.filter_map(|task| read(task.ok()?));
        statuses.filter(|status| status.starts_with("Name:\tclient-")).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the server's log:\n{}", self.log());
        }
        let _ = std::fs::remove_file(&self.log);
    }
}

/// The stop's promise is 2 s; ten times that on a busy machine.
pub const STOP: Duration = Duration::from_secs(20);

/// Starts a program, and answers the first line that it prints.
pub fn announced(command: &mut Command, stderr: impl Into<Stdio>) -> (Child, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    (child, line)
}

/// A connection that speaks text, or whatever it is made to.
pub struct Client {
    pub stream: BufReader<TcpStream>,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        Self::of(TcpStream::connect(address).unwrap())
    }

    /// Either end of a connection.
    pub fn of(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    /// One line without its end; empty at the end of the stream.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line.trim_end_matches('\n').to_string()
    }

    pub fn ask(&mut self, request: &str) -> String {
        self.send(format!("{request}\n"));
        self.line()
    }

    /// So many bytes, however many.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    pub fn exactly<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// All that comes until the server closes.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.stream.read_to_end(&mut bytes).unwrap();
        bytes
    }

    pub fn end_of_requests(&mut self) {
        self.stream.get_mut().shutdown(std::net::Shutdown::Write).unwrap();
    }

    /// Leases by text; answers the id.
    pub fn lease(&mut self, size: u64, ms: u64) -> String {
        let reply = self.ask(&format!("lease {size} {ms}"));
        let words: Vec<&str> = reply.split(' ').collect();
        assert_eq!(words[0], "leased", "{reply}");
        words[1].to_string()
    }
}

/// One figure of a `stats` reply.
pub fn figure(stats: &str, name: &str) -> u64 {
    let value = stats.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    value.unwrap_or_else(|| panic!("no {name} in {stats:?}")).parse().unwrap()
}

/// Numbers of a draw's reply; none when the list was drained.
pub fn numbers(reply: &str) -> Vec<u32> {
    if reply.starts_with("error exhausted") {
        return Vec::new();
    }
    reply.split(' ').map(|word| word.parse().unwrap_or_else(|_| panic!("{reply:?}"))).collect()
}

/// Asserts that these are 1 to `count`, each once.
pub fn assert_permutation(mut all: Vec<u32>, count: u32) {
    assert_eq!(all.len(), count as usize);
    all.sort_unstable();
    assert!(all.into_iter().eq(1..=count), "a number came twice");
}

/// Asks again and again, until it is so or patience ends.
pub fn wait_for(what: &str, mut so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Runs the program to its end.
pub fn leasebox(arguments: &[&str]) -> Output {
    Command::new(BINARY).args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// A file of this test's own.
pub fn scratch(name: &str) -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let unique =
        format!("leasebox-{}-{}-{name}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    std::env::temp_dir().join(unique)
}

/// What a command printed, and its exit code.
pub fn shown(output: &Output) -> (String, String, Option<i32>) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr), output.status.code())
}

/// Returns the command lines of all processes that have this word in them, but for gradings.
pub fn processes_of(word: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    let is_grading = |line: &str| line.contains("--start") || line.contains("--folder");
    lines.filter(|line| line.contains(word) && !is_grading(line)).collect()
}

/// The text of all sources and tests.
pub fn sources() -> String {
    fn add(folder: &Path, all: &mut String) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                add(&path, all);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                *all += &fs::read_to_string(path).unwrap();
            }
        }
    }
    let mut all = String::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    ["src", "tests"].into_iter().for_each(|folder| add(&root.join(folder), &mut all));
    all
}
