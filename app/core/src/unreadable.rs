//! Records items that could not be read or stored, for as long as that is so.

use domain::channel::ChannelId;
use domain::coverage::Observation;
use domain::page::{MessagePage, PageOutcome};
use domain::timestamp::Timestamp;
use domain::unreadable::Unreadable;
use ports::error::StoreError;
use ports::store::UnitOfWork;

use crate::portion::Refusal;

/// Records `found`, the unreadable items among the messages of `page`, in the unit that has stored the page with this
/// outcome; and drops the recorded items that the page shows to be gone.
///
/// # Errors
/// [`StoreError`] if the store fails.
pub(crate) async fn record(
    unit: &mut dyn UnitOfWork,
    channel: ChannelId,
    page: &MessagePage,
    outcome: &PageOutcome,
    found: &[Unreadable],
) -> Result<(), StoreError> {
    let may_go = outcome.has_unreadable || !found.is_empty();
    if let Some(span) = page.span().filter(|_| may_go) {
        let span = found.iter().fold(span, |span, one| span.merge(one.place).unwrap_or(span));
        let mut stored = unit.unreadable().list(channel, span).await?;
        stored.retain(|one| found.iter().all(|other| other.id != one.id));
        if !stored.is_empty() {
            let proven = unit.coverage().segments(channel).await?;
            // A page with an unreadable item proves nothing, and yet has shown all items of its range.
            let mut seen = proven.clone();
            if !found.is_empty() {
                seen.insert(Observation::new(span, page.observed_at()));
            }
            let is_gone = |one: &&Unreadable| match one.message_id {
                Some(id) => page.messages().iter().any(|message| message.id == id) || one.is_settled(&proven),
                None => one.is_settled(&seen),
            };
            let gone: Vec<_> = stored.iter().filter(is_gone).map(|one| one.id).collect();
            unit.unreadable().delete_all(channel, &gone).await?;
        }
    }
    if !found.is_empty() {
        unit.unreadable().upsert_all(channel, found).await?;
    }
    Ok(())
}

/// Returns the records of messages that the store rejected, which a source showed at `seen_at`.
pub(crate) fn of_refused(channel: ChannelId, refused: &[Refusal], seen_at: Timestamp) -> Vec<Unreadable> {
    let kept = |refusal: &Refusal| Unreadable::refused(channel, refusal.message_id, refusal.reason.clone(), seen_at);
    refused.iter().map(kept).collect()
}

#[cfg(test)]
mod tests;
