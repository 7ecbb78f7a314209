//! `leasebox lesson` over its socket: its answers are those of the library, and it stands what
//! strangers send.

mod support;

use std::fs;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use leasebox::lab::explorer::{Case, Drawer, Stage};
use leasebox::lab::search::{Bound, SearchWay, explore};
use leasebox::lab::space_time::explain;
use leasebox::lab::telling::letters;
use leasebox::lab::weather::{DatagramFault, RequestProtocol, run};
use leasebox::memory::buddy::Buddy;
use leasebox::numbers::locking::Locking;
use proptest::prelude::*;
use support::http::{Response, once};
use support::{Running, STOP, leasebox, scratch};

fn get(server: &Running, target: &str) -> Response {
    once(server, &format!("GET {target}"), "", b"")
}

/// A field of an answer, as JSON writes it: a list or a number, up to its end.
fn field(answer: &str, name: &str) -> String {
    let from = answer.find(&format!("\"{name}\":")).unwrap_or_else(|| panic!("{name}: {answer}"));
    let value = &answer[from + name.len() + 3..];
    let end = if value.starts_with('[') {
        value.find(']').map(|at| at + 1)
    } else {
        value.find([',', '}'])
    };
    value[..end.unwrap()].to_string()
}

fn homework(locking: Locking, increments: bool) -> Case {
    let drawers = vec![Drawer { name: 'A', count: 4 }, Drawer { name: 'B', count: 2 }];
    Case { drawers, locking, reads: false, increments }
}

#[test]
fn what_a_client_has_at_the_end_is_what_its_draw_returned() {
    let server = Running::start_lessons(&[]);
    for (lock, case) in [
        ("none", homework(Locking::None, false)),
        ("increment", homework(Locking::None, true)),
        ("number", homework(Locking::Number, false)),
        ("request", homework(Locking::Request, false)),
    ] {
        let stage = Stage::new(case.clone()).unwrap();
        for seed in 0..12 {
            let schedule = case.schedules().random(&[], seed);
            let explored = stage.run(&schedule).unwrap();
            let moves = letters(&case, &schedule);
            let answer = get(&server, &format!("/race/view?lock={lock}&moves={moves}"));
            let answer = answer.text();
            for (drawer, received) in case.drawers.iter().zip(&explored.received) {
                let from = answer.find(&format!("\"name\":\"{}\"", drawer.name)).unwrap();
                let has = format!("{received:?}").replace(' ', "");
                assert_eq!(field(&answer[from..], "has"), has, "{lock} {moves}");
            }
            let twice = explain(&case, &explored);
            assert_eq!(answer.matches(" came twice: ").count(), twice.len(), "{lock} {moves}");
            for one in twice {
                assert!(answer.contains(&one.why.replace("\n  ", " ")), "{} {answer}", one.why);
            }
        }
    }
}

#[test]
fn the_figures_of_all_schedules_are_those_of_the_search() {
    let server = Running::start_lessons(&[]);
    let case = homework(Locking::None, false);
    let all = Bound { preemptions: None, schedules: u64::MAX };
    let (stage, way) = (Stage::new(case.clone()).unwrap(), SearchWay::FewPreemptionsFirst);
    let found = explore(&case, &stage, way, all, |_| {}).unwrap();
    let answer = get(&server, "/race/all");
    for (name, figure) in [
        ("tried", found.tried),
        ("racy", found.racy),
        ("outcomes", found.outcomes as u64),
        ("most", found.most_duplicates as u64),
    ] {
        assert_eq!(field(answer.text(), name), figure.to_string());
    }
    let smallest = letters(&case, &found.smallest.unwrap().schedule);
    assert_eq!(field(answer.text(), "smallest"), format!("\"{smallest}\""));
    // Too many for a page: some are tried, and that is said.
    let answer = get(&server, "/race/all?clients=A:20,B:20,C:20,D:20,E:20");
    assert_eq!(field(answer.text(), "is_all"), "0");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn the_tree_is_that_of_the_allocator(moves in prop::collection::vec((any::<bool>(), 1_u64..400), 1..30)) {
        let server = Running::start_lessons(&[]);
        let (mut buddy, mut words, mut offsets) = (Buddy::new(1024), Vec::new(), Vec::new());
        for (is_lease, number) in moves {
            if is_lease || offsets.is_empty() {
                words.push(format!("A{number}"));
                offsets.push(buddy.allocate(number).ok().map(|block| block.offset));
            } else {
                let at = number as usize % offsets.len();
                words.push(format!("-{}", at + 1));
                if let Some(offset) = offsets[at].take() {
                    buddy.release(offset).unwrap();
                }
            }
        }
        let answer = get(&server, &format!("/tree/view?moves={}", words.join(".")));
        let filling = buddy.filling();
        for (name, figure) in [("used", filling.used), ("free", filling.free), ("largest_free", filling.largest_free)] {
            prop_assert_eq!(field(answer.text(), name), figure.to_string());
        }
    }
}

#[test]
fn the_weather_is_the_run_of_the_librarys_client_and_the_servers_history() {
    let server = Running::start_lessons(&[]);
    for protocol in RequestProtocol::ALL {
        for (word, fault) in
            [("0L", DatagramFault::Lose), ("1R", DatagramFault::Repeat(std::time::Duration::ZERO))]
        {
            let at = usize::from(word.starts_with('1'));
            let came = run(protocol, &[(at, fault)], false);
            let [name, promise] = protocol.names();
            let promise = promise.replace(' ', "-");
            let answer = get(
                &server,
                &format!("/weather/view?protocol={name}&promise={promise}&moves={word}"),
            );
            assert_eq!(
                field(answer.text(), "executed"),
                came.executed.to_string(),
                "{name} {promise} {word}"
            );
            assert_eq!(field(answer.text(), "burnt"), came.burnt().to_string());
            assert_eq!(field(answer.text(), "kept"), came.kept.to_string());
            assert_eq!(answer.text().matches("\"kind\"").count(), came.passages.len());
        }
    }
}

#[test]
fn strangers_get_a_refusal_with_cause_and_cure() {
    let server = Running::start_lessons(&[]);
    let long = "A".repeat(3000);
    for (target, status, words) in [
        ("/nothing".to_string(), 404, "there is no such page"),
        ("/race/nothing".into(), 404, "there is no such page"),
        ("/draws?n=4".into(), 404, "there is no such page"),
        ("/%ff".into(), 404, "there is no such page"),
        ("/race/view?moves=Z".into(), 400, "undo"),
        ("/race/view?moves=AAAAAAAAA".into(), 400, "undo"),
        ("/race/view?clients=A:1,A:1".into(), 400, "two clients have the same letter"),
        ("/race/view?lock=all".into(), 400, "lock is none, number, request or increment"),
        ("/race/view?x=1".into(), 400, "a parameter is unknown"),
        (format!("/race/view?moves={long}"), 400, "over 2000 bytes"),
        ("/race/random?seed=-1".into(), 400, "seed is no number"),
        ("/tree/view?size=99999999".into(), 400, "size is no number from 32 to 65536"),
        ("/tree/view?moves=A1.%C3%A9".into(), 400, "is no move"),
        ("/weather/view?moves=0%C3%A9".into(), 400, "is no fault"),
        ("/headroom/view?moves=Z:p1".into(), 400, "no such process"),
        ("/headroom/view?moves=A:%C3%A9".into(), 400, "is no move"),
        ("/message/view?moves=Z:join".into(), 400, "is no move"),
        ("/message/view?moves=%C3%A9".into(), 400, "is no move"),
        ("/headroom/view?processes=6".into(), 400, "processes is no number from 2 to 5"),
    ] {
        let answer = get(&server, &target);
        assert_eq!(answer.status, status, "{target}");
        assert!(answer.text().contains(words), "{target}: {}", answer.text());
    }
    assert_eq!(once(&server, "POST /race/view", "", b"").status, 405);
    assert_eq!(once(&server, "POST /race/replay?moves=A", "", b"").status, 404);
    assert_eq!(once(&server, "DELETE /race", "", b"").status, 405);
    let foreign =
        once(&server, "POST /race/replay?moves=A", "Origin: http://evil.example\r\n", b"");
    assert_eq!(foreign.status, 403, "another site's page may not make it replay");
}

#[test]
fn a_page_brings_its_own_rights_and_head_has_its_length() {
    let server = Running::start_lessons(&[]);
    for target in ["/", "/race", "/race.js", "/lessons.css", "/page.css", "/icon.svg"] {
        let answer = get(&server, target);
        assert_eq!(answer.status, 200, "{target}");
        let policy = answer.field("Content-Security-Policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{target}");
        let text = answer.text().to_string();
        assert!(
            !text.contains("https://") && !text.contains("src=\"//"),
            "{target} names another place"
        );
        let head = once(&server, &format!("HEAD {target}"), "", b"");
        assert_eq!(head.field("Content-Length"), answer.field("Content-Length"), "{target}");
    }
}

#[test]
fn the_schedule_of_a_page_is_replayed_on_a_live_lab_server() {
    let lab = Running::start(&["--lab", "--seed", "7"]);
    let server = Running::start_lessons(&["--lab", &lab.address.to_string()]);
    let answer = once(&server, "POST /race/replay?clients=A:2,B:2&moves=AABA", "", b"");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.text().matches("\"twice\":[]").count(), 0, "{}", answer.text());
    assert_eq!(field(answer.text(), "schedule"), "\"AABAABBB\"");
    let refused = once(&server, "POST /race/replay?lock=number&moves=A", "", b"");
    assert!(refused.text().contains("choose lock none"), "{}", refused.text());
}

#[test]
fn replays_that_are_asked_for_at_once_do_not_disturb_each_other() {
    let lab = Running::start(&["--lab"]);
    let server = Running::start_lessons(&["--lab", &lab.address.to_string()]);
    let all = Barrier::new(6);
    let replay = || {
        all.wait();
        once(&server, "POST /race/replay?clients=A:4,B:4&moves=ABABABABABABABAB", "", b"")
    };
    let answers: Vec<_> = thread::scope(|scope| {
        let asked: Vec<_> = (0..6).map(|_| scope.spawn(replay)).collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    for answer in answers {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

#[test]
fn static_pages_have_the_answers_that_the_server_gives() {
    let server = Running::start_lessons(&[]);
    let folder = scratch("lessons");
    let output = leasebox(&["lesson", "--export", folder.to_str().unwrap()]);
    assert!(output.status.success());
    let mut compared = 0;
    for lesson in ["race", "tree", "weather", "headroom", "message"] {
        let script = fs::read_to_string(folder.join(format!("{lesson}-answers.js"))).unwrap();
        let answers = script.split_once("const ANSWERS = {\n").unwrap().1;
        for line in answers.lines().take_while(|line| *line != "};") {
            let (path, answer) = line.trim().trim_end_matches(',').split_once(": ").unwrap();
            let path = path.trim_matches('"');
            assert_eq!(get(&server, &format!("/{path}")).text(), answer, "{path}");
            compared += 1;
        }
    }
    assert!(compared > 60, "{compared}");
    fs::remove_dir_all(&folder).unwrap();
    let nowhere = leasebox(&["lesson", "--export", "/dev/null/x"]);
    assert_eq!(nowhere.status.code(), Some(2));
    let said = String::from_utf8(nowhere.stderr).unwrap();
    assert!(
        said.contains("a page cannot be written") && said.contains("give another folder"),
        "{said}"
    );
}

#[test]
fn the_paths_of_the_headroom_are_those_of_the_manager() {
    let server = Running::start_lessons(&[]);
    let manager =
        Running::start(&["--memory", "32KiB", "--pools", "gl=2048,gp=2048,le=4096,lp=2048"]);
    let mut client = manager.connect();
    assert!(client.ask("join A 2048").starts_with("joined "));
    let mut moves = Vec::new();
    for (word, request) in [
        ("A:r2000", "report 2000"),
        ("A:p1000", "request 1000 pause why"),
        ("A:e3000", "request 3000 efficiency why"),
        ("A:o2000", "request 2000 out-of-memory why"),
        ("A:p2000", "request 2000 pause why"),
        ("A:u900", "request 900 urgent-efficiency why"),
        ("A:c4000", "request 4000 committed why"),
    ] {
        moves.push(word);
        let said = client.ask(request);
        let answer = get(&server, &format!("/headroom/view?processes=2&moves={}", moves.join(".")));
        // A live server says the path at the end of its reply, the lesson in its journal.
        let path = said.rsplit([' ', '=']).next().unwrap();
        if request.starts_with("request") {
            let paths = format!(" by {path}\"");
            assert!(answer.text().contains(&paths), "{word}: {said}\n{}", answer.text());
        }
    }
}

#[test]
fn the_lesson_of_the_message_has_the_words_of_each_step_that_the_tests_have() {
    let rows = include_str!("sessions/steps.rs").lines().filter_map(|line| {
        let (number, words) = line.trim().strip_prefix('(')?.split_once(", \"")?;
        let (_, words) = words.split_once("\", \"")?;
        Some((number.parse::<u16>().ok()?, words.strip_suffix("\"),")?))
    });
    let steps = leasebox::lessons::message::steps::STEPS;
    assert_eq!(rows.collect::<Vec<_>>(), steps.map(|(number, words, _)| (number, words)));
}

#[test]
fn a_stop_does_not_wait_for_questions_that_have_not_begun() {
    let mut server = Running::start_lessons(&[]);
    // Each takes a tenth of a second and more, and two are worked on at a time.
    let question = "GET /race/all?clients=A:1,B:1,C:1,D:1,E:1 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut clients: Vec<_> = (0..60).map(|_| server.connect()).collect();
    clients.iter_mut().for_each(|client| client.send(question));
    // Once one has its answer, all others have been read.
    assert_eq!(support::http::response(&mut clients[0], false).unwrap().status, 200);
    let begun = Instant::now();
    server.signal("-TERM");
    assert_eq!(server.wait().code(), Some(0));
    assert!(begun.elapsed() < STOP, "{:?}", begun.elapsed());
    assert!(!server.log().contains("threads had not ended"), "{}", server.log());
}
