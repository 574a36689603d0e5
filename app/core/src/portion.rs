//! Stores messages in portions: a portion that is too large for the store is halved, and a message that the store
//! rejects is left out and reported, so that it does not affect others.

use std::sync::Arc;

use domain::channel::ChannelId;
use domain::message::{MessageId, StoredMessage};
use domain::page::MessagePage;
use ports::error::StoreError;
use tracing::{info, warn};

/// Messages of one channel that can be stored in parts, one after the other. A clone is cheap.
pub(crate) trait Portion: Clone {
    /// Returns two parts that together are equal to this one; `None` if it cannot be divided.
    fn halves(&self) -> Option<(Self, Self)>;

    /// Returns the number of its messages.
    fn count(&self) -> usize;

    /// Returns its oldest message, and the channel of that message.
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
        <[_]>::first(self).map(|stored| (stored.message.channel_id, stored.message.id))
    }
}

/// A message that the store rejects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) message_id: MessageId,
    /// The reason of the store, which never quotes the message.
    pub(crate) reason: String,
}

/// The result of storing messages in portions.
#[derive(Debug)]
pub(crate) struct Stored<T> {
    /// The result of each portion, oldest first.
    pub(crate) outcomes: Vec<T>,
    /// The messages that were left out. Their portion is not stored, so that part of the channel is not proven, and the
    /// next walk through the channel reads it again.
    pub(crate) refused: Vec<Refusal>,
}

/// Stores `whole` by `store`; `fault` finds the store's error in the error of `store`. Older messages are stored first,
/// and stay stored after a failure.
///
/// # Errors
/// The error of `store` if it is neither [`StoreError::TooLarge`] nor [`StoreError::Refused`], or if a portion without
/// any message is rejected or cannot be made smaller.
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
            // A single message is rejected by itself, however few ids are reported beside it.
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
