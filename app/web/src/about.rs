//! The page about the archive of a community.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use app_core::browse::{Extent, Reading};
use domain::tenant::{Tenant, TenantId};
use http::StatusCode;
use tokio::time::Instant;

use super::call::{Call, Form};
use super::capture::TenantRef;
use super::error::ApiError;
use super::response::{Response, html, markdown};
use crate::html::{self as pages, Frame, Listing};
use crate::markdown as twins;

/// The time for which an extent is remembered: to count it reads a row for each channel and thread.
const REMEMBERED: Duration = Duration::from_mins(10);
/// The number of extents that are remembered.
const MOST: usize = 1_000;

/// The extents that were counted a short time ago. They are numbers, and name nothing.
#[derive(Debug, Default)]
pub(crate) struct Extents(Mutex<HashMap<TenantId, (Instant, Arc<Extent>)>>);

impl Extents {
    async fn of(&self, at: &mut Reading, tenant: &Tenant) -> Result<Arc<Extent>, ApiError> {
        // Also what is remembered is not the state of the moment.
        at.add_untraced();
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known().get(&tenant.id).filter(|(counted_at, _)| counted_at.elapsed() < REMEMBERED).cloned();
        if let Some((_, extent)) = found {
            return Ok(extent);
        }
        let extent = Arc::new(at.extent(tenant).await?);
        let mut known = known();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(tenant.id, (Instant::now(), Arc::clone(&extent)));
        Ok(extent)
    }
}

/// Returns the page about the archive of a tenant.
pub(super) async fn page(call: &Call<'_>, slug: TenantRef<'_>) -> Result<Response, ApiError> {
    let mut at = call.state.browse.open(call.audience).await;
    let tenant = at.tenant(slug.0).await?;
    let extent = call.state.extents.of(&mut at, &tenant).await?;
    let channels = at.channels(&tenant).await?;
    let base = call.base(&tenant);
    let frame = Frame { base, channels: &channels, now: None };
    let listing = Listing::under(base.about());
    Ok(match call.form {
        Form::Html => html(StatusCode::OK, pages::about(&frame, &extent, &listing)),
        Form::Markdown => {
            let canonical = base.address(&base.about());
            markdown(twins::about(&frame, &extent, listing.canonical.as_deref()), canonical)
        }
    })
}
