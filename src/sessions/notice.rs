//! The notices about sessions that a process has yet to hear. A notice is *heard* when a `wait`
//! takes it. (The notices about processes that join and end are in [`super::changes`].)
//!
//! ```text
//!   waiting      1 opened S a │ 2 message S 5 │ 4 closed T │ …      in the order of their numbers;
//!                                               3 was withdrawn: its message was received
//!                                               before the notice was told
//!   of_session   (S, Opened) ─► 1    (T, Closed) ─► 4               one number for each kind
//!   over         0 to 256 numbers                                   of sessions that are over
//! ```
//!
//! A plain queue would grow without a bound for a process that never sends `wait`. Here most
//! notices that no longer hold are removed, and notices of one kind become one: 100 times `blocked`
//! in one session is one notice, and the losses of 1, 2 and 3 messages are one `lost` of 6.
//!
//! **Invariants**
//!
//! 1. A notice is withdrawn (removed before it is told) when its message has left the inbox, or
//!    when its session has ended before the process heard `opened`. `blocked` and `unblocked` stay
//!    until their session is over, also when the room has changed since.
//! 2. At most one notice of each [`Kind`] waits for each session.
//! 3. At most [`MAX_OVER`] notices of sessions that are over are kept. A process with more of them
//!    misses the oldest.
//! 4. Each number in `of_session` stands in `waiting` too.
//!
//! So a process keeps no more notices than one for each message in its inboxes, five for each of
//! its sessions, and [`MAX_OVER`].
//!
//! **Lock** the tables. **Cost** O(log n) for each call.
//!
//! **Simplified** a client does not acknowledge a notice: it counts as heard when it is taken. All
//! notices have one priority.
//!
//! **Source** `interprocess-communication-patent.txt`, step 516; the bound is ours.

use std::collections::{BTreeMap, VecDeque};

use crate::common::caller::ClientNumber;
use crate::common::error::Error;
use crate::cooperative::process::ProcessNumber;
use crate::sessions::Engine;
use crate::sessions::words::{Notice, SessionId, Told};

/// The number of a notice. The engine counts from 1 and gives each number once, so the smaller one
/// is the older one. It uses 0 for a notice to a process that has ended: to withdraw 0 does
/// nothing.
pub(super) type NoticeNumber = u64;

/// The most notices that are kept of sessions that are over. All other notices are bounded by the
/// messages and sessions that exist; only this constant bounds those of ended sessions.
const MAX_OVER: usize = 256;

/// The kind of a notice about a session. Notices of one kind and session become one. `message` has
/// no kind, because each message has its own notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Opened,
    Blocked,
    Unblocked,
    Lost,
    Closed,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Opened, Self::Blocked, Self::Unblocked, Self::Lost, Self::Closed];
}

/// The notices of one process.
#[derive(Debug, Default)]
pub(super) struct Notices {
    /// Notices that were not taken yet. The smallest number is the oldest.
    waiting: BTreeMap<NoticeNumber, Notice>,
    /// The notice that waits for a session and a kind, while the session is not over.
    of_session: BTreeMap<(SessionId, Kind), NoticeNumber>,
    /// The numbers of notices of sessions that are over, oldest first. A number stays here after
    /// its notice was told; to withdraw a notice that was told does nothing.
    over: VecDeque<NoticeNumber>,
}

/// Returns the session and the kind of a notice, by which a later notice joins an earlier one;
/// `None` for a notice that is never joined with another.
fn key(notice: &Notice) -> Option<(SessionId, Kind)> {
    match *notice {
        Notice::Opened { session, .. } => Some((session, Kind::Opened)),
        Notice::Blocked { session } => Some((session, Kind::Blocked)),
        Notice::Unblocked { session } => Some((session, Kind::Unblocked)),
        Notice::Lost { session, .. } => Some((session, Kind::Lost)),
        Notice::Closed { session } => Some((session, Kind::Closed)),
        Notice::Message { .. } | Notice::Joined { .. } | Notice::Left { .. } | Notice::Missed => {
            None
        }
    }
}

impl Notices {
    /// Adds a notice of that number, and returns the number. If a notice of the same session and
    /// kind waits already, adds none and returns the number of the waiting one; the counts of two
    /// `lost` add up.
    pub fn add(&mut self, number: NoticeNumber, notice: Notice) -> NoticeNumber {
        let key = key(&notice);
        // The older one keeps its place. If it moved to the end each time, a sender that is blocked
        // over and over would keep the notice behind all others.
        if let Some(&before) = key.and_then(|key| self.of_session.get(&key)) {
            if let (Some(Notice::Lost { count, .. }), Notice::Lost { count: more, .. }) =
                (self.waiting.get_mut(&before), notice)
            {
                *count += more;
            }
            return before;
        }
        self.of_session.extend(key.map(|key| (key, number)));
        self.waiting.insert(number, notice);
        number
    }

    /// Removes the notice of a message, or of a session that is over. Does nothing when it was
    /// taken already.
    pub fn withdraw(&mut self, number: NoticeNumber) {
        self.waiting.remove(&number);
    }

    /// Returns the number of the notice that [`Notices::next`] takes; `None` if none waits.
    pub fn first(&self) -> Option<NoticeNumber> {
        self.waiting.first_key_value().map(|(&number, _)| number)
    }

    /// Takes the oldest notice: the one with the smallest number.
    pub fn next(&mut self) -> Option<Notice> {
        let (_, notice) = self.waiting.pop_first()?;
        // The process hears of this one now, so a later one of its kind needs a number of its own.
        if let Some(key) = key(&notice) {
            self.of_session.remove(&key);
        }
        Some(notice)
    }

    /// Removes the `opened` of a session. The process knows of the session already: it has used the
    /// session, or got a list of its sessions.
    pub fn drop_opened(&mut self, session: SessionId) {
        if let Some(number) = self.of_session.remove(&(session, Kind::Opened)) {
            self.waiting.remove(&number);
        }
    }

    /// Returns whether the process has yet to hear that the session was opened.
    pub fn is_unheard(&self, session: SessionId) -> bool {
        self.of_session.contains_key(&(session, Kind::Opened))
    }

    /// Removes all notices of a session that wait, except those of its messages: they are withdrawn
    /// when the messages are taken out of the inbox.
    pub fn forget(&mut self, session: SessionId) {
        for number in self.take_numbers_of(session) {
            self.waiting.remove(&number);
        }
    }

    /// Marks a session as over. Removes `blocked` and `unblocked`, which ask the process to do
    /// something in the session; `lost` and `closed` are still told.
    pub fn end_session(&mut self, session: SessionId) {
        for kind in [Kind::Blocked, Kind::Unblocked] {
            if let Some(number) = self.of_session.remove(&(session, kind)) {
                self.waiting.remove(&number);
            }
        }
        // From here on these notices are bounded by `MAX_OVER` and not by the session, which is
        // gone.
        let numbers = self.take_numbers_of(session);
        self.over.extend(numbers);
        while self.over.len() > MAX_OVER {
            let oldest = self.over.pop_front();
            oldest.into_iter().for_each(|oldest| self.withdraw(oldest));
        }
    }

    /// Takes the numbers of a session's notices, except those of its messages, out of `of_session`.
    fn take_numbers_of(&mut self, session: SessionId) -> Vec<NoticeNumber> {
        let numbers =
            Kind::ALL.into_iter().filter_map(|kind| self.of_session.remove(&(session, kind)));
        numbers.collect()
    }

    /// Returns the count of notices that wait.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }
}

impl<W: Clone> Engine<'_, W> {
    /// Adds a notice for a process, and wakes its threads that wait. Returns the notice's number;
    /// 0, which no notice has, when the process has ended.
    pub(super) fn notify(&mut self, number: ProcessNumber, notice: Notice) -> NoticeNumber {
        let next = self.next();
        let registered =
            self.sessions.registered.get_mut(&number).filter(|process| !process.has_ended);
        let Some(registered) = registered else { return 0 };
        let number_of_notice = registered.notices.add(next, notice);
        // The engine signals with its own duplicate of the handle (step 422). A process without a
        // thread that sleeps needs no signal: its next `wait` looks before it sleeps.
        let event = registered.event.clone();
        if self.processes.has_sleepers(number) {
            self.processes.wake_by(event);
        }
        number_of_notice
    }

    /// Takes the next signal to `client`'s process. Signals of the memory manager come before
    /// notices, because `collect` has a deadline.
    ///
    /// # Errors
    /// `refused` when the client belongs to no process.
    pub fn next_signal(&mut self, client: ClientNumber) -> Result<Option<Told>, Error> {
        if let Some(signal) = self.processes.next_signal(client)? {
            return Ok(Some(Told::Signal(signal)));
        }
        let number = self.processes.number_of(client)?;
        let Some(registered) = self.sessions.registered.get_mut(&number) else { return Ok(None) };
        // Changes and notices have numbers from one counter. The older one is told first.
        let change = self.sessions.changes.next(number, registered.notices.first());
        Ok(change.or_else(|| registered.notices.next()).map(Told::Notice))
    }

    /// Returns whether [`Engine::next_signal`] would return a signal or a notice.
    pub fn has_signal(&mut self, client: ClientNumber) -> bool {
        let Ok(number) = self.processes.number_of(client) else { return false };
        let registered = self.sessions.registered.get(&number);
        self.processes.has_signal(number)
            || registered.is_some_and(|process| process.notices.first().is_some())
            || self.sessions.changes.has_unread(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::id::LeaseId;

    /// Adds a notice with the number behind the last one.
    fn add(notices: &mut Notices, last: &mut NoticeNumber, notice: Notice) -> NoticeNumber {
        *last += 1;
        notices.add(*last, notice)
    }

    fn all(notices: &mut Notices) -> Vec<Notice> {
        std::iter::from_fn(|| notices.next()).collect()
    }

    #[test]
    fn of_each_kind_there_is_one_for_a_session_and_losses_add_up() {
        let (mut notices, mut last) = (Notices::default(), 0);
        let session = LeaseId::from_number(1);
        for count in 1..=3 {
            add(&mut notices, &mut last, Notice::Blocked { session });
            add(&mut notices, &mut last, Notice::Lost { session, count });
            add(&mut notices, &mut last, Notice::Unblocked { session });
        }
        assert_eq!(notices.len(), 3);
        notices.end_session(session);
        assert_eq!(all(&mut notices), [Notice::Lost { session, count: 6 }]);
        add(&mut notices, &mut last, Notice::Blocked { session });
        assert_eq!(
            notices.next(),
            Some(Notice::Blocked { session }),
            "it was told, so there may be another"
        );
        add(&mut notices, &mut last, Notice::Opened { session, name: "a".into() });
        add(&mut notices, &mut last, Notice::Closed { session });
        assert!(notices.is_unheard(session));
        notices.forget(session);
        assert_eq!((notices.next(), notices.is_unheard(session)), (None, false));
    }

    #[test]
    fn who_never_listens_keeps_so_many_notices_of_sessions_that_are_over() {
        let (mut notices, mut last) = (Notices::default(), 0);
        for number in 1..=1000 {
            let session = LeaseId::from_number(number);
            add(&mut notices, &mut last, Notice::Closed { session });
            notices.end_session(session);
        }
        assert_eq!(notices.len(), MAX_OVER);
        let session = LeaseId::from_number(1000 - MAX_OVER as u64 + 1);
        assert_eq!(notices.next(), Some(Notice::Closed { session }));
    }
}
