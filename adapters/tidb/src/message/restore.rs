//! Writes messages from another archive.

use std::collections::BTreeMap;

use domain::channel::ChannelId;
use domain::coverage::{Interval, Segments};
use domain::page::{Effect, Write, changes_of};
use ports::error::StoreError;
use ports::message::StoredMessage;

use super::read::find_all;
use super::write::{lock, remove_children, set_stats, upsert};
use crate::unit::Unit;

pub(super) async fn restore(
    unit: &mut Unit,
    channel: ChannelId,
    messages: &[StoredMessage],
    theirs: &Segments,
) -> Result<u64, StoreError> {
    let platform_id = lock(unit, channel).await?;
    let ends = messages.first().zip(messages.last());
    let span = ends.and_then(|(first, last)| Interval::new(first.message.id, last.message.id));
    let Some(span) = span else { return Ok(0) };
    let ours = unit.segments_near(channel, span).await?.proven;
    let ids: Vec<_> = messages.iter().map(|copy| copy.message.id).collect();
    let held: BTreeMap<_, _> =
        find_all(unit, channel, &ids).await?.into_iter().map(|held| (held.message.id, held)).collect();
    let (mut merged, mut replaced, mut effects, mut change) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for copy in messages {
        let held = held.get(&copy.message.id);
        let Some(new) = copy.merged(held, theirs, &ours) else { continue };
        let was_seen = held.is_some_and(|held| !held.is_deleted());
        effects.push((new.message.id, Effect::of(was_seen, !new.is_deleted())));
        if let Some(held) = held {
            replaced.push(held.message.id);
            change -= i64::from(held.is_shown());
        }
        change += i64::from(new.is_shown());
        merged.push(new);
    }
    let writes: Vec<Write<'_>> = merged
        .iter()
        .map(|StoredMessage { message, deletion }| Write { message, digest: message.digest(), deletion: *deletion })
        .collect();
    remove_children(unit, channel, &replaced).await?;
    upsert(unit, &writes).await?;
    if !writes.is_empty() {
        set_stats(unit, channel, platform_id, change).await?;
        unit.log_in(channel, changes_of(channel, &effects)).await?;
    }
    Ok(writes.len() as u64)
}
