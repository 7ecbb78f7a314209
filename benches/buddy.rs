//! The buddy allocator beside the crate `buddy_system_allocator`, in one run.
//!
//! Half occupancy: a 64 MiB arena, sizes 32 B to 64 KiB, each power of two as likely;
//! the time is for one allocation or one release. `Heap` is the crate's allocator over
//! raw memory (lists within the free blocks), `FrameAllocator` its safe one (a B-tree
//! for each order).
#![allow(unsafe_code, missing_docs, reason = "the crate's Heap wants a raw region")]

use std::alloc::Layout;
use std::hint::black_box;
use std::ptr::NonNull;
use std::time::{Duration, Instant};

use buddy_system_allocator::{FrameAllocator, Heap};
use criterion::{Criterion, criterion_group, criterion_main};
use leasebox::memory::buddy::Buddy;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

const ARENA: usize = 64 << 20;
const MILLION: usize = 1_000_000;

/// What the three have in common.
trait Allocator {
    fn allocate(&mut self, size: usize) -> Option<usize>;
    fn release(&mut self, place: usize, size: usize);
}

impl Allocator for Buddy {
    fn allocate(&mut self, size: usize) -> Option<usize> {
        Buddy::allocate(self, size as u64).ok().map(|block| block.offset as usize)
    }

    fn release(&mut self, place: usize, _size: usize) {
        Buddy::release(self, place as u64).unwrap();
    }
}

struct CrateHeap {
    heap: Heap<32>,
    _region: Vec<u64>,
}

impl CrateHeap {
    fn new() -> Self {
        let mut region = vec![0_u64; ARENA / 8];
        let mut heap = Heap::empty();
        // The region lives as long as the heap and is touched by nobody else.
        unsafe { heap.init(region.as_mut_ptr() as usize, ARENA) };
        Self { heap, _region: region }
    }
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

impl Allocator for CrateHeap {
    fn allocate(&mut self, size: usize) -> Option<usize> {
        self.heap.alloc(layout(size)).ok().map(|place| place.as_ptr() as usize)
    }

    fn release(&mut self, place: usize, size: usize) {
        // The place came from this heap with this layout, and is released once.
        unsafe { self.heap.dealloc(NonNull::new(place as *mut u8).unwrap(), layout(size)) };
    }
}

impl Allocator for FrameAllocator<32> {
    fn allocate(&mut self, size: usize) -> Option<usize> {
        self.alloc(size.div_ceil(32))
    }

    fn release(&mut self, place: usize, size: usize) {
        self.dealloc(place, size.div_ceil(32));
    }
}

/// Fills to half, then releases a random block and allocates another, `iters` times;
/// the time of half of both.
fn half_occupancy(mut allocator: impl Allocator, iters: u64) -> Duration {
    let mut rng = StdRng::seed_from_u64(1);
    let mut size = move || 32 << rng.random_range(0..12);
    let mut live = Vec::new();
    let mut filled = 0;
    while filled < ARENA / 2 {
        let size: usize = size();
        if let Some(place) = allocator.allocate(size) {
            live.push((place, size));
            filled += size;
        }
    }
    let mut rng = StdRng::seed_from_u64(2);
    let steps: Vec<(usize, usize)> =
        (0..iters.min(1 << 20)).map(|_| (rng.random_range(0..live.len()), size())).collect();
    let start = Instant::now();
    for &(at, size) in steps.iter().cycle().take(iters as usize) {
        let (place, old) = live[at];
        allocator.release(place, old);
        match allocator.allocate(black_box(size)) {
            Some(place) => live[at] = (place, size),
            // Too fragmented for the new size: the old one fits again.
            None => live[at] = (allocator.allocate(old).unwrap(), old),
        }
    }
    start.elapsed() / 2
}

/// Blocks that are released and allocated again, out of all live ones: few enough that
/// the bench's own list stays in cache.
const VISITED: usize = 1 << 14;

/// Releases and allocates 32 bytes at random places among `live` blocks; the time of half
/// of both.
fn among(live: usize, iters: u64) -> Duration {
    let mut buddy = Buddy::new(ARENA as u64);
    let mut places: Vec<u64> = (0..live).map(|_| buddy.allocate(32).unwrap().offset).collect();
    places.shuffle(&mut StdRng::seed_from_u64(3));
    places.truncate(VISITED);
    let start = Instant::now();
    for step in 0..iters as usize {
        let place = &mut places[step % live.min(VISITED)];
        buddy.release(*place).unwrap();
        *place = buddy.allocate(32).unwrap().offset;
    }
    start.elapsed() / 2
}

/// Releases a million blocks of 32 bytes in random order; the time of one release.
fn million_releases(iters: u64) -> Duration {
    let mut total = Duration::ZERO;
    for _ in 0..iters {
        let mut buddy = Buddy::new(ARENA as u64);
        let mut places: Vec<u64> =
            (0..MILLION).map(|_| buddy.allocate(32).unwrap().offset).collect();
        places.shuffle(&mut StdRng::seed_from_u64(4));
        let start = Instant::now();
        for place in places {
            buddy.release(place).unwrap();
        }
        total += start.elapsed() / MILLION as u32;
    }
    total
}

fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("buddy");
    group.sample_size(20).warm_up_time(Duration::from_secs(1));
    group.measurement_time(Duration::from_secs(3));
    group.bench_function("half occupancy, leasebox", |bench| {
        bench.iter_custom(|iters| half_occupancy(Buddy::new(ARENA as u64), iters));
    });
    group.bench_function("half occupancy, buddy_system_allocator Heap", |bench| {
        bench.iter_custom(|iters| half_occupancy(CrateHeap::new(), iters));
    });
    group.bench_function("half occupancy, buddy_system_allocator FrameAllocator", |bench| {
        bench.iter_custom(|iters| {
            let mut frames = FrameAllocator::new();
            frames.add_frame(0, ARENA / 32);
            half_occupancy(frames, iters)
        });
    });
    group.bench_function("32 bytes among a thousand live blocks", |bench| {
        bench.iter_custom(|iters| among(1000, iters));
    });
    group.bench_function("32 bytes among a million live blocks", |bench| {
        bench.iter_custom(|iters| among(MILLION, iters));
    });
    group.sample_size(10);
    group.bench_function("release of each of a million at random", |bench| {
        bench.iter_custom(million_releases);
    });
}

criterion_group!(group, benches);
criterion_main!(group);
