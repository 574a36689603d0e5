//! One export from its first byte to its last.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};

use domain::channel::{ChannelId, ChannelKind, ChannelSnowflake};
use domain::json::Json;
use domain::message::MessageId;
use domain::pseudonym::Pseudonymizer;
use domain::tenant::PlatformId;
use domain::timestamp::Timestamp;
use flate2::read::MultiGzDecoder;
use ports::source::{
    ExportBatch, ExportChannel, ExportEnd, ExportFile, ExportGuild, ExportParent, ExportSummary, MessageOrder,
    SourceError,
};
use serde_json::{Map, Value};
use zip::ZipArchive;

use crate::find::split_part;
use crate::kinds::{CHANNELS, number};
use crate::message::convert;
use crate::scan::{ScanError, Scanner};
use crate::wire::Identified;

/// Messages that are handed on together.
const BATCH: usize = 500;
/// Bytes that are read at once.
const BUFFER: usize = 1 << 18;
/// The longest name or topic that is kept, in characters; Discord's longest has 4096.
const MAX_TEXT: usize = 4096;
/// Faults of single messages that are told; more are counted in the last.
const MAX_FAULTS: usize = 100;

/// Opens the text of a file and gives it to `work`.
fn open<T>(file: &ExportFile, work: impl FnOnce(&mut dyn BufRead) -> Result<T, SourceError>) -> Result<T, SourceError> {
    let input = File::open(&file.path)?;
    let packed = |name: &str| name.to_ascii_lowercase().ends_with(".gz");
    let Some(entry) = &file.entry else {
        return with_reader(input, packed(&file.path.to_string_lossy()), work);
    };
    let broken = |error: zip::result::ZipError| SourceError::Format {
        reason: format!("the ZIP entry is broken: {error}"),
        byte: 0,
    };
    let mut archive = ZipArchive::new(BufReader::new(input)).map_err(broken)?;
    let inside = archive.by_name(entry).map_err(broken)?;
    with_reader(inside, packed(entry), work)
}

fn with_reader<T>(
    input: impl Read,
    packed: bool,
    work: impl FnOnce(&mut dyn BufRead) -> Result<T, SourceError>,
) -> Result<T, SourceError> {
    if packed {
        work(&mut BufReader::with_capacity(BUFFER, MultiGzDecoder::new(BufReader::with_capacity(BUFFER, input))))
    } else {
        work(&mut BufReader::with_capacity(BUFFER, input))
    }
}

/// Walks through a document: `each` gets every message with the byte where it begins and ends, and says whether to go
/// on. Gives the other fields of the outermost object, and how the document ends.
fn walk(
    input: &mut dyn BufRead,
    mut each: impl FnMut(Result<&[u8], &'static str>, u64, u64) -> bool,
) -> Result<(Map<String, Value>, ExportEnd), SourceError> {
    let mut scanner = Scanner::new(input);
    let mut fields = Map::new();
    let outcome = walk_fields(&mut scanner, &mut fields, &mut each);
    let byte = scanner.byte();
    let end = match outcome {
        Ok(()) => ExportEnd::Whole,
        Err(ScanError::Io(error)) if fields.is_empty() => return Err(error.into()),
        Err(error) if !fields.contains_key("guild") || !fields.contains_key("channel") => {
            let reason = format!("it is no export of DiscordChatExporter: {}", error.reason());
            return Err(SourceError::Format { reason, byte });
        }
        Err(error) => ExportEnd::Broken { reason: error.reason(), byte },
    };
    Ok((fields, end))
}

fn walk_fields(
    scanner: &mut Scanner<&mut dyn BufRead>,
    fields: &mut Map<String, Value>,
    each: &mut impl FnMut(Result<&[u8], &'static str>, u64, u64) -> bool,
) -> Result<(), ScanError> {
    let mut text = Vec::new();
    let mut messages = false;
    scanner.skip_mark()?;
    scanner.take(b'{', "it does not begin with an object")?;
    while scanner.next_token()? != Some(b'}') {
        if !fields.is_empty() || messages {
            scanner.take(b',', "a comma is missing between two fields")?;
        }
        scanner.value(&mut text)?;
        let key: String = serde_json::from_slice(&text).map_err(|_| ScanError::Form("a field has no name"))?;
        scanner.take(b':', "a field has no value")?;
        if key == "messages" && scanner.next_token()? == Some(b'[') {
            messages = true;
            if !elements(scanner, &mut text, each)? {
                return Ok(());
            }
        } else {
            let fits = scanner.value(&mut text)?;
            let value = serde_json::from_slice(&text).ok().filter(|_| fits);
            fields.insert(key, value.ok_or(ScanError::Form("a field of the file is no JSON"))?);
        }
    }
    scanner.take(b'}', "the file does not end as it should")?;
    match scanner.next_token()? {
        None if messages => Ok(()),
        None => Err(ScanError::Form("it has no list of messages")),
        Some(_) => Err(ScanError::Form("something stands behind the end of the export")),
    }
}

/// The elements of the list of messages; tells whether to go on.
fn elements(
    scanner: &mut Scanner<&mut dyn BufRead>,
    text: &mut Vec<u8>,
    each: &mut impl FnMut(Result<&[u8], &'static str>, u64, u64) -> bool,
) -> Result<bool, ScanError> {
    scanner.take(b'[', "the messages are no list")?;
    let mut first = true;
    while scanner.next_token()? != Some(b']') {
        if !first {
            scanner.take(b',', "a comma is missing between two messages")?;
            scanner.next_token()?;
        }
        first = false;
        let start = scanner.byte();
        let fits = scanner.value(text)?;
        let message = if fits { Ok(text.as_slice()) } else { Err("a message is larger than 32 MiB") };
        if !each(message, start, scanner.byte()) {
            return Ok(false);
        }
    }
    scanner.take(b']', "the list of messages has no end")?;
    Ok(true)
}

/// Looks through a whole file.
pub(crate) fn summarize(file: &ExportFile) -> Result<ExportSummary, SourceError> {
    open(file, |input| {
        let mut seen = Seen::default();
        let mut byte = 0;
        let (mut fields, end) = walk(input, |message, start, end| {
            byte = end;
            seen.look(message, start);
            true
        })?;
        let format = |reason: String| SourceError::Format { reason, byte: 0 };
        let guild = fields.remove("guild").unwrap_or_default();
        let channel = fields.remove("channel").unwrap_or_default();
        let exported_at = fields.remove("exportedAt").and_then(|at| at.as_str()?.parse::<Timestamp>().ok());
        let after =
            fields.remove("dateRange").and_then(|range| range.get("after")?.as_str()?.parse::<Timestamp>().ok());
        fields.remove("messageCount");
        let newest = seen.ids.map(|(_, high)| high.created_at());
        let exported_at = exported_at.or(newest).or_else(|| Timestamp::from_millis(0));
        let guild = self::guild(&guild).map_err(format)?;
        let mut channel = self::channel(&channel, seen.ids.map(|(low, _)| low), &fields).map_err(format)?;
        if guild.platform_id.as_str() == "0" && !channel.kind.is_direct() {
            return Err(format("the guild's id is 0, which only direct messages have".to_owned()));
        }
        if channel.kind.is_direct() {
            let group = channel.kind == ChannelKind::GROUP_DIRECT;
            let name = if group { "Group direct message" } else { "Direct message" };
            channel = ExportChannel { name: name.to_owned(), topic: None, parent: None, extra: None, ..channel };
        }
        let name = file.entry.clone().unwrap_or_else(|| file.path.to_string_lossy().into_owned());
        Ok(ExportSummary {
            guild,
            channel,
            exported_at: exported_at.ok_or_else(|| format("it does not say when it was made".to_owned()))?,
            // The filter names a moment; what was sent in its very millisecond may be missing.
            after: after
                .and_then(|at| Timestamp::from_millis(at.as_millis() + 1))
                .and_then(|at| MessageId::first_at(at).previous()),
            part: split_part(&name).1,
            messages: seen.messages,
            ids: seen.ids,
            order: seen.order(),
            end,
            unreadable: seen.faults,
            size_bytes: byte,
        })
    })
}

/// What a look through the messages has shown.
#[derive(Default)]
struct Seen {
    messages: u64,
    ids: Option<(MessageId, MessageId)>,
    last: Option<MessageId>,
    rises: bool,
    falls: bool,
    repeats: bool,
    faults: Vec<(String, u64)>,
}

impl Seen {
    fn look(&mut self, message: Result<&[u8], &'static str>, start: u64) {
        let id = message.map_err(str::to_owned).and_then(|text| {
            let Identified(id) =
                serde_json::from_slice(text).map_err(|error| format!("a message is no JSON: {error}"))?;
            let id = id.is().ok_or("a message has no id")?;
            id.parse::<MessageId>().map_err(|error| format!("a message has no id: {error}"))
        });
        match id {
            Ok(id) => {
                self.messages += 1;
                self.ids = Some(self.ids.map_or((id, id), |(low, high)| (low.min(id), high.max(id))));
                if let Some(last) = self.last.replace(id) {
                    self.rises |= id > last;
                    self.falls |= id < last;
                    self.repeats |= id == last;
                }
            }
            Err(reason) if self.faults.len() < MAX_FAULTS => self.faults.push((reason, start)),
            Err(_) => {}
        }
    }

    const fn order(&self) -> MessageOrder {
        match (self.rises, self.falls, self.repeats) {
            (_, false, false) => MessageOrder::Ascending,
            (false, true, false) => MessageOrder::Descending,
            _ => MessageOrder::Mixed,
        }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(Value::as_str).map(cut)
}

fn guild(value: &Value) -> Result<ExportGuild, String> {
    let id = text(value, "id").ok_or("it does not say whose export it is")?;
    let numeric = id == "0" || id.parse::<ChannelSnowflake>().is_ok();
    let platform_id = PlatformId::new(&id).ok().filter(|_| numeric).ok_or("the guild's id is no id")?;
    let name = text(value, "name").unwrap_or_default();
    let name: String = name.trim().chars().take(255).collect();
    Ok(ExportGuild { platform_id, name: if name.is_empty() { format!("Community {id}") } else { name } })
}

fn channel(value: &Value, first: Option<MessageId>, root: &Map<String, Value>) -> Result<ExportChannel, String> {
    let id = text(value, "id").ok_or("it does not say which channel it holds")?;
    let platform_id: ChannelSnowflake = id.parse().map_err(|error| format!("the channel has no id: {error}"))?;
    let kind_name = text(value, "type").unwrap_or_else(|| "GuildTextChat".to_owned());
    let kind = ChannelKind(number(&kind_name, &CHANNELS));
    let known = ["id", "type", "categoryId", "category", "name", "topic", "iconUrl"];
    let fields = value.as_object().into_iter().flatten().filter(|(key, _)| !known.contains(&key.as_str()));
    let mut extra: Map<String, Value> = fields.chain(root).map(|(key, value)| (key.clone(), value.clone())).collect();
    if kind == ChannelKind::UNNUMBERED {
        extra.insert("type".to_owned(), kind_name.into());
    }
    let parent =
        text(value, "categoryId").and_then(|id| id.parse().ok()).map(|parent: ChannelSnowflake| ExportParent {
            platform_id: parent,
            name: text(value, "category").unwrap_or_default(),
            kind: match kind {
                ChannelKind::ANNOUNCEMENT_THREAD => ChannelKind::ANNOUNCEMENT,
                _ if kind.is_thread() && first == Some(platform_id.cast()) => ChannelKind::FORUM,
                _ if kind.is_thread() => ChannelKind::TEXT,
                _ => ChannelKind::CATEGORY,
            },
        });
    Ok(ExportChannel {
        platform_id,
        kind,
        name: text(value, "name").filter(|name| !name.trim().is_empty()).unwrap_or_else(|| format!("channel {id}")),
        topic: text(value, "topic").filter(|topic| !topic.is_empty()),
        parent: parent.filter(|parent| parent.platform_id != platform_id),
        extra: (!extra.is_empty()).then(|| Json::new(&Value::Object(extra))),
    })
}

/// Reads the messages of a file; `send` takes them and says whether to go on.
pub(crate) fn read(
    file: &ExportFile,
    channel: ChannelId,
    observed_at: Timestamp,
    people: &Pseudonymizer,
    send: impl Fn(ExportBatch) -> bool,
) -> Result<(), SourceError> {
    open(file, |input| {
        let mut batch: Vec<domain::message::Message> = Vec::with_capacity(BATCH);
        let mut byte = 0;
        let (_, _) = walk(input, |message, _, end| {
            byte = end;
            if let Some(message) = message.ok().and_then(|text| convert(text, channel, observed_at, people).ok()) {
                batch.push(message);
            }
            batch.len() < BATCH
                || send(ExportBatch { messages: std::mem::replace(&mut batch, Vec::with_capacity(BATCH)), byte })
        })?;
        if !batch.is_empty() {
            send(ExportBatch { messages: batch, byte });
        }
        Ok(())
    })
}
