//! Builds the guild of a seed from a plan.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::json;

use super::{Bot, GUILD_MEMBERS_LIMITED, MESSAGE_CONTENT_LIMITED, World};
use crate::channel::{Channel, Forum, Origin, Thread, kind, made_at};
use crate::guild::Guild;
use crate::message::compose::thread_name;
use crate::moment::{GUILD_BORN_MS, HISTORY_END_MS, ms_of, snowflake};
use crate::people::People;
use crate::permission::{CONNECT, Overwrite, READ_MESSAGE_HISTORY, VIEW_CHANNEL};
use crate::plan::{Archive, ChannelPlan, Rights, ThreadPlan};
use crate::random::Draw;
use crate::timeline::Timeline;
use crate::words;

const DAY_MS: u64 = 86_400_000;
const MINUTE_MS: u64 = 60_000;
const CHANNEL: u64 = 0x6368_616E;

impl World {
    /// Returns the guild of `seed` with the planned channels.
    pub(crate) fn build(seed: u64, users: u64, plan: &[ChannelPlan], token: &str, cdn: String) -> Self {
        let people = People::new(seed, users);
        let guild = Guild::new(seed, &people);
        let bot = Bot {
            id: made_at(GUILD_BORN_MS - DAY_MS, seed),
            application_id: made_at(GUILD_BORN_MS - DAY_MS, seed),
            roles: vec![guild.bot_role()],
            flags: GUILD_MEMBERS_LIMITED | MESSAGE_CONTENT_LIMITED,
            token: token.to_owned(),
            token_revoked: false,
            interactions_endpoint: false,
        };
        let mut world = Self {
            born: guild.clone(),
            guild,
            people,
            bot,
            channels: BTreeMap::new(),
            overlays: HashMap::new(),
            guild_unavailable: false,
            removed: false,
            lists_hidden: false,
            clock_skew_ms: 0,
            cdn,
            more: BTreeMap::new(),
            made: 0,
        };
        let mut category = None;
        for (number, planned) in (0_u32..).zip(plan) {
            world.add_channel(seed, number, planned, &mut category);
        }
        world
    }

    fn add_channel(&mut self, seed: u64, number: u32, plan: &ChannelPlan, category: &mut Option<u64>) {
        let mut draw = Draw::of(&[seed, CHANNEL, u64::from(number)]);
        let key = draw.next();
        let made_ms = GUILD_BORN_MS + MINUTE_MS * (10 + u64::from(number));
        let posts = matches!(plan.kind, kind::FORUM | kind::MEDIA);
        let count = if posts { plan.threads.len() as u64 } else { plan.messages };
        let mut channel = Channel {
            id: made_at(made_ms, draw.next()),
            kind: plan.kind,
            name: plan.name.clone(),
            topic: (plan.kind != kind::CATEGORY && draw.chance(500)).then(|| words::sentence(&mut draw, 9)),
            parent_id: if plan.kind == kind::CATEGORY { None } else { *category },
            position: number,
            nsfw: plan.nsfw,
            flags: 0,
            overwrites: self.overwrites(plan.rights),
            forum: None,
            thread: None,
            line: Timeline::between(key, made_ms + 5 * MINUTE_MS, HISTORY_END_MS, count),
            key,
            starters: BTreeMap::new(),
        };
        if plan.kind == kind::CATEGORY {
            *category = Some(channel.id);
        }
        if posts {
            channel.forum = Some(forum(channel.id, &mut draw));
        }
        let count = plan.threads.len() as u64;
        for (position, thread) in (0..count).zip(&plan.threads) {
            let row = if posts { position } else { (position + 1) * channel.line.count() / (count + 1) };
            self.add_thread(&mut channel, row, position, thread);
        }
        if posts {
            channel.line = Timeline::default();
        }
        self.channels.insert(channel.id, channel);
    }

    /// Creates a thread from row `row` of `parent`.
    fn add_thread(&mut self, parent: &mut Channel, row: u64, number: u64, plan: &ThreadPlan) {
        let mut draw = Draw::of(&[parent.key, CHANNEL, number]);
        let key = draw.next();
        let has_row = row < parent.line.count() && !parent.starters.contains_key(&row);
        let origin = match plan.origin {
            _ if parent.forum.is_some() => Origin::Post,
            Origin::Message if has_row => Origin::Message,
            _ => Origin::Standalone,
        };
        let row_id =
            if has_row { parent.line.id(row) } else { snowflake(ms_of(parent.id) + MINUTE_MS * (number + 1), 3) };
        let created_ms = ms_of(row_id);
        // Half a day at least, so that rows of a thread are rarely in the same millisecond.
        let closed_ms = match plan.archive {
            Archive::At(us) => us / 1000,
            _ => created_ms + DAY_MS * (1 + draw.below(9)),
        };
        let end = if plan.archive == Archive::Open { HISTORY_END_MS } else { closed_ms.min(HISTORY_END_MS) };
        let start = if origin == Origin::Post { created_ms } else { created_ms + 1000 };
        let line = Timeline::between(key, start, end.max(start + 1000), plan.messages);
        let id = match origin {
            Origin::Message => row_id,
            Origin::Post if plan.messages > 0 => line.id(0),
            _ => row_id & !1,
        };
        let last_ms = plan.messages.checked_sub(1).map_or(created_ms, |last| ms_of(line.id(last)));
        let archive_us = match plan.archive {
            Archive::Open => created_ms * 1000,
            Archive::AfterLast => (last_ms + DAY_MS) * 1000 + draw.below(1000),
            Archive::At(us) => us,
        };
        let tags = parent.forum.as_ref().map(|forum| tags(forum, parent.id, &mut draw)).unwrap_or_default();
        let mut members = BTreeSet::new();
        if plan.joined {
            members.insert(self.bot.id);
        }
        let archived = plan.archive != Archive::Open;
        let thread = Thread {
            owner_id: self.people.id(draw.next()),
            origin,
            created_ms,
            archived,
            archive_us,
            auto_archive_minutes: 1440,
            locked: archived && draw.chance(200),
            tags,
            members,
        };
        if has_row && origin != Origin::Post {
            parent.starters.insert(row, (id, key));
        }
        if plan.starter_deleted {
            let holder = if origin == Origin::Post { id } else { parent.id };
            self.overlays.entry(holder).or_default().messages.insert(row_id_of_starter(origin, id, row_id), None);
        }
        let pinned = origin == Origin::Post && !archived && number == 0;
        let channel = Channel {
            id,
            kind: plan.kind,
            name: thread_name(key),
            topic: None,
            parent_id: Some(parent.id),
            position: 0,
            nsfw: false,
            flags: u64::from(pinned) << 1,
            overwrites: Vec::new(),
            forum: None,
            thread: Some(thread),
            line,
            key,
            starters: BTreeMap::new(),
        };
        self.channels.insert(id, channel);
    }

    fn overwrites(&self, rights: Rights) -> Vec<Overwrite> {
        let everyone = self.guild.id;
        match rights {
            Rights::Open => Vec::new(),
            Rights::Staff => vec![
                Overwrite::role(everyone, 0, VIEW_CHANNEL),
                Overwrite::role(self.guild.bot_role(), VIEW_CHANNEL | READ_MESSAGE_HISTORY, 0),
            ],
            Rights::Hidden => vec![Overwrite::role(everyone, 0, VIEW_CHANNEL)],
            Rights::NoHistory => vec![
                Overwrite::role(everyone, 0, READ_MESSAGE_HISTORY),
                Overwrite::role(self.guild.roles[4].id, READ_MESSAGE_HISTORY, 0),
            ],
            Rights::NoConnect => vec![Overwrite::role(everyone, 0, CONNECT)],
        }
    }
}

/// Returns the id of the message that a thread was started from.
const fn row_id_of_starter(origin: Origin, thread_id: u64, row_id: u64) -> u64 {
    match origin {
        Origin::Post => thread_id,
        Origin::Message | Origin::Standalone => row_id,
    }
}

fn forum(id: u64, draw: &mut Draw) -> Forum {
    let tags = (0..5_u64)
        .map(|number| {
            let emoji = (number % 2 == 0).then(|| words::emoji(draw));
            json!({"id": made_at(ms_of(id) + number * 1000, id >> 2).to_string(), "name": words::name(draw, " "),
                   "moderated": number == 4, "emoji_id": null, "emoji_name": emoji})
        })
        .collect();
    Forum { tags, sort_order: draw.chance(500).then_some(1), layout: 1, reaction: Some("👍") }
}

/// Returns up to two tags of the forum, and occasionally one that was deleted.
fn tags(forum: &Forum, forum_id: u64, draw: &mut Draw) -> Vec<u64> {
    let known = forum.tags.iter().filter_map(|tag| tag["id"].as_str()?.parse().ok());
    let mut chosen: Vec<u64> = known.filter(|_| draw.chance(300)).take(2).collect();
    if draw.chance(100) {
        chosen.push(made_at(ms_of(forum_id) + 99_000, forum_id >> 2));
    }
    chosen
}
