//! Tests of the arena: contents set, read in parts, replaced and released.

use super::*;

fn get(contents: &Contents, arena: &Arena) -> Vec<u8> {
    let mut data = b"whatever a buffer held before".to_vec();
    contents.get(arena, 1 << 20, &mut data).unwrap();
    data
}

#[test]
fn every_length_reads_back_as_it_was_set() {
    let arena = Arena::new(128).unwrap();
    let mut contents = Contents::new(32, 64);
    for length in (0..=64).chain((0..=64).rev()) {
        let data: Vec<u8> = (0..length).map(|byte| byte ^ 0xa5).collect();
        contents.set(&arena, &data, Instant::now()).unwrap();
        assert_eq!(get(&contents, &arena), data);
    }
}

#[test]
fn a_set_stays_within_its_block() {
    let arena = Arena::new(96).unwrap();
    let mut blocks: Vec<Contents> = (0..3).map(|at| Contents::new(at * 32, 32)).collect();
    for (at, block) in blocks.iter_mut().enumerate() {
        block.set(&arena, &[at as u8; 32], Instant::now()).unwrap();
    }
    blocks[1].set(&arena, &[9; 31], Instant::now()).unwrap();
    assert_eq!(get(&blocks[0], &arena), [0; 32]);
    assert_eq!(get(&blocks[1], &arena), [9; 31]);
    assert_eq!(get(&blocks[2], &arena), [2; 32]);
}

#[test]
fn the_next_tenant_reads_nothing_of_the_last_one() {
    let arena = Arena::new(32).unwrap();
    let mut last = Contents::new(0, 32);
    last.set(&arena, b"a secret of the last tenant", Instant::now()).unwrap();
    last.release();
    let mut next = Contents::new(0, 32);
    assert_eq!(get(&next, &arena), b"");
    next.set(&arena, b"new", Instant::now()).unwrap();
    assert_eq!(get(&next, &arena), b"new");
}

#[test]
fn more_than_was_leased_is_refused_and_nothing_changes() {
    let arena = Arena::new(64).unwrap();
    let mut contents = Contents::new(0, 33);
    contents.set(&arena, b"before", Instant::now()).unwrap();
    assert_eq!(contents.set(&arena, &[1; 34], Instant::now()), Err(ContentsError::TooLarge));
    assert_eq!(get(&contents, &arena), b"before");
}

#[test]
fn a_part_is_read_from_any_byte_on() {
    let arena = Arena::new(96).unwrap();
    let data: Vec<u8> = (0..64).collect();
    let mut contents = Contents::new(32, 64);
    contents.write_part(&arena, 0, &data).unwrap();
    for from in 0..=64 {
        for to in from..=64 {
            let mut part = vec![0xff; to - from];
            contents.read_part(&arena, from, &mut part).unwrap();
            assert_eq!(part, data[from..to], "{from} to {to}");
        }
    }
    contents.write_part(&arena, 32, b"anew").unwrap();
    let mut part = [0; 5];
    contents.read_part(&arena, 31, &mut part).unwrap();
    assert_eq!(&part, b"\x1fanew");
    contents.release();
    assert_eq!(contents.write_part(&arena, 0, b"x"), Err(ContentsError::Released));
    assert_eq!(contents.read_part(&arena, 0, &mut part), Err(ContentsError::Released));
}

#[test]
fn a_released_block_is_neither_read_nor_written() {
    let arena = Arena::new(32).unwrap();
    let mut contents = Contents::new(0, 32);
    contents.release();
    assert_eq!(contents.set(&arena, b"x", Instant::now()), Err(ContentsError::Released));
    assert_eq!(contents.get(&arena, 64, &mut Vec::new()), Err(ContentsError::Released));
    let replaced = contents.replace(&arena, &Condition::Any, b"x", Instant::now());
    assert_eq!(replaced, Err(ContentsError::Released));
    let inspected = contents.inspect(&arena, Part::All, 32, &mut Vec::new()).map(drop);
    assert_eq!(inspected, Err(ContentsError::Released));
    assert_eq!(contents.write_part(&arena, 0, b"x"), Err(ContentsError::Released));
    assert_eq!(contents.read_part(&arena, 0, &mut [0]), Err(ContentsError::Released));
}

#[test]
fn only_the_version_that_was_read_is_replaced() {
    let arena = Arena::new(64).unwrap();
    let (mut contents, now) = (Contents::new(0, 64), Instant::now());
    let mut replace = |condition: &Condition, data: &[u8]| {
        contents.replace(&arena, condition, data, now).map(|version| (version, contents.length))
    };
    let is = |version| Condition::OneOf(vec![version]);
    assert_eq!(replace(&is(0), b"one"), Ok((1, 3)));
    assert_eq!(replace(&is(0), b"another's"), Err(ContentsError::Changed));
    assert_eq!(replace(&Condition::NoneOf(vec![1]), b"x"), Err(ContentsError::Changed));
    assert_eq!(replace(&is(9), &[7; 65]), Err(ContentsError::TooLarge));
    assert_eq!(replace(&Condition::NoneOf(vec![0]), b"three"), Ok((2, 5)));
    assert_eq!(replace(&Condition::Any, b""), Ok((3, 0)));
    contents.release();
    let released = contents.replace(&arena, &Condition::Any, b"x", now);
    assert_eq!(released, Err(ContentsError::Released));
}

#[test]
fn a_part_is_told_with_how_the_block_is() {
    let arena = Arena::new(96).unwrap();
    let (mut contents, now) = (Contents::new(32, 64), Instant::now());
    let mut data = Vec::new();
    let never = contents.inspect(&arena, Part::All, 64, &mut data).unwrap();
    assert_eq!((never.length, never.version, never.changed), (0, 0, None));
    contents.set(&arena, b"0123456789", now).unwrap();
    let part = Part::Span { first: 3, last: 5 };
    let told = contents.inspect(&arena, part, 3, &mut data).unwrap();
    assert_eq!(told, Inspected { length: 10, version: 1, changed: Some(now), first: 3 });
    assert_eq!(data, b"345");
    let too_long = contents.inspect(&arena, part, 2, &mut data);
    assert_eq!(too_long, Err(ContentsError::TooLarge));
    contents.inspect(&arena, Part::Last(4), 64, &mut data).unwrap();
    assert_eq!(data, b"6789");
    contents.inspect(&arena, Part::None, 0, &mut data).unwrap();
    assert_eq!(data, b"");
    contents.release();
    let released = contents.inspect(&arena, Part::All, 64, &mut data);
    assert_eq!(released, Err(ContentsError::Released));
}

#[test]
fn more_than_the_system_has_is_an_error_and_no_abort() {
    assert!(Arena::new(u64::MAX).is_err());
}

/// A piece of heap has the mutex with the contents, the two counters of the `Arc` (8 bytes each),
/// and the size that the heap keeps before them (8 bytes).
#[test]
fn the_contents_of_a_block_are_too_large_for_the_pieces_that_the_heap_joins_later() {
    assert!(size_of::<std::sync::Mutex<Contents>>() + 2 * 8 + 8 > 128);
}
