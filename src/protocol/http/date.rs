//! Dates as HTTP writes them: `Mon, 23 May 2005 22:38:34 GMT`.
//!
//! HTTP has three forms of a date. This file reads all three (the code of [`read`] shows them) and
//! writes the one above. It counts days in the Gregorian calendar from 1970-01-01. A year of the
//! calculation begins in March, so that a leap day is its last day and moves no other day:
//!
//! ```text
//!   month  0   1   2   3   4  │ 5   6   7   8   9  │ 10  11
//!          Mar Apr May Jun Jul│ Aug Sep Oct Nov Dec│ Jan Feb
//!   days   31  30  31  30  31 │ 31  30  31  30  31 │ 31  28 or 29
//!          153 in five months │ 153                │
//!
//!   23 May 2005 is day 12,926 since 1970; + 719,468 = 732,394 days since 1 March of year 0
//!                             732,394 = 5 eras of 400 years + 1909 days
//!                                1909 = 5 years + 83 days; 83 days = 2 months + 22 days
//! ```
//!
//! **Invariants** `read` returns the second that `write` wrote, up to the year 9999.
//!
//! **Lock** none: the caller reads the clock.
//!
//! **Simplified** no leap seconds, as in POSIX. A year of two digits is one of 1970 to 2069; the
//! RFC moves this window with the current year. The day of the week is not compared with the date.
//!
//! **Source** RFC 9110, section 5.6.7; the arithmetic is Howard Hinnant's `days_from_civil`.

/// The days of the week. The first is that of 1970-01-01, a Thursday.
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Seconds in a day.
const DAY: u64 = 24 * 60 * 60;

/// Days from 1 March of year 0 to 1970-01-01.
const TO_1970: u64 = 719_468;
/// Days in 400 years, after which the calendar repeats: 400 * 365, and 100 - 4 + 1 leap days.
const ERA: u64 = 146_097;

/// Returns the date of a second since 1970, in the form that the file's first line shows.
pub fn write(seconds: u64) -> String {
    let (days, second) = (seconds / DAY, seconds % DAY);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let (weekday, month) = (DAYS[(days % 7) as usize], MONTHS[month as usize - 1]);
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Returns year, month (from 1) and day of a count of days since 1970.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + TO_1970;
    let (era, day) = (days / ERA, days % ERA);
    // Subtracts the leap days of this era up to `day`: one after each 4 years (1460 days), none
    // after 100 (36,524), but one after 400 (146,096). The rest is years of 365 days.
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // Five months have 153 days, in both full groups of the picture in the file's head. So before
    // month M of the calculation, from 0, there are (153 * M + 2) / 5 days, rounded down.
    let month = (5 * day + 2) / 153;
    // Month 0 is March, so months 10 and 11 are January and February of the next year.
    let in_march = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + u64::from(in_march <= 2), in_march, day - (153 * month + 2) / 5 + 1)
}

/// Returns the days since 1970 of a date; `None` for a date before 1970. The first month and the
/// first day are 1. A day that its month does not have becomes a day of the next month. January and
/// February belong to the year before, because a year of the calculation begins in March.
fn days_of(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = year - u64::from(month <= 2);
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    (era * ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year).checked_sub(TO_1970)
}

/// Returns the second since 1970 of a date in any of the three forms; 0 for a date before 1970.
/// Returns `None` for another text and for a year outside 1 to 9999.
pub fn read(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let words: Vec<&str> = text.split([' ', '-']).filter(|word| !word.is_empty()).collect();
    let (day, month, year, time) = match words[..] {
        // Sun, 06 Nov 1994 08:49:37 GMT and Sunday, 06-Nov-94 08:49:37 GMT
        [weekday, day, month, year, time, "GMT"] if weekday.ends_with(',') => {
            (day, month, year, time)
        }
        // Sun Nov  6 08:49:37 1994
        [weekday, month, day, time, year] if DAYS.contains(&weekday) => (day, month, year, time),
        _ => return None,
    };
    let month = MONTHS.iter().position(|known| *known == month)? as u64 + 1;
    let (day, of_two) = (number(day)?, year.len() == 2);
    let year = match number(year)? {
        year @ 70.. if of_two => 1900 + year,
        year if of_two => 2000 + year,
        year => year,
    };
    let mut time = time.split(':').map(|word| number(word).filter(|_| word.len() == 2));
    let (Some(hour), Some(minute), Some(second), None) =
        (time.next()?, time.next()?, time.next()?, time.next())
    else {
        return None;
    };
    // Second 60 is a leap second: the RFC allows it, and it counts as the next minute's first.
    let is_time = hour < 24 && minute < 60 && second < 61;
    if !is_time || !(1..=9999).contains(&year) || !(1..=31).contains(&day) {
        return None;
    }
    // All leases were set after 1970, so 1970 stands for every earlier date. A program that has no
    // date may send the year 1.
    if year < 1970 {
        return Some(0);
    }
    // 31 February comes back as 3 March, so it is no date.
    let days = days_of(year, month, day).filter(|&days| civil(days) == (year, month, day))?;
    Some(days * DAY + hour * 3600 + minute * 60 + second)
}

/// Reads digits alone: a sign or a space is no part of a date.
fn number(word: &str) -> Option<u64> {
    crate::common::id::parse_decimal(word.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_lectures_dates() {
        for text in ["Mon, 23 May 2005 22:38:34 GMT", "Wed, 08 Jan 2003 23:11:55 GMT"] {
            assert_eq!(read(text.as_bytes()).map(write).as_deref(), Some(text));
        }
        assert_eq!(read(b"Mon, 23 May 2005 22:38:34 GMT"), Some(1_116_887_914));
    }

    #[test]
    fn the_three_forms_of_the_rfc_are_one_second() {
        let forms = [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ];
        for form in forms {
            assert_eq!(read(form.as_bytes()), Some(784_111_777), "{form}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        let wrong = [
            "",
            "yesterday",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, 06 Nov 0000 08:49:37 GMT",
            "Sun, 06 Nov 99999999999999999999 08:49:37 GMT",
            "Sun, 06 Nov 99999 08:49:37 GMT",
            "Sun, 0 Nov 1994 08:49:37 GMT",
        ];
        for text in wrong {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
        for early in ["Sun, 06 Nov 1969 08:49:37 GMT", "Mon, 01 Jan 0001 00:00:00 GMT"] {
            assert_eq!(read(early.as_bytes()), Some(0), "{early}");
        }
    }

    proptest! {
        #[test]
        fn every_second_reads_back(seconds in 0_u64..253_402_300_800) {
            prop_assert_eq!(read(write(seconds).as_bytes()), Some(seconds));
        }
    }
}
