//! Numbers of bytes as people write them.

use std::fmt;
use std::str::FromStr;

/// A number of bytes, written with a binary unit: `64MiB`, `16GiB`, `512`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(
    /// Bytes.
    pub u64,
);

/// Binary units (IEC 80000-13), each 1024 times the one before.
const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];

impl FromStr for Size {
    type Err = String;

    /// A whole number, then nothing, `B`, `KiB`, `MiB`, `GiB` or `TiB`; `K`, `M`, `G` and `T` stand for the same units.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is no size; write a number of bytes, or one with KiB, MiB, GiB or TiB such as 64MiB");
        let text_of_number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
        let unit = text.get(text_of_number.len()..).unwrap_or_default().trim();
        let power = UNITS
            .iter()
            .position(|known| {
                unit.eq_ignore_ascii_case(known)
                    || !unit.is_empty() && known.trim_end_matches("iB").eq_ignore_ascii_case(unit)
            })
            .or(unit.is_empty().then_some(0))
            .and_then(|power| u32::try_from(power).ok())
            .ok_or_else(wrong)?;
        let number: u64 = text_of_number.trim().parse().map_err(|_| wrong())?;
        let bytes = 1024_u64.checked_pow(power).and_then(|unit| number.checked_mul(unit));
        bytes.map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Size {
    /// With the largest unit in which it is a whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut number = self.0;
        let mut units = UNITS.iter().copied();
        let mut unit = units.next().unwrap_or_default();
        for larger in units {
            if number == 0 || !number.is_multiple_of(1024) {
                break;
            }
            number /= 1024;
            unit = larger;
        }
        write!(f, "{number}{unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_they_are_written() {
        for (text, bytes) in [
            ("512", 512),
            ("0", 0),
            ("64MiB", 64 << 20),
            ("64 mib", 64 << 20),
            ("2G", 2 << 30),
            ("1TiB", 1 << 40),
        ] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        assert_eq!(Size(64 << 20).to_string(), "64MiB");
        assert_eq!(Size(1025).to_string(), "1025B");
        assert_eq!(Size(1025).to_string().parse(), Ok(Size(1025)));
    }

    #[test]
    fn what_is_no_size_is_said_with_an_example() {
        for text in ["", "MiB", "-1", "1.5GiB", "3MB", "64MiBs", "99999999TiB"] {
            let error = text.parse::<Size>().unwrap_err();
            assert!(error.contains("64MiB"), "{text}: {error}");
        }
    }
}
