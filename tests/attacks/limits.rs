//! Crowds over the limits of the system: descriptors, address space.

use std::process::Command;

use crate::support::{BINARY, Client, Running, numbers};

#[test]
fn a_client_over_what_the_descriptors_allow_is_told_so() {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 200; exec \"$0\" serve --port 0", BINARY]);
    let server = Running::start_command(command);
    let mut crowd: Vec<Client> = (0..230).map(|_| server.connect()).collect();
    for over in &mut crowd[120..] {
        let line = over.line();
        assert!(line.starts_with("error busy all 120 places are taken"), "{line}");
    }
    assert!(crowd.iter_mut().take(120).all(|client| numbers(&client.ask("draw 1")).len() == 1));
}

#[test]
fn a_limit_of_address_space_ends_no_server() {
    let mut command = Command::new("sh");
    // Enough to start, and not for so many threads.
    command.args(["-c", "ulimit -v 600000; exec \"$0\" serve --port 0", BINARY]);
    let mut server = Running::start_command(command);
    let mut crowd: Vec<Client> = (0..1000).map(|_| server.connect()).collect();
    let busy = "error busy the limit of address space (ulimit -v) leaves no room";
    let is_busy = |client: &mut Client| {
        // One that was turned away may be gone already.
        use std::io::Write;
        let _ = client.stream.get_mut().write_all(b"draw 1\n");
        let line = client.line();
        assert!(line.starts_with(busy) || numbers(&line).len() == 1, "{line}");
        line.starts_with(busy)
    };
    assert!(crowd.iter_mut().map(is_busy).filter(|&is_busy| is_busy).count() > 0);
    drop(crowd);
    server.signal("-TERM");
    assert_eq!(server.wait().code(), Some(0));
}
