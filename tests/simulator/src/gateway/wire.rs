//! The encoding of payloads as frames: as text, or through one compressor for the whole connection.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use tokio_tungstenite::tungstenite::Message;
use zstd::stream::write::Encoder;

/// The transport compression of one connection.
pub(super) enum Wire {
    Text,
    Zlib(ZlibEncoder<Vec<u8>>),
    Zstd(Encoder<'static, Vec<u8>>),
}

impl Wire {
    /// Returns the compression that the client requested; text for any unknown value.
    pub(super) fn new(compress: Option<&str>) -> Self {
        match compress {
            Some("zlib-stream") => Self::Zlib(ZlibEncoder::new(Vec::new(), Compression::fast())),
            Some("zstd-stream") => Self::Zstd(Encoder::new(Vec::new(), 1).expect("level 1 exists")),
            _ => Self::Text,
        }
    }

    /// Returns the frame of a payload.
    pub(super) fn frame(&mut self, payload: String) -> Message {
        const IN_MEMORY: &str = "writing to memory does not fail";
        let bytes = match self {
            Self::Text => return Message::text(payload),
            Self::Zlib(encoder) => {
                encoder.write_all(payload.as_bytes()).expect(IN_MEMORY);
                encoder.flush().expect(IN_MEMORY);
                std::mem::take(encoder.get_mut())
            }
            Self::Zstd(encoder) => {
                encoder.write_all(payload.as_bytes()).expect(IN_MEMORY);
                encoder.flush().expect(IN_MEMORY);
                std::mem::take(encoder.get_mut())
            }
        };
        Message::binary(bytes)
    }
}
