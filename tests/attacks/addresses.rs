//! Strangers that take all places, each by a connection that says nothing; and proxies, which say
//! for whom a connection is.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::folders::is_there;
use crate::support::{Client, Running, numbers, scratch, wait_for};

/// Connects as a proxy does for a client of this address.
fn connect_for(server: &Running, address: &str) -> Client {
    let mut client = server.connect();
    // One that is turned away may be closed already.
    let header = format!("PROXY TCP4 {address} 198.51.100.1 56324 4120\r\n");
    let _ = client.stream.get_mut().write_all(header.as_bytes());
    client
}

fn is_served(client: &mut Client) -> bool {
    let _ = client.stream.get_mut().write_all(b"draw 1\n");
    let line = client.line();
    if line.starts_with("error busy ") {
        return false;
    }
    assert_eq!(numbers(&line).len(), 1, "{line}");
    true
}

#[test]
fn strangers_that_say_nothing_keep_nobody_else_out() {
    let server = Running::start(&["--max-clients", "48", "--trust", "none", "--behind-proxy"]);
    // Each client has its place before the next one connects.
    let crowd_of = |address: &str| {
        let mut crowd = Vec::new();
        for _ in 0..24 {
            let mut client = connect_for(&server, address);
            if !is_served(&mut client) {
                break;
            }
            crowd.push(client);
        }
        crowd
    };
    let mut one = crowd_of("192.0.2.1");
    assert_eq!(one.len(), 24);
    let refused = "error busy your address has all its 24 connections; close one first";
    assert_eq!(connect_for(&server, "192.0.2.1").line(), refused);
    // Those that were turned away may still be leaving.
    let mut other = Vec::new();
    wait_for("all but three places to be taken", || {
        other.extend(crowd_of("192.0.2.2"));
        other.len() >= 21
    });
    assert_eq!(other.len(), 21, "three places are left for new addresses");
    let mut new = connect_for(&server, "192.0.2.3");
    assert!(is_served(&mut new), "a new address");
    // A client that leaves makes room for another one of its address.
    assert!(!is_served(&mut connect_for(&server, "192.0.2.1")));
    drop(one.pop());
    drop((new, other));
    wait_for("a place", || is_served(&mut connect_for(&server, "192.0.2.1")));
}

#[test]
fn this_machine_has_no_limit_of_its_own_unless_it_is_not_trusted() {
    let free = Running::start(&["--max-clients", "20"]);
    let mut crowd: Vec<Client> = (0..20).map(|_| free.connect()).collect();
    assert!(crowd.iter_mut().all(is_served));
    let limited = Running::start(&["--trust", "none", "--max-clients-per-address", "2"]);
    let mut crowd: Vec<Client> = (0..3).map(|_| limited.connect()).collect();
    assert_eq!(crowd.iter_mut().map(is_served).collect::<Vec<_>>(), [true, true, false]);
}

#[test]
fn behind_a_proxy_a_connection_without_its_header_is_refused() {
    let server = Running::start(&["--behind-proxy"]);
    let mut client = server.connect();
    let refused = "error bad-request this server is behind a proxy, and a connection begins with \
                   a PROXY header; let the proxy send one, or serve without --behind-proxy";
    assert_eq!(client.ask("draw 1"), refused);
    assert_eq!(client.rest(), b"");
    // In one piece with its request, and in many.
    let mut client = server.connect();
    for piece in ["PROXY TC", "P4 192.0.2.1 198.51.100.1 1 2\r", "\ndraw 1\nst"] {
        client.send(piece);
    }
    assert_eq!(numbers(&client.line()).len(), 1);
    assert!(client.ask("ats").starts_with("stats numbers=100000 drawn=1 "));
}

#[test]
fn a_client_of_the_proxys_own_address_does_not_count_against_itself() {
    let limits = ["--behind-proxy", "--trust", "none", "--max-clients-per-address", "1"];
    let server = Running::start(&limits);
    assert!(is_served(&mut connect_for(&server, "127.0.0.1")));
}

#[test]
fn behind_a_proxy_administrative_memory_is_shared_by_the_clients_own_addresses() {
    let server = Running::start(&["--behind-proxy", "--admin", "4096"]);
    let mut crowd: Vec<Client> = (0..11).map(|_| connect_for(&server, "192.0.2.1")).collect();
    let joined = |(number, client): (usize, &mut Client)| {
        client.ask(&format!("join p{number} 0")).starts_with("joined ")
    };
    let joined = crowd.iter_mut().enumerate().map(joined).filter(|&is_in| is_in).count();
    assert_eq!(joined, 10, "192 bytes each of 2,048, and room for a block");
    assert!(connect_for(&server, "192.0.2.2").ask("join p 0").starts_with("joined "));
}

/// Asks by curl, and returns the answer.
fn curl(words: &[&str]) -> String {
    let output = Command::new("curl").args(["-sS", "--max-time", "20"]).args(words).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn curl_speaks_as_a_proxy() {
    if !is_there("curl") {
        println!("curl is not installed: left out");
        return;
    }
    let server = Running::start(&["--behind-proxy"]);
    let url = format!("http://{}/stats", server.address);
    assert!(curl(&["--haproxy-protocol", &url]).starts_with("numbers=100000 "));
}

#[test]
fn haproxy_says_who_its_client_is_in_both_versions() {
    if !is_there("haproxy") || !is_there("curl") {
        println!("haproxy or curl is not installed: left out");
        return;
    }
    for send in ["send-proxy", "send-proxy-v2"] {
        let mut command = Command::new(crate::support::BINARY);
        command.args(["serve", "--port", "0", "--behind-proxy"]).env("RUST_LOG", "debug");
        let server = Running::start_command(command);
        let (folder, port) = (scratch("haproxy"), free_port());
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("haproxy.cfg");
        let lines = format!(
            "defaults\n mode tcp\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n\
             listen leasebox\n bind 127.0.0.1:{port}\n server one {} {send}\n",
            server.address
        );
        fs::write(&file, lines).unwrap();
        let mut haproxy = Command::new("haproxy")
            .args(["-db", "-f", file.to_str().unwrap()])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for("haproxy listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        let stats = curl(&[&format!("http://127.0.0.1:{port}/stats")]);
        haproxy.kill().unwrap();
        haproxy.wait().unwrap();
        fs::remove_dir_all(folder).unwrap();
        assert!(stats.starts_with("numbers=100000 "), "{send}: {stats}");
        wait_for("the log names the client", || {
            server.log().contains(" comes from 127.0.0.1, through the proxy")
        });
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
