//! The lecture's own examples: its clients against our echo servers, its `Person` in each
//! external data representation, and a JDK as a strict peer where there is one.

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread;

use support::{BINARY, PATIENCE, announced, leasebox, scratch, shown, wait_for};

/// A running `leasebox echo`, killed at the end of the test.
struct Echo {
    child: Child,
    tcp: SocketAddr,
    udp: SocketAddr,
    log: PathBuf,
}

impl Echo {
    fn start(arguments: &[&str]) -> Self {
        let log = scratch("echo");
        let mut command = Command::new(BINARY);
        let stderr = std::fs::File::create(&log).unwrap();
        let (child, line) = announced(command.arg("echo").args(arguments), stderr);
        let words: Vec<&str> = line.trim().split(' ').collect();
        let why = || std::fs::read_to_string(&log).unwrap();
        let address = |at: usize| words.get(at).and_then(|word| word.parse().ok());
        let (tcp, udp) = (address(5), address(10));
        let tcp = tcp.unwrap_or_else(|| panic!("{line:?}: {}", why()));
        Self { child, tcp, udp: udp.unwrap(), log }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.log);
    }
}

const FREE: [&str; 4] = ["--tcp", "0", "--udp", "0"];

fn utf(text: &[u8]) -> Vec<u8> {
    [&(text.len() as u16).to_be_bytes()[..], text].concat()
}

#[test]
fn strings_come_back_over_tcp_until_the_client_closes() {
    let echo = Echo::start(&FREE);
    let mut stream = TcpStream::connect(echo.tcp).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    for text in [&b"hello"[..], b"", "h\u{e9}llo".as_bytes(), &[b'x'; 65_535]] {
        stream.write_all(&utf(text)).unwrap();
        let mut came = vec![0; 2 + text.len()];
        stream.read_exact(&mut came).unwrap();
        assert_eq!(came, utf(text));
    }
    let own = stream.local_addr().unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
    wait_for("the log", || echo.log().contains(&format!("{own} closed")));
    assert!(echo.log().contains(&format!("{own} connected")));
}

#[test]
fn what_readutf_throws_at_closes_the_connection_and_harms_nobody() {
    let echo = Echo::start(&FREE);
    for (wrong, why) in [
        (utf(&[0xff]), "no modified UTF-8"),
        (utf(&[0; 40_000]), "too long for writeUTF"),
        (b"\x00\x05hi".to_vec(), "unexpected end of file"),
        (b"\x00".to_vec(), "unexpected end of file"),
    ] {
        let mut stream = TcpStream::connect(echo.tcp).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(&wrong).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(stream.read_to_end(&mut Vec::new()).unwrap(), 0);
        wait_for(why, || echo.log().contains(why));
    }
    let mut stream = TcpStream::connect(echo.tcp).unwrap();
    stream.write_all(&utf(b"hi")).unwrap();
    let mut came = [0; 4];
    stream.read_exact(&mut came).unwrap();
    assert_eq!(came, *b"\0\x02hi");
}

#[test]
fn all_bytes_of_a_datagram_come_back() {
    let echo = Echo::start(&FREE);
    let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.connect(echo.udp).unwrap();
    let mut buffer = vec![0; 65_536];
    for length in [0, 1, 1000, 1001, 8192, 65_507] {
        let sent: Vec<u8> = (0..length).map(|at| at as u8).collect();
        socket.send(&sent).unwrap();
        let came = socket.recv(&mut buffer).unwrap();
        assert!(buffer[..came] == sent, "{length}: {came} came");
    }
    let own = socket.local_addr().unwrap();
    wait_for("the log", || echo.log().contains(&format!("{own} sent 65507 bytes")));
}

#[test]
fn more_connections_than_there_are_places_are_closed() {
    let echo = Echo::start(&FREE);
    let mut open: Vec<TcpStream> =
        (0..256).map(|_| TcpStream::connect(echo.tcp).unwrap()).collect();
    let last = open.last_mut().unwrap();
    last.write_all(&utf(b"hi")).unwrap();
    last.read_exact(&mut [0; 4]).unwrap();
    let mut over = TcpStream::connect(echo.tcp).unwrap();
    over.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(over.read(&mut [0; 1]).unwrap(), 0);
    drop(open);
    wait_for("a place", || {
        let mut stream = TcpStream::connect(echo.tcp).unwrap();
        stream.write_all(&utf(b"hi")).is_ok() && stream.read_exact(&mut [0; 4]).is_ok()
    });
}

/// Else two echo servers on two machines would echo one forged datagram for ever, and so would
/// one that is bound to all interfaces.
#[test]
fn what_claims_to_come_from_the_servers_own_port_number_is_not_echoed() {
    let echo = Echo::start(&FREE);
    let same_port = UdpSocket::bind(("127.0.0.9", echo.udp.port())).unwrap();
    same_port.set_read_timeout(Some(std::time::Duration::from_millis(100))).unwrap();
    same_port.send_to(b"again", echo.udp).unwrap();
    let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.send_to(b"hi", echo.udp).unwrap();
    // An echo of the first would have come before this one's.
    assert_eq!(socket.recv(&mut [0; 10]).unwrap(), 2);
    assert!(same_port.recv(&mut [0; 10]).is_err());
}

#[test]
fn a_port_in_use_is_said_and_a_signal_ends_it() {
    let mut echo = Echo::start(&FREE);
    let (tcp, udp) = (echo.tcp.port().to_string(), echo.udp.port().to_string());
    for arguments in [["--tcp", &tcp, "--udp", "0"], ["--tcp", "0", "--udp", &udp]] {
        let (_, stderr, code) = shown(&leasebox(&[&["echo"], &arguments[..]].concat()));
        assert_eq!(code, Some(2), "{stderr}");
        assert!(stderr.contains("cannot listen") && stderr.contains(" 0"), "{stderr}");
    }
    let pid = echo.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(echo.child.wait().unwrap().success());
}

// --- marshalling -----------------------------------------------------------------------

const FORMS: [&str; 5] = ["xdr", "cdr-be", "cdr-le", "java", "xml"];

#[test]
fn marshal_prints_the_encoding_and_a_line_for_each_part() {
    let figure = "00000005536d697468000000000000064c6f6e646f6e00000000078e";
    let (stdout, _, code) =
        shown(&leasebox(&["marshal", "--as", "xdr", "Smith", "London", "1934"]));
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!((code, lines[0], lines.len()), (Some(0), figure, 4), "{stdout}");
    for (line, begin, word) in [
        (lines[1], "00000005536d697468000000 ", "\"Smith\""),
        (lines[2], "000000064c6f6e646f6e0000 ", "\"London\""),
        (lines[3], "0000078e ", "1934"),
    ] {
        assert!(line.starts_with(begin) && line.contains(word), "{line}");
    }
    for form in &FORMS[..4] {
        let (stdout, ..) = shown(&leasebox(&["marshal", "--as", form, "Smith", "London", "1934"]));
        let (first, rest) = stdout.split_once('\n').unwrap();
        let parts: String = rest.lines().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(parts, first, "{form}: the parts are the whole");
    }
    let long = "x".repeat(40_000);
    let (stdout, stderr, code) = shown(&leasebox(&["marshal", "--as", "xdr", &long, "", "0"]));
    assert_eq!((code, stdout.lines().count()), (Some(0), 4), "{stderr}");
    let (xml, ..) = shown(&leasebox(&["marshal", "--as", "xml", "Smith", "London", "1934"]));
    assert!(xml.starts_with("<?xml ") && xml.contains("<place>London</place>"), "{xml}");
}

#[test]
fn what_marshal_writes_unmarshal_reads() {
    let file = scratch("person");
    let place = file.to_str().unwrap();
    for form in FORMS {
        let raw = leasebox(&["marshal", "--as", form, "--raw", "Smith", "London", "-44"]);
        std::fs::write(&file, &raw.stdout).unwrap();
        let (stdout, stderr, code) = shown(&leasebox(&["unmarshal", "--as", form, place]));
        let expected = "Person Name: Smith\nPerson Place: London\nPerson Year: -44\n";
        assert_eq!((stdout.as_str(), stderr.as_str(), code), (expected, "", Some(0)), "{form}");
        let other = FORMS[(FORMS.iter().position(|&name| name == form).unwrap() + 1) % 5];
        let (_, stderr, code) = shown(&leasebox(&["unmarshal", "--as", other, place]));
        assert_eq!(code, Some(2), "{form} as {other}");
        assert!(stderr.contains(place) && stderr.lines().count() == 1, "{stderr}");
    }
    // A name that would steer the terminal is shown and not obeyed.
    let odd = leasebox(&["marshal", "--as", "xdr", "--raw", "\u{1b}[31mred", "London", "1934"]);
    std::fs::write(&file, &odd.stdout).unwrap();
    let (stdout, ..) = shown(&leasebox(&["unmarshal", "--as", "xdr", place]));
    assert!(stdout.starts_with("Person Name: \\u{1b}[31mred\n"), "{stdout}");
    std::fs::write(&file, vec![0; (1 << 20) + 1]).unwrap();
    let (_, stderr, code) = shown(&leasebox(&["unmarshal", "--as", "xdr", place]));
    assert!(code == Some(2) && stderr.contains("longer than"), "{stderr}");
    std::fs::remove_file(&file).unwrap();
    assert_eq!(leasebox(&["unmarshal", "--as", "xdr", place]).status.code(), Some(2));
    for wrong in ["2147483648", "x", "1934.5"] {
        let status = leasebox(&["marshal", "--as", "xdr", "Smith", "London", wrong]).status;
        assert_eq!(status.code(), Some(2), "{wrong}");
    }
}

fn echoed(kind: &str, server: SocketAddr, text: &str) -> (String, String, Option<i32>) {
    let (host, port) = (server.ip().to_string(), server.port().to_string());
    shown(&leasebox(&["echo-client", kind, "--timeout", "10s", &host, &port, text]))
}

#[test]
fn our_echo_client_talks_to_our_echo_servers() {
    let echo = Echo::start(&FREE);
    for text in ["hello", "", "h\u{e9}llo \u{1f600}", &"x".repeat(60_000)] {
        let (tcp, udp) = (echoed("--tcp", echo.tcp, text), echoed("--udp", echo.udp, text));
        assert_eq!(tcp, (format!("Received: {text}\n"), String::new(), Some(0)));
        assert_eq!(udp, (format!("Reply: {text}\n"), String::new(), Some(0)));
    }
    let (_, stderr, code) = echoed("--tcp", echo.tcp, &"x".repeat(65_536));
    assert!(code == Some(2) && stderr.contains("at most 65535"), "{stderr}");
    let (_, stderr, code) = echoed("--udp", echo.udp, &"x".repeat(65_508));
    assert!(code == Some(2) && stderr.contains("at most 65507"), "{stderr}");
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    let late = ["echo-client", "--tcp", "--timeout", "50ms", "127.0.0.1", &port, "hello"];
    assert_eq!(leasebox(&late).status.code(), Some(2), "it accepts, and does not answer");
    let liar = thread::spawn(move || {
        let mut stream = silent.incoming().flatten().nth(1).unwrap();
        stream.write_all(b"\0\x01\xff").unwrap();
    });
    let (_, stderr, code) = echoed("--tcp", format!("127.0.0.1:{port}").parse().unwrap(), "hello");
    assert!(code == Some(2) && stderr.contains("is that an echo server?"), "{stderr}");
    liar.join().unwrap();
    assert_eq!(leasebox(&["echo-client", "localhost", "1", "hello"]).status.code(), Some(2));
    for kind in ["--tcp", "--udp"] {
        let (_, stderr, code) =
            shown(&leasebox(&["echo-client", kind, "no.such.host.invalid", "1", "hello"]));
        assert!(code == Some(2) && !stderr.contains("of this machine"), "{stderr}");
    }
}

// --- a JDK -----------------------------------------------------------------------------

/// The folder of the compiled classes; `None` where there is no JDK.
fn classes() -> Option<&'static Path> {
    static CLASSES: OnceLock<Option<PathBuf>> = OnceLock::new();
    let classes = CLASSES.get_or_init(|| compiled("java", &java_files("tests/java"))).as_deref();
    if classes.is_none() {
        // Past the test harness, which keeps the output of tests that pass to itself.
        let _ = writeln!(std::io::stderr(), "skipped: javac is not installed (see .ci/run)");
    }
    classes
}

fn java_files(folder: &str) -> Vec<PathBuf> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    std::fs::read_dir(sources).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Compiles sources into a folder of that name; `None` without a compiler.
fn compiled(name: &str, files: &[PathBuf]) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let output = Command::new("javac").arg("-d").arg(&folder).args(files).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(folder)
}

fn java(classes: &Path, words: &[&str]) -> Output {
    let utf_8 = "-Dfile.encoding=UTF-8";
    let mut command = Command::new("java");
    command.args(["-Xshare:auto", utf_8, "-Dsun.jnu.encoding=UTF-8", "-cp"]).arg(classes);
    command.args(words).env("LC_ALL", "C.UTF-8").output().unwrap()
}

#[test]
fn the_lectures_clients_talk_to_our_echo_servers() {
    let Some(classes) = classes() else { return };
    // Their ports are fixed; an address of the loopback network of this test's own is not.
    let pid = std::process::id();
    let host = format!("127.{}.{}.{}", 1 + (pid >> 16) % 250, (pid >> 8) % 256, 1 + pid % 250);
    let echo = Echo::start(&["--bind", &host]);
    assert_eq!((echo.tcp.port(), echo.udp.port()), (7896, 6789));
    let (stdout, stderr, _) = shown(&java(classes, &["TCPClient", "h\u{e9}llo", &host]));
    assert_eq!(stdout, "Received: h\u{e9}llo\n", "{stderr}");
    let (stdout, stderr, _) = shown(&java(classes, &["UDPClient", "hello", &host]));
    // Its slips: the whole buffer is printed, and of non-ASCII text too little is sent.
    let expected = format!("Reply: hello{}\n", "\0".repeat(995));
    assert_eq!(stdout, expected, "{stderr}");
    let (stdout, stderr, _) = shown(&java(classes, &["UDPClient", "h\u{e9}llo", &host]));
    assert!(stdout.starts_with("Reply: h\u{e9}ll\0"), "{stdout:?} {stderr}");
}

#[test]
fn a_jdk_writes_what_we_write_and_reads_it() {
    let Some(classes) = classes() else { return };
    let file = scratch("jdk");
    let place = file.to_str().unwrap();
    let long = "x".repeat(66_000);
    for (name, town, year) in [
        ("Smith", "London", "1934"),
        ("", "\u{20ac} \u{1f600}", "-44"),
        (long.as_str(), "h\u{e9}", "2147483647"),
    ] {
        let ours = leasebox(&["marshal", "--as", "java", "--raw", name, town, year]).stdout;
        let written = java(classes, &["WritePerson", place, name, town, year]);
        assert!(written.status.success(), "{}", shown(&written).1);
        assert!(std::fs::read(&file).unwrap() == ours, "{town}: the JDK writes other bytes");
        let (stdout, ..) = shown(&leasebox(&["unmarshal", "--as", "java", place]));
        let expected = format!("Person Name: {name}\nPerson Place: {town}\nPerson Year: {year}\n");
        assert!(stdout == expected, "{town}");
        std::fs::write(&file, &ours).unwrap();
        let (stdout, stderr, _) = shown(&java(classes, &["ReadPerson", place]));
        assert!(stdout == format!("{name}\n{town}\n{year}\n"), "{town}: {stderr}");
    }
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn a_jdk_writes_and_reads_a_person_with_telephone_numbers_as_we_do() {
    if classes().is_none() {
        return;
    }
    let classes = compiled("java-telephones", &java_files("tests/java_telephones")).unwrap();
    let file = scratch("telephones");
    let place = file.to_str().unwrap();
    let person = ["Smith", "h\u{e9}", "1934"];
    let numbers = ["7946-0123", "", "\u{20ac}"];
    let options = numbers.map(|number| ["--telephone", number]).concat();
    let ours =
        leasebox(&[&["marshal", "--as", "java", "--raw"], &options[..], &person].concat()).stdout;
    let written =
        java(&classes, &[&["Telephones", "write", place], &person[..], &numbers].concat());
    assert!(written.status.success(), "{}", shown(&written).1);
    assert!(std::fs::read(&file).unwrap() == ours, "the JDK writes other bytes");
    let (stdout, stderr, _) = shown(&leasebox(&["unmarshal", "--as", "java", place]));
    let lines = numbers.map(|number| format!("Person Telephone: {number}\n")).concat();
    let expected = format!("Person Name: Smith\nPerson Place: h\u{e9}\nPerson Year: 1934\n{lines}");
    assert_eq!(stdout, expected, "{stderr}");
    std::fs::write(&file, &ours).unwrap();
    let (stdout, stderr, _) = shown(&java(&classes, &["Telephones", "read", place]));
    assert_eq!(stdout, "Smith\nh\u{e9}\n1934\n7946-0123\n\n\u{20ac}\n", "{stderr}");
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn the_lectures_own_class_reads_what_we_write_and_we_read_what_it_writes() {
    if classes().is_none() {
        return;
    }
    let mut files = java_files("tests/java_lecture");
    let programs = ["WritePerson.java", "ReadPerson.java"];
    files.extend(
        java_files("tests/java")
            .into_iter()
            .filter(|file| programs.iter().any(|p| file.ends_with(p))),
    );
    let classes = compiled("java-lecture", &files).unwrap();
    let told = Command::new("serialver").arg("-classpath").arg(&classes).arg("Person").output();
    let (told, stderr, _) = shown(&told.unwrap());
    let uid = told.trim().rsplit([' ', ';']).find(|word| !word.is_empty()).expect(&stderr);
    let file = scratch("lectures-class");
    let place = file.to_str().unwrap();
    let person = ["Smith", "London", "1934"];
    let fixed = ["marshal", "--as", "java", "--address", "--uid", uid, "--raw"];
    let ours = leasebox(&[&fixed[..], &person].concat()).stdout;
    std::fs::write(&file, &ours).unwrap();
    let (stdout, stderr, _) = shown(&java(&classes, &["ReadPerson", place]));
    assert_eq!(stdout, "Smith\nLondon\n1934\n", "{uid}: {stderr}");
    let written = java(&classes, &[&["WritePerson", place][..], &person].concat());
    assert!(written.status.success(), "{}", shown(&written).1);
    assert!(std::fs::read(&file).unwrap() == ours, "the JDK writes other bytes");
    let (stdout, ..) = shown(&leasebox(&["unmarshal", "--as", "java", place]));
    assert_eq!(stdout, "Person Name: Smith\nPerson Place: London\nPerson Year: 1934\n");
    // With another uid, or with the field place, that class refuses.
    for wrong in [&["--address"][..], &["--uid", uid]] {
        let wrong = leasebox(&[&["marshal", "--as", "java", "--raw"], wrong, &person].concat());
        std::fs::write(&file, &wrong.stdout).unwrap();
        let (stdout, ..) = shown(&java(&classes, &["ReadPerson", place]));
        assert_ne!(stdout, "Smith\nLondon\n1934\n");
    }
    std::fs::remove_file(&file).unwrap();
}

/// A server of the lecture on a port of its own, ended with the test.
struct JavaServer {
    child: Child,
    address: SocketAddr,
}

impl JavaServer {
    /// Starts a server, and waits until it echoes. Another program may take the free port before
    /// it does; then it ends, and the next port is tried.
    fn start(classes: &Path, class: &str, kind: &str) -> Self {
        loop {
            let free = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
            let mut command = Command::new("java");
            command.arg("-cp").arg(classes).args([class, &free.port().to_string()]);
            let child = command.stdout(Stdio::null()).spawn().unwrap();
            let mut server = Self { child, address: free };
            let mut has_ended = false;
            wait_for("a server of the lecture", || {
                has_ended = server.child.try_wait().unwrap().is_some();
                let (host, port) = (free.ip().to_string(), free.port().to_string());
                let ask = ["echo-client", kind, "--timeout", "200ms", &host, &port, "?"];
                has_ended || leasebox(&ask).status.success()
            });
            if !has_ended {
                return server;
            }
        }
    }
}

impl Drop for JavaServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn our_echo_client_talks_to_the_lectures_servers() {
    let Some(classes) = classes() else { return };
    let tcp = JavaServer::start(classes, "TCPServer", "--tcp");
    let (stdout, stderr, code) = echoed("--tcp", tcp.address, "h\u{e9}llo \u{1f600}");
    assert_eq!((stdout.as_str(), code), ("Received: h\u{e9}llo \u{1f600}\n", Some(0)), "{stderr}");
    let udp = JavaServer::start(classes, "UDPServer", "--udp");
    let (stdout, stderr, code) = echoed("--udp", udp.address, "h\u{e9}llo");
    assert_eq!((stdout.as_str(), code), ("Reply: h\u{e9}llo\n", Some(0)), "{stderr}");
    // Its buffer has 1000 bytes, and the rest is lost on the way.
    let (stdout, ..) = echoed("--udp", udp.address, &"x".repeat(1500));
    assert_eq!(stdout, format!("Reply: {}\n", "x".repeat(1000)));
}
