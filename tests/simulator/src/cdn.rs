//! Files: their bytes, and addresses that stop working after a day.

use sha2::{Digest, Sha256};

use crate::random::Draw;

const DAY_S: u64 = 86_400;
const FILE: u64 = 0x6669_6C65;
/// What addresses are signed with. It keeps nobody out; it only shows whether an address was kept too long.
const SECRET: &str = "otter";

/// How long the file of an attachment is.
pub(crate) fn file_size(id: u64) -> u64 {
    64 + Draw::of(&[FILE, id]).below(4000)
}

/// Whether Discord has lost the file of an attachment.
pub(crate) fn is_lost(id: u64) -> bool {
    Draw::of(&[FILE, id, 1]).below(200) == 0
}

/// The file of an attachment.
pub(crate) fn file(id: u64) -> Vec<u8> {
    let mut draw = Draw::of(&[FILE, id, 2]);
    let size = usize::try_from(file_size(id)).expect("a few thousand");
    let mut bytes: Vec<u8> =
        std::iter::repeat_with(|| draw.next().to_le_bytes()).take(size / 8 + 1).flatten().collect();
    bytes.truncate(size);
    bytes
}

/// The query that makes `path` work for a day and at most a day more.
pub(crate) fn sign(path: &str, now_ms: u64) -> String {
    let issued = now_ms / 1000 / DAY_S * DAY_S;
    let expires = issued + 2 * DAY_S;
    format!("?ex={expires:x}&is={issued:x}&hm={}&", signature(path, expires))
}

/// Whether `path` with this `ex` and `hm` works at `now_ms`.
pub(crate) fn is_signed(path: &str, ex: &str, hm: &str, now_ms: u64) -> bool {
    let Ok(expires) = u64::from_str_radix(ex, 16) else { return false };
    expires > now_ms / 1000 && signature(path, expires) == hm
}

fn signature(path: &str, expires: u64) -> String {
    hex(&Sha256::digest(format!("{SECRET}\n{path}\n{expires}")))
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

#[cfg(test)]
mod tests;
