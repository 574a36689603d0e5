//! Jobs, for clients with the admin key.

use app_core::browse::{Audience, BrowseError};
use app_core::sync::SyncMode;
use domain::channel::ChannelSnowflake;
use domain::job::{Job, JobId, SyncScope};
use domain::tenant::Tenant;
use domain::timestamp::Timestamp;
use http::{HeaderValue, StatusCode, header};
use ports::job::JobCursor;
use tracing::info;
use uuid::Uuid;

use super::ServerState;
use super::body::Fields;
use super::call::Call;
use super::capture::TenantRef;
use super::error::ApiError;
use super::response::{Response, json};
use crate::wire::{JobBody, ListBody};

/// The most channels that one job can name: as many as a guild has
/// (<https://docs.discord.com/developers/resources/guild#create-guild-channel>).
const MOST_CHANNELS: usize = 500;

/// The job that a body requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Full,
    Incremental,
    Channels,
}

pub(super) async fn sync(call: &Call<'_>, reference: TenantRef<'_>) -> Result<Response, ApiError> {
    let state = call.state;
    let body = call.request.json_body("application/json")?;
    let mut fields = Fields::read(body, &["mode", "channels", "since"])?;
    let mode = fields.required("mode", |text| match text {
        "full" => Ok(Mode::Full),
        "incremental" => Ok(Mode::Incremental),
        "channels" => Ok(Mode::Channels),
        _ => Err("expected full, incremental or channels".to_owned()),
    });
    let since: Option<Timestamp> = fields.optional("since", |text| text.parse().map_err(|error| format!("{error}")));
    let channels = fields.list("channels", MOST_CHANNELS);
    let Some(mode) = mode else { return Err(fields.refused()) };
    if (mode == Mode::Channels) == channels.is_empty() {
        fields.wrong("channels", "required with the mode channels, and not allowed with other modes");
    }
    if mode == Mode::Full && since.is_some() {
        fields.wrong("since", "not allowed with the mode full, which reads everything");
    }
    let tenant = state.tenants.find(reference.0).await?;
    let channels = found(state, &tenant, &channels, &mut fields).await?;
    fields.done()?;
    require_worker(state)?;
    let mode = if mode == Mode::Full { SyncMode::Full } else { SyncMode::Incremental };
    let job = state.sync_jobs.request(&tenant, mode, &SyncScope { channels, since }).await?;
    info!(tenant.id = %tenant.id, job.id = %job.id, "sync requested");
    Ok(accepted(state, &job))
}

fn require_worker(state: &ServerState) -> Result<(), ApiError> {
    let detail = "no process can run it: DISCORD_BOT_TOKEN is not set";
    if state.syncs { Ok(()) } else { Err(ApiError::new(StatusCode::CONFLICT, "conflict", detail)) }
}

/// Returns the platform's ids of channels that are named by slug, UUID or id; a channel named by id need not be stored
/// yet.
async fn found(
    state: &ServerState,
    tenant: &Tenant,
    references: &[String],
    fields: &mut Fields,
) -> Result<Vec<ChannelSnowflake>, ApiError> {
    let mut found = Vec::with_capacity(references.len());
    let mut at = state.browse.open(Audience::Admin).await;
    for (index, reference) in references.iter().enumerate() {
        match at.snowflake(tenant, reference).await {
            Ok(id) => found.push(id),
            Err(BrowseError::NotFound(_)) => fields.wrong(&format!("channels[{index}]"), "there is no such channel"),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found)
}

pub(super) async fn list(call: &Call<'_>, reference: TenantRef<'_>) -> Result<Response, ApiError> {
    let (state, query) = (call.state, &call.query);
    let (limit, after) = (query.limit()?, query.get("cursor").map(cursor).transpose()?);
    let tenant = state.tenants.find(reference.0).await?;
    let (jobs, more) = state.sync_jobs.list(tenant.id, after, limit).await?;
    let next = |job: &Job| format!("{}.{}", job.created_at.as_millis(), job.id);
    let next = jobs.last().filter(|_| more).map(next);
    let now = state.clock.now();
    let items: Vec<JobBody<'_>> = jobs.iter().map(|job| JobBody::new(job, now)).collect();
    Ok(json(StatusCode::OK, &ListBody { items, next }))
}

/// Parses the cursor of a list of jobs: the creation time of the last one, and its id.
fn cursor(text: &str) -> Result<JobCursor, ApiError> {
    let parse = || {
        let (millis, id) = text.split_once('.')?;
        let created_at = Timestamp::from_millis(millis.parse().ok()?)?;
        Some(JobCursor { created_at, id: JobId(Uuid::try_parse(id).ok()?) })
    };
    parse().ok_or_else(|| ApiError::bad_value("cursor", "expected `next` of a page of this list"))
}

pub(super) async fn show(call: &Call<'_>, id: JobId) -> Result<Response, ApiError> {
    let job = call.state.sync_jobs.find(id).await?;
    Ok(json(StatusCode::OK, &JobBody::new(&job, call.state.clock.now())))
}

pub(super) async fn cancel(call: &Call<'_>, id: JobId) -> Result<Response, ApiError> {
    let job = call.state.sync_jobs.cancel(id).await?;
    info!(tenant.id = %job.tenant_id, job.id = %job.id, "job cancelled");
    Ok(json(StatusCode::ACCEPTED, &JobBody::new(&job, call.state.clock.now())))
}

pub(super) async fn retry(call: &Call<'_>, id: JobId) -> Result<Response, ApiError> {
    require_worker(call.state)?;
    let job = call.state.sync_jobs.repeat(id).await?;
    info!(tenant.id = %job.tenant_id, job.id = %job.id, "job retried");
    Ok(accepted(call.state, &job))
}

/// Returns the response for an accepted job, with its address.
fn accepted(state: &ServerState, job: &Job) -> Response {
    let mut response = json(StatusCode::ACCEPTED, &JobBody::new(job, state.clock.now()));
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/admin/jobs/{}", job.id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}
