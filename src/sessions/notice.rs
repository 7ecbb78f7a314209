//! The notices that a process has yet to hear: of its sessions, and of processes that join and end.
//! A notice is *heard* when a `wait` takes it.
//!
//! ```text
//!   waiting      1 opened S a │ 2 message S 5 │ 4 closed T │ …      in the order of their numbers;
//!                                               3 was withdrawn: its message was received
//!                                               before the notice was told
//!   back         joined b                                           told before those in `waiting`
//!   of_session   (S, Opened) ─► 1    (T, Closed) ─► 4               the one of its kind
//!   joined       c ─► 5                                             so that `left c` finds it
//!   over         0 to 256 numbers                                   of sessions that are over
//! ```
//!
//! A plain queue would grow without a bound for a process that never sends `wait`. Here most
//! notices that no longer hold are removed, and notices of one kind become one: 100 times `blocked`
//! in one session is one notice, and the losses of 1, 2 and 3 messages are one `lost` of 6.
//!
//! **Invariants**
//!
//! 1. A notice is withdrawn (removed before it is told) when its message has left the inbox, or its
//!    process or session came and went. `blocked` and `unblocked` stay until their session is over,
//!    also when the room has changed since. A notice in `back` stays, because it still held when a
//!    connection took it.
//! 2. At most one notice of each [`Kind`] waits for each session.
//! 3. At most [`MAX_OVER`] notices of sessions that are over are kept. A process with more of them
//!    misses the oldest.
//! 4. Each number in `of_session` and `joined` stands in `waiting` too.
//!
//! So a process keeps no more notices than one for each message in its inboxes, five for each of
//! its sessions, one `joined` for each process that lives, one `left` for each that it heard of,
//! [`MAX_OVER`], and one in `back` for each of its connections.
//!
//! **Lock** the tables. **Cost** O(log n) for a notice. `forget` and `end_session` go through all
//! kinds of all sessions of the process, and `watch` through all its notices.
//!
//! **Simplified** a client does not acknowledge a notice: it counts as heard when it is taken,
//! unless the server sees that the client has gone and puts it back. All notices have one priority.
//!
//! **Source** `interprocess-communication-patent.txt`, step 516; the bound is ours.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use crate::sessions::words::{Notice, SessionId};

/// The number of a notice, counted from 1 in each process and never reused. The engine uses 0 for a
/// notice to a process that has ended: to withdraw 0 does nothing.
pub(super) type NoticeNumber = u64;

/// The most notices that are kept of sessions that are over. All other notices are bounded by the
/// messages, sessions and processes that exist; only this constant bounds those of ended sessions.
const MAX_OVER: usize = 256;

/// The kind of a notice about a session. `message` has no kind, because those are never joined:
/// each message has its own notice.
///
/// `Opened` stands first and `Closed` last: [`Notices::numbers_of`] takes the range between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Opened,
    Blocked,
    Unblocked,
    Lost,
    Closed,
}

/// The notices of one process.
#[derive(Debug, Default)]
pub(super) struct Notices {
    /// Notices that a connection took when its client had gone: they are the next ones again.
    back: VecDeque<Notice>,
    /// Notices that were not taken yet. The smallest number is the oldest.
    waiting: BTreeMap<NoticeNumber, Notice>,
    /// The number that was given last.
    last: NoticeNumber,
    /// The notice that waits for a session and a kind, while the session is not over.
    of_session: BTreeMap<(SessionId, Kind), NoticeNumber>,
    /// The numbers of notices of sessions that are over, oldest first. A number stays here after
    /// its notice was told; to withdraw a notice that was told does nothing.
    over: VecDeque<NoticeNumber>,
    /// The `joined` notices that wait, by the name of the process that joined.
    joined: HashMap<Arc<str>, NoticeNumber>,
}

/// Returns the session and the kind that a notice shares with later ones of its sort; `None` when
/// each notice stands for itself.
fn key(notice: &Notice) -> Option<(SessionId, Kind)> {
    match *notice {
        Notice::Opened { session, .. } => Some((session, Kind::Opened)),
        Notice::Blocked { session } => Some((session, Kind::Blocked)),
        Notice::Unblocked { session } => Some((session, Kind::Unblocked)),
        Notice::Lost { session, .. } => Some((session, Kind::Lost)),
        Notice::Closed { session } => Some((session, Kind::Closed)),
        Notice::Message { .. } | Notice::Joined { .. } | Notice::Left { .. } => None,
    }
}

impl Notices {
    /// Adds a notice and returns its number. If one of its session and kind waits already, adds
    /// nothing and returns the number of that one; the counts of two `lost` add up.
    pub fn add(&mut self, notice: Notice) -> NoticeNumber {
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
        self.last += 1;
        self.of_session.extend(key.map(|key| (key, self.last)));
        self.waiting.insert(self.last, notice);
        self.last
    }

    /// Removes the notice of a message, or of a session that is over. Does nothing when it was
    /// taken already.
    pub fn withdraw(&mut self, number: NoticeNumber) {
        self.waiting.remove(&number);
    }

    /// Takes the oldest notice: one that was put back, otherwise the one with the smallest number.
    pub fn next(&mut self) -> Option<Notice> {
        if let Some(notice) = self.back.pop_front() {
            return Some(notice);
        }
        let (_, notice) = self.waiting.pop_first()?;
        // The process hears of this one now, so a later one of its kind needs a number of its own.
        if let Some(key) = key(&notice) {
            self.of_session.remove(&key);
        }
        if let Notice::Joined { name } = &notice {
            self.joined.remove(name.as_str());
        }
        Some(notice)
    }

    /// Puts back a notice that no client heard: `next` returns it first. It gets no number. If
    /// another notice of its kind waits by now, both are told.
    pub fn put_back(&mut self, notice: Notice) {
        self.back.push_front(notice);
    }

    /// Removes the `opened` of a session that the process uses already: it knows of the session.
    pub fn know(&mut self, session: SessionId) {
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
        for number in self.numbers_of(session) {
            self.waiting.remove(&number);
        }
        self.of_session.retain(|&(of, _), _| of != session);
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
        self.over.extend(self.numbers_of(session));
        self.of_session.retain(|&(of, _), _| of != session);
        while self.over.len() > MAX_OVER {
            let oldest = self.over.pop_front();
            oldest.into_iter().for_each(|oldest| self.withdraw(oldest));
        }
    }

    /// Returns the numbers of a session's notices, except those of its messages, in O(log n).
    fn numbers_of(&self, session: SessionId) -> Vec<NoticeNumber> {
        let of = self.of_session.range((session, Kind::Opened)..=(session, Kind::Closed));
        of.map(|(_, &number)| number).collect()
    }

    /// Removes all `joined` and `left` that wait, but none that was put back. The process has just
    /// got a list of the names, which is newer than these notices.
    pub fn watch(&mut self) {
        self.joined.clear();
        self.waiting
            .retain(|_, notice| !matches!(notice, Notice::Joined { .. } | Notice::Left { .. }));
    }

    /// Adds the notice that a process of that name joined, so that [`Notices::left`] can find it.
    pub fn joined(&mut self, name: &Arc<str>) {
        let number = self.add(Notice::Joined { name: name.to_string() });
        self.joined.insert(name.clone(), number);
    }

    /// Removes the `joined` of that name if it was not heard yet; otherwise adds a `left`. A name
    /// has one living process at most, so the `joined` is that of the process that ended.
    pub fn left(&mut self, name: &Arc<str>) {
        let untold = self.joined.remove(name).and_then(|number| self.waiting.remove(&number));
        if untold.is_none() {
            self.add(Notice::Left { name: name.to_string() });
        }
    }

    /// Returns the count of notices that wait, those that were put back among them.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.waiting.len() + self.back.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::id::LeaseId;

    fn joined(name: &str) -> Notice {
        Notice::Joined { name: name.into() }
    }

    fn all(notices: &mut Notices) -> Vec<Notice> {
        std::iter::from_fn(|| notices.next()).collect()
    }

    #[test]
    fn who_came_and_went_unheard_never_was() {
        let mut notices = Notices::default();
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        notices.joined(&a);
        notices.joined(&b);
        notices.left(&a);
        assert_eq!((notices.next(), notices.next()), (Some(joined("b")), None));
        assert!(notices.joined.is_empty(), "who was told of is not kept");
        notices.left(&b);
        notices.joined(&b);
        notices.left(&b);
        assert_eq!(all(&mut notices), [Notice::Left { name: "b".into() }]);
    }

    #[test]
    fn a_notice_that_could_not_be_told_is_the_next_one_again_and_takes_no_other_s_place() {
        let mut notices = Notices::default();
        let session = LeaseId::from_number(1);
        notices.add(joined("a"));
        let message = notices.add(Notice::Message { session, length: 5 });
        notices.add(joined("c"));
        let (a, told) = (notices.next().unwrap(), notices.next().unwrap());
        notices.put_back(told);
        notices.put_back(a);
        notices.withdraw(message);
        let told = [joined("a"), Notice::Message { session, length: 5 }, joined("c")];
        assert_eq!(all(&mut notices), told);
    }

    #[test]
    fn of_each_kind_there_is_one_for_a_session_and_losses_add_up() {
        let mut notices = Notices::default();
        let session = LeaseId::from_number(1);
        for count in 1..=3 {
            notices.add(Notice::Blocked { session });
            notices.add(Notice::Lost { session, count });
            notices.add(Notice::Unblocked { session });
        }
        assert_eq!(notices.len(), 3);
        notices.end_session(session);
        assert_eq!(all(&mut notices), [Notice::Lost { session, count: 6 }]);
        notices.add(Notice::Blocked { session });
        assert_eq!(
            notices.next(),
            Some(Notice::Blocked { session }),
            "it was told, so there may be another"
        );
        notices.add(Notice::Opened { session, name: "a".into() });
        notices.add(Notice::Closed { session });
        assert!(notices.is_unheard(session));
        notices.forget(session);
        assert_eq!((notices.next(), notices.is_unheard(session)), (None, false));
    }

    #[test]
    fn who_never_listens_keeps_so_many_notices_of_sessions_that_are_over() {
        let mut notices = Notices::default();
        for number in 1..=1000 {
            let session = LeaseId::from_number(number);
            notices.add(Notice::Closed { session });
            notices.end_session(session);
        }
        assert_eq!(notices.len(), MAX_OVER);
        let session = LeaseId::from_number(1000 - MAX_OVER as u64 + 1);
        assert_eq!(notices.next(), Some(Notice::Closed { session }));
    }
}
