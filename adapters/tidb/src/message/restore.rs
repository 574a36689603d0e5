//! Writes messages from another archive.

use adapter_sql::session::Session;
use domain::channel::ChannelId;
use domain::coverage::{Interval, Segments};
use domain::message::StoredMessage;
use domain::page::{RestorePlan, RestoreState, removals};
use ports::error::StoreError;

use super::clear::{discard_files, enter_removals};
use super::read::find_all;
use super::write::{lock, remove_children, update_channel, upsert_messages};
use crate::unit::Unit;

pub(super) async fn restore(
    unit: &mut Unit,
    channel: ChannelId,
    messages: &[StoredMessage],
    theirs: &Segments,
) -> Result<u64, StoreError> {
    let locked = lock(unit, channel).await?;
    let ends = messages.first().zip(messages.last());
    let span = ends.and_then(|(first, last)| Interval::new(first.message.id, last.message.id));
    let Some(span) = span else { return Ok(0) };
    let near = unit.near(channel, span).await?;
    let ids: Vec<_> = messages.iter().map(|copy| copy.message.id).collect();
    let held = find_all(unit, channel, &ids).await?;
    let state = RestoreState { messages: &held, proven: near.proven(), stats: &locked.stats };
    let plan = RestorePlan::new(channel, messages, theirs, state);
    remove_children(unit, channel, &plan.replaced).await?;
    let writes = plan.writes();
    upsert_messages(unit, &writes, false).await?;
    enter_removals(unit, removals(channel, &writes)).await?;
    discard_files(unit, channel, &plan.final_here).await?;
    let range = unit.widened(&locked, plan.messages.iter().map(|(stored, _)| stored.message.id)).await?;
    update_channel(unit, locked, plan.stats, range).await?;
    unit.add_to_days(channel, &plan.days);
    unit.log_in(channel, plan.changes).await?;
    Ok(plan.messages.len() as u64)
}
