//! Tests of contents: set, read in parts, replaced, released, and of the next lease in the slot.

use super::*;

/// The handle of a lease's first tenant in a slot.
fn handle(slot: u32, offset: u64, size: u64) -> Handle {
    Handle::new(slot, 2, offset, size)
}

fn get(contents: &OpenContents<'_>) -> Vec<u8> {
    let mut data = b"whatever a buffer held before".to_vec();
    contents.get(1 << 20, &mut data).unwrap();
    data
}

#[test]
fn every_length_reads_back_as_it_was_set() {
    let arena = Arena::new(128).unwrap();
    let mut contents = arena.open(&handle(0, 32, 64)).unwrap();
    for length in (0..=64).chain((0..=64).rev()) {
        let data: Vec<u8> = (0..length).map(|byte| byte ^ 0xa5).collect();
        contents.set(&data, Instant::now()).unwrap();
        assert_eq!(get(&contents), data);
    }
}

#[test]
fn a_set_stays_within_its_block() {
    let arena = Arena::new(96).unwrap();
    let open = |at: u32| arena.open(&handle(at, u64::from(at) * 32, 32)).unwrap();
    let mut blocks: Vec<OpenContents<'_>> = (0..3).map(open).collect();
    for (at, block) in blocks.iter_mut().enumerate() {
        block.set(&[at as u8; 32], Instant::now()).unwrap();
    }
    blocks[1].set(&[9; 31], Instant::now()).unwrap();
    assert_eq!(get(&blocks[0]), [0; 32]);
    assert_eq!(get(&blocks[1]), [9; 31]);
    assert_eq!(get(&blocks[2]), [2; 32]);
}

#[test]
fn the_next_tenant_reads_nothing_of_the_last_one() {
    let arena = Arena::new(32).unwrap();
    let last = handle(0, 0, 32);
    arena.open(&last).unwrap().set(b"a secret of the last tenant", Instant::now()).unwrap();
    arena.release(&last);
    // The next tenant of the block may have another slot, or the next generation of the same.
    for next in [handle(1, 0, 32), Handle::new(0, 4, 0, 32)] {
        let mut contents = arena.open(&next).unwrap();
        assert_eq!(get(&contents), b"");
        contents.set(b"new", Instant::now()).unwrap();
        assert_eq!(get(&contents), b"new");
    }
    assert!(arena.open(&last).is_err(), "the slot has another tenant");
}

#[test]
fn contents_that_nobody_opened_are_released_too() {
    let arena = Arena::new(32).unwrap();
    arena.release(&handle(0, 0, 32));
    assert_eq!(arena.open(&handle(0, 0, 32)).map(drop), Err(ContentsError::Released));
    assert!(arena.open(&Handle::new(0, 4, 0, 32)).is_ok());
}

#[test]
fn a_late_release_leaves_the_next_tenant_alone() {
    let arena = Arena::new(32).unwrap();
    let next = Handle::new(0, 4, 0, 32);
    arena.open(&next).unwrap().set(b"next", Instant::now()).unwrap();
    arena.release(&handle(0, 0, 32));
    assert_eq!(get(&arena.open(&next).unwrap()), b"next");
}

#[test]
fn each_later_generation_of_a_slot_has_fresh_contents_and_no_earlier_one_does() {
    let arena = Arena::new(32).unwrap();
    let generations = [2, 4, 1 << 30, 3 << 30, u32::MAX - 3, u32::MAX - 1];
    for (at, &generation) in generations.iter().enumerate() {
        let tenant = Handle::new(0, generation, 0, 32);
        let mut contents = arena.open(&tenant).unwrap();
        assert_eq!(get(&contents), b"");
        contents.set(b"mine", Instant::now()).unwrap();
        drop(contents);
        arena.release(&tenant);
        for &earlier in &generations[..=at] {
            assert!(arena.open(&Handle::new(0, earlier, 0, 32)).is_err(), "{earlier}");
        }
    }
}

#[test]
fn a_slot_that_the_arena_does_not_have_is_released() {
    let arena = Arena::new(32).unwrap();
    assert!(arena.open(&handle(19 * 1024 - 1, 0, 32)).is_ok());
    assert!(arena.open(&handle(19 * 1024, 0, 32)).is_err());
}

#[test]
fn contents_have_40_bytes_with_their_lock() {
    assert_eq!(size_of::<Mutex<Contents>>(), 40);
}

#[test]
fn more_than_was_leased_is_refused_and_nothing_changes() {
    let arena = Arena::new(64).unwrap();
    let mut contents = arena.open(&handle(0, 0, 33)).unwrap();
    contents.set(b"before", Instant::now()).unwrap();
    assert_eq!(contents.set(&[1; 34], Instant::now()), Err(ContentsError::TooLarge));
    assert_eq!(get(&contents), b"before");
}

#[test]
fn a_part_is_read_from_any_byte_on() {
    let arena = Arena::new(96).unwrap();
    let data: Vec<u8> = (0..64).collect();
    let mut contents = arena.open(&handle(0, 32, 64)).unwrap();
    contents.write_part(0, &data);
    for from in 0..=64 {
        for to in from..=64 {
            let mut part = vec![0xff; to - from];
            contents.read_part(from, &mut part);
            assert_eq!(part, data[from..to], "{from} to {to}");
        }
    }
    contents.write_part(32, b"anew");
    let mut part = [0; 5];
    contents.read_part(31, &mut part);
    assert_eq!(&part, b"\x1fanew");
}

#[test]
fn only_the_version_that_was_read_is_replaced() {
    let arena = Arena::new(64).unwrap();
    let mut contents = arena.open(&handle(0, 0, 64)).unwrap();
    let mut replace = |condition: &Condition, data: &[u8]| {
        let replaced = contents.replace(condition, data, Instant::now());
        replaced.map(|version| (version, get(&contents).len()))
    };
    let is = |version| Condition::OneOf(vec![version]);
    assert_eq!(replace(&is(0), b"one"), Ok((1, 3)));
    assert_eq!(replace(&is(0), b"another's"), Err(ContentsError::Changed));
    assert_eq!(replace(&Condition::NoneOf(vec![1]), b"x"), Err(ContentsError::Changed));
    assert_eq!(replace(&is(9), &[7; 65]), Err(ContentsError::TooLarge));
    assert_eq!(replace(&Condition::NoneOf(vec![0]), b"three"), Ok((2, 5)));
    assert_eq!(replace(&Condition::Any, b""), Ok((3, 0)));
}

#[test]
fn a_part_is_told_with_how_the_block_is() {
    let arena = Arena::new(96).unwrap();
    let (mut contents, now) = (arena.open(&handle(0, 32, 64)).unwrap(), Instant::now());
    let mut data = Vec::new();
    let never = contents.inspect(Part::All, 64, &mut data).unwrap();
    assert_eq!((never.length, never.version, never.changed), (0, 0, None));
    contents.set(b"0123456789", now).unwrap();
    let part = Part::Span { first: 3, last: 5 };
    let told = contents.inspect(part, 3, &mut data).unwrap();
    assert_eq!(told, Inspected { length: 10, version: 1, changed: Some(now), first: 3 });
    assert_eq!(data, b"345");
    let too_long = contents.inspect(part, 2, &mut data);
    assert_eq!(too_long, Err(ContentsError::TooLarge));
    contents.inspect(Part::Last(4), 64, &mut data).unwrap();
    assert_eq!(data, b"6789");
    contents.inspect(Part::None, 0, &mut data).unwrap();
    assert_eq!(data, b"");
}
