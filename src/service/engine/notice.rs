//! What a process has yet to be told of its sessions, and of others that join and end.
//!
//! ```text
//!   1 opened S a │ 2 message S 5 │ 4 closed T │ …     in their order; 3 was received unheard
//! ```
//!
//! **Invariants** what no longer holds is taken back unheard: the notice of a message that was
//! received, of a session or a process that came and went. So there are no more than twice as
//! many as there are messages, sessions and processes.
//!
//! **Lock** the tables. **Source** `interprocess-communication-patent.txt`, step 516.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::message::session::Notice;

/// Counted from 1 in each process, never reused.
pub(super) type NoticeNumber = u64;

/// Of one process.
#[derive(Debug, Default)]
pub(super) struct Notices {
    waiting: BTreeMap<NoticeNumber, Notice>,
    last: NoticeNumber,
    /// Who joined, of whom it was not told yet.
    joined: HashMap<Arc<str>, NoticeNumber>,
}

impl Notices {
    pub fn add(&mut self, notice: Notice) -> NoticeNumber {
        self.last += 1;
        self.waiting.insert(self.last, notice);
        self.last
    }

    /// Takes one back; false when it was told already.
    pub fn take_back(&mut self, number: NoticeNumber) -> bool {
        self.waiting.remove(&number).is_some()
    }

    /// The oldest.
    pub fn next(&mut self) -> Option<Notice> {
        let (_, notice) = self.waiting.pop_first()?;
        if let Notice::Joined { name } = &notice {
            self.joined.remove(name.as_str());
        }
        Some(notice)
    }

    /// Makes one the oldest again that could not be told.
    pub fn put_back(&mut self, notice: Notice) {
        // Numbers begin at 1, so there is one before the first; two put back at once share it
        // with nobody else, and go on as new ones.
        let first = self.waiting.first_key_value().map_or(self.last, |(&first, _)| first - 1);
        if first > 0 && !self.waiting.contains_key(&first) {
            self.waiting.insert(first, notice);
        } else {
            self.add(notice);
        }
    }

    pub fn has(&self, number: NoticeNumber) -> bool {
        self.waiting.contains_key(&number)
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
        let untold = self.joined.remove(name);
        if untold.is_none_or(|number| !self.take_back(number)) {
            self.add(Notice::Left { name: name.to_string() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(name: &str) -> Notice {
        Notice::Joined { name: name.into() }
    }

    #[test]
    fn who_came_and_went_unheard_never_was() {
        let mut notices = Notices::default();
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        notices.joined(&a);
        notices.joined(&b);
        notices.left(&a);
        assert_eq!((notices.next(), notices.next()), (Some(joined("b")), None));
        notices.left(&b);
        notices.joined(&b);
        notices.left(&b);
        let left = Notice::Left { name: "b".into() };
        assert_eq!((notices.next(), notices.next()), (Some(left), None));
    }

    #[test]
    fn a_notice_that_could_not_be_told_is_the_next_one_again() {
        let mut notices = Notices::default();
        for name in ["a", "b", "c"] {
            notices.add(joined(name));
        }
        let (a, b) = (notices.next().unwrap(), notices.next().unwrap());
        notices.put_back(b);
        notices.put_back(a);
        let told: Vec<_> = std::iter::from_fn(|| notices.next()).collect();
        assert_eq!(told, [joined("a"), joined("b"), joined("c")]);
        notices.put_back(joined("d"));
        assert_eq!(notices.next(), Some(joined("d")));
    }
}
