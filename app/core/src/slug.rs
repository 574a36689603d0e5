//! Free slugs.

use domain::channel::Channel;
use domain::slug::{ChannelSlug, TenantSlug};
use domain::tenant::TenantId;
use ports::error::StoreError;
use ports::store::UnitOfWork;

/// Returns the slug of `name`, with a number at its end if it is taken.
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

/// Returns the slug of `channel`, whose current one is `stored`. A slug that readers may know stays, unless
/// the site uses it itself by now. While the channel is
/// hidden from readers, its slug cannot conflict with that of a public name; it gets the slug of its name when it
/// becomes public.
///
/// # Errors
/// [`StoreError`] if the store fails.
pub(crate) async fn channel_slug(
    unit: &mut dyn UnitOfWork,
    channel: &Channel,
    stored: Option<&ChannelSlug>,
) -> Result<ChannelSlug, StoreError> {
    if let Some(stored) = stored.filter(|stored| !stored.is_hidden() && !stored.is_reserved()) {
        return Ok(stored.clone());
    }
    let parent = match channel.parent_id.filter(|_| channel.kind.is_thread()) {
        Some(parent) => unit.channels().find_all(&[parent]).await?.pop(),
        None => None,
    };
    match stored {
        Some(stored) if !channel.is_public(parent.as_ref()) => Ok(stored.clone()),
        None if !channel.is_public(parent.as_ref()) => {
            free_channel_slug(unit, channel.tenant_id, &ChannelSlug::hidden(&channel.name)).await
        }
        _ => free_channel_slug(unit, channel.tenant_id, &ChannelSlug::from_name(&channel.name)).await,
    }
}

/// Returns the slug itself if it is free, else with the smallest number at its end that a doubling search finds free:
/// names of ten thousand threads cost a few queries each.
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
