//! Tests of the service over a lease table alone: this chapter needs no later one.

use super::*;

/// A lease table alone.
impl Tables for LeaseTable {
    fn leases(&mut self) -> &mut LeaseTable {
        self
    }

    fn give_back(&mut self, endings: Vec<Ending>, _: Instant) {
        for ending in endings {
            LeaseTable::give_back(self, ending);
        }
    }

    fn make_room(&mut self, _: u64) {}

    fn take_wakers(&mut self) -> Vec<Arc<Condvar>> {
        Vec::new()
    }

    fn take_journal(&mut self) -> Vec<String> {
        Vec::new()
    }
}

pub(in crate::memory) fn memory(arena: u64) -> Memory<LeaseTable> {
    Memory::new(Arena::new(arena).unwrap(), LeaseTable::with_known_seed(arena))
}

#[test]
fn a_lease_lives_without_processes_and_sessions() {
    let memory = memory(64);
    let id = memory.lease(40, 60_000, IdKind::Uuid).unwrap();
    memory.set(id, b"Hello").unwrap();
    let mut data = Vec::new();
    assert_eq!(memory.get(id, 1000, &mut data), Ok(40));
    assert_eq!(data, b"Hello");
    let full = memory.lease(1, 60_000, IdKind::Uuid).map_err(|error| error.code);
    assert_eq!(full, Err(Code::OutOfMemory));
    let ending = memory.change(|table, now| table.end(id, now)).unwrap();
    memory.give_back(vec![ending]);
    assert_eq!(memory.get(id, 1000, &mut data).map_err(|error| error.code), Err(Code::NotFound));
    memory.lease(64, 60_000, IdKind::Uuid).unwrap();
}
