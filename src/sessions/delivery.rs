//! The outcome of a message whose sender waits for its receipt.
//!
//! ```text
//!                        ┌─ the other end begins to receive it, or forwards it ─► Received
//!   deliver ─► Waiting ──┼─ the other end closes, or the sender's process ends ─► Lost
//!                        └─ its time is over, or its client has gone: withdraw ─► taken back
//! ```
//!
//! The reader, and the sender whose time is over, race for the message. Both need the tables' lock,
//! so one of them is first, and the other sees that. Without one lock for both, the sender could be
//! told "taken back" for a message that the reader has.
//!
//! **Invariants** an outcome changes at most once, from `Waiting` to a final one. It is removed
//! when its sender has read the final one or withdraws the message, and when the sender's process
//! ends.
//!
//! **Lock** the tables.
//!
//! **Simplified** the message counts as received when the reader's copy *begins*, also if the
//! reader ends during the copy. A bigger system would wait for the reader to acknowledge the
//! message.
//!
//! **Source** ours: `deliver` is a send that waits.

use crate::sessions::Engine;
use crate::sessions::message::{Delivery, MessageId};
use crate::sessions::words::SessionId;

impl<W: Clone> Engine<'_, W> {
    /// Returns the outcome of a message whose sender waits, and forgets it when it is final: a
    /// second call would return `Lost`. The sender's thread calls this each time that it is woken.
    /// No outcome is left when the sender's process has ended; that is `Lost` too.
    pub fn delivery(&mut self, id: MessageId) -> Delivery {
        let delivery =
            self.sessions.deliveries.get(&id).map_or(Delivery::Lost, |(_, delivery)| *delivery);
        if delivery != Delivery::Waiting {
            self.sessions.deliveries.remove(&id);
        }
        delivery
    }

    /// Records the outcome of a message and wakes its sender. Does nothing for a message without a
    /// waiting sender, and nothing when the outcome is final: the first one holds.
    pub(super) fn settle(&mut self, id: MessageId, outcome: Delivery) {
        if let Some((by, delivery)) = self.sessions.deliveries.get_mut(&id)
            && *delivery == Delivery::Waiting
        {
            *delivery = outcome;
            let by = *by;
            self.processes.wake(by);
        }
    }

    /// Takes a message back, unless its outcome is final. Returns that outcome, or `Waiting` when
    /// the message was taken back.
    pub fn withdraw(&mut self, session: SessionId, id: MessageId) -> Delivery {
        let outcome = self.delivery(id);
        if outcome == Delivery::Waiting {
            self.sessions.deliveries.remove(&id);
            self.take_from_inbox(session, id);
        }
        outcome
    }
}
