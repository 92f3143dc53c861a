//! Numbers of octets.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use super::{Misfit, Raw, Setting};

/// A number of octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteCount(pub u64);

/// What TOML's integers can hold.
const BYTES_MAX: u64 = i64::MAX as u64;

const UNITS: [(&str, u32); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];

impl ByteCount {
    /// `count` times 1024 octets.
    pub const fn kib(count: u64) -> Self {
        Self(count << 10)
    }

    /// `count` times 1024² octets.
    pub const fn mib(count: u64) -> Self {
        Self(count << 20)
    }

    /// `count` times 1024³ octets.
    pub const fn gib(count: u64) -> Self {
        Self(count << 30)
    }

    /// The number.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// The number, as lengths of memory are counted; the largest length where it is beyond.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// `KB` and `MB` are refused: people mean either 1000 or 1024 by them.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = text.split_at(digits);
        let unit = unit.trim();
        let shift = match unit {
            "" | "B" => 0,
            _ => {
                UNITS
                    .iter()
                    .find(|(name, _)| *name == unit || name[..1] == *unit)?
                    .1
            }
        };
        let bytes = number.parse::<u64>().ok()?.checked_mul(1 << shift)?;
        (bytes <= BYTES_MAX).then_some(Self(bytes))
    }
}

impl fmt::Display for ByteCount {
    /// In the largest unit that leaves no rest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |shift: u32| self.0 != 0 && self.0.trailing_zeros() >= shift;
        match UNITS.iter().find(|(_, shift)| whole(*shift)) {
            Some((name, shift)) => write!(f, "{} {name}", self.0 >> shift),
            None => write!(f, "{} B", self.0),
        }
    }
}

/// A text is no number of octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a size as 50 MiB, 64 KiB or a number of octets")]
pub struct ByteCountError;

impl FromStr for ByteCount {
    type Err = ByteCountError;

    fn from_str(text: &str) -> Result<Self, ByteCountError> {
        Self::parse(text).ok_or(ByteCountError)
    }
}

impl Setting for ByteCount {
    fn kind() -> String {
        "a size".to_owned()
    }

    fn read(raw: &Raw, _: &Path) -> Result<Self, Misfit> {
        match raw {
            Raw::Integer(number) => u64::try_from(*number).ok().map(Self),
            Raw::Text(text) => Self::parse(text),
            _ => return Err(Misfit::kind(Self::kind(), raw)),
        }
        .ok_or_else(|| Misfit::Shape {
            expected: "a size",
            found: match raw {
                Raw::Text(text) => text.clone(),
                other => other.to_string(),
            },
            example: "\"50 MiB\" or \"64 KiB\"",
        })
    }

    fn write(&self) -> Option<Raw> {
        Some(Raw::Text(self.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::ByteCount;

    #[test]
    fn sizes_read_with_binary_units_only() {
        let read = |text| ByteCount::parse(text).map(ByteCount::bytes);
        assert_eq!(read("50 MiB"), Some(50 << 20));
        assert_eq!(read("64K"), Some(65_536));
        assert_eq!(read("12B"), Some(12));
        assert_eq!(read("12"), Some(12));
        assert_eq!(read("1 GiB"), Some(1 << 30));
        for wrong in [
            "",
            "MiB",
            "1 MB",
            "1.5 GiB",
            "-1",
            "1 MiB MiB",
            "99999999999 TiB",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_print_in_the_largest_whole_unit() {
        assert_eq!(ByteCount::mib(50).to_string(), "50 MiB");
        assert_eq!(ByteCount(1536).to_string(), "1536 B");
        assert_eq!(ByteCount::kib(1536).to_string(), "1536 KiB");
        assert_eq!(ByteCount(0).to_string(), "0 B");
    }
}
