//! Answers that a format gives by itself, and bytes without a request: no service sees either.
//!
//! **Lock** none. **Source** ours.

use crate::server::buffers::NoRoom;
use crate::server::connection::Connection;

impl Connection<'_> {
    /// Appends an answer that the format gives by itself, such as RESP's `PONG`. With `used` 0 it
    /// is HTTP's `100 Continue`, which comes before the request is whole.
    ///
    /// # Errors
    /// Fails if there is no room for it; the connection then closes without it.
    pub(super) fn append_own(&mut self, answer: Vec<u8>, used: usize) -> Result<(), NoRoom> {
        self.holding.grow_for_own(answer.len())?;
        self.output.attach(answer);
        self.input.consume(used);
        if used > 0 {
            self.answered += 1;
            self.patience.request_done();
        }
        Ok(())
    }

    /// Drops the first `used` bytes of the input, which hold no request.
    pub(super) fn skip(&mut self, used: usize) {
        self.input.consume(used);
        self.patience.request_done();
    }
}
