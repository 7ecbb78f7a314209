//! The command line: its words, its exit codes, its errors on one line.

mod support;

use std::fs::File;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use support::{BINARY, Running, leasebox, scratch, shown};

/// Asserts an exit code and one line on standard error that holds all of `parts`.
fn assert_complains(arguments: &[&str], code: i32, parts: &[&str]) {
    let (stdout, stderr, exit) = shown(&leasebox(arguments));
    assert_eq!((exit, stdout.as_str()), (Some(code), ""), "{arguments:?}: {stderr}");
    assert_eq!(stderr.lines().count(), 1, "{arguments:?}: {stderr}");
    for part in parts {
        assert!(stderr.contains(part), "{arguments:?}: no {part:?} in {stderr}");
    }
}

#[test]
fn every_help_has_an_example() {
    // The commands stand between two headings, each as the first word of its line.
    let (program, ..) = shown(&leasebox(&["--help"]));
    let listed = program.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let words = listed.lines().filter_map(|line| line.split_whitespace().next());
    let commands: Vec<&str> = words.filter(|word| *word != "help").collect();
    assert!(commands.len() >= 14 && commands.contains(&"echo-client"), "{commands:?}");
    for command in commands.into_iter().chain([""]) {
        let words: Vec<&str> = [command, "--help"].into_iter().filter(|w| !w.is_empty()).collect();
        let (stdout, _, code) = shown(&leasebox(&words));
        assert_eq!(code, Some(0));
        assert!(stdout.contains("Examples:\n"), "{command:?}: {stdout}");
        assert!(stdout.lines().all(|line| line.chars().count() <= 100), "{stdout}");
    }
}

#[test]
fn completions_work_in_bash_and_manual_pages_have_their_commands() {
    let (script, _, code) = shown(&leasebox(&["completions", "bash"]));
    assert_eq!(code, Some(0));
    // As bash does it when somebody types `leasebox serve --pid` and the tab key.
    let ask = "COMP_WORDS=(leasebox serve --pid); COMP_CWORD=2; _leasebox leasebox --pid serve; \
               printf '%s\\n' \"${COMPREPLY[@]}\"";
    let whole = format!("{script}\n{ask}\n");
    let output = Command::new("bash").args(["--norc", "-c", &whole]).output().unwrap();
    assert_eq!(shown(&output).0, "--pid-file\n", "{}", shown(&output).1);
    for (words, heading) in [
        (&["man"][..], ".TH leasebox 1"),
        (&["man", "serve"], ".TH leasebox-serve 1"),
        (&["man", "echo-client"], ".TH leasebox-echo-client 1"),
    ] {
        let (page, _, code) = shown(&leasebox(words));
        assert!(code == Some(0) && page.contains(heading), "{page}");
    }
    assert_complains(&["man", "sreve"], 2, &["there is no command sreve", "leasebox --help"]);
}

#[test]
fn the_number_of_the_process_stands_in_its_file_until_the_stop() {
    let file = scratch("server.pid");
    let path = file.to_str().unwrap();
    let mut server = Running::start(&["--pid-file", path]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), format!("{}\n", server.child.id()));
    server.signal("-TERM");
    assert!(server.wait().success());
    assert!(!file.exists(), "the stop removes it");
    // Another server has written its number since: that file stays.
    let mut server = Running::start(&["--pid-file", path]);
    std::fs::write(&file, "1\n").unwrap();
    server.signal("-TERM");
    assert!(server.wait().success());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "1\n");
    std::fs::remove_file(&file).unwrap();
    let nowhere = file.join("server.pid");
    let arguments = ["serve", "--port", "0", "--pid-file", nowhere.to_str().unwrap()];
    let (stdout, stderr, code) = shown(&leasebox(&arguments));
    assert_eq!((stdout.as_str(), code), ("", Some(2)), "{stderr}");
    assert!(stderr.contains("give a file that can be written"), "{stderr}");
}

#[test]
fn wrong_arguments_exit_with_2() {
    let wrong = [
        &[][..],
        &["sreve"],
        &["serve", "--port", "65536"],
        &["serve", "--memory", "1.5MiB"],
        &["serve", "--lock", "none"],
        &["serve", "--max-lease", "5"],
        &["client"],
        &["check"],
        &["check", "--max", "0", "x"],
        &["serve", "--datagram", "8KiB"],
        &["serve", "--udp", "--lab"],
        &["client", "--udp", "--frames", "localhost", "draw", "1"],
        &["client", "--protocol", "rr", "localhost", "draw", "1"],
        &["client", "--timeout", "0s", "localhost", "draw", "1"],
        &["lossy", "--to", "127.0.0.1:1"],
        &["lossy", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:1", "--drop", "1.1"],
        &["lossy", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:1", "--drop", "NaN"],
        &["marshal", "--as", "json", "Smith", "London", "1934"],
        &["marshal", "--as", "xdr", "Smith", "London"],
    ];
    for arguments in wrong {
        assert_eq!(leasebox(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn what_keeps_a_server_from_starting_is_one_line_with_the_cure() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    assert_complains(&["serve", "--port", &port], 2, &["in use", "--port 0"]);
    assert_complains(
        &["serve", "--bind", "192.0.2.77", "--port", "0"],
        2,
        &["no address of this machine", "--bind"],
    );
    assert_complains(
        &["serve", "--bind", "no.such.host.invalid"],
        2,
        &["no known address", "--bind"],
    );
    assert_complains(&["serve", "--memory", "31"], 2, &["--memory 31 bytes", "give 32"]);
    assert_complains(&["serve", "--memory", "1024GiB"], 2, &["does not have", "smaller --memory"]);
    let datagram = ["serve", "--port", "0", "--udp", "--datagram", "65508"];
    assert_complains(&datagram, 2, &["--datagram 65508 bytes", "512 to 65507"]);
    let history = ["serve", "--port", "0", "--udp", "--history-time", "10ms"];
    assert_complains(&history, 2, &["--history-time 10 ms", "1000 to"]);
    let no_port = ["lossy", "--listen", "127.0.0.1", "--to", "127.0.0.1:1"];
    assert_complains(&no_port, 2, &["no ADDRESS:PORT", "127.0.0.1:4121"]);
    assert_complains(&["serve", "--numbers", "0"], 2, &["--numbers 0", "1 to 10000000"]);
}

#[test]
fn a_question_that_could_not_be_put_exits_with_2() {
    let unused =
        TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port().to_string();
    assert_complains(
        &["client", "127.0.0.1", &unused, "draw", "1"],
        2,
        &["no server answers", "leasebox serve"],
    );
    assert_complains(
        &["client", "no.such.host.invalid", "draw", "1"],
        2,
        &["unknown", "IP address"],
    );
    assert_complains(&["client", "localhost", "4120"], 2, &["a command is missing", "--help"]);
    assert_complains(&["client", "localhost", "lease"], 2, &["lease SIZE [MS]"]);
    assert_complains(&["client", "localhost", "lease", "2147483648"], 2, &["SIZE"]);
    assert_complains(&["client", "localhost", "99999", "draw", "1"], 2, &["PORT"]);
    assert_complains(&["client", "localhost", "draw", "1\nquit"], 2, &["one line"]);
    assert_complains(&["check", "no-such-file"], 2, &["no-such-file", "cannot be read"]);
}

#[test]
fn a_command_that_the_server_refuses_exits_with_1() {
    let server = Running::start(&["--memory", "1024", "--numbers", "3"]);
    let refused: [&[&str]; 9] = [
        &["*"],
        &["GET / HTTP/1.1"],
        &["lease", "1025", "5000"],
        &["lease", "-1", "5000"],
        &["get", "5"],
        &["get", "-5"],
        &["set", "5", "text"],
        &["draw", "0"],
        &["nonsense"],
    ];
    for words in refused {
        let (stdout, stderr, code) = shown(&server.client(words));
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{words:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{words:?}: {stderr}");
    }
    let (drawn, _, code) = shown(&server.client(&["DRAW", "9"]));
    assert_eq!((drawn.split(' ').count(), code), (3, Some(0)));
}

#[test]
fn a_full_server_says_so_in_whatever_it_is_asked() {
    let server = Running::start(&["--max-clients", "1"]);
    let mut only = server.connect();
    only.ask("help");
    for words in [&["lease", "64"][..], &["get", "5"], &["draw", "1"]] {
        let (_, stderr, code) = shown(&server.client(words));
        assert_eq!(code, Some(1), "{words:?}: {stderr}");
        assert!(stderr.contains("busy all 1 places are taken"), "{words:?}: {stderr}");
    }
}

#[test]
fn the_client_prints_up_to_the_trailing_zeros_and_escapes_the_rest() {
    let server = Running::start(&[]);
    let (leased, ..) = shown(&server.client(&["lease", "64"]));
    let id = leased.trim().rsplit(' ').next().unwrap();
    assert_eq!(shown(&server.client(&["get", id])).0, format!("Data get for lease {id}: \n"));
    server.client(&["set", id, "a\\b\n\u{e9} "]);
    let expected = format!("Data get for lease {id}: a\\\\b\\n\\xc3\\xa9 \n");
    assert_eq!(shown(&server.client(&["get", id])).0, expected);
    let uuid = server.connect().lease(64, 60_000);
    assert!(server.ask(&format!("set {uuid} ab\\x00\\x00")).ends_with(" 4"));
    assert_eq!(
        shown(&server.client(&["get", &uuid])).0,
        format!("Data get for lease {uuid}: ab\n")
    );
    let (_, stderr, code) = shown(&server.client(&["set", id, &"x".repeat(65)]));
    assert_eq!(code, Some(1));
    assert!(stderr.contains("65 bytes do not fit"), "{stderr}");
}

#[test]
fn a_server_that_is_no_leasebox_is_told_apart() {
    let other = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = other.local_addr().unwrap().port().to_string();
    let answering = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = other.accept().unwrap();
        stream.read_exact(&mut [0; 20]).unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    });
    assert_complains(
        &["client", "127.0.0.1", &port, "lease", "64", "5"],
        2,
        &["no MemoryLease frame"],
    );
    answering.join().unwrap();
}

#[test]
fn check_finds_the_number_that_came_twice() {
    let (a, b) = (scratch("a"), scratch("b"));
    std::fs::write(&a, "5\n19\n228\n7\n").unwrap();
    std::fs::write(&b, "228\n665\n").unwrap();
    let files = [a.to_str().unwrap(), b.to_str().unwrap()];
    let (stdout, _, code) = shown(&leasebox(&["check", files[0], files[1]]));
    assert_eq!(code, Some(1));
    assert!(
        stdout.starts_with(&format!("duplicate 228: {} line 3, {} line 1\n", files[0], files[1]))
    );
    assert!(stdout.ends_with("5 drawn, 1 duplicate, 99995 not drawn\n"), "{stdout}");
    assert_eq!(leasebox(&["check", files[0]]).status.code(), Some(0));
    assert_complains(&["check", files[0], files[0]], 2, &["given twice"]);
    assert_eq!(leasebox(&["check", "--drained", files[0]]).status.code(), Some(1));
    std::fs::write(&a, "no numbers\n").unwrap();
    assert_complains(&["check", files[0]], 2, &["no number was found"]);
    files.iter().for_each(|file| std::fs::remove_file(file).unwrap());
}

#[test]
fn a_full_or_closed_standard_output_is_no_panic() {
    let numbers = scratch("numbers");
    std::fs::write(&numbers, "1\n").unwrap();
    for words in [&["check", numbers.to_str().unwrap()][..], &["--help"], &["--version"]] {
        let run = |stdout: Stdio| {
            let mut command = Command::new(BINARY);
            command.args(words).stdout(stdout);
            shown(&command.stderr(Stdio::piped()).output().unwrap())
        };
        let (_, stderr, code) = run(File::options().write(true).open("/dev/full").unwrap().into());
        assert_eq!(code, Some(2), "{words:?}: {stderr}");
        assert!(stderr.contains("standard output") && stderr.lines().count() == 1, "{stderr}");
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let (_, stderr, code) = run(writer.into());
        assert_eq!((stderr.as_str(), code), ("", Some(0)), "{words:?}");
    }
    std::fs::remove_file(&numbers).unwrap();
}

#[test]
fn numbers_that_were_drawn_and_could_not_be_printed_are_no_success() {
    let server = Running::start(&[]);
    let port = server.address.port().to_string();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(BINARY);
    command.args(["client", "127.0.0.1", &port, "draw", "3"]).stdout(writer);
    let (_, stderr, code) = shown(&command.stderr(Stdio::piped()).output().unwrap());
    assert_eq!((server.figure("drawn"), code), (3, Some(1)));
    assert!(stderr.contains("the answer is lost"), "{stderr}");
}

#[test]
fn pools_accounts_and_debts_are_printed_as_tables() {
    let server = Running::start(&["--memory", "1MiB", "--pools", "gp=64KiB"]);
    let mut process = server.connect();
    let token = process.ask("join demo 1024");
    let token = token.strip_prefix("joined ").unwrap();
    assert!(process.ask("request 1000 pause").starts_with("granted "));
    let say = |words: &[&str]| {
        let (host, port) = (server.address.ip().to_string(), server.address.port().to_string());
        let (flags, words) = words.split_at(if words[0] == "--process" { 2 } else { 0 });
        let output = leasebox(&[&["client"], flags, &[&host, &port], words].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        (text, String::from_utf8(output.stderr).unwrap(), output.status.code())
    };
    let row = |words: &[&str]| words.join(" ");
    let rows = |text: &str| -> Vec<String> {
        text.lines().map(|line| row(&line.split_whitespace().collect::<Vec<_>>())).collect()
    };
    let pools = rows(&say(&["pools"]).0);
    assert_eq!(pools[0], "pool size free freeable given out");
    assert!(pools.contains(&"gp 65536 64512 0 1024".to_string()), "{pools:?}");
    assert!(pools.contains(&"sum 1048576 1046528 0 2048".to_string()), "{pools:?}");
    let accounts = rows(&say(&["accounts"]).0);
    assert_eq!(accounts[0], "demo");
    assert!(accounts.contains(&"owes 1024 0 1024 0 0".to_string()), "{accounts:?}");
    let owed = rows(&say(&["--process", token, "owed"]).0);
    assert_eq!(owed[1], "owed 1024 0 1024 0 0");
    let reported = say(&["--process", token, "report", "512"]);
    assert_eq!((reported.0.as_str(), reported.2), ("reported\n", Some(0)));
    let (_, stderr, exit) = say(&["owed"]);
    assert_eq!(exit, Some(1), "{stderr}");
    assert!(stderr.contains("belongs to no process"), "{stderr}");
    let (_, stderr, exit) = say(&["--process", "nobody", "owed"]);
    assert_eq!(exit, Some(2), "{stderr}");
}
