//! **Goal** at most once, also after the history has forgotten. **Invariant** a request is executed at most once, however late its copies come; a new client is served.
//!
//! *Predict first:* a copy comes when its entry has just been forgotten. Who can still know that it is a copy?

use std::collections::HashMap;

/// The answer to a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Answered {
    Executed,
    /// A copy: the reply is sent again.
    Repeated,
    /// The server cannot know whether it was executed before, so it does not execute it.
    Refused,
}

/// For each client, by its token: the id of its last request, and when it was last heard.
#[derive(Default)]
pub struct History {
    entries: HashMap<u32, (u32, u64)>,
}

/// The seconds for which an entry is kept after its client was last heard.
pub const KEPT: u64 = 60;

impl History {
    /// Treats a request: the client's token, which was made at `made`, its id, and the time now.
    pub fn ask(&mut self, token: u32, made: u64, id: u32, now: u64) -> Answered {
        self.entries.retain(|_, (_, heard)| now - *heard < KEPT);
        // YOUR TURN: when was this token made? Remove this line.
        let _ = made;
        let (last, heard) = self.entries.entry(token).or_insert((0, now));
        *heard = now;
        if id <= *last {
            return Answered::Repeated;
        }
        *last = id;
        Answered::Executed
    }
}
