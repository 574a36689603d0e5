//! The channels and threads of a guild, and their numbers of messages.

use crate::channel::{Origin, kind};
use crate::moment::HISTORY_END_MS;
use crate::random::Draw;
use crate::words;

/// The rights of the bot in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rights {
    /// Visible to `@everyone`.
    #[default]
    Open,
    /// `@everyone` may not view it, the bot may.
    Staff,
    /// Neither `@everyone` nor the bot may view it.
    Hidden,
    /// `@everyone` may view it, but not read its history; neither may the bot.
    NoHistory,
    /// `@everyone` may view it, but not connect to it; neither may the bot.
    NoConnect,
}

/// The archive state of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Archive {
    /// It is active.
    Open,
    /// Archived a day after its last message.
    AfterLast,
    /// Archived at this microsecond since the Unix epoch.
    At(u64),
}

/// One thread of a channel.
#[derive(Debug, Clone)]
pub struct ThreadPlan {
    /// 10, 11 or 12.
    pub kind: u8,
    /// The way it was created; a thread of a forum is always a post.
    pub origin: Origin,
    /// The number of its messages.
    pub messages: u64,
    /// Whether it is archived.
    pub archive: Archive,
    /// Whether the bot has joined it.
    pub joined: bool,
    /// Whether the message that it was created from is deleted.
    pub starter_deleted: bool,
}

impl ThreadPlan {
    /// Returns an active thread.
    #[must_use]
    pub const fn new(kind: u8, origin: Origin, messages: u64) -> Self {
        Self { kind, origin, messages, archive: Archive::Open, joined: false, starter_deleted: false }
    }

    /// Returns the same thread, archived.
    #[must_use]
    pub const fn archived(mut self, archive: Archive) -> Self {
        self.archive = archive;
        self
    }

    /// Returns the same thread, joined by the bot.
    #[must_use]
    pub const fn joined(mut self) -> Self {
        self.joined = true;
        self
    }
}

/// One channel of a guild. It belongs to the last category planned before it.
#[derive(Debug, Clone)]
pub struct ChannelPlan {
    /// Its name.
    pub name: String,
    /// Its Discord type.
    pub kind: u8,
    /// The number of its messages.
    pub messages: u64,
    /// The rights of the bot in it.
    pub rights: Rights,
    /// Whether it is age-restricted.
    pub nsfw: bool,
    /// Its threads, oldest first.
    pub threads: Vec<ThreadPlan>,
}

impl ChannelPlan {
    /// Returns a channel that `@everyone` may read, without threads.
    #[must_use]
    pub fn new(name: &str, kind: u8, messages: u64) -> Self {
        Self { name: name.to_owned(), kind, messages, rights: Rights::Open, nsfw: false, threads: Vec::new() }
    }

    /// Returns the same channel with other rights.
    #[must_use]
    pub const fn rights(mut self, rights: Rights) -> Self {
        self.rights = rights;
        self
    }

    /// Returns the same channel with these threads.
    #[must_use]
    pub fn threads(mut self, threads: Vec<ThreadPlan>) -> Self {
        self.threads = threads;
        self
    }

    const fn nsfw(mut self) -> Self {
        self.nsfw = true;
        self
    }
}

/// The size of the generated guild.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum GuildSize {
    /// 26 channels, 60 threads, 5,000 messages.
    #[default]
    Small,
    /// 300 channels, 3,000 threads, 1 million messages.
    Large,
    /// 500 channels, 20,000 threads, 10 million messages.
    Huge,
}

/// The numbers behind a [`GuildSize`].
struct Budget {
    channels: usize,
    threads: usize,
    messages: u64,
    ties: usize,
    paged: usize,
    users: u64,
}

impl GuildSize {
    const fn budget(self) -> Budget {
        match self {
            Self::Small => Budget { channels: 26, threads: 60, messages: 5_000, ties: 7, paged: 9, users: 200 },
            Self::Large => {
                Budget { channels: 300, threads: 3_000, messages: 1_000_000, ties: 150, paged: 250, users: 5_000 }
            }
            Self::Huge => {
                Budget { channels: 500, threads: 20_000, messages: 10_000_000, ties: 150, paged: 250, users: 50_000 }
            }
        }
    }

    /// Returns the number of users that write in it.
    #[must_use]
    pub const fn users(self) -> u64 {
        self.budget().users
    }

    /// Returns its channels, in the order of the guild's list.
    #[must_use]
    pub fn plan(self, seed: u64) -> Vec<ChannelPlan> {
        let budget = self.budget();
        let mut draw = Draw::of(&[seed, 0x706C_616E]);
        let mut channels = quirks(&budget);
        let mut number = 0;
        while channels.len() < budget.channels {
            number += 1;
            if number % 40 == 20 {
                channels.push(ChannelPlan::new(&format!("category {number}"), kind::CATEGORY, 0));
            } else {
                channels.push(ChannelPlan::new(&format!("{}-{number}", words::name(&mut draw, "-")), kind::TEXT, 0));
            }
        }
        spread_threads(&mut channels, &budget, &mut draw);
        spread_messages(&mut channels, &budget);
        channels
    }
}

/// Returns one channel for each rule that a reader of the API must know.
fn quirks(budget: &Budget) -> Vec<ChannelPlan> {
    let ties = HISTORY_END_MS * 1000 + 123_456;
    let thread = |messages| ThreadPlan::new(kind::PUBLIC_THREAD, Origin::Message, messages);
    let post = |messages| ThreadPlan::new(kind::PUBLIC_THREAD, Origin::Post, messages);
    let private = ThreadPlan::new(kind::PRIVATE_THREAD, Origin::Standalone, 4);
    let news = ThreadPlan::new(kind::ANNOUNCEMENT_THREAD, Origin::Message, 5);
    let orphan = ThreadPlan { starter_deleted: true, ..thread(4) };
    vec![
        ChannelPlan::new("welcome", kind::TEXT, 30),
        ChannelPlan::new("Community", kind::CATEGORY, 0),
        ChannelPlan::new("general", kind::TEXT, 0).threads(vec![
            thread(7),
            orphan,
            thread(6).archived(Archive::AfterLast),
        ]),
        ChannelPlan::new("announcements", kind::ANNOUNCEMENT, 60)
            .threads(vec![news.clone(), news.archived(Archive::AfterLast)]),
        ChannelPlan::new("empty", kind::TEXT, 0),
        ChannelPlan::new("exactly-100", kind::TEXT, 100),
        ChannelPlan::new("exactly-101", kind::TEXT, 101),
        ChannelPlan::new("help", kind::FORUM, 0).threads(vec![
            post(9),
            post(3).archived(Archive::AfterLast),
            ThreadPlan { starter_deleted: true, ..post(3) },
        ]),
        ChannelPlan::new("screenshots", kind::MEDIA, 0).threads(vec![post(2), post(2).archived(Archive::AfterLast)]),
        ChannelPlan::new("after-dark", kind::TEXT, 40).nsfw().threads(vec![thread(3)]),
        ChannelPlan::new("lounge", kind::VOICE, 50),
        ChannelPlan::new("locked-room", kind::VOICE, 20).rights(Rights::NoConnect),
        ChannelPlan::new("podium", kind::STAGE, 10),
        ChannelPlan::new("hub", kind::DIRECTORY, 0),
        ChannelPlan::new("Staff", kind::CATEGORY, 0).rights(Rights::Staff),
        ChannelPlan::new("staff-room", kind::TEXT, 80).rights(Rights::Staff).threads(vec![
            private.clone(),
            private.clone().joined(),
            private.clone().archived(Archive::AfterLast),
            private.clone().joined().archived(Archive::AfterLast),
            private.joined().archived(Archive::AfterLast),
        ]),
        ChannelPlan::new("open-in-a-closed-category", kind::TEXT, 25),
        ChannelPlan::new("hidden", kind::TEXT, 35).rights(Rights::Hidden),
        ChannelPlan::new("no-history", kind::TEXT, 15).rights(Rights::NoHistory),
        ChannelPlan::new("Archive", kind::CATEGORY, 0),
        ChannelPlan::new("many-archived-at-once", kind::TEXT, 400)
            .threads(vec![thread(3).archived(Archive::At(ties)); budget.ties]),
        ChannelPlan::new("many-archived", kind::TEXT, 600)
            .threads(vec![thread(3).archived(Archive::AfterLast); budget.paged]),
    ]
}

/// Distributes the remaining threads over the forums and text channels.
fn spread_threads(channels: &mut [ChannelPlan], budget: &Budget, draw: &mut Draw) {
    let planned: usize = channels.iter().map(|channel| channel.threads.len()).sum();
    let takers: Vec<usize> = (0..channels.len())
        .filter(|index| {
            let channel = &channels[*index];
            let plain = channel.kind == kind::TEXT && channel.messages == 0 && channel.name != "empty";
            plain || matches!(channel.kind, kind::FORUM | kind::MEDIA)
        })
        .collect();
    for number in 0..budget.threads.saturating_sub(planned) {
        let to_forum = number % 5 < 2;
        let taker = if to_forum { "help" } else { "" };
        let index = channels.iter().position(|channel| channel.name == taker).unwrap_or(takers[number % takers.len()]);
        let origin = match (channels[index].kind, draw.below(5)) {
            (kind::FORUM | kind::MEDIA, _) => Origin::Post,
            (_, 0) => Origin::Standalone,
            _ => Origin::Message,
        };
        let private = origin == Origin::Standalone && draw.chance(300);
        let mut thread = ThreadPlan::new(if private { kind::PRIVATE_THREAD } else { kind::PUBLIC_THREAD }, origin, 0);
        thread.joined = private && draw.chance(500);
        if draw.chance(800) {
            thread.archive = Archive::AfterLast;
        }
        channels[index].threads.push(thread);
    }
}

/// Distributes the remaining messages: a sixth to threads, the rest to text channels, most of them to the first ones.
fn spread_messages(channels: &mut [ChannelPlan], budget: &Budget) {
    let planned: u64 = channels.iter().map(|c| c.messages + c.threads.iter().map(|t| t.messages).sum::<u64>()).sum();
    let mut left = budget.messages.saturating_sub(planned);
    let threads: Vec<&mut ThreadPlan> =
        channels.iter_mut().flat_map(|channel| &mut channel.threads).filter(|thread| thread.messages == 0).collect();
    let each = left / 6 / (threads.len() as u64).max(1);
    for (number, thread) in (0_u64..).zip(threads) {
        // From a third of the average to nearly twice as much, and a few far longer.
        thread.messages = (each * (2 + number % 9) / 6).max(1);
        left = left.saturating_sub(thread.messages);
    }
    let plain: Vec<usize> = (0..channels.len())
        .filter(|i| channels[*i].kind == kind::TEXT && channels[*i].messages == 0 && channels[*i].name != "empty")
        .collect();
    let weights: u64 = (0..plain.len() as u64).map(weight).sum();
    let share = left;
    for (number, index) in (0_u64..).zip(&plain).skip(1) {
        channels[*index].messages = share * weight(number) / weights;
        left -= channels[*index].messages;
    }
    if let Some(first) = plain.first() {
        channels[*first].messages = left;
    }
}

const fn weight(number: u64) -> u64 {
    720_720 / (number + 4)
}

#[cfg(test)]
mod tests;
