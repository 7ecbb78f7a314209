//! A schedule carried out by real clients of a lab server.
//!
//! ```text
//!   race --replay                          serve --lab
//!     A ── draw 4 ────────────────────────► client-2 ┤ parked before load
//!     B ── draw 2 ────────────────────────► client-3 ┤ parked before load
//!     control ── step 2, step 2, step 3 … ► lets one of them do one step
//! ```
//!
//! The server tells who is parked, and each client is made to park before the next one
//! connects: so the new name in that list is its own.
//!
//! **Invariants** a step is asked for only after the one before was done.
//!
//! **Lock** none. **Source** the explorer's counterexample.

use std::fmt;
use std::time::{Duration, Instant};

use crate::client::CallError;
use crate::client::line::LineConnection;
use crate::common::caller::ClientNumber;
use crate::lab::explorer::{Case, Run};

/// How long any one thing may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two looks at who is parked.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// How the server says that a client is not parked.
const NOT_FOUND: &str = "error not-found ";

/// Why a replay failed.
#[derive(Debug)]
pub enum ReplayError {
    /// The connection.
    Call(CallError),
    /// The server said no, in its words.
    Refused(String),
    /// A client did not come to its first step.
    NotParked(char),
    /// What was received is not what the schedule leads to.
    Differs,
}

impl From<CallError> for ReplayError {
    fn from(error: CallError) -> Self {
        ReplayError::Call(error)
    }
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReplayError::Call(error) => write!(f, "the lab server (serve --lab): {error}"),
            ReplayError::Refused(reply) => write!(f, "the server said: {reply}"),
            ReplayError::NotParked(name) => {
                write!(f, "{name}'s draw did not park in time; start the lab server anew")
            }
            ReplayError::Differs => f.write_str(
                "the server's numbers are not those of the schedule: its list is at its end, or \
                 others draw too; start the lab server anew",
            ),
        }
    }
}

impl std::error::Error for ReplayError {}

/// Sends what is answered with the list of parked clients.
fn parked(control: &mut LineConnection, request: &str) -> Result<Vec<ClientNumber>, ReplayError> {
    let reply = control.ask(request.as_bytes())?;
    let reply = String::from_utf8_lossy(&reply);
    let mut words = reply.split(' ');
    if words.next() != Some("parked") {
        return Err(ReplayError::Refused(reply.into_owned()));
    }
    Ok(words.filter_map(|word| word.split(':').next()?.parse().ok()).collect())
}

/// Carries the schedule out; answers the numbers that each client received, in the
/// case's order. They repeat where those of `explored`, the same schedule's run, do.
///
/// # Errors
/// [`ReplayError`]; what was drawn until then is gone.
pub fn replay(
    case: &Case,
    schedule: &[u8],
    explored: &Run,
    host: &str,
    port: u16,
) -> Result<Vec<Vec<u32>>, ReplayError> {
    let mut control = LineConnection::connect(host, port, PATIENCE)?;
    let mut known = parked(&mut control, "parked")?;
    let mut clients = Vec::new();
    for drawer in &case.drawers {
        let mut client = LineConnection::connect(host, port, PATIENCE)?;
        client.send(format!("draw {}", drawer.count).as_bytes())?;
        let number = await_parked(&mut control, &known)?;
        let number = number.ok_or(ReplayError::NotParked(drawer.name))?;
        known.push(number);
        clients.push((client, number));
    }
    for &client in schedule {
        let Some((_, number)) = clients.get(usize::from(client)) else { continue };
        match parked(&mut control, &format!("step {number}")) {
            // It had fewer steps to do: its list was at its end.
            Err(ReplayError::Refused(reply)) if reply.starts_with(NOT_FOUND) => {
                return Err(ReplayError::Differs);
            }
            stepped => stepped?,
        };
    }
    let received: Result<Vec<_>, _> =
        clients.iter_mut().map(|(client, _)| receive_numbers(client)).collect();
    let received = received?;
    if pattern(&received) == pattern(&explored.received) {
        Ok(received)
    } else {
        Err(ReplayError::Differs)
    }
}

fn receive_numbers(client: &mut LineConnection) -> Result<Vec<u32>, ReplayError> {
    let reply = client.receive()?;
    let reply = String::from_utf8_lossy(&reply);
    let numbers: Option<Vec<u32>> = reply.split(' ').map(|word| word.parse().ok()).collect();
    numbers.ok_or_else(|| ReplayError::Refused(reply.into_owned()))
}

/// For each number the place where it came first: equal where the same ones come again.
fn pattern(received: &[Vec<u32>]) -> Vec<Vec<usize>> {
    let all: Vec<u32> = received.concat();
    let place = |number: &u32| all.iter().position(|known| known == number).unwrap_or_default();
    received.iter().map(|numbers| numbers.iter().map(place).collect()).collect()
}

/// The client that is parked and was not before.
fn await_parked(
    control: &mut LineConnection,
    known: &[ClientNumber],
) -> Result<Option<ClientNumber>, ReplayError> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let now = parked(control, "parked")?;
        if let Some(new) = now.into_iter().find(|client| !known.contains(client)) {
            return Ok(Some(new));
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(None)
}
