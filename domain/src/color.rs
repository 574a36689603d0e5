//! Colours, of tenants and of roles.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// The number of steps from a colour to black or white.
const STEPS: u32 = 64;

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

    /// Returns the contrast of a text in this colour on `ground`, from 1 to 21, as
    /// <https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio> defines it.
    #[must_use]
    pub fn contrast(self, ground: Self) -> f64 {
        let (one, other) = (self.luminance(), ground.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// Returns the colour nearest to this one that has at least the contrast `ratio` on `ground`: it is mixed with black on
    /// a light ground, with white on a dark one. A ratio that neither reaches gives black or white.
    #[must_use]
    pub fn readable_on(self, ground: Self, ratio: f64) -> Self {
        let [black, white] = [Self(0), Self(0xFF_FFFF)];
        let end = if black.contrast(ground) > white.contrast(ground) { black } else { white };
        let mut mixes = (0..STEPS).map(|step| self.mixed(end, step));
        mixes.find(|mix| mix.contrast(ground) >= ratio).unwrap_or(end)
    }

    /// Returns a mix with `step` of [`STEPS`] parts of another colour.
    fn mixed(self, other: Self, step: u32) -> Self {
        let part = |shift: u32| {
            let [own, other] = [self, other].map(|color| color.0 >> shift & 0xFF);
            ((own * (STEPS - step) + other * step) / STEPS) << shift
        };
        Self(part(16) | part(8) | part(0))
    }

    /// Returns the relative luminance, from 0 for black to 1 for white
    /// (<https://www.w3.org/TR/WCAG22/#dfn-relative-luminance>).
    fn luminance(self) -> f64 {
        let [_, red, green, blue] = self.0.to_be_bytes();
        let linear = |channel: u8| {
            let share = f64::from(channel) / 255.0;
            if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
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

#[cfg(test)]
mod tests;
