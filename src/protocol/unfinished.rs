//! Requests that are not whole: silence may end them, or the server gives them up.
//!
//! **Lock** none. **Source** ours.

use crate::commands::Reply;
use crate::common::error::{Code, Error};
use crate::protocol::choice::choose;
use crate::protocol::output::Output;
use crate::protocol::{Conversation, FormatState, Tail};

impl Conversation<'_> {
    /// Returns whether a silence of 100 ms after `input` would end a request
    /// ([`text::unended`](super::text::unended)).
    pub fn awaits_quiet(&self, input: &[u8]) -> bool {
        match &self.format {
            Some(FormatState::Text(text)) => text.awaits_quiet(input),
            _ => false,
        }
    }

    /// Appends an error for a request that was not whole within its time limit. A MemoryLease
    /// client gets none, because its frames have no error message.
    pub fn too_slow(&mut self, input: &[u8], timeout_ms: u128, out: &mut Output) {
        let text = format!("the request was not whole after {timeout_ms} ms; send it at once");
        self.give_up(input, Error::new(Code::BadRequest, text), out);
    }

    /// Appends an error for a request that will never be whole: the client is too slow, or the
    /// server has no memory for the rest. The caller closes the connection afterwards.
    pub fn give_up(&mut self, input: &[u8], error: Error, out: &mut Output) {
        // The format may still be undecided. `Tail::Ended` makes the choice without more bytes, so
        // that the error has a form that the client can read.
        if self.format.is_none() {
            self.format = choose(input, Tail::Ended, self.policy, self.client);
        }
        match &mut self.format {
            // MemoryLease frames have no error message.
            Some(FormatState::MemoryLease(_)) => {}
            Some(FormatState::Http(http)) => http.give_up(input, &error, self.policy, out),
            _ => self.encode(&mut Reply::Error(error), out),
        }
    }
}
