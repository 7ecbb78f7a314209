//! The other resources, their methods and forms; connections; the log-on.

use crate::support::http::{ask, once, response};
use crate::support::{Running, numbers};

#[test]
fn draws_come_in_the_forms_that_are_wanted() {
    let arguments = ["--seed", "7", "--numbers", "12"];
    let list = numbers(&Running::start(&arguments).ask("draw 12"));
    let server = Running::start(&arguments);
    let mut client = server.connect();
    let drawn = ask(&mut client, "POST /draws?n=4", "", b"");
    assert_eq!(
        (drawn.status, drawn.text()),
        (200, &*format!("{} {} {} {}\n", list[0], list[1], list[2], list[3]))
    );
    let json = ask(&mut client, "POST /draws?n=2", "Accept: application/json\r\n", b"");
    assert_eq!(json.text(), format!("{{\"numbers\":[{},{}]}}", list[4], list[5]));
    let xml = ask(&mut client, "POST /draws?n=2", "Accept: application/xml\r\n", b"");
    let declared = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
    let (one, two) = (list[6], list[7]);
    let numbers = format!("<numbers><number>{one}</number><number>{two}</number></numbers>");
    assert_eq!(xml.text(), format!("{declared}<draw>{numbers}</draw>"));
    assert_eq!(ask(&mut client, "POST /draws?n=99", "", b"").status, 200);
    let none = ask(&mut client, "POST /draws?n=1", "", b"");
    assert_eq!(none.status, 410);
    assert!(none.text().starts_with("error exhausted "));
    let table = ask(&mut client, "GET /table?rows=2&which=last", "", b"");
    assert_eq!(table.text(), format!("10:1:{} 11:1:{}\n", list[10], list[11]));
    let table = ask(&mut client, "GET /table?rows=1", "Accept: application/json\r\n", b"");
    assert_eq!(
        table.text(),
        format!("{{\"rows\":[{{\"counter\":0,\"client\":1,\"result\":{}}}]}}", list[0])
    );
}

#[test]
fn what_there_is_can_be_read_and_holds_no_id() {
    let server = Running::start(&["--memory", "4096"]);
    let mut process = server.connect();
    process.ask("join alice 256");
    let mut other = server.connect();
    other.ask("join bob 256");
    let session = process.ask("open bob").split(' ').nth(1).unwrap().to_string();
    assert!(process.ask(&format!("send {session} hello")).starts_with("sent "));
    let lease = server.connect().lease(100, 60_000);
    let mut client = server.connect();
    for path in [
        "/stats",
        "/tree",
        "/pools",
        "/processes",
        "/sessions",
        "/leases",
        "/connections",
        "/blocks",
        "/table",
    ] {
        for accept in ["text/plain", "application/json", "application/xml"] {
            let answer =
                ask(&mut client, &format!("GET {path}"), &format!("Accept: {accept}\r\n"), b"");
            assert_eq!(answer.status, 200, "{path} as {accept}");
            assert!(answer.field("Content-Type").unwrap().starts_with(accept));
            assert!(!answer.text().contains(&lease) && !answer.text().contains(&session));
            let head =
                ask(&mut client, &format!("HEAD {path}"), &format!("Accept: {accept}\r\n"), b"");
            assert_eq!(head.status, 200);
        }
    }
    let get =
        |path: &str| once(&server, &format!("GET {path}"), "Accept: application/json\r\n", b"");
    let metrics = get("/metrics");
    assert!(metrics.field("Content-Type").unwrap().starts_with("text/plain; version=0.0.4"));
    assert!(metrics.text().contains("\nleasebox_memory_bytes 4096\n"), "{}", metrics.text());
    let leases = get("/leases");
    let shown = format!("\"size\":100,\"id\":\"{}…\"", &lease[..3]);
    assert!(
        leases.text().contains("\"total\":1") && leases.text().contains(&shown),
        "{}",
        leases.text()
    );
    let sessions = get("/sessions");
    let pair = "{\"opener\":\"alice\",\"opener_end\":\"open\",\"opener_waiting\":0,\
                \"other\":\"bob\",\"other_end\":\"open\",\"other_waiting\":1}";
    assert!(sessions.text().contains(pair), "{}", sessions.text());
    let connections = get("/connections");
    assert!(
        connections.text().contains("\"speaks\":\"http\",\"does\":\"answering\""),
        "{}",
        connections.text()
    );
    assert!(connections.text().contains("\"process\":\"alice\""), "{}", connections.text());
    process.send("wait 60000\n");
    crate::support::wait_for("a process that waits", || {
        get("/connections").text().contains("\"speaks\":\"text\",\"does\":\"waiting\"")
    });
    assert!(get("/tree").text().starts_with("{\"picture\":\"(4096 "));
}

#[test]
fn every_resource_says_which_methods_it_has() {
    let server = Running::start(&[]);
    let mut client = server.connect();
    for path in
        ["/", "/page.js", "/draws", "/table", "/leases", "/leases/7", "/stats", "/connections"]
    {
        let options = ask(&mut client, &format!("OPTIONS {path}"), "", b"");
        let allowed: Vec<&str> = options.field("Allow").unwrap().split(", ").collect();
        assert_eq!(options.status, 200);
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"] {
            let answer = ask(&mut client, &format!("{method} {path}"), "", b"");
            let is_refused = answer.status == 405;
            assert_eq!(is_refused, !allowed.contains(&method), "{method} {path}");
            if is_refused {
                assert_eq!(answer.field("Allow"), options.field("Allow"), "{method} {path}");
            }
        }
    }
}

#[test]
fn the_page_and_its_files_are_served() {
    let server = Running::start(&[]);
    for (path, kind) in [
        ("/", "text/html"),
        ("/index.html", "text/html"),
        ("/page.css", "text/css"),
        ("/page.js", "text/javascript"),
        ("/icon.svg", "image/svg+xml"),
        ("/icon.png", "image/png"),
        ("/favicon.ico", "image/png"),
    ] {
        let page = once(&server, &format!("GET {path}"), "", b"");
        assert_eq!(page.status, 200);
        assert!(page.field("Content-Type").unwrap().starts_with(kind));
        let policy = page.field("Content-Security-Policy").unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        let again = once(
            &server,
            &format!("GET {path}"),
            &format!("If-None-Match: {}\r\n", page.field("ETag").unwrap()),
            b"",
        );
        assert_eq!((again.status, again.body.len()), (304, 0));
    }
}

#[test]
fn a_file_of_the_page_has_the_fields_of_the_lectures_answer_and_comes_in_parts_too() {
    let server = Running::start(&[]);
    let get = |fields: &str| once(&server, "GET /icon.png", fields, b"");
    let whole = get("");
    assert_eq!(&whole.body[1..4], b"PNG");
    for field in ["Date", "Server", "Last-Modified", "ETag", "Content-Length", "Content-Type"] {
        assert!(whole.field(field).is_some(), "{field}");
    }
    assert_eq!(whole.field("Accept-Ranges"), Some("bytes"));
    let since = format!("If-Modified-Since: {}\r\n", whole.field("Last-Modified").unwrap());
    assert_eq!(get(&since).status, 304);
    let part = get("Range: bytes=1-3\r\n");
    assert_eq!((part.status, part.text()), (206, "PNG"));
    let range = format!("bytes 1-3/{}", whole.body.len());
    assert_eq!(part.field("Content-Range"), Some(range.as_str()));
    assert_eq!(get("Range: bytes=99999-\r\n").status, 416);
    let head = once(&server, "HEAD /icon.png", "Range: bytes=1-3\r\n", b"");
    assert_eq!((head.status, head.field("Content-Length")), (200, whole.field("Content-Length")));
    assert_eq!(get("Range: bytes=1-3\r\nIf-Range: \"x\"\r\n").status, 200);
}

#[test]
fn parameters_come_in_a_form_too() {
    const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
    let server = Running::start(&["--list", "5,19,228,665,7,11"]);
    let post = |target: &str, fields: &str, body: &[u8]| {
        let answer = once(&server, &format!("POST {target}"), fields, body);
        (answer.status, answer.text().to_string())
    };
    assert_eq!(post("/draws", FORM, b"n=3"), (200, "5 19 228\n".into()));
    let upper = "Content-Type: Application/X-WWW-Form-Urlencoded; charset=UTF-8\r\n";
    assert_eq!(post("/draws", upper, b"n=%31"), (200, "665\n".into()));
    let (status, lease) = post("/leases", FORM, b"duration=5000&size=64");
    assert_eq!((status, lease.ends_with(" 64 5000\n")), (201, true));
    for (target, fields, body, refused) in [
        ("/draws?n=1", FORM, &b"n=1"[..], 400),
        ("/draws", FORM, b"m=1", 400),
        ("/draws", FORM, b"n=1&n=1", 400),
        ("/draws", "", b"n=1", 400),
        ("/draws", "Content-Type: text/plain\r\n", b"n=1", 400),
    ] {
        assert_eq!(post(target, fields, body).0, refused, "{target} {fields} {body:?}");
    }
    let chunked = "POST /draws HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n";
    let mut client = server.connect();
    client.send(format!("{chunked}{FORM}\r\n3\r\nn=1\r\n0\r\n\r\n"));
    assert_eq!(response(&mut client, false).unwrap().status, 411);
    let evil = format!("{FORM}Origin: http://evil.example\r\n");
    assert_eq!(post("/draws", &evil, b"n=1").0, 403, "a form of another site");
    assert_eq!(post("/draws", FORM, b"n=9"), (200, "7 11\n".into()), "nothing else was drawn");
}

#[test]
fn a_target_as_the_lecture_prints_it_names_the_host_too() {
    let server = Running::start(&["--host", "www.dcs.qmw.ac.uk"]);
    let get = |target: &str| once(&server, &format!("GET {target}"), "", b"").status;
    assert_eq!(get("//www.dcs.qmw.ac.uk/index.html"), 200);
    assert_eq!(get("http://www.dcs.qmw.ac.uk/index.html"), 200);
    assert_eq!(get("//www.dcs.qmw.ac.uk"), 200);
    assert_eq!(get("//evil.example/index.html"), 403);
    assert_eq!(get("//www.dcs.qmw.ac.uk/nothing"), 404);
}

#[test]
fn a_connection_goes_on_or_ends_as_was_agreed() {
    let server = Running::start(&[]);
    let first = |version: &str, field: &str| {
        let mut client = server.connect();
        client.send(format!("OPTIONS * {version}\r\nHost: localhost\r\n{field}\r\n").repeat(2));
        let answers = (0..3).map_while(|_| response(&mut client, false)).take(2).count();
        if answers == 1 {
            assert!(client.rest().is_empty());
        }
        answers
    };
    assert_eq!(first("HTTP/1.1", ""), 2);
    assert_eq!(first("HTTP/1.1", "Connection: close\r\n"), 1);
    assert_eq!(first("HTTP/1.0", ""), 1);
    assert_eq!(first("HTTP/1.0", "Connection: keep-alive\r\n"), 2);
}

#[test]
fn requests_sent_ahead_are_answered_in_their_order() {
    let server = Running::start(&["--seed", "7"]);
    let one = numbers(&server.ask("draw 300"));
    let server = Running::start(&["--seed", "7"]);
    let mut client = server.connect();
    client.send("POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(300));
    let drawn: Vec<u32> = (0..300)
        .flat_map(|_| numbers(response(&mut client, false).unwrap().text().trim_end()))
        .collect();
    assert_eq!(drawn, one);
}

#[test]
fn the_user_is_let_in_and_nobody_else() {
    let file = std::env::temp_dir().join(format!("leasebox-password-{}", std::process::id()));
    std::fs::write(&file, "open sesame\nnot this line\n").unwrap();
    let server = Running::start(&["--user", "ada", "--password-file", file.to_str().unwrap()]);
    let none = once(&server, "POST /draws?n=1", "", b"");
    assert_eq!(none.status, 401);
    assert!(none.field("WWW-Authenticate").unwrap().starts_with("Basic realm="));
    // ada:open sesame, and ada:open sesamf
    let with = |letters: &str| {
        once(&server, "POST /draws?n=1", &format!("Authorization: Basic {letters}\r\n"), b"")
    };
    assert_eq!(with("YWRhOm9wZW4gc2VzYW1l").status, 200);
    assert_eq!(with("YWRhOm9wZW4gc2VzYW1m").status, 401);
    let mut resp = server.connect();
    resp.send("*2\r\n$4\r\ndraw\r\n$1\r\n1\r\n");
    assert!(resp.line().starts_with("-NOAUTH "));
    resp.send(
        "*3\r\n$4\r\nAUTH\r\n$3\r\nada\r\n$11\r\nopen sesame\r\n*2\r\n$4\r\ndraw\r\n$1\r\n1\r\n",
    );
    assert_eq!((resp.line(), resp.line()), ("+OK\r".into(), "*1\r".into()));
    let text = server.ask("draw 1");
    assert!(text.starts_with("error refused this server wants a log-on"), "{text}");
    let mut frames = server.connect();
    frames.send(b"\x89LBX\x02\x01\x01\0\x07\0\0\0\x08\0\0\0\x01\0\0\0\0\0\0\0");
    let answer = frames.rest();
    assert!(
        answer.starts_with(b"\x89LBX\x02\x01\xff\x07\x07\0\0\0"),
        "refused, by its id: {answer:02x?}"
    );
    // Whoever has not logged on fills no memory: the header is enough.
    let mut long = server.connect();
    long.send(b"\x89LBX\x02\x01\x04\0\x09\0\0\0\0\0\0\x01");
    assert!(long.rest().starts_with(b"\x89LBX\x02\x01\xff\x07\x09\0\0\0"));
    let mut long = server.connect();
    long.send("PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 33554432\r\n\r\n");
    assert_eq!(response(&mut long, false).unwrap().status, 401);
    assert!(response(&mut long, false).is_none());
    let mut old = server.connect();
    old.send([1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0, 0, 1, 0, 0]);
    let refused = [[2, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0], [0xff; 12]].concat()[..16].to_vec();
    assert_eq!(old.rest(), refused, "-1, as MemoryLease says no");
    assert!(!server.whole_log().contains("sesame"));
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn a_server_with_a_user_tells_what_is_wrong_with_it_before_it_starts() {
    let refused = |arguments: &[&str]| {
        let output = crate::support::leasebox(&[&["serve", "--port", "0"], arguments].concat());
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refused(&["--user", "ada"]).contains("--password-file"));
    assert!(
        refused(&["--user", "ada", "--password-file", "/no/such/file"]).contains("cannot be read")
    );
    assert!(
        refused(&["--user", "ada", "--password-file", "/dev/null"])
            .contains("a password has 1 to 256")
    );
    let endless = refused(&["--user", "ada", "--password-file", "/dev/zero"]);
    assert!(endless.contains("a password has 1 to 256"), "{endless}");
    assert!(refused(&["--user", "a:b", "--password-file", "/etc/hostname"]).contains("no colon"));
    let udp = refused(&["--udp", "--user", "ada", "--password-file", "/etc/passwd"]);
    assert!(udp.contains("datagrams have no log-on"), "{udp}");
}

#[test]
fn the_word_to_go_on_is_no_answer() {
    let server = Running::start(&[]);
    let mut waiting = server.connect();
    waiting.send("PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    assert_eq!(response(&mut waiting, false).unwrap().status, 100);
    let rows = || {
        let list = once(&server, "GET /connections", "", b"");
        list.text().split(' ').nth(2).unwrap().to_string()
    };
    // Its thread says so when it listens again.
    crate::support::wait_for("its gauge", || rows().starts_with("1,http,listening,"));
    assert!(rows().starts_with("1,http,listening,0,"), "{}", rows());
    waiting.send("hi");
    assert_eq!(response(&mut waiting, false).unwrap().status, 404);
    crate::support::wait_for("its answer", || rows().starts_with("1,http,listening,1,"));
}

#[test]
fn connections_are_listed_in_the_order_in_which_they_came() {
    let server = Running::start(&[]);
    let clients: Vec<_> = (0..30).map(|_| server.connect()).collect();
    server.await_figure("clients", 31);
    let list = server.ask("list connections");
    let numbers = list.split(' ').skip(4).map(|row| row.split(',').next().unwrap());
    let numbers: Vec<u64> = numbers.map(|number| number.parse().unwrap()).collect();
    assert!(numbers.len() >= clients.len() && numbers.is_sorted(), "{list}");
}
