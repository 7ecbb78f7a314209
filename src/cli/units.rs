//! Sizes, durations and words: their form on the command line.
//!
//! ```text
//!   4096   64KiB   1MiB   1GiB          a bare number is bytes
//!   200us   500ms   2s   30m   24h      a duration always has its unit; 0 needs none
//! ```
//!
//! A bare `5` as a duration is refused: it could be seconds or milliseconds, and either guess would
//! be wrong for half of the users. KiB is 1024 bytes; `KB` and `kb` are refused, because they mean
//! 1000 or 1024.
//!
//! **Invariants** no value is rounded, and none overflows. So a fraction such as `1.5MiB` is an
//! error, and so is `17179869184GiB`, which is 2^64 bytes.
//!
//! **Lock** none. **Source** IEC 80000-13 for KiB, MiB and GiB.

use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// Returns the parser of an option that takes one of these words. Each word has the value that it
/// stands for, so the option has a type of the library. (clap's `ValueEnum` has to be derived at
/// the enum itself. An enum of the library would need a second one beside it, with the same
/// variants. An enum that only the command line has, such as `race::Program`, still derives
/// `ValueEnum`.)
pub fn one_of<const N: usize, T>(
    words: [(impl Into<PossibleValue>, T); N],
) -> impl TypedValueParser<Value = T>
where
    T: Clone + Send + Sync + 'static,
{
    let words = words.map(|(word, value)| (word.into(), value));
    let known = words.each_ref().map(|(word, _)| word.clone());
    PossibleValuesParser::new(known).try_map(move |word| {
        let found = words.iter().find(|(known, _)| known.get_name() == word);
        // A word is always found: the parser before has refused all others.
        found.map(|(_, value)| value.clone()).ok_or("no such word")
    })
}

/// Reads a size in bytes.
///
/// # Errors
/// Fails with the form, such as `give a size such as 4096, …`; clap adds the flag.
pub fn size(text: &str) -> Result<u64, String> {
    let units = [("", 1), ("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
    scaled(text, &units).ok_or_else(|| "give a size such as 4096, 64KiB, 1MiB or 1GiB".to_string())
}

/// Reads a duration, in whole microseconds. The longest is 2^64 - 1 microseconds, over 500,000
/// years.
///
/// # Errors
/// Fails with the form.
pub fn duration(text: &str) -> Result<Duration, String> {
    let units =
        [("us", 1), ("ms", 1_000), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000)];
    let zero = || scaled(text, &[("", 1)]).filter(|&count| count == 0);
    let micros = scaled(text, &units).or_else(zero);
    let form = || "give a duration such as 200us, 500ms, 2s or 24h".to_string();
    micros.map(Duration::from_micros).ok_or_else(form)
}

/// Reads a time limit: more than 0, and at most a day. A limit of 0 would end each call before it
/// begins.
///
/// # Errors
/// Fails with the form or the range.
pub fn time_limit(text: &str) -> Result<Duration, String> {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let limit = duration(text)?;
    let in_range = !limit.is_zero() && limit <= DAY;
    if in_range { Ok(limit) } else { Err("give a duration from 1us to 24h".into()) }
}

/// Reads digits with one of these units behind them, and returns the number times the unit. Returns
/// `None` for another unit, a sign, a fraction, or a result over 64 bits.
fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = text.split_at(digits);
    let (_, scale) = units.iter().find(|(name, _)| *name == unit)?;
    count.parse::<u64>().ok()?.checked_mul(*scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_units() {
        let good =
            [("4096", 4096), ("0", 0), ("64KiB", 65_536), ("1MiB", 1 << 20), ("2GiB", 2 << 30)];
        for (text, bytes) in good {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in
            ["", "KiB", "-1", "1.5MiB", "64kb", "1 MiB", "18446744073709551616", "17179869184GiB"]
        {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_limit_is_not_nothing_and_not_for_ever() {
        assert_eq!(time_limit("1us"), Ok(Duration::from_micros(1)));
        assert!(time_limit("24h").is_ok());
        assert!(time_limit("0s").is_err() && time_limit("25h").is_err());
    }

    #[test]
    fn durations_have_a_unit_but_for_zero() {
        let good = [("200us", 200), ("500ms", 500_000), ("2s", 2_000_000), ("0", 0), ("0s", 0)];
        for (text, micros) in good {
            assert_eq!(duration(text), Ok(Duration::from_micros(micros)), "{text}");
        }
        assert_eq!(duration("24h"), Ok(Duration::from_secs(86_400)));
        for text in ["", "5", "s", "-1s", "1.5s", "1d", "5124095577h", "18446744073709551616us"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
