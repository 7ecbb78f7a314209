//! What a process has yet to be told of its sessions, and of others that join and end.
//!
//! ```text
//!   1 opened S a │ 2 message S 5 │ 4 closed T │ …     in their order; 3 was received unheard
//! ```
//!
//! **Invariants**
//!
//! 1. What no longer holds is taken back unheard: the notice of a message that was received, of
//!    a process that came and went, of a session that came and went.
//! 2. Of each other kind there is one for a session at most.
//! 3. Of sessions that are over there are at most [`MAX_OVER`]: who does not listen for longer
//!    is not told of the oldest.
//!
//! So there are no more than there are messages, processes, four times the sessions, and some.
//!
//! **Lock** the tables. **Source** `interprocess-communication-patent.txt`, step 516.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use crate::sessions::words::{Notice, SessionId};

/// Counted from 1 in each process, never reused.
pub(super) type NoticeNumber = u64;

/// The most notices that are kept of sessions that are over.
const MAX_OVER: usize = 256;

/// Those of a session that do not belong to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Opened,
    Blocked,
    Unblocked,
    Lost,
    Closed,
}

/// Of one process.
#[derive(Debug, Default)]
pub(super) struct Notices {
    /// Could not be told, and are the next ones again.
    back: VecDeque<Notice>,
    waiting: BTreeMap<NoticeNumber, Notice>,
    last: NoticeNumber,
    of_session: BTreeMap<(SessionId, Kind), NoticeNumber>,
    over: VecDeque<NoticeNumber>,
    /// Who joined, of whom it was not told yet.
    joined: HashMap<Arc<str>, NoticeNumber>,
}

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
    /// Adds one, or adds to the one of its kind that waits: then there is no new number.
    pub fn add(&mut self, notice: Notice) -> NoticeNumber {
        let key = key(&notice);
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

    /// Takes a message's back; nothing when it was told already.
    pub fn take_back(&mut self, number: NoticeNumber) {
        self.waiting.remove(&number);
    }

    /// The oldest.
    pub fn next(&mut self) -> Option<Notice> {
        if let Some(notice) = self.back.pop_front() {
            return Some(notice);
        }
        let (_, notice) = self.waiting.pop_first()?;
        if let Some(key) = key(&notice) {
            self.of_session.remove(&key);
        }
        if let Notice::Joined { name } = &notice {
            self.joined.remove(name.as_str());
        }
        Some(notice)
    }

    /// Makes one the next again that could not be told.
    pub fn put_back(&mut self, notice: Notice) {
        self.back.push_front(notice);
    }

    /// The process knows of the session: it need not be told that it was opened.
    pub fn know(&mut self, session: SessionId) {
        if let Some(number) = self.of_session.remove(&(session, Kind::Opened)) {
            self.waiting.remove(&number);
        }
    }

    /// Whether the process has yet to hear that the session was opened.
    pub fn is_unheard(&self, session: SessionId) -> bool {
        self.of_session.contains_key(&(session, Kind::Opened))
    }

    /// A session need not be heard of any more.
    pub fn forget(&mut self, session: SessionId) {
        for number in self.numbers_of(session) {
            self.waiting.remove(&number);
        }
        self.of_session.retain(|&(of, _), _| of != session);
    }

    /// A session is over: that it was blocked is of no use; that something was lost, and that
    /// it was closed, is still told.
    pub fn is_over(&mut self, session: SessionId) {
        for kind in [Kind::Blocked, Kind::Unblocked] {
            if let Some(number) = self.of_session.remove(&(session, kind)) {
                self.waiting.remove(&number);
            }
        }
        self.over.extend(self.numbers_of(session));
        self.of_session.retain(|&(of, _), _| of != session);
        while self.over.len() > MAX_OVER {
            let oldest = self.over.pop_front();
            oldest.into_iter().for_each(|oldest| self.take_back(oldest));
        }
    }

    fn numbers_of(&self, session: SessionId) -> Vec<NoticeNumber> {
        let of = self.of_session.range((session, Kind::Opened)..=(session, Kind::Closed));
        of.map(|(_, &number)| number).collect()
    }

    /// The names of those that there are were told anew: what was untold of them is known.
    pub fn watch(&mut self) {
        self.joined.clear();
        self.waiting
            .retain(|_, notice| !matches!(notice, Notice::Joined { .. } | Notice::Left { .. }));
    }

    pub fn joined(&mut self, name: &Arc<str>) {
        let number = self.add(Notice::Joined { name: name.to_string() });
        self.joined.insert(name.clone(), number);
    }

    /// Who came and went unheard never was.
    pub fn left(&mut self, name: &Arc<str>) {
        let untold = self.joined.remove(name).and_then(|number| self.waiting.remove(&number));
        if untold.is_none() {
            self.add(Notice::Left { name: name.to_string() });
        }
    }

    /// How many wait.
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
        notices.take_back(message);
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
        notices.is_over(session);
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
            notices.is_over(session);
        }
        assert_eq!(notices.len(), MAX_OVER);
        let session = LeaseId::from_number(1000 - MAX_OVER as u64 + 1);
        assert_eq!(notices.next(), Some(Notice::Closed { session }));
    }
}
