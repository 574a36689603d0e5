//! Storing messages in portions: what is more than the store takes at once goes in halves, and a message that it refuses
//! is left out and named, so that it takes nothing else with it.

use std::sync::Arc;

use domain::channel::ChannelId;
use domain::message::MessageId;
use domain::page::MessagePage;
use ports::error::StoreError;
use ports::message::StoredMessage;
use tracing::{info, warn};

/// Messages of one channel that can be stored in parts, one after the other. A clone costs nothing.
pub(crate) trait Portion: Clone {
    /// Two parts that together do what this one does; `None` if there is nothing to divide.
    fn halves(&self) -> Option<(Self, Self)>;

    /// How many messages it holds.
    fn count(&self) -> usize;

    /// Its oldest message, and the channel that it stands in.
    fn first(&self) -> Option<(ChannelId, MessageId)>;
}

impl Portion for Arc<MessagePage> {
    fn halves(&self) -> Option<(Self, Self)> {
        MessagePage::halves(self).map(|(older, newer)| (Self::new(older), Self::new(newer)))
    }

    fn count(&self) -> usize {
        self.messages().len()
    }

    fn first(&self) -> Option<(ChannelId, MessageId)> {
        self.messages().first().map(|message| (message.channel_id, message.id))
    }
}

impl Portion for &[StoredMessage] {
    fn halves(&self) -> Option<(Self, Self)> {
        (self.len() > 1).then(|| self.split_at(self.len() / 2))
    }

    fn count(&self) -> usize {
        self.len()
    }

    fn first(&self) -> Option<(ChannelId, MessageId)> {
        <[_]>::first(self).map(|held| (held.message.channel_id, held.message.id))
    }
}

/// A message that the store refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) message_id: MessageId,
    /// What the store says of it, which never quotes it.
    pub(crate) reason: String,
}

/// What became of messages that were stored in portions.
#[derive(Debug)]
pub(crate) struct Stored<T> {
    /// Of each portion, oldest first.
    pub(crate) outcomes: Vec<T>,
    /// What was left out. The store has no word of the portion that it stood in, so nothing proves that part of its
    /// channel, and whoever reads the channel again reads it again.
    pub(crate) refused: Vec<Refusal>,
}

/// Stores `whole` by `store`; `fault` finds the store's error in its. Older messages go first, and what is stored when it
/// fails stays.
///
/// # Errors
/// The error of `store` for whatever is neither [`StoreError::TooLarge`] nor [`StoreError::Refused`], or if a portion
/// without any message is refused or can be made no smaller.
pub(crate) async fn in_portions<P: Portion, T, E, F: Future<Output = Result<T, E>>>(
    whole: P,
    fault: fn(&E) -> Option<&StoreError>,
    store: impl Fn(P) -> F,
) -> Result<Stored<T>, E> {
    let mut stored = Stored { outcomes: Vec::new(), refused: Vec::new() };
    let mut waiting = vec![whole];
    while let Some(part) = waiting.pop() {
        let error = match store(part.clone()).await {
            Ok(outcome) => {
                stored.outcomes.push(outcome);
                continue;
            }
            Err(error) => error,
        };
        let (reason, halves) = match fault(&error) {
            Some(StoreError::TooLarge(source)) => (source, part.halves()),
            // One message is refused by itself, however few ids are told of beside it.
            Some(StoreError::Refused(source)) => (source, if part.count() > 1 { part.halves() } else { None }),
            _ => return Err(error),
        };
        match (halves, part.first()) {
            (Some((older, newer)), _) => {
                info!(rows = part.count(), error = %reason, "page too large for the store; splitting");
                waiting.extend([newer, older]);
            }
            (None, Some((channel, message_id))) => {
                warn!(channel.id = %channel, message.id = %message_id, error = %reason, "message rejected by the store");
                stored.refused.push(Refusal { message_id, reason: reason.to_string() });
            }
            (None, None) => return Err(error),
        }
    }
    Ok(stored)
}

#[cfg(test)]
mod tests;
