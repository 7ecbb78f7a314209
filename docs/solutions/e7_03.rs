//! The solution of e7_03: one counter gives its indices in an order that respects time: who was
//! over before another began must have the smaller index.

/// A draw: when it was asked for and answered, and the index that it got.
#[derive(Debug, Clone, Copy)]
pub struct Drawn {
    pub asked: u64,
    pub answered: u64,
    pub index: u32,
}

/// Returns whether one counter could have given these indices.
pub fn is_of_one_counter(history: &[Drawn]) -> bool {
    history.iter().enumerate().all(|(at, one)| {
        history[..at].iter().all(|other| {
            let (first, second) = if other.index < one.index { (other, one) } else { (one, other) };
            other.index != one.index && second.answered >= first.asked
        })
    })
}
