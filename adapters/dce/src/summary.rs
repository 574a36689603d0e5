//! The first pass over a whole export.

use std::collections::BTreeMap;

use domain::channel::{ChannelKind, ChannelSnowflake};
use domain::export::{ExportChannel, ExportParent};
use domain::guild::{Role, RoleId};
use domain::json::Json;
use domain::message::{MessageId, time_beside};
use domain::pseudonym::KnownPeople;
use domain::tenant::PlatformId;
use domain::timestamp::Timestamp;
use ports::source::{ExportFile, ExportGuild, ExportSummary, MessageOrder, SourceError};
use serde_json::{Map, Value};

use crate::archive::Archives;
use crate::document::{Messages, open, walk};
use crate::find::part;
use crate::kinds::{CHANNELS, number};
use crate::look::{Looked, too_large};
use crate::object::{beyond, id_text, is_empty};
use crate::wire::{message_id, parse};

/// The longest stored name or topic, in characters; Discord's longest has 4096.
const MAX_TEXT: usize = 4096;
/// The most errors of single messages that are reported; the others are counted in the last.
const MAX_FAULTS: usize = 100;
/// The most roles of a file that are stored: Discord allows 250.
const MAX_ROLES: usize = 1_000;
/// The number of messages between two progress reports.
const REPORT_EVERY: u64 = 1_000;

/// Summarises a whole file.
pub(crate) fn summarize(
    file: &ExportFile,
    archives: &Archives,
    known: &mut KnownPeople,
    on_progress: &dyn Fn(u64),
) -> Result<ExportSummary, SourceError> {
    open(file, archives, |input, read| {
        let report = || on_progress(read());
        let mut seen = Seen::new(known, &report);
        let (mut fields, end, byte) = walk(input, &mut seen)?;
        let format = |reason: String| SourceError::Format { reason, byte: 0 };
        let guild = fields.remove("guild").unwrap_or_default();
        let channel = fields.remove("channel").unwrap_or_default();
        let exported_at = fields.remove("exportedAt").and_then(|at| at.as_str()?.parse::<Timestamp>().ok());
        let range = fields.remove("dateRange");
        let has_range = range.is_some();
        let after = range.and_then(|range| range.get("after")?.as_str()?.parse::<Timestamp>().ok());
        fields.remove("messageCount");
        let exported_at = exported_at.or(seen.newest_at).or_else(|| Timestamp::from_millis(0));
        let beyond_guild = beyond(&guild, &["id", "name", "iconUrl"]);
        if !beyond_guild.is_empty() {
            fields.insert("guild".to_owned(), beyond_guild.into());
        }
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
        Ok(ExportSummary {
            guild,
            channel,
            exported_at: exported_at.ok_or_else(|| format("it does not say when it was made".to_owned()))?,
            has_range,
            // The filter is a time; a message of exactly this millisecond may be missing.
            after: after
                .and_then(|at| Timestamp::from_millis(at.as_millis() + 1))
                .and_then(|at| MessageId::first_at(at).previous()),
            part: part(file),
            messages: seen.messages,
            ids: seen.ids,
            order: seen.order(),
            roles: seen.roles.into_values().collect(),
            end,
            unreadable: seen.faults,
            size_bytes: byte,
        })
    })
}

/// The facts that a pass over the messages has shown.
struct Seen<'a> {
    messages: u64,
    ids: Option<(MessageId, MessageId)>,
    last: Option<MessageId>,
    /// The time of the message with the largest id.
    newest_at: Option<Timestamp>,
    roles: BTreeMap<RoleId, Role>,
    known: &'a mut KnownPeople,
    rises: bool,
    falls: bool,
    repeats: bool,
    faults: Vec<(String, u64)>,
    on_progress: &'a dyn Fn(),
}

impl Messages for Seen<'_> {
    fn message(&mut self, text: &[u8], _: u64) -> Result<(usize, bool), String> {
        let (looked, length): (Looked<'_>, usize) = parse(text)?;
        let id = message_id(&looked.id)?;
        looked.introduce(self.known);
        if looked.is_large {
            return Err(too_large(id));
        }
        if self.ids.is_none_or(|(_, high)| id >= high) {
            let time = looked.timestamp.is().and_then(|time| time.parse().ok());
            self.newest_at = Some(time.and_then(|time| time_beside(id, time)).unwrap_or_else(|| id.created_at()));
        }
        for role in looked.roles {
            if self.roles.len() < MAX_ROLES || self.roles.contains_key(&role.id) {
                self.roles.insert(role.id, role);
            }
        }
        self.messages += 1;
        self.ids = Some(self.ids.map_or((id, id), |(low, high)| (low.min(id), high.max(id))));
        if let Some(last) = self.last.replace(id) {
            self.rises |= id > last;
            self.falls |= id < last;
            self.repeats |= id == last;
        }
        if self.messages.is_multiple_of(REPORT_EVERY) {
            (self.on_progress)();
        }
        Ok((length, true))
    }

    fn fault(&mut self, reason: String, start: u64) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push((reason, start));
        }
    }
}

impl<'a> Seen<'a> {
    fn new(known: &'a mut KnownPeople, on_progress: &'a dyn Fn()) -> Self {
        let (rises, falls, repeats, newest_at) = (false, false, false, None);
        let (roles, faults) = (BTreeMap::new(), Vec::new());
        Self { messages: 0, ids: None, last: None, newest_at, roles, known, rises, falls, repeats, faults, on_progress }
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
    let id = id_text(value, "id").ok_or("it does not name its guild")?;
    let numeric = id == "0" || id.parse::<ChannelSnowflake>().is_ok();
    let platform_id = PlatformId::new(&id).ok().filter(|_| numeric).ok_or("the guild's id is invalid")?;
    let name = text(value, "name").unwrap_or_default();
    let name: String = name.trim().chars().take(255).collect();
    Ok(ExportGuild { platform_id, name: if name.is_empty() { format!("Community {id}") } else { name } })
}

fn channel(value: &Value, first: Option<MessageId>, root: &Map<String, Value>) -> Result<ExportChannel, String> {
    let id = id_text(value, "id").ok_or("it does not name its channel")?;
    let platform_id: ChannelSnowflake = id.parse().map_err(|error| format!("the channel's id is invalid: {error}"))?;
    let kind_name = id_text(value, "type").map_or_else(|| "GuildTextChat".to_owned(), |name| cut(&name));
    let kind = ChannelKind(number(&kind_name, &CHANNELS));
    let mut extra = beyond(value, &["id", "type", "categoryId", "category", "name", "topic", "iconUrl"]);
    extra.extend(root.iter().filter(|(_, value)| !is_empty(value)).map(|(key, value)| (key.clone(), value.clone())));
    // Before 2.27 a category had only a name. A later file without an id has no category, but may name a made-up one.
    if let Some(category) = text(value, "category").filter(|_| value.get("categoryId").is_none()) {
        extra.insert("category".to_owned(), category.into());
    }
    if kind == ChannelKind::UNNUMBERED {
        extra.insert("type".to_owned(), kind_name.into());
    }
    let parent =
        id_text(value, "categoryId").and_then(|id| id.parse().ok()).map(|parent: ChannelSnowflake| ExportParent {
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
