//! Slugs that nobody has yet.

use domain::channel::Channel;
use domain::slug::{ChannelSlug, TenantSlug};
use domain::tenant::TenantId;
use domain::visibility::is_public;
use ports::error::StoreError;
use ports::store::UnitOfWork;

/// The slug that `name` makes, with a number behind it where it is taken.
///
/// # Errors
/// [`StoreError`] if the store fails.
pub(crate) async fn free_tenant_slug(unit: &mut dyn UnitOfWork, name: &str) -> Result<TenantSlug, StoreError> {
    let wanted = TenantSlug::from_name(name);
    let (mut slug, mut number) = (wanted.clone(), 1);
    while unit.tenants().find_by_slug(&slug).await?.is_some() {
        number += 1;
        slug = wanted.with_suffix(number);
    }
    Ok(slug)
}

/// The slug of `channel`, which has `held` so far. It keeps a slug that readers may know. While readers do not know of the
/// channel, its slug is one that no public name meets; it gets the slug of its name when it becomes public.
///
/// # Errors
/// [`StoreError`] if the store fails.
pub(crate) async fn channel_slug(
    unit: &mut dyn UnitOfWork,
    channel: &Channel,
    held: Option<&ChannelSlug>,
) -> Result<ChannelSlug, StoreError> {
    if let Some(held) = held.filter(|held| !held.is_hidden()) {
        return Ok(held.clone());
    }
    let parent = match channel.parent_id.filter(|_| channel.kind.is_thread()) {
        Some(parent) => unit.channels().find_all(&[parent]).await?.pop(),
        None => None,
    };
    match held {
        Some(held) if !is_public(channel, parent.as_ref()) => Ok(held.clone()),
        None if !is_public(channel, parent.as_ref()) => {
            free_channel_slug(unit, channel.tenant_id, &ChannelSlug::hidden(&channel.name)).await
        }
        _ => free_channel_slug(unit, channel.tenant_id, &ChannelSlug::from_name(&channel.name)).await,
    }
}

/// The slug itself if nobody has it, else with the smallest number behind it that a doubling search finds free: names
/// that ten thousand threads share cost a few look-ups each.
async fn free_channel_slug(
    unit: &mut dyn UnitOfWork,
    tenant: TenantId,
    wanted: &ChannelSlug,
) -> Result<ChannelSlug, StoreError> {
    if unit.channels().find_by_slug(tenant, wanted).await?.is_none() {
        return Ok(wanted.clone());
    }
    let (mut taken, mut free) = (1, 2);
    while unit.channels().find_by_slug(tenant, &wanted.with_suffix(free)).await?.is_some() {
        taken = free;
        free *= 2;
    }
    while free - taken > 1 {
        let middle = u32::midpoint(taken, free);
        match unit.channels().find_by_slug(tenant, &wanted.with_suffix(middle)).await? {
            Some(_) => taken = middle,
            None => free = middle,
        }
    }
    Ok(wanted.with_suffix(free))
}
