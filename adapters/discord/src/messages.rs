//! Fetches messages, page by page, with the interval that each page proves.

use domain::access::{Access, Denied, GuildChannel, GuildStructure};
use domain::coverage::Interval;
use domain::message::{Message, MessageId, Origin};
use domain::page::MessagePage;
use domain::pseudonym::Pseudonym;
use domain::timestamp::Timestamp;
use domain::unreadable::Unreadable;
use ports::guild::{FetchedPage, GuildError, GuildScope, MessageCursor, Priority};

use crate::client::DiscordClient;
use crate::convert::Converter;
use crate::limit::Target;
use crate::payload::{self, Fields, Odd};
use crate::rest::{Call, Reply};
use crate::scrub::Scrub;

/// The number of messages on a page; Discord's maximum.
const PAGE: usize = 100;

/// The flag of a message that a program is still writing; its content is empty.
const LOADING: u64 = 1 << 7;

impl DiscordClient {
    pub(crate) async fn read_messages(
        &self,
        scope: &GuildScope,
        channel: &GuildChannel,
        cursor: MessageCursor,
        priority: Priority,
    ) -> Result<FetchedPage, GuildError> {
        if let Access::Denied(denied) = channel.access {
            return Err(GuildError::Forbidden(denied));
        }
        if !channel.holds_messages() {
            return Err(GuildError::Forbidden(Denied::Other));
        }
        let id = channel.channel.platform_id;
        let (word, at) = match cursor {
            MessageCursor::Before(at) => ("before", at),
            MessageCursor::After(at) => ("after", at),
            MessageCursor::Around(at) => ("around", at),
        };
        let target = Target { route: "/channels/{c}/messages", major: id.get() };
        let path = format!("/channels/{id}/messages?limit={PAGE}&{word}={at}");
        let call = Call { target, path, priority };
        let reply = self.rest.get(&call, "list of messages", payload::list).await?;
        let bot = self.bot_id().await?;
        let fetched = to_page(scope, channel, cursor, reply)?;
        if fetched.page.messages().is_empty() && fetched.page.interval().is_some() && channel.last_message_id.is_some()
        {
            // Other callers wait for the same structure, so that not even a background pass makes it wait last.
            self.check_history(scope, channel, priority.min(Priority::Backfill)).await?;
        }
        let bot = scope.people.person(&bot.to_string());
        if may_be_blank(fetched.page.messages(), bot) && !self.read_identity().await?.reads_content {
            tracing::error!("message content intent missing");
            return Err(GuildError::ContentOff);
        }
        Ok(fetched)
    }

    /// Ensures that an empty page means an empty channel: Discord returns one to a bot that may not read the history.
    async fn check_history(
        &self,
        scope: &GuildScope,
        channel: &GuildChannel,
        priority: Priority,
    ) -> Result<(), GuildError> {
        let place = if channel.channel.kind.is_thread() { channel.channel.parent_id } else { Some(channel.channel.id) };
        let find = |structure: &GuildStructure| {
            let found = structure.channels.iter().find(|other| Some(other.channel.id) == place);
            found.map(|channel| channel.access)
        };
        match self.recheck_structure(scope, priority, find).await? {
            Some(Access::Readable) => Ok(()),
            Some(Access::Denied(denied)) => Err(GuildError::Forbidden(denied)),
            None => Err(GuildError::Forbidden(Denied::View)),
        }
    }
}

/// Returns whether all content that people wrote is empty: either it was, or it is withheld. The bot's own messages and
/// those that mention it are never withheld.
fn may_be_blank(messages: &[Message], bot: Pseudonym) -> bool {
    let can_be_withheld = |message: &&Message| {
        message.kind.is_written()
            && message.author.pseudonym != bot
            && message.mentions.iter().all(|person| person.pseudonym != bot)
            && message.flags & LOADING == 0
    };
    let is_empty = |message: &Message| {
        message.content.is_empty()
            && message.attachments.is_empty()
            && message.embeds.is_none()
            && message.components.is_none()
            && message.poll.is_none()
    };
    let mut written = messages.iter().filter(can_be_withheld).peekable();
    written.peek().is_some() && written.all(is_empty)
}

/// Converts a response to a page.
fn to_page(
    scope: &GuildScope,
    channel: &GuildChannel,
    cursor: MessageCursor,
    reply: Reply<Vec<Result<Fields, Odd>>>,
) -> Result<FetchedPage, GuildError> {
    let scrub = Scrub { people: &scope.people };
    let (channel_id, observed_at) = (channel.channel.id, reply.sent_at);
    let converter = Converter { channel: channel_id, observed_at, origin: Origin::Page, scrub };
    let now = reply.responded_at.map_or(reply.sent_at, |responded| responded.min(reply.sent_at));
    let (mut messages, mut ids, mut odd) = (Vec::new(), Vec::new(), Vec::new());
    for (index, item) in reply.value.into_iter().enumerate() {
        let read =
            item.and_then(|wire| converter.message(wire).map_err(|wire| ("a message has no id", Some(wire.value()))));
        ids.push(read.as_ref().ok().map(|message| message.id));
        match read {
            Ok(message) => messages.push(message),
            Err((reason, value)) => odd.push((index, reason, value)),
        }
    }
    let kept = |(index, reason, value): (usize, &str, Option<serde_json::Value>)| {
        let raw = value.map(|value| scrub.json(value));
        Unreadable::shown(channel.channel.id, place(&ids, index, cursor, now), reason, raw, reply.sent_at)
    };
    let (is_whole, count) = (odd.is_empty(), odd.len());
    let unreadable = odd.into_iter().filter(|(index, ..)| !comes_again(&ids, *index, cursor)).map(kept).collect();
    messages.sort_by_key(|message: &Message| message.id);
    messages.dedup_by_key(|message| message.id);
    if !is_whole {
        tracing::warn!(channel.id = %channel.channel.id, rows = count, "unreadable messages set aside");
    }
    let ends = messages.first().zip(messages.last()).map(|(first, last)| (first.id, last.id));
    let interval = if is_whole { proven(cursor, ends, now) } else { None };
    let next = ends.and_then(|(low, high)| match cursor {
        MessageCursor::Before(_) => Some(MessageCursor::Before(low)),
        MessageCursor::After(_) => Some(MessageCursor::After(high)),
        MessageCursor::Around(_) => None,
    });
    let in_place = ends.is_none_or(|(low, high)| match cursor {
        MessageCursor::Before(at) => high < at,
        MessageCursor::After(at) => low > at,
        MessageCursor::Around(_) => true,
    });
    let page = MessagePage::new(interval, reply.sent_at, messages);
    match page {
        Ok(page) if in_place => Ok(FetchedPage { page, next, unreadable }),
        // On the wrong side of the cursor nothing is proven, and the walk would not end.
        _ => Err(GuildError::Malformed("page of messages")),
    }
}

/// Returns whether the item at `index` of a page is beyond the last readable message, and so is repeated on the next
/// page, which shows its far neighbours.
fn comes_again(ids: &[Option<MessageId>], index: usize, cursor: MessageCursor) -> bool {
    let (newer, older) = (ids[..index].iter().any(Option::is_some), ids[index + 1..].iter().any(Option::is_some));
    match cursor {
        MessageCursor::Before(_) => newer && !older,
        MessageCursor::After(_) => older && !newer,
        MessageCursor::Around(_) => false,
    }
}

/// Returns the possible ids of the item at `index` of a page made at `now` or later, where `ids` are those of the
/// readable items: Discord lists the newest message first. At an end of the page it can have any id that the page can
/// show there, except ids that are newer than the page.
fn place(ids: &[Option<MessageId>], index: usize, cursor: MessageCursor, now: Timestamp) -> Interval {
    let newer = ids[..index].iter().rev().flatten().next();
    let older = ids[index + 1..].iter().flatten().next();
    let (lowest, highest) = match cursor {
        MessageCursor::Before(at) => (None, at.previous()),
        MessageCursor::After(at) => (at.next(), None),
        MessageCursor::Around(_) => (None, None),
    };
    let low = older.and_then(|id| id.next()).or(lowest).unwrap_or(MessageId::MIN);
    let present = MessageId::first_at(now).max(low);
    let highest = highest.map_or(present, |highest| highest.min(present));
    let high = newer.and_then(|id| id.previous()).unwrap_or(highest);
    Interval::new(low, high).unwrap_or(Interval::only(low))
}

/// Returns the interval that a page with messages from the first to the last of `ends` proves, if it was made at `now`
/// or later: it does not reach beyond both that time and its own messages.
fn proven(cursor: MessageCursor, ends: Option<(MessageId, MessageId)>, now: Timestamp) -> Option<Interval> {
    let present = MessageId::first_at(now);
    match (cursor, ends) {
        (MessageCursor::Before(at), ends) => {
            let newest = ends.map_or(present, |(_, high)| high.max(present));
            let low = ends.map_or(MessageId::MIN, |(low, _)| low);
            Interval::new(low, at.previous()?.min(newest))
        }
        (MessageCursor::After(at), Some((_, high))) => Interval::new(at.next()?, high),
        (MessageCursor::After(_), None) => None,
        (MessageCursor::Around(at), Some((low, high))) => {
            Some(Interval::new(low, high)?.extend(at.min(high.max(present))))
        }
        (MessageCursor::Around(at), None) => Some(Interval::up_to(at.min(present))),
    }
}

#[cfg(test)]
mod tests;
