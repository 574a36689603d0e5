//! What a caller shows to a node.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The purpose of the token, so that it is good for nothing else.
const PURPOSE: &[u8] = b"verta search node";

/// Returns the token of an installation with this key: the HMAC-SHA-256 of its purpose, in hexadecimal digits. It is sent
/// without encryption, so the key, which can do more, is not.
#[must_use]
pub fn token(key: &[u8]) -> String {
    let keyed = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    let bytes = keyed.chain_update(PURPOSE).finalize().into_bytes();
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text can be extended");
        text
    })
}
