//! Matches of a search, as JSON.

use app_core::browse::ChannelView;
use app_core::search::{SearchPage, Total};
use domain::channel::{ChannelId, ChannelKind, ChannelSnowflake};
use domain::slug::ChannelSlug;
use domain::timestamp::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use super::MessageBody;
use super::message::as_sent;
use crate::address::{Base, search_cursor};

/// The channel of a match.
#[derive(Debug, Serialize)]
struct PlaceBody<'a> {
    id: ChannelId,
    platform_id: ChannelSnowflake,
    parent_id: Option<ChannelId>,
    r#type: ChannelKind,
    name: &'a str,
    slug: &'a ChannelSlug,
}

impl<'a> From<&'a ChannelView> for PlaceBody<'a> {
    fn from(ChannelView { channel, parent, .. }: &'a ChannelView) -> Self {
        Self {
            id: channel.id,
            platform_id: channel.platform_id,
            parent_id: parent.as_ref().map(|parent| parent.id),
            r#type: channel.kind,
            name: &channel.name,
            slug: &channel.slug,
        }
    }
}

/// A match: a message with its channel, and the parts of its content that match.
#[derive(Debug, Serialize)]
pub struct HitBody<'a> {
    message: MessageBody<'a>,
    channel: PlaceBody<'a>,
    highlights: Vec<[usize; 2]>,
}

#[derive(Debug, Serialize)]
struct TotalBody {
    value: u64,
    relation: &'static str,
}

/// A page of matches, cut to the size of a response.
#[derive(Debug, Serialize)]
pub struct SearchBody {
    items: Vec<Box<RawValue>>,
    next: Option<String>,
    total: TotalBody,
    as_of: Timestamp,
    timed_out: bool,
}

impl SearchBody {
    /// Returns a page.
    #[must_use]
    pub fn new(page: &SearchPage) -> Self {
        let known = (&page.roles, &page.files);
        let (mut items, mut next, mut room) = (Vec::new(), page.next, app_core::browse::MAX_PAGE_BYTES);
        for (index, hit) in page.hits.iter().enumerate() {
            let path = Base::of_api(&page.tenant).channel(&hit.channel.channel);
            let item = as_sent(&HitBody {
                message: MessageBody::of_entry(&page.tenant, &path, &hit.entry, known),
                channel: (&hit.channel).into(),
                highlights: hit.highlights.iter().map(|part| [part.from, part.to]).collect(),
            });
            if item.get().len() > room && index > 0 {
                next = Some(page.hits[index - 1].at);
                break;
            }
            room = room.saturating_sub(item.get().len());
            items.push(item);
        }
        let (value, relation) = match page.total {
            Total::Exactly(value) => (value, "eq"),
            Total::AtLeast(value) => (value, "gte"),
        };
        Self {
            items,
            next: next.map(|next| search_cursor(page.sort, next)),
            total: TotalBody { value, relation },
            as_of: page.as_of,
            timed_out: page.timed_out,
        }
    }
}
