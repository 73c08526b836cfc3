//! Dates as text: the Date field's format, and that of logs.
//!
//! It must not know what time it is: the caller has the clock, and caches the result for a second.

const DAYS: &[u8; 21] = b"SunMonTueWedThuFriSat";
const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";

/// `Sun, 06 Nov 1994 08:49:37 GMT` (IMF-fixdate, RFC 9110 section 5.6.7) of `unix_seconds`, which is cut off
/// at the end of the year 9999, the last one the format can hold.
pub fn imf_fixdate(unix_seconds: u64) -> [u8; 29] {
    const LAST: u64 = 253_402_300_799;
    let seconds = unix_seconds.min(LAST);
    let (days, clock) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let weekday = ((days + 4) % 7) as usize; // day 0 was a Thursday
    let mut out = *b"Xxx, 00 Xxx 0000 00:00:00 GMT";
    out[0..3].copy_from_slice(&DAYS[weekday * 3..weekday * 3 + 3]);
    two_digits(&mut out, 5, day);
    let name = (month as usize - 1) * 3;
    out[8..11].copy_from_slice(&MONTHS[name..name + 3]);
    two_digits(&mut out, 12, year / 100);
    two_digits(&mut out, 14, year % 100);
    two_digits(&mut out, 17, clock / 3_600);
    two_digits(&mut out, 20, clock / 60 % 60);
    two_digits(&mut out, 23, clock % 60);
    out
}

/// `2006-01-02T15:04:05.678Z` (RFC 3339) of nanoseconds since 1970.
pub fn rfc3339(unix_nanos: u64) -> String {
    let (seconds, millis) = (unix_nanos / 1_000_000_000, unix_nanos / 1_000_000 % 1000);
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

fn two_digits(out: &mut [u8; 29], at: usize, value: u64) {
    out[at] = b'0' + (value / 10) as u8;
    out[at + 1] = b'0' + (value % 10) as u8;
}

/// Year, month (1 to 12) and day of month of a day counted from 1970-01-01. Years are counted from March here,
/// so that the leap day is the last of its year, in eras of 400 years, which are all alike.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468; // from 0000-03-01
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}
