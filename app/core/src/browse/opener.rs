//! The message that a thread was started from, and the emoji of a forum's tags.

use std::collections::HashMap;

use domain::channel::{Channel, ForumTag};
use domain::guild::{EmojiId, GuildEmoji};
use domain::message::{Message, MessageId, MessageKind};
use domain::picture::PictureKey;
use domain::tenant::Tenant;

use super::{BrowseError, ChannelView, FileStates, Messages, Reading, Roles};

/// The message that a thread was started from.
#[derive(Debug, Clone)]
pub struct Opener {
    /// Its channel: the parent of the thread, or the thread itself if that is a forum's post.
    pub channel: Channel,
    /// Its id.
    pub id: MessageId,
    /// The part that the reader may see.
    pub state: OpenerState,
    /// The roles that it mentions.
    pub roles: Roles,
    /// The state of its files.
    pub files: FileStates,
}

/// The part of a thread's first message that a reader may see.
#[derive(Debug, Clone)]
pub enum OpenerState {
    /// The message.
    Shown(Box<Message>),
    /// It was deleted.
    Deleted,
    /// It is not stored, or not shown to this reader.
    Unknown,
}

/// The custom emoji of a guild that tags have, by their decimal ids.
pub type TagEmojis = HashMap<String, TagEmoji>;

/// A custom emoji of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagEmoji {
    /// Its name.
    pub name: String,
    /// The key of its picture, if that is stored.
    pub picture: Option<PictureKey>,
}

impl Reading {
    /// Returns the message that the thread `of` was started from, for a page of it; `None` if `page` has it or none is
    /// known. One statement, and a few more for the mentions of the message.
    ///
    /// # Errors
    /// [`BrowseError::Store`].
    pub async fn opener(&mut self, of: &ChannelView, page: &Messages) -> Result<Option<Opener>, BrowseError> {
        let thread = &of.channel;
        let Some((channel, id)) = opener_of(of, page) else { return Ok(None) };
        let row = starter_row(page);
        // A reader of a thread may read its parent, and no other channel is read here.
        let stored = self.at.message(channel.id, id).await?;
        let state = match stored {
            Some(stored) if stored.is_deleted() => OpenerState::Deleted,
            Some(stored) => {
                self.shown(stored).map_or(OpenerState::Unknown, |message| OpenerState::Shown(message.into()))
            }
            None => OpenerState::Unknown,
        };
        let (mut roles, mut files) = (Roles::new(), FileStates::new());
        match &state {
            // The notice that a thread was started without a message.
            OpenerState::Shown(message) if message.kind == MessageKind::THREAD_CREATED => return Ok(None),
            OpenerState::Shown(message) => {
                roles = self.roles_of(thread.tenant_id, [&**message]).await?;
                files = self.files_of([&**message]).await?;
            }
            _ if row.is_none() => return Ok(None),
            _ => {}
        }
        Ok(Some(Opener { channel: channel.clone(), id, state, roles, files }))
    }

    /// Returns the guild's custom emoji in `tags`; reads nothing if they have none.
    ///
    /// # Errors
    /// [`BrowseError::Store`].
    pub async fn tag_emojis(&mut self, tenant: &Tenant, tags: &[ForumTag]) -> Result<TagEmojis, BrowseError> {
        if !has_custom_emoji(tags) {
            return Ok(TagEmojis::new());
        }
        let ids: Vec<&str> = custom_emoji(tags).collect();
        let items = self.at.items(tenant.id).await?;
        let mut emojis: Vec<_> = items.emojis.into_iter().map(|stored| stored.item).collect();
        emojis.retain(|emoji| ids.contains(&emoji.id.to_string().as_str()));
        let keys: Vec<PictureKey> = emojis.iter().map(|emoji| PictureKey::emoji(emoji.id)).collect();
        let pictures = self.pictures(tenant, &keys).await?;
        let shown = emojis.into_iter().map(|GuildEmoji { id, name, .. }| {
            let picture = Some(PictureKey::emoji(id)).filter(|key| pictures.contains(key));
            (id.to_string(), TagEmoji { name, picture })
        });
        Ok(shown.collect())
    }
}

/// Returns the message of the page that stands for the one the thread was started from.
fn starter_row(page: &Messages) -> Option<&Message> {
    page.entries.iter().map(|entry| &**entry.message).find(|one| one.kind == MessageKind::THREAD_STARTER)
}

/// Returns the channel and the id of the message that a thread was started from; `None` if `page` has it or `of` is no
/// thread.
pub(super) fn opener_of<'a>(of: &'a ChannelView, page: &Messages) -> Option<(&'a Channel, MessageId)> {
    let thread = &of.channel;
    let parent = of.parent.as_ref().filter(|_| thread.kind.is_thread())?;
    let reference = starter_row(page).and_then(|row| row.reference);
    let reference = reference.filter(|to| to.channel_id == Some(parent.platform_id));
    let own_id: MessageId = thread.platform_id.cast();
    let id = reference.and_then(|to| to.message_id).unwrap_or(own_id);
    let is_post = parent.kind.is_forum();
    if is_post && (page.older.is_none() || page.entries.iter().any(|entry| entry.message.id == own_id)) {
        return None;
    }
    Some((if is_post { thread } else { parent }, id))
}

/// Returns the ids of the guild's custom emoji in `tags`.
fn custom_emoji(tags: &[ForumTag]) -> impl Iterator<Item = &str> {
    let is_id = |emoji: &&str| emoji.len() >= 15 && emoji.parse::<EmojiId>().is_ok();
    tags.iter().filter_map(|tag| tag.emoji.as_deref()).filter(is_id)
}

/// Returns whether `tags` have custom emoji of the guild.
pub(super) fn has_custom_emoji(tags: &[ForumTag]) -> bool {
    custom_emoji(tags).next().is_some()
}
