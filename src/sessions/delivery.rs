//! The outcome of a message whose sender waits for its receipt.
//!
//! **Lock** the tables. **Source** ours: `deliver` is a send that waits.

use crate::sessions::Engine;
use crate::sessions::message::{Delivery, MessageId};
use crate::sessions::words::SessionId;

impl<H: Clone, W: Clone> Engine<'_, H, W> {
    /// The outcome of a message whose sender waits. The sender asks until it is final.
    pub fn delivery(&mut self, id: MessageId) -> Delivery {
        let delivery =
            self.sessions.deliveries.get(&id).map_or(Delivery::Lost, |(_, delivery)| *delivery);
        if delivery != Delivery::Waiting {
            self.sessions.deliveries.remove(&id);
        }
        delivery
    }

    /// Says what became of a message, if somebody waits for that.
    pub(super) fn settle(&mut self, id: MessageId, became: Delivery) {
        if let Some((by, delivery)) = self.sessions.deliveries.get_mut(&id)
            && *delivery == Delivery::Waiting
        {
            *delivery = became;
            let by = *by;
            self.processes.wake(by);
        }
    }

    /// Takes a message back that nobody has received: its sender waits no longer. Answers what
    /// became of it.
    pub fn withdraw(&mut self, session: SessionId, id: MessageId) -> Delivery {
        let became = self.delivery(id);
        if became == Delivery::Waiting {
            self.sessions.deliveries.remove(&id);
            self.take_from_inboxes(session, id);
        }
        became
    }
}
