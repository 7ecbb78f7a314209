//! Numbers and times in few bytes, for tables that have a row for each lease.
//!
//! ```text
//!   u64        8 bytes     U48     6 bytes     sizes, places and durations are below 2^48
//!   Instant   16 bytes     Tick    8 bytes     nanoseconds from the first conversion
//! ```
//!
//! In a table of a million leases, each byte that an entry needs less saves a megabyte.
//!
//! **Invariants** both give back the value that they were made of. Ticks keep the order of their
//! instants.
//!
//! **Lock** none.

use std::num::NonZeroI64;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// The instant from which ticks count: that of the first conversion.
static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A number below 2^48. The arena has at most 2^40 bytes, and the longest lease 2^42 ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct U48([u8; 6]);

impl U48 {
    /// The greatest number.
    pub const MAX: u64 = (1 << 48) - 1;

    /// Returns the six bytes of a number. A greater number than [`U48::MAX`] becomes `MAX`.
    pub fn new(number: u64) -> Self {
        let [bytes @ .., _, _] = number.min(Self::MAX).to_le_bytes();
        Self(bytes)
    }

    /// Returns the number.
    pub fn get(self) -> u64 {
        let [a, b, c, d, e, f] = self.0;
        u64::from_le_bytes([a, b, c, d, e, f, 0, 0])
    }
}

/// An instant, as nanoseconds from the origin: 1 is the origin itself, and the instants before it
/// are negative. There is no 0, so an `Option` of a tick needs no more bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tick(NonZeroI64);

impl Tick {
    /// Returns the tick of an instant; `None` if it is 292 years or more from the origin.
    pub fn of(instant: Instant) -> Option<Self> {
        let nanoseconds = |duration: Duration| i64::try_from(duration.as_nanos()).ok();
        let tick = match instant.checked_duration_since(*ORIGIN) {
            Some(after) => nanoseconds(after)?.checked_add(1)?,
            None => -nanoseconds(ORIGIN.duration_since(instant))?,
        };
        NonZeroI64::new(tick).map(Self)
    }

    /// Returns the instant.
    pub fn instant(self) -> Instant {
        match self.0.get() {
            tick @ 1.. => *ORIGIN + Duration::from_nanos(tick.unsigned_abs() - 1),
            tick => *ORIGIN - Duration::from_nanos(tick.unsigned_abs()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn six_bytes_give_the_number_back(number in 0..=U48::MAX) {
            prop_assert_eq!(U48::new(number).get(), number);
        }

        #[test]
        fn ticks_give_the_instant_back_and_keep_the_order(
            steps in prop::collection::vec(any::<u32>(), 1..20),
        ) {
            let start = *ORIGIN - Duration::from_secs(1);
            let instants = steps.iter().map(|&step| start + Duration::from_nanos(step.into()));
            let mut instants: Vec<Instant> = instants.collect();
            instants.sort();
            let ticks: Vec<Tick> = instants.iter().filter_map(|&at| Tick::of(at)).collect();
            prop_assert!(ticks.is_sorted());
            prop_assert_eq!(ticks.iter().map(|tick| tick.instant()).collect::<Vec<_>>(), instants);
        }
    }

    #[test]
    fn too_large_a_number_is_the_greatest_and_too_late_an_instant_is_none() {
        assert_eq!(U48::new(U48::MAX + 1).get(), U48::MAX);
        let century = Duration::from_secs(100 * 365 * 24 * 3600);
        assert!(Tick::of(*ORIGIN + 2 * century).is_some());
        assert_eq!(Tick::of(*ORIGIN + 3 * century), None);
    }
}
