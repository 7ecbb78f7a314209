//! The solution of e7_01: place the clients one after the other: the steps of the next one are
//! chosen among all places so far, and each factor is divided out at once, so the numbers stay
//! small.

/// Returns how many orders of these steps there are, if that fits.
pub fn schedules(steps: &[u64]) -> Option<u128> {
    let (mut places, mut count) = (0_u128, 1_u128);
    for &client in steps {
        for step in 1..=u128::from(client) {
            places += 1;
            // Exact: after each factor it is a binomial coefficient times an integer.
            count = count.checked_mul(places)? / step;
        }
    }
    Some(count)
}
