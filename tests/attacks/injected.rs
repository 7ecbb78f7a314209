//! Failures of the system, injected by `strace`: calls that a thread makes fail now and then. The
//! server goes on, no number comes twice, and whoever gets an answer gets a right one.
//!
//! Two failures happen by themselves elsewhere. A thread whose stack finds no memory (`mmap`): with
//! `ulimit -v`, in `limits.rs`. A short write: with clients that read slowly, in `buffers.rs`. strace
//! cannot shorten a write, it can only leave it out.

use std::collections::HashSet;
use std::io::{BufRead, Write};
use std::process::Command;

use crate::support::folders::is_there;
use crate::support::{BINARY, Client, Running};

/// Starts a server in which `inject` happens; `None` without a `strace` that may trace.
fn with_injected(inject: &str) -> Option<Running> {
    let may_trace = is_there("strace")
        && Command::new("strace")
            .args(["-qq", "-o", "/dev/null", "true"])
            .status()
            .unwrap()
            .success();
    if !may_trace {
        println!("strace is not installed, or may not trace: left out");
        return None;
    }
    let mut command = Command::new("strace");
    let call = inject.split(':').next().unwrap();
    // `-D`: the server is this process's own child, and strace beside it.
    command.args(["-D", "-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
    command.args(["-e", &format!("inject={inject}"), BINARY, "serve", "--port", "0"]);
    Some(Running::start_command(command))
}

/// Draws three times on one connection. Returns what came before the connection ended.
fn drawn(server: &Running) -> Vec<String> {
    let mut client: Client = server.connect();
    let mut lines = Vec::new();
    for _ in 0..3 {
        let _ = client.stream.get_mut().write_all(b"draw 2\n");
        let mut line = String::new();
        if !client.stream.read_line(&mut line).is_ok_and(|length| length > 0) {
            break;
        }
        lines.push(line.trim_end().to_string());
    }
    lines
}

/// Twenty clients draw in turn. Returns how many got all three answers, and the refusals.
fn serves(inject: &str) -> Option<(usize, HashSet<String>)> {
    let mut server = with_injected(inject)?;
    let (mut whole, mut refusals, mut all) = (0, HashSet::new(), Vec::new());
    for _ in 0..20 {
        let lines = drawn(&server);
        let (refused, answers): (Vec<_>, Vec<_>) =
            lines.into_iter().partition(|line| line.starts_with("error "));
        whole += usize::from(answers.len() == 3);
        refusals.extend(refused);
        for answer in answers {
            let numbers: Vec<u32> = answer.split(' ').map(|word| word.parse().unwrap()).collect();
            assert_eq!(numbers.len(), 2, "{inject}: {answer}");
            all.extend(numbers);
        }
    }
    let different: HashSet<u32> = all.iter().copied().collect();
    assert_eq!(different.len(), all.len(), "{inject}: a number came twice");
    server.signal("-TERM");
    assert_eq!(server.wait().code(), Some(0), "{inject}");
    Some((whole, refusals))
}

#[test]
fn calls_that_fail_now_and_then_lose_no_client() {
    // Of each thread the first, or every other call.
    for inject in [
        "recvfrom:error=EINTR:when=1",
        "recvfrom:error=EINTR:when=2+2",
        "sendto:error=EINTR:when=1+2",
        "accept4:error=EINTR:when=1+2",
        "accept4:error=ECONNABORTED:when=1+2",
        "accept4:error=EMFILE:when=3+4",
        "accept4:error=ENOMEM:when=3+4",
        "setsockopt:error=ENOMEM:when=2+2",
    ] {
        let Some((whole, refusals)) = serves(inject) else { return };
        assert_eq!((whole, refusals.len()), (20, 0), "{inject}: {refusals:?}");
    }
}

#[test]
fn a_thread_that_cannot_be_made_is_an_answer() {
    // The call of the accepting thread alone: a client's thread makes fewer.
    for inject in ["clone3:error=EAGAIN:when=8+3", "clone3:error=ENOMEM:when=9+2"] {
        let Some((whole, refusals)) = serves(inject) else { return };
        let told = "error busy the system has no thread left; try again later".to_string();
        assert!(refusals.is_subset(&HashSet::from([told])), "{inject}: {refusals:?}");
        assert!((5..20).contains(&whole), "{inject}: {whole} of 20 were served");
    }
}

#[test]
fn a_write_that_fails_ends_its_own_connection_alone() {
    for error in ["EAGAIN", "EPIPE", "ECONNRESET", "ENOBUFS"] {
        // The third answer of each client.
        let Some((whole, refusals)) = serves(&format!("sendto:error={error}:when=3")) else {
            return;
        };
        assert_eq!((whole, refusals.len()), (0, 0), "{error}");
    }
}
