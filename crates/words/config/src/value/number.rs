//! Counts.

use std::path::Path;

use super::{Misfit, Raw, Setting};

macro_rules! number {
    ($($kind:ty),+) => {$(
        impl Setting for $kind {
            fn kind() -> String {
                "a number".to_owned()
            }

            fn read(raw: &Raw, _: &Path) -> Result<Self, Misfit> {
                match raw {
                    Raw::Integer(number) => Self::try_from(*number).ok(),
                    _ => None,
                }
                .ok_or_else(|| Misfit::kind(format!("a number from 0 to {}", Self::MAX), raw))
            }

            fn write(&self) -> Option<Raw> {
                Some(Raw::Integer(i64::from(*self)))
            }
        }
    )+};
}

number!(u16, u32);
