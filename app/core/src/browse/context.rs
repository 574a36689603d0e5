//! The objects that the messages of a page refer to.

use std::collections::{HashMap, HashSet};

use domain::channel::{Channel, ChannelSnowflake};
use domain::json::Json;
use domain::message::{Message, MessageId, MessageKind};
use domain::tenant::Tenant;
use ports::store::Ahead;

use super::opener::{has_custom_emoji, opener_of};
use super::pictures::{keys_of, pictures_read};
use super::{BrowseError, ChannelView, FileStates, Messages, Opener, OpenerState, Pictures, Reading, Roles, TagEmojis};

/// The objects that the messages of a page refer to, as far as the reader may see them.
#[derive(Debug, Clone, Default)]
pub struct PageContext {
    /// The channels that texts name.
    pub channels: HashMap<ChannelSnowflake, Channel>,
    /// The roles that texts mention.
    pub roles: Roles,
    /// The messages that others reply to; `None` for one that was deleted.
    pub messages: HashMap<MessageId, Option<Message>>,
    /// The state of the files.
    pub files: FileStates,
    /// The message that the thread was started from.
    pub opener: Option<Opener>,
    /// The custom emoji of a forum's tags.
    pub emojis: TagEmojis,
    /// The emoji, stickers and icons that are shown as pictures.
    pub pictures: Pictures,
}

impl Reading {
    /// Loads the objects that `page` of `view` refers to: a few reads for the whole page.
    ///
    /// # Errors
    /// [`BrowseError::Store`].
    pub async fn page_context(
        &mut self,
        tenant: &Tenant,
        view: &ChannelView,
        page: &Messages,
    ) -> Result<PageContext, BrowseError> {
        let tags = view.parent.as_ref().map(|parent| parent.tags.as_slice()).unwrap_or_default();
        let own = page.entries.iter().filter(|entry| !entry.message.is_plain).map(|entry| &**entry.message);
        let mut named: HashSet<ChannelSnowflake> = own.clone().flat_map(channels_of).collect();
        let mut reads: Vec<_> = self.unnamed(tenant, named.iter().copied()).into_iter().collect();
        reads.extend(opener_of(view, page).map(|(channel, id)| Ahead::Message(channel.id, id)));
        let replied = referred_by(own.clone());
        reads.extend(
            (!replied.is_empty()).then(|| Ahead::Keys(replied.iter().map(|id| (view.channel.id, *id)).collect())),
        );
        let mut keys = keys_of(own.clone(), page.roles.keys().copied());
        reads.extend(pictures_read(tenant, &keys));
        reads.extend(has_custom_emoji(tags).then_some(Ahead::Items(tenant.id)));
        self.at.ahead(&reads).await?;
        let opener = self.opener(view, page).await?;
        let shown = match opener.as_ref().map(|opener| &opener.state) {
            Some(OpenerState::Shown(message)) => Some(&**message),
            _ => None,
        };
        named.extend(shown.into_iter().flat_map(channels_of));
        let channels = self.channels_named(tenant, named).await?;
        let mut messages = self.referred(view.channel.id, &replied).await?;
        let (mut roles, mut files) = (page.roles.clone(), page.files.clone());
        if let (Some(message), Some(opener)) = (shown, &opener) {
            roles.extend(opener.roles.clone());
            files.extend(opener.files.clone());
            if let Some(id) = message.reference.and_then(|reference| reference.message_id) {
                messages.extend(self.referred(message.channel_id, &[id]).await?);
            }
        }
        let emojis = self.tag_emojis(tenant, tags).await?;
        if let Some(message) = shown {
            keys = keys_of(own.chain([message]), roles.keys().copied());
        }
        let pictures = self.pictures(tenant, &keys).await?;
        Ok(PageContext { channels, roles, messages, files, opener, emojis, pictures })
    }
}

/// Returns the messages that others refer to.
fn referred_by<'a>(messages: impl Iterator<Item = &'a Message>) -> Vec<MessageId> {
    let mut referred: Vec<MessageId> = messages.filter_map(|message| message.reference?.message_id).collect();
    referred.sort_unstable();
    referred.dedup();
    referred
}

/// Returns the channels that a message names: in its text, in its other parts, and as the thread that it announces.
fn channels_of(message: &Message) -> Vec<ChannelSnowflake> {
    let parts = [&message.embeds, &message.components, &message.snapshots];
    let texts = parts.into_iter().flatten().map(Json::as_str).chain([message.content.as_str()]);
    let named = texts.flat_map(|text| text.split("<#").skip(1)).filter_map(|rest| rest.split('>').next()?.parse().ok());
    let started = message.reference.filter(|_| message.kind == MessageKind::THREAD_CREATED);
    named.chain(started.and_then(|reference| reference.channel_id)).collect()
}
