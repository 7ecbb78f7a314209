//! Whether numbers came in a random order.
//!
//! ```text
//!   ranks    3   1   4   2        ratio = Σ (R[i] - R[i+1])²  /  Σ (R[i] - mean)²
//!   random order: about 2         sorted: near 0        low, high, low, high: 3 and more
//! ```
//!
//! The rank version of von Neumann's ratio (Bartels). In a random order it is 2, with a
//! spread of about 2/√n, and close to the normal distribution from some 30 numbers on;
//! the p value is how often chance alone would lead as far away, to either side. What
//! several clients drew may be put one behind the other: random picks of a random order
//! are in random order.
//!
//! **Invariants** numbers that came twice share the mean of their ranks; fewer than
//! [`LEAST`] numbers give no verdict.
//!
//! **Lock** none.
//!
//! **Simplified** one statistic: an order made to look random to it, such as a stride of
//! 0.2113 of the list, is not seen through.
//!
//! **Source** R. Bartels, "The rank version of von Neumann's ratio test for randomness"
//! (1982); the complementary error function is the rational one of Numerical Recipes.

use std::fmt;

/// Fewer numbers give no verdict.
pub const LEAST: usize = 30;

/// A random order is called one unless chance leads this far in one of a million cases.
const DOUBT: f64 = 1e-6;

/// The statistic of one order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shuffle {
    /// 2 in a random order.
    pub ratio: f64,
    /// How often chance leads as far from 2.
    pub p: f64,
}

impl Shuffle {
    /// Judges numbers of 1 to `greatest` in the order they came; `None` when there are
    /// too few, or all are the same.
    pub fn of(numbers: &[u32], greatest: u32) -> Option<Self> {
        if numbers.len() < LEAST {
            return None;
        }
        let ranks = ranks(numbers, greatest)?;
        let n = numbers.len() as f64;
        let mean = (n + 1.0) / 2.0;
        let spread: f64 = ranks.iter().map(|rank| (rank - mean).powi(2)).sum();
        let steps: f64 = ranks.windows(2).map(|pair| (pair[0] - pair[1]).powi(2)).sum();
        if spread == 0.0 {
            return None;
        }
        let ratio = steps / spread;
        let variance = 4.0 * (n - 2.0) * (5.0 * n * n - 2.0 * n - 9.0)
            / (5.0 * n * (n + 1.0) * (n - 1.0).powi(2));
        let deviation = (ratio - 2.0) / variance.sqrt();
        Some(Self { ratio, p: erfc(deviation.abs() / std::f64::consts::SQRT_2) })
    }

    /// Whether that can be a random order.
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

/// Each number's rank, by counting; `None` when one is over `greatest`.
fn ranks(numbers: &[u32], greatest: u32) -> Option<Vec<f64>> {
    let mut counts = vec![0_u32; greatest as usize + 1];
    for &number in numbers {
        *counts.get_mut(number as usize)? += 1;
    }
    let mut below = 0.0;
    let of_value: Vec<f64> = counts
        .iter()
        .map(|&count| {
            let rank = below + (f64::from(count) + 1.0) / 2.0;
            below += f64::from(count);
            rank
        })
        .collect();
    numbers.iter().map(|&number| of_value.get(number as usize).copied()).collect()
}

/// The complementary error function of `x >= 0`, within 1.2e-7 of its value.
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
    let sum = terms.iter().rev().fold(0.0, |sum, term| sum * t + term);
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
