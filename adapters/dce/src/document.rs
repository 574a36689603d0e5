//! Reads one export from its first byte to its last.

use std::io::{BufRead, BufReader, Read};
use std::sync::atomic::Ordering::Relaxed;

use flate2::read::MultiGzDecoder;
use ports::source::{ExportEnd, ExportFile, SourceError};
use serde_json::{Map, Value};
use zip::result::ZipError;

use crate::archive::{Archives, Shared};
use crate::scan::{ScanError, Scanner};
use crate::utf16::{Utf16, is_big_endian};

/// The most bytes of all fields beside the messages, which are kept until the end.
const MAX_FIELDS: usize = 32 << 20;
/// The number of bytes that are read at once.
const BUFFER: usize = 1 << 18;

/// Opens the text of a file and passes it to `work`, with a counter of the bytes that were read of the file itself.
pub(crate) fn open<T>(
    file: &ExportFile,
    archives: &Archives,
    work: impl FnOnce(&mut dyn BufRead, &dyn Fn() -> u64) -> Result<T, SourceError>,
) -> Result<T, SourceError> {
    let packed = |name: &str| name.to_ascii_lowercase().ends_with(".gz");
    let Some(entry) = &file.entry else {
        let input = Shared::open(&file.path)?;
        let count = input.count();
        return with_reader(input, packed(&file.path.to_string_lossy()), |text| work(text, &|| count.load(Relaxed)));
    };
    let broken = |error: ZipError| SourceError::Format { reason: format!("the ZIP entry is broken: {error}"), byte: 0 };
    let mut archive = archives.get(&file.path).map_err(broken)?;
    let before = archive.read.load(Relaxed);
    let inside = archive.zip.by_name(entry).map_err(broken)?;
    with_reader(inside, packed(entry), |text| work(text, &|| archive.read.load(Relaxed) - before))
}

fn with_reader<T>(
    input: impl Read,
    packed: bool,
    work: impl FnOnce(&mut dyn BufRead) -> Result<T, SourceError>,
) -> Result<T, SourceError> {
    if packed {
        let unpacked = MultiGzDecoder::new(BufReader::with_capacity(BUFFER, input));
        with_text(BufReader::with_capacity(BUFFER, unpacked), work)
    } else {
        with_text(BufReader::with_capacity(BUFFER, input), work)
    }
}

fn with_text<T>(
    mut input: impl BufRead,
    work: impl FnOnce(&mut dyn BufRead) -> Result<T, SourceError>,
) -> Result<T, SourceError> {
    // An error of the file is reported when it is read.
    match input.fill_buf().ok().and_then(is_big_endian) {
        Some(is_big_endian) => work(&mut BufReader::with_capacity(BUFFER, Utf16::new(input, is_big_endian))),
        None => work(&mut input),
    }
}

/// Receives the messages of a document one by one.
pub(crate) trait Messages {
    /// Parses the message at the start of `text`, possibly followed by other bytes, and stores it; returns its length,
    /// and whether to continue. `start` is its byte position in the document.
    ///
    /// # Errors
    /// The error in the message; then it is not stored.
    fn message(&mut self, text: &[u8], start: u64) -> Result<(usize, bool), String>;

    /// Records that the message at byte `start` cannot be read.
    fn fault(&mut self, reason: String, start: u64);
}

/// Walks through a document. Returns the other fields of the outermost object, and how the document ends.
pub(crate) fn walk(
    input: &mut dyn BufRead,
    messages: &mut impl Messages,
) -> Result<(Map<String, Value>, ExportEnd, u64), SourceError> {
    let mut scanner = Scanner::new(input);
    let mut fields = Map::new();
    let outcome = walk_fields(&mut scanner, &mut fields, messages);
    let byte = scanner.byte();
    let end = match outcome {
        Ok(()) => ExportEnd::Whole,
        Err(ScanError::Io(error)) if fields.is_empty() => return Err(error.into()),
        Err(error) if !fields.contains_key("guild") || !fields.contains_key("channel") => {
            let reason = format!("it is not an export of DiscordChatExporter: {}", error.reason());
            return Err(SourceError::Format { reason, byte });
        }
        Err(error) => ExportEnd::Broken { reason: error.reason(), byte },
    };
    Ok((fields, end, byte))
}

fn walk_fields(
    scanner: &mut Scanner<&mut dyn BufRead>,
    fields: &mut Map<String, Value>,
    messages: &mut impl Messages,
) -> Result<(), ScanError> {
    let mut text = Vec::new();
    let (mut listed, mut held) = (false, 0);
    scanner.skip_mark()?;
    scanner.take(b'{', "it does not begin with an object")?;
    while scanner.next_token()? != Some(b'}') {
        if !fields.is_empty() || listed {
            scanner.take(b',', "a comma is missing between two fields")?;
        }
        scanner.value(&mut text)?;
        let key: String = serde_json::from_slice(&text).map_err(|_| ScanError::Form("a field has no name"))?;
        scanner.take(b':', "a field has no value")?;
        if key == "messages" && scanner.next_token()? == Some(b'[') {
            listed = true;
            if !elements(scanner, &mut text, messages)? {
                return Ok(());
            }
        } else {
            let fits = scanner.value(&mut text)?;
            held += key.len() + text.len();
            if held > MAX_FIELDS {
                return Err(ScanError::Form("its fields are larger than 32 MiB"));
            }
            let value = serde_json::from_slice(&text).ok().filter(|_| fits);
            fields.insert(key, value.ok_or(ScanError::Form("a field of the file is not JSON"))?);
        }
    }
    scanner.take(b'}', "the file does not end as it should")?;
    match scanner.next_token()? {
        None if listed => Ok(()),
        None => Err(ScanError::Form("it has no list of messages")),
        Some(_) => Err(ScanError::Form("there is data after the end of the export")),
    }
}

/// Reads the elements of the list of messages; returns whether to continue.
fn elements(
    scanner: &mut Scanner<&mut dyn BufRead>,
    text: &mut Vec<u8>,
    messages: &mut impl Messages,
) -> Result<bool, ScanError> {
    scanner.take(b'[', "the messages are not a list")?;
    let mut first = true;
    while scanner.next_token()? != Some(b']') {
        if !first {
            scanner.take(b',', "a comma is missing between two messages")?;
            scanner.next_token()?;
        }
        first = false;
        let start = scanner.byte();
        // Nearly always the whole element is buffered, and the parser itself finds its end. If the parser fails, the
        // element may be incomplete: then its end is searched first.
        let go_on = if let Ok((length, go_on)) = messages.message(scanner.fill()?, start) {
            scanner.skip(length);
            go_on
        } else {
            let parsed = if scanner.value(text)? {
                messages.message(text, start)
            } else {
                Err("a message is larger than 32 MiB".to_owned())
            };
            match parsed {
                Ok((_, go_on)) => go_on,
                Err(reason) => {
                    messages.fault(reason, start);
                    true
                }
            }
        };
        if !go_on {
            return Ok(false);
        }
    }
    scanner.take(b']', "the list of messages does not end")?;
    Ok(true)
}
