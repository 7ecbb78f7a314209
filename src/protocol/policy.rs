//! The policy: the settings of a server by which it decodes requests and encodes replies.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::log_on::User;
use crate::common::guesses::Guesses;
use crate::protocol::http::site::Site;

/// The settings by which requests are decoded and replies encoded. All connections of a server
/// share them. They never change; only the budget in `guesses` does, and it has its own lock.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The longest message in bytes (`--max-message`).
    pub max_message: usize,
    /// The server serves the course's own client: a draw without a line end takes one number
    /// (`--course`).
    pub course: bool,
    /// The server's host names (`--host`). HTTP accepts them as `Host` beside addresses and
    /// localhost.
    pub hosts: Vec<String>,
    /// The one user of this server; with `None` every client may use it.
    pub user: Option<User>,
    /// The budget of wrong guesses (passwords, and numbers of leases) of all clients together.
    pub guesses: Arc<Guesses>,
    /// The clock for the dates in HTTP's answers; an argument, so that tests can stop it.
    pub clock: fn() -> SystemTime,
    /// The site that HTTP shows in the place of the live page and the resources; `None` shows
    /// those two.
    pub site: Option<Arc<dyn Site>>,
}

impl Policy {
    /// Returns the policy of a server without host names and without a user: every client may use
    /// the server.
    pub fn plain(max_message: usize) -> Self {
        let guesses = Arc::new(Guesses::new(Instant::now()));
        let (course, hosts, user, clock) = (false, Vec::new(), None, SystemTime::now);
        Self { max_message, course, hosts, user, guesses, clock, site: None }
    }
}
