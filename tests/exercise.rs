//! The exercise of `tests/exercise`: its solution changes two files, and everything knows the command.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use support::scripts::play;
use support::{Running, shown};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let name = entry.unwrap().file_name();
            copy(&from.join(&name), &to.join(&name));
        }
    } else {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    }
}

/// Applies the solution to the copy; returns the files that it changed or made.
fn solve(copy: &Path) -> Vec<String> {
    let patch = include_str!("exercise/touch.patch");
    let mut files = Vec::new();
    for part in patch.split("--- ").skip(1) {
        let (_, file) = part.split_once("+++ ").unwrap();
        let file = file.lines().next().unwrap().trim();
        let path = copy.join(file);
        let before = fs::read_to_string(&path).unwrap_or_default();
        let part = format!("--- {part}");
        let after = diffy::apply(&before, &diffy::Patch::from_str(&part).unwrap());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, after.unwrap_or_else(|error| panic!("{file}: {error}"))).unwrap();
        files.push(file.to_string());
    }
    files
}

/// The sources with the solution, built; what it takes stays in `target`, for the next time.
fn solved() -> (PathBuf, Vec<String>) {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exercise");
    for folder in ["src", "tests", "examples"] {
        let _ = fs::remove_dir_all(place.join(folder));
    }
    let copied = ["src", "benches", "Cargo.toml", "Cargo.lock", "tests/support", "docs"];
    copied.iter().for_each(|part| copy(&Path::new(ROOT).join(part), &place.join(part)));
    let files = solve(&place);
    copy(&Path::new(ROOT).join("tests/exercise/touch.rs"), &place.join("examples/touch.rs"));
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--bins", "--example", "touch"]).current_dir(&place);
    cargo.env("CARGO_TARGET_DIR", place.join("target"));
    // It runs for a second: what takes time is to build it.
    cargo.env("CARGO_PROFILE_DEV_OPT_LEVEL", "0").env("CARGO_PROFILE_DEV_DEBUG", "0");
    assert!(cargo.status().unwrap().success());
    (place, files)
}

#[test]
fn a_new_command_is_two_rows_and_one_function() {
    let (place, files) = solved();
    let of_src = files.iter().filter(|file| file.starts_with("src/")).count();
    assert_eq!((of_src, files.len()), (2, 3), "{files:?}");
    let start = |arguments: &[&str]| {
        let mut command = Command::new(place.join("target/debug/leasebox"));
        command.args(["serve", "--port", "0"]).args(arguments);
        Running::start_command(command)
    };
    let script = files.iter().find(|file| file.starts_with("tests/scripts/")).unwrap();
    play(script, &fs::read_to_string(place.join(script)).unwrap(), start);
    let server = start(&[]);
    let mut client = server.connect();
    assert!(client.ask("help").contains(" touch ID"));

    // Frames in both orders, by the library.
    let port = server.address.port().to_string();
    let library = Command::new(place.join("target/debug/examples/touch")).arg(&port).output();
    let (said, errors, _) = shown(&library.unwrap());
    assert_eq!(said, "Little 64 60000\nBig 64 60000\n", "{errors}");

    // JSON, by HTTP.
    let id = client.ask("lease 64 60000").split(' ').nth(1).unwrap().to_string();
    let mut http = std::net::TcpStream::connect(server.address).unwrap();
    let head = "Host: localhost\r\nAccept: application/json\r\nConnection: close";
    write!(http, "POST /leases/{id}/touch HTTP/1.1\r\n{head}\r\n\r\n").unwrap();
    let mut answer = String::new();
    http.read_to_string(&mut answer).unwrap();
    let (_, json) = answer.split_once("\r\n\r\n").unwrap();
    let expected = format!("{{\"id\":\"{id}\",\"size\":64,\"duration_ms\":60000}}");
    assert_eq!(json.trim_end(), expected, "{answer}");

    // RESP: the words as bulk strings.
    let id = client.ask("lease 64 60000").split(' ').nth(1).unwrap().to_string();
    let mut resp = std::net::TcpStream::connect(server.address).unwrap();
    write!(resp, "*2\r\n$5\r\nTOUCH\r\n$36\r\n{id}\r\n").unwrap();
    let expected = format!("+leased {id} 64 60000\r\n");
    let mut came = vec![0; expected.len()];
    resp.read_exact(&mut came).unwrap();
    assert_eq!(String::from_utf8(came).unwrap(), expected);
}
