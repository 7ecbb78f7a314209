//! **Goal** count the schedules of several clients before they are run. **Invariant** for steps a, b, c the number is (a + b + c)! / (a! b! c!); what does not fit 128 bits is `None`, not a wrong number.
//!
//! *Predict first:* A draws 4 and B draws 2, with two steps for each number. How many schedules are there? `leasebox race` tells.

/// Returns how many orders of these steps there are, if that fits.
pub fn schedules(steps: &[u64]) -> Option<u128> {
    // YOUR TURN: this is right for one client. Remove this line.
    let _ = steps;
    Some(1)
}
