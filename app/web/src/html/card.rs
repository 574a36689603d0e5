//! The picture of a tenant in previews of links: its initials on its colour, as a PNG file.

use std::io::Write;

use domain::tenant::{Color, Tenant};
use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use font8x8::{BASIC_FONTS, UnicodeFonts};

/// Its width, in pixels.
pub(crate) const WIDTH: u32 = 1200;
/// Its height, in pixels.
pub(crate) const HEIGHT: u32 = 630;

/// The width and height of a dot of a letter, which has 8 × 8 of them.
const DOT: u32 = 40;
/// The height of the stripe at the lower edge.
const STRIPE: u32 = 30;
/// The colours of a tenant without any.
const PLAIN: (u32, u32) = (0x31_3244, 0x58_65f2);
/// The colours of the letters: on a dark and on a light ground.
const INK: (u32, u32) = (0xff_ffff, 0x1a_1a1f);

/// The places of the palette.
const GROUND: u8 = 0;
const LETTER: u8 = 1;
const EDGE: u8 = 2;

/// Returns the picture of a tenant.
pub(crate) fn png(tenant: &Tenant) -> Vec<u8> {
    let branding = &tenant.branding;
    let ground = branding.primary_color.map_or(PLAIN.0, Color::rgb);
    let edge = branding.accent_color.or(branding.secondary_color).map_or(PLAIN.1, Color::rgb);
    let ink = if is_dark(ground) { INK.0 } else { INK.1 };
    encoded([ground, ink, edge], &pixels(&initials(tenant)))
}

/// Returns the first letters of the first two words of a tenant's slug, which has ASCII letters whatever the script of
/// the name.
fn initials(tenant: &Tenant) -> String {
    let first = tenant.slug.as_str().split('-').filter_map(|word| word.chars().next());
    first.take(2).map(|letter| letter.to_ascii_uppercase()).collect()
}

/// Returns whether white can be read on a colour.
const fn is_dark(rgb: u32) -> bool {
    let [_, red, green, blue] = rgb.to_be_bytes();
    // The luma of ITU-R BT.601.
    299 * red as u32 + 587 * green as u32 + 114 * (blue as u32) < 140_000
}

/// Returns the place in the palette of each pixel, row by row.
fn pixels(text: &str) -> Vec<u8> {
    let (columns, rows) = (WIDTH as usize, HEIGHT as usize);
    let (dot, stripe) = (DOT as usize, STRIPE as usize);
    let mut pixels = vec![GROUND; columns * rows];
    pixels[(rows - stripe) * columns..].fill(EDGE);
    let size = 8 * dot;
    let (left, top) = ((columns - size * text.len()) / 2, (rows - stripe - size) / 2);
    for (index, letter) in text.chars().enumerate() {
        for (y, line) in BASIC_FONTS.get(letter).unwrap_or_default().into_iter().enumerate() {
            for x in (0..8).filter(|x| line >> x & 1 == 1) {
                let from = left + index * size + x * dot;
                for row in top + y * dot..top + (y + 1) * dot {
                    pixels[row * columns + from..][..dot].fill(LETTER);
                }
            }
        }
    }
    pixels
}

/// Returns pixels as a PNG file with a palette (<https://www.w3.org/TR/png-3/>), which has four parts only.
fn encoded(palette: [u32; 3], pixels: &[u8]) -> Vec<u8> {
    let mut head = Vec::from(WIDTH.to_be_bytes());
    head.extend(HEIGHT.to_be_bytes());
    // 8 bits a pixel, by palette, and the one method there is of compression, filtering and order.
    head.extend([8, 3, 0, 0, 0]);
    let palette: Vec<u8> = palette.iter().flat_map(|rgb| rgb.to_be_bytes().into_iter().skip(1)).collect();
    let mut data = ZlibEncoder::new(Vec::new(), Compression::best());
    for row in pixels.chunks(WIDTH as usize) {
        // Each row begins with its filter: none.
        data.write_all(&[0]).and_then(|()| data.write_all(row)).expect("memory takes every byte");
    }
    let data = data.finish().expect("memory takes every byte");
    let mut file = Vec::from(*b"\x89PNG\r\n\x1a\n");
    for (name, content) in [(b"IHDR", head), (b"PLTE", palette), (b"IDAT", data), (b"IEND", Vec::new())] {
        let mut check = Crc::new();
        check.update(name);
        check.update(&content);
        file.extend(u32::try_from(content.len()).expect("a picture is small").to_be_bytes());
        file.extend(name);
        file.extend(content);
        file.extend(check.sum().to_be_bytes());
    }
    file
}

#[cfg(test)]
mod tests;
