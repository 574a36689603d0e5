//! Colours, of tenants and of roles.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// The rule that a text breaks if it is not a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a colour is # and six hexadecimal digits, such as #5865f2")]
pub struct ColorError;

/// A colour as `#` and six hexadecimal digits in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color(u32);

impl Color {
    /// Returns the colour `0xRRGGBB`; `None` for a larger number.
    #[must_use]
    pub const fn from_rgb(rgb: u32) -> Option<Self> {
        if rgb <= 0xFF_FFFF { Some(Self(rgb)) } else { None }
    }

    /// Returns its red, green and blue: `0xRRGGBB`.
    #[must_use]
    pub const fn rgb(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:06x}", self.0)
    }
}

impl FromStr for Color {
    type Err = ColorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6).ok_or(ColorError)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(ColorError);
        }
        u32::from_str_radix(digits, 16).map(Self).map_err(|_| ColorError)
    }
}

impl Serialize for Color {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
