//! Sizes and durations as they are written on the command line.
//!
//! ```text
//!   4096   64KiB   1MiB   1GiB          a bare number is bytes
//!   200us   500ms   2s   30m   24h      a duration always has its unit, but for 0
//! ```
//!
//! **Invariants** nothing is rounded, nothing overflows: both are errors.

use std::time::Duration;

/// Bytes.
///
/// # Errors
/// What is wrong, and the form.
pub fn size(text: &str) -> Result<u64, String> {
    let (count, unit) = split(text);
    let scale = match unit {
        "" | "B" => Some(1),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        "GiB" => Some(1 << 30),
        _ => None,
    };
    let bytes = count.zip(scale).and_then(|(count, scale): (u64, u64)| count.checked_mul(scale));
    bytes.ok_or_else(|| "give a size such as 4096, 64KiB, 1MiB or 1GiB".to_string())
}

/// A duration.
///
/// # Errors
/// What is wrong, and the form.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (count, unit) = split(text);
    let micros = match unit {
        "" if count == Some(0) => Some(1),
        "us" => Some(1),
        "ms" => Some(1_000),
        "s" => Some(1_000_000),
        "m" => Some(60_000_000),
        "h" => Some(3_600_000_000),
        _ => None,
    };
    let total = count.zip(micros).and_then(|(count, micros): (u64, u64)| count.checked_mul(micros));
    let total =
        total.ok_or_else(|| "give a duration such as 200us, 500ms, 2s or 24h".to_string())?;
    Ok(Duration::from_micros(total))
}

/// How long something may take: not nothing, and not more than a day.
///
/// # Errors
/// What is wrong, and the form.
pub fn time_limit(text: &str) -> Result<Duration, String> {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let limit = duration(text)?;
    let in_range = !limit.is_zero() && limit <= DAY;
    if in_range { Ok(limit) } else { Err("give a duration from 1us to 24h".into()) }
}

fn split(text: &str) -> (Option<u64>, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = text.split_at(digits);
    (count.parse().ok(), unit)
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
