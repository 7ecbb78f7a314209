//! **Goal** judge a recorded history: could one counter have given these draws? **Invariant** no request has a greater index than one that began after it was over; no index comes twice.
//!
//! *Predict first:* a server deals indices to its threads in handfuls of 100. Each number goes out once. Which rule does it break?

/// A draw: when it was asked for and answered, and the index that it got.
#[derive(Debug, Clone, Copy)]
pub struct Drawn {
    pub asked: u64,
    pub answered: u64,
    pub index: u32,
}

/// Returns whether one counter could have given these indices.
pub fn is_of_one_counter(history: &[Drawn]) -> bool {
    // YOUR TURN: no index twice is not enough. Remove this line.
    history
        .iter()
        .enumerate()
        .all(|(at, one)| history[..at].iter().all(|other| other.index != one.index))
}
