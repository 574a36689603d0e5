//! Files: their bytes, and addresses that expire after a day.

use sha2::{Digest, Sha256};

use crate::random::Draw;

const DAY_S: u64 = 86_400;
/// A picture of one pixel.
const PIXEL: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0:~\x9bU\0\0\0\nIDATx\x9cch\0\0\0\x82\0\x81w\xcdr\xb6\0\0\0\0IEND\xaeB`\x82";
const FILE: u64 = 0x6669_6C65;
/// The key that signs addresses. It protects nothing; it only shows whether a client stored an address for too long.
const SECRET: &str = "otter";

/// Returns the length of an attachment's file.
pub(crate) fn file_size(id: u64) -> u64 {
    128 + Draw::of(&[FILE, id]).below(4000)
}

/// Returns whether Discord has lost an attachment's file.
pub(crate) fn is_lost(id: u64) -> bool {
    Draw::of(&[FILE, id, 1]).below(200) == 0
}

/// Returns an attachment's file: a picture, and random bytes after its end.
pub(crate) fn file(id: u64) -> Vec<u8> {
    let mut draw = Draw::of(&[FILE, id, 2]);
    let size = usize::try_from(file_size(id)).expect("a few thousand");
    let random = std::iter::repeat_with(|| draw.next().to_le_bytes()).take(size / 8 + 1).flatten();
    let mut bytes: Vec<u8> = PIXEL.iter().copied().chain(random).collect();
    bytes.truncate(size);
    bytes
}

/// Returns the picture at a path: an emoji, a sticker, or an icon; `None` if Discord has none there.
pub(crate) fn picture(path: &str) -> Option<(&'static str, Vec<u8>)> {
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let name = match parts[..] {
        ["emojis" | "stickers", name] => name,
        ["icons" | "role-icons", id, name] if id.parse::<u64>().is_ok() => name,
        _ => return None,
    };
    let (stem, extension) = name.split_once('.')?;
    let is_lost = stem.parse().is_ok_and(is_lost);
    match extension {
        _ if is_lost => None,
        // Each has bytes of its own.
        "png" | "webp" | "gif" => Some(("image/png", [PIXEL, path.as_bytes()].concat())),
        "json" => Some(("application/json", format!("{{\"v\":\"5.5.7\",\"nm\":\"{stem}\"}}").into_bytes())),
        _ => None,
    }
}

/// Returns the query that makes `path` valid for more than a day and at most two.
pub(crate) fn sign(path: &str, now_ms: u64) -> String {
    let issued = now_ms / 1000 / DAY_S * DAY_S;
    let expires = issued + 2 * DAY_S;
    format!("?ex={expires:x}&is={issued:x}&hm={}&", signature(path, expires))
}

/// Returns whether `path` with this `ex` and `hm` is valid at `now_ms`.
pub(crate) fn is_signed(path: &str, ex: &str, hm: &str, now_ms: u64) -> bool {
    let Ok(expires) = u64::from_str_radix(ex, 16) else { return false };
    expires > now_ms / 1000 && signature(path, expires) == hm
}

fn signature(path: &str, expires: u64) -> String {
    hex(&Sha256::digest(format!("{SECRET}\n{path}\n{expires}")))
}

/// Returns lowercase hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

#[cfg(test)]
mod tests;
