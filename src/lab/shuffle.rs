//! A statistical test: could these numbers be in a random order?
//!
//! ```text
//!   ranks    3   1   4   2        ratio = Σ (R[i] - R[i+1])²  /  Σ (R[i] - mean)²
//!   steps     -2  +3  -2                = (4 + 9 + 4) / (0.25 + 2.25 + 2.25 + 0.25) = 3.4
//!
//!   random order: about 2         sorted: near 0        low, high, low, high: 3 and more
//! ```
//!
//! The test is the rank version of von Neumann's ratio, by Bartels. It asks whether neighbours lie
//! closer together, or farther apart, than chance would place them. In a random order the ratio is
//! about 2, with a standard deviation of about 2/√n, and its distribution is close to the normal
//! one from about 30 numbers on. The p value is the probability that the ratio of a random order is
//! at least as far from 2, to either side, as the measured one.
//!
//! The numbers of several clients may be joined into one sequence: parts of a random order, taken
//! without looking at the numbers, are in random order too.
//!
//! **Invariants** equal numbers share the mean of their ranks; fewer than [`MIN_NUMBERS`] numbers
//! give no verdict.
//!
//! **Lock** none: pure functions.
//!
//! **Simplified** there is only one statistic, and some orders that are not random pass it. One
//! example is an order that advances by a fixed part s = 0.2113 of the list, and goes on at the
//! start when it passes the end: its ratio is 12 · s · (1 - s) = 2. A suite such as TestU01 has
//! many tests, each of which sees another pattern.
//!
//! **Source** R. Bartels, "The rank version of von Neumann's ratio test for randomness" (1982). The
//! complementary error function is `erfcc` of "Numerical Recipes".

use std::fmt;

/// The fewest numbers for a verdict: with fewer the normal distribution is not close enough.
pub const MIN_NUMBERS: usize = 30;

/// The p value below which an order is called not shuffled. At the usual 0.05, five of a hundred
/// shuffled lists would fail. At one in a million none does in practice, and even [`MIN_NUMBERS`]
/// numbers in sorted order are still found: their p value is about 2e-8.
const DOUBT: f64 = 1e-6;

/// The test's result for one order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shuffle {
    /// The ratio: about 2 in a random order.
    pub ratio: f64,
    /// The probability that chance leads at least as far from 2 as this ratio.
    pub p: f64,
}

impl Shuffle {
    /// Tests the numbers, each of 1 to `greatest`, in the order in which they came.
    ///
    /// Returns `None` if there are fewer than [`MIN_NUMBERS`], if all are the same, or if one is
    /// over `greatest`. For a moment it needs 12 bytes for each number up to `greatest`, and 8 for
    /// each that came.
    pub fn of(numbers: &[u32], greatest: u32) -> Option<Self> {
        if numbers.len() < MIN_NUMBERS {
            return None;
        }
        let ranks = ranks(numbers, greatest)?;
        let n = numbers.len() as f64;
        // The ranks are 1 to n, and equal numbers share ranks without changing the sum: so this is
        // the mean.
        let mean = (n + 1.0) / 2.0;
        let spread: f64 = ranks.iter().map(|rank| (rank - mean).powi(2)).sum();
        let steps: f64 = ranks.windows(2).map(|pair| (pair[0] - pair[1]).powi(2)).sum();
        // All numbers are the same: the ratio would be 0 / 0.
        if spread == 0.0 {
            return None;
        }
        let ratio = steps / spread;
        // The variance of the ratio in a random order without ties, from Bartels' paper; 4/n for a
        // large n.
        let variance = 4.0 * (n - 2.0) * (5.0 * n * n - 2.0 * n - 9.0)
            / (5.0 * n * (n + 1.0) * (n - 1.0).powi(2));
        // The distance from the mean in standard deviations. A normal variable is farther than z of
        // them from its mean, to either side, with probability erfc(z / √2).
        let deviation = (ratio - 2.0) / variance.sqrt();
        Some(Self { ratio, p: erfc(deviation.abs() / std::f64::consts::SQRT_2) })
    }

    /// Returns whether the order may be random: chance alone would lead this far at least once in a
    /// million orders.
    pub fn is_random(&self) -> bool {
        self.p >= DOUBT
    }
}

impl fmt::Display for Shuffle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.is_random() { "shuffled" } else { "not shuffled" };
        let p = if self.p < DOUBT { "p < 0.000001".into() } else { format!("p = {:.6}", self.p) };
        write!(f, "{verdict}: rank von Neumann ratio {:.4}, 2 in a random order, {p}", self.ratio)
    }
}

/// Returns the rank of each number: 1 for the smallest. Equal numbers share the mean of their
/// ranks: 7 7 9 have 1.5, 1.5 and 3. Returns `None` if a number is over `greatest`.
///
/// The function counts instead of sorting: the range is known, so counting takes linear time.
fn ranks(numbers: &[u32], greatest: u32) -> Option<Vec<f64>> {
    let mut counts = vec![0_u32; greatest as usize + 1];
    for &number in numbers {
        *counts.get_mut(number as usize)? += 1;
    }
    let mut below = 0.0;
    let of_value: Vec<f64> = counts
        .iter()
        .map(|&count| {
            // `count` numbers have the ranks below + 1 to below + count; this is their mean.
            let rank = below + (f64::from(count) + 1.0) / 2.0;
            below += f64::from(count);
            rank
        })
        .collect();
    numbers.iter().map(|&number| of_value.get(number as usize).copied()).collect()
}

/// Returns the complementary error function of `x >= 0`, with a relative error of at most 1.2e-7.
///
/// The form is t · exp(-x² + polynomial of t), with the coefficients of the book. To compute
/// 1 - erf(x) would be less exact: for a large x, 1 - 0.99999… loses its digits. std has no such
/// function.
fn erfc(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.5 * x);
    let terms = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    // Horner's scheme: one multiplication for each term, from the last to the first.
    let sum = terms.iter().rev().fold(0.0, |sum, term| sum * t + term);
    // At 0 rounding could give a little more than 1, which is no probability.
    (t * (sum - x * x).exp()).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::list::shuffled;

    fn judged(numbers: impl IntoIterator<Item = u32>) -> Shuffle {
        let numbers: Vec<u32> = numbers.into_iter().collect();
        Shuffle::of(&numbers, 100_000).unwrap()
    }

    #[test]
    fn the_error_function_has_its_known_values() {
        for (x, value) in [(0.0, 1.0), (0.5, 0.479_500_12), (1.0, 0.157_299_2), (3.0, 2.209_05e-5)]
        {
            assert!((erfc(x) / value - 1.0).abs() < 1e-6, "{x}: {}", erfc(x));
        }
    }

    #[test]
    fn shuffled_lists_are_random_and_their_p_values_spread() {
        let of_seed = |seed| {
            let list = shuffled(1000, Some(seed));
            judged((0..1000).map(|index| list.number(index)))
        };
        let all: Vec<Shuffle> = (0..200).map(of_seed).collect();
        assert!(all.iter().all(Shuffle::is_random));
        let low = all.iter().filter(|shuffle| shuffle.p < 0.5).count();
        assert!((60..140).contains(&low), "{low} of 200 below a half");
    }

    #[test]
    fn orders_that_only_look_mixed_are_not_random() {
        let n = 10_000;
        let orders: [(&str, Vec<u32>); 5] = [
            ("sorted", (1..=n).collect()),
            ("backwards", (1..=n).rev().collect()),
            ("from the middle", (5000..=n).chain(1..5000).collect()),
            ("two halves in turn", (1..=n / 2).flat_map(|x| [x, x + n / 2]).collect()),
            ("neighbours swapped", (1..=n / 2).flat_map(|x| [2 * x, 2 * x - 1]).collect()),
        ];
        for (name, order) in orders {
            assert!(!judged(order).is_random(), "{name}");
        }
    }

    #[test]
    fn too_few_numbers_or_all_the_same_give_no_verdict() {
        assert_eq!(Shuffle::of(&[1; 29], 9), None);
        assert_eq!(Shuffle::of(&[7; 50], 9), None);
        assert_eq!(Shuffle::of(&[10; 50], 9), None, "out of range");
    }
}
