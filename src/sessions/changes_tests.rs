//! Tests of the log of changes, against watchers that keep a set of all names.

use super::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::{BTreeSet, HashMap};

/// The log, with the processes that are there now.
#[derive(Default)]
struct World {
    changes: Changes,
    order: NoticeNumber,
    living: HashMap<String, ChangeNumber>,
}

impl World {
    fn join(&mut self, name: &str) {
        self.order += 1;
        let place = self.changes.joined(self.order, name.into());
        assert!(self.living.insert(name.into(), place).is_none());
    }

    fn leave(&mut self, name: &str) {
        self.order += 1;
        let joined = self.living.remove(name).unwrap();
        self.changes.left(self.order, name.into(), joined);
    }

    fn all(&mut self, process: ProcessNumber) -> Vec<Notice> {
        std::iter::from_fn(|| self.changes.next(process, None)).collect()
    }

    fn names(&self) -> BTreeSet<String> {
        self.living.keys().cloned().collect()
    }
}

fn joined(name: &str) -> Notice {
    Notice::Joined { name: name.into() }
}

fn left(name: &str) -> Notice {
    Notice::Left { name: name.into() }
}

#[test]
fn who_came_and_went_unheard_never_was() {
    let mut world = World::default();
    world.changes.watch(1);
    world.join("a");
    world.join("b");
    world.leave("a");
    assert_eq!(world.all(1), [joined("b")]);
    world.leave("b");
    world.join("b");
    world.leave("b");
    assert_eq!(world.all(1), [left("b")]);
    assert_eq!(world.all(2), [], "who does not watch");
}

#[test]
fn a_change_comes_in_its_order_among_the_notices() {
    let mut world = World::default();
    world.changes.watch(1);
    world.join("a");
    assert_eq!(world.changes.next(1, Some(0)), None, "the notice came before");
    assert_eq!(world.changes.next(1, Some(2)), Some(joined("a")));
}

#[test]
fn who_reads_too_late_is_told_so_and_watches_no_more() {
    let mut world = World::default();
    world.changes.watch(1);
    world.changes.watch(2);
    for _ in 0..MAX_CHANGES / 2 {
        world.join("a");
        world.leave("a");
    }
    world.join("a");
    assert_eq!(world.all(1), [Notice::Missed], "its place is one change too far behind");
    assert!(!world.changes.has_watcher(1));
    assert_eq!(world.changes.log.len(), MAX_CHANGES);
    world.changes.watch(2);
    world.leave("a");
    assert_eq!(world.all(2), [left("a")]);
    world.changes.forget(2);
    assert!(world.changes.log.is_empty(), "nobody watches");
    world.join("a");
    assert!(world.changes.log.is_empty(), "nobody watches yet");
    world.changes.watch(1);
    world.leave("a");
    assert_eq!(world.all(1), [left("a")]);
}

#[test]
fn each_watcher_knows_who_is_there_when_it_has_read_all() {
    let mut rng = StdRng::seed_from_u64(17);
    let mut world = World::default();
    let mut known: HashMap<ProcessNumber, BTreeSet<String>> = HashMap::new();
    for step in 0..200_000 {
        let (name, watcher) = (format!("p{}", rng.random_range(0..12)), rng.random_range(0..5));
        match rng.random_range(0..10) {
            0 if step % 7 == 0 => {
                world.changes.watch(watcher);
                known.insert(watcher, world.names());
            }
            1 if step % 50 == 0 => {
                world.changes.forget(watcher);
                known.remove(&watcher);
            }
            0..5 if world.living.contains_key(&name) => world.leave(&name),
            0..5 => world.join(&name),
            _ => {
                let most = rng.random_range(0..6);
                let told: Vec<_> =
                    std::iter::from_fn(|| world.changes.next(watcher, None)).take(most).collect();
                let is_all = told.len() < most;
                for notice in told {
                    let known = known.get_mut(&watcher).expect("only watchers hear");
                    match notice {
                        Notice::Joined { name } => assert!(known.insert(name), "told twice"),
                        Notice::Left { name } => assert!(known.remove(&name), "was never told"),
                        other => panic!("{other:?}"),
                    }
                }
                if is_all && let Some(known) = known.get(&watcher) {
                    assert_eq!(*known, world.names());
                }
            }
        }
    }
}
