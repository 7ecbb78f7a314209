//! A replay: real clients carry out a schedule on a lab server, over their sockets.
//!
//! ```text
//!   race --replay                          serve --lab
//!     A ── draw 4 ────────────────────────► client-2 ┤ parked before load
//!     B ── draw 2 ────────────────────────► client-3 ┤ parked before load
//!     control ── step 2, step 2, step 3 … ► lets one of them do one step
//! ```
//!
//! The explorer finds a schedule on threads of its own. The replay shows that it is also a fault of
//! the server: two real clients receive the same number in their replies.
//!
//! The server gives each client a number, and does not tell the client. So the clients connect one
//! after the other, each when the client before it is parked: then the new number in the reply to
//! `parked` is the number of the new client. For this, no other program may draw from the server
//! meanwhile.
//!
//! **Invariants** a step is sent only after the reply to the step before. So one step is under way
//! at a time, as in the explorer.
//!
//! **Lock** none: one thread, with one connection for each client and one for the control.
//!
//! **Simplified** the server and the explorer have different lists, so their numbers differ. Only
//! the pattern of repeated numbers is compared. A client stays parked for at most 60 s
//! before each step; a schedule that makes a client wait longer fails.
//!
//! **Source** the explorer's counterexample ([`crate::lab::explorer`]).

use std::time::{Duration, Instant};

use crate::client::CallError;
use crate::client::wire::Wire;
use crate::common::caller::ClientNumber;
use crate::lab::explorer::{Case, Stage};

/// The limit of each call on a connection, and of the wait until a new client is parked.
const CALL_LIMIT: Duration = Duration::from_secs(10);

/// The time between two requests for the list of parked clients.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// The error for numbers that repeat in other places than in the explorer's run, and for a client
/// that is not parked when its step comes.
const DIFFERS: &str = "the server's numbers are not those of the schedule: its list is at its end, or \
     others draw too; start the lab server anew";

/// Returns the error for a connection that failed, or a reply that did not come in time.
fn failed(error: CallError) -> String {
    format!("the lab server (serve --lab): {error}")
}

/// Returns the error for a server that refused, with its reply.
fn refused(reply: &str) -> String {
    format!("the server said: {reply}")
}

/// Sends a request on the control connection, and returns the reply.
fn ask(control: &mut Wire, request: &str) -> Result<String, String> {
    let reply = control.ask_line(request.as_bytes()).map_err(failed)?;
    Ok(String::from_utf8_lossy(&reply).into_owned())
}

/// Returns the client numbers of the reply to `parked` or `step`, such as 2 and 3 of `parked 2:load
/// 3:store`.
///
/// # Errors
/// Fails with the text of any other reply.
fn parked(reply: &str) -> Result<Vec<ClientNumber>, String> {
    let mut words = reply.split(' ');
    if words.next() != Some("parked") {
        return Err(refused(reply));
    }
    // The step behind the colon is not needed: the schedule says which client is next. A lab server
    // sends a number before each colon, so `filter_map` leaves no client out.
    Ok(words.filter_map(|word| word.split(':').next()?.parse().ok()).collect())
}

/// Carries out `schedule` on the lab server and returns the numbers that each client received, in
/// the order of [`Case::drawers`].
///
/// `schedule` names only clients of the case. The explorer runs it first, on `stage`. On success
/// the numbers repeat in the same places as in that run.
///
/// # Errors
/// Fails with a text of one sentence. The numbers that were drawn before the failure are gone from
/// the server's list. The draws that are still parked go on when the server's limit of 60 s is
/// over, and take more numbers.
pub fn replay(
    case: &Case,
    stage: &Stage,
    schedule: &[u8],
    host: &str,
    port: u16,
) -> Result<Vec<Vec<u32>>, String> {
    let explored = stage.run(schedule)?;
    let mut control = Wire::connect(host, port, CALL_LIMIT).map_err(failed)?;
    // Clients of other programs may be parked already. Their numbers are none of the new ones.
    let mut known = parked(&ask(&mut control, "parked")?)?;
    let mut clients = Vec::new();
    for drawer in &case.drawers {
        let mut client = Wire::connect(host, port, CALL_LIMIT).map_err(failed)?;
        client.send_line(format!("draw {}", drawer.count).as_bytes()).map_err(failed)?;
        let number = await_parked(&mut control, &known, drawer.name)?;
        known.push(number);
        clients.push((client, number));
    }
    for &client in schedule {
        let Some((_, number)) = clients.get(usize::from(client)) else { continue };
        let reply = ask(&mut control, &format!("step {number}"))?;
        // The client is not parked. Either the server's list had ended, so the draw had fewer steps
        // than the schedule; or the client was parked for 60 s, the server's limit, and went on.
        if reply.starts_with("error not-found ") {
            return Err(DIFFERS.into());
        }
        parked(&reply)?;
    }
    // The replies are read only after all steps. The server replies to a client after the client's
    // last step. If this thread waited for a reply before that, it would send no further step.
    let received = clients.iter_mut().map(|(client, _)| receive_numbers(client));
    let received = received.collect::<Result<Vec<_>, _>>()?;
    if pattern(&received) == pattern(&explored.received) {
        Ok(received)
    } else {
        Err(DIFFERS.into())
    }
}

/// Receives a client's reply and returns its numbers.
///
/// # Errors
/// Fails with the connection's error, or with the text of a reply that is not all numbers.
fn receive_numbers(client: &mut Wire) -> Result<Vec<u32>, String> {
    let reply = client.receive_line().map_err(failed)?;
    let reply = String::from_utf8_lossy(&reply);
    let numbers: Option<Vec<u32>> = reply.split(' ').map(|word| word.parse().ok()).collect();
    numbers.ok_or_else(|| refused(&reply))
}

/// Replaces each number by the place where it came first among all clients' numbers. Two results
/// have equal patterns if the same places hold equal numbers:
///
/// ```text
///   5 19 228 665 │ 228 7      ──►   0 1 2 3 │ 2 5
///   8  3  41   9 │  41 6      ──►   0 1 2 3 │ 2 5       another list, the same race
/// ```
///
/// The search takes quadratic time, which is fast enough for the 100 numbers of the largest case.
/// The search finds each number, at the latest at its own place, so the default is not used.
fn pattern(received: &[Vec<u32>]) -> Vec<Vec<usize>> {
    let all: Vec<u32> = received.concat();
    let place = |number: &u32| all.iter().position(|known| known == number).unwrap_or_default();
    received.iter().map(|numbers| numbers.iter().map(place).collect()).collect()
}

/// Waits until a client is parked that is not in `known`, and returns its number. `name` is the
/// client's letter, for the error.
///
/// # Errors
/// Fails as [`ask`] and [`parked`] do, and if no new client is parked after [`CALL_LIMIT`]. The
/// last request of the wait may take as long again.
fn await_parked(
    control: &mut Wire,
    known: &[ClientNumber],
    name: char,
) -> Result<ClientNumber, String> {
    let deadline = Instant::now() + CALL_LIMIT;
    while Instant::now() < deadline {
        let now = parked(&ask(control, "parked")?)?;
        if let Some(new) = now.into_iter().find(|client| !known.contains(client)) {
            return Ok(new);
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Err(format!("{name}'s draw did not park in time; start the lab server anew"))
}
