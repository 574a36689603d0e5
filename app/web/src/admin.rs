//! Tenants, for clients with the admin key.

use app_core::browse::Audience;
use app_core::tenants::{BrandingPatch, Change, NewTenant, ProfilePatch, RetentionPatch, TenantPatch};
use domain::domain_name::DomainName;
use domain::message::MessageId;
use domain::profile::{Contact, Description, Footer, Link, Links, ProfileError};
use domain::retention::RetentionPeriod;
use domain::slug::TenantSlug;
use domain::solved::SolvedTags;
use domain::tenant::{Color, LogoUrl, Platform, PlatformId, TenantName};
use http::{HeaderValue, StatusCode, header};
use tracing::info;

use super::body::Fields;
use super::call::Call;
use super::capture::{ChannelRef, TenantRef};
use super::error::ApiError;
use super::response::{Response, json};
use crate::wire::{JobBody, ListBody, TenantBody, VersionBody};

pub(super) async fn list(call: &Call<'_>) -> Result<Response, ApiError> {
    let query = &call.query;
    let limit = query.limit()?;
    let wrong = || ApiError::bad_value("cursor", "expected `next` of a page of this list");
    let after = query.get("cursor").map(|slug| TenantSlug::new(slug).map_err(|_| wrong())).transpose()?;
    let (tenants, next) = call.state.browse.open(Audience::Admin).await.tenants(after, limit).await?;
    let next = next.map(|slug| slug.to_string());
    let items = tenants.iter().map(|tenant| TenantBody::new(tenant, Audience::Admin)).collect();
    Ok(json(StatusCode::OK, &ListBody { items, next }))
}

pub(super) async fn show(call: &Call<'_>, reference: TenantRef<'_>) -> Result<Response, ApiError> {
    let tenant = call.state.tenants.find(reference.0).await?;
    Ok(json(StatusCode::OK, &TenantBody::new(&tenant, Audience::Admin)))
}

pub(super) async fn create(call: &Call<'_>) -> Result<Response, ApiError> {
    let mut fields =
        Fields::read(call.request.json_body("application/json")?, &["name", "slug", "platform", "platform_id"])?;
    let name = fields.required("name", |text| TenantName::new(text).map_err(|error| error.to_string()));
    let platform_id = fields.required("platform_id", |text| PlatformId::guild(text).map_err(|error| error.to_string()));
    let slug = fields.optional("slug", |text| TenantSlug::new(text).map_err(|error| error.to_string()));
    let platform = fields.optional("platform", |text| text.parse::<Platform>().map_err(|error| error.to_string()));
    let (Some(name), Some(platform_id)) = (name, platform_id) else { return Err(fields.refused()) };
    fields.done()?;
    let platform = platform.unwrap_or(Platform::Discord);
    let tenant = call.state.tenants.create(&NewTenant { platform, platform_id, name, slug }).await?;
    info!(tenant.id = %tenant.id, "tenant created");
    // Its first sync is due.
    call.state.sync_jobs.wake();
    let mut response = json(StatusCode::CREATED, &TenantBody::new(&tenant, Audience::Admin));
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/admin/tenants/{}", tenant.id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Updates a tenant by a JSON merge patch: an absent field stays, `null` clears it.
pub(super) async fn update(call: &Call<'_>, reference: TenantRef<'_>) -> Result<Response, ApiError> {
    let body = call.request.json_body("application/merge-patch+json")?;
    let known = ["name", "slug", "status", "domain", "branding", "profile", "retention", "solved_tags", "ai_training"];
    let mut fields = Fields::read(body, &known)?;
    if fields.is_empty() {
        return Err(ApiError::bad_request("the patch changes nothing: name at least one field"));
    }
    let patch = TenantPatch {
        name: fields.kept("name", |text| TenantName::new(text).map_err(|error| error.to_string())),
        slug: fields.kept("slug", |text| TenantSlug::new(text).map_err(|error| error.to_string())),
        domain: fields.change("domain", |text| DomainName::new(text).map_err(|error| error.to_string())),
        status: fields.kept("status", |text| text.parse().map_err(|error| format!("{error}"))),
        branding: branding(&mut fields),
        profile: profile(&mut fields),
        retention: retention(&mut fields),
        solved_tags: solved_tags(&mut fields),
        ai_training: fields.kept("ai_training", |text| text.parse().map_err(|error| format!("{error}"))),
    };
    fields.done()?;
    let tenant = call.state.tenants.update(reference.0, &patch).await?;
    if let Some(domains) = &call.state.domains {
        domains.forget();
    }
    info!(tenant.id = %tenant.id, "tenant updated");
    Ok(json(StatusCode::OK, &TenantBody::new(&tenant, Audience::Admin)))
}

/// Stores the body as the icon of a tenant.
pub(super) async fn set_icon(call: &Call<'_>, reference: TenantRef<'_>) -> Result<Response, ApiError> {
    let media = call.state.media.as_ref().ok_or_else(|| ApiError::unavailable("no files can be stored here"))?;
    let tenant = call.state.tenants.set_icon(reference.0, call.request.body.to_vec(), &**media).await?;
    info!(tenant.id = %tenant.id, "icon of a tenant stored");
    Ok(json(StatusCode::OK, &TenantBody::new(&tenant, Audience::Admin)))
}

pub(super) async fn remove_icon(call: &Call<'_>, reference: TenantRef<'_>) -> Result<Response, ApiError> {
    let tenant = call.state.tenants.remove_icon(reference.0).await?;
    info!(tenant.id = %tenant.id, "icon of a tenant removed");
    Ok(json(StatusCode::OK, &TenantBody::new(&tenant, Audience::Admin)))
}

/// Returns the earlier texts of a message, oldest first.
pub(super) async fn versions(
    call: &Call<'_>,
    reference: TenantRef<'_>,
    channel: ChannelRef<'_>,
    message: MessageId,
) -> Result<Response, ApiError> {
    let (limit, after) = (call.query.limit()?, call.query.parsed("cursor", "`next` of a page of this list")?);
    let mut at = call.state.browse.open(Audience::Admin).await;
    let tenant = at.tenant(reference.0).await?;
    let (versions, next) = at.earlier_versions(&tenant, channel.0, message, after, limit).await?;
    let items = versions.iter().map(VersionBody::from).collect();
    Ok(json(StatusCode::OK, &ListBody { items, next: next.map(|key| key.to_string()) }))
}

pub(super) async fn delete(call: &Call<'_>, reference: TenantRef<'_>) -> Result<Response, ApiError> {
    let job = call.state.tenants.delete(reference.0).await?;
    info!(tenant.id = %job.tenant_id, job.id = %job.id, "tenant deletion requested");
    call.state.jobs.wake();
    Ok(json(StatusCode::ACCEPTED, &JobBody::new(&job, call.state.clock.now())))
}

fn branding(of: &mut Fields) -> BrandingPatch {
    let color = |text: &str| text.parse::<Color>().map_err(|error| error.to_string());
    let known = ["logo_url", "primary_color", "secondary_color", "accent_color"];
    let patch = of.part("branding", &known, |fields| BrandingPatch {
        logo_url: fields.change("logo_url", |text| LogoUrl::new(text).map_err(|error| error.to_string())),
        primary_color: fields.change("primary_color", color),
        secondary_color: fields.change("secondary_color", color),
        accent_color: fields.change("accent_color", color),
    });
    match patch {
        Change::Keep => BrandingPatch::default(),
        Change::Clear => BrandingPatch::clear(),
        Change::Set(patch) => patch,
    }
}

fn profile(of: &mut Fields) -> ProfilePatch {
    let text = |error: ProfileError| error.to_string();
    let patch = of.part("profile", &["description", "footer", "contact", "links"], |fields| ProfilePatch {
        description: fields.change("description", |given| Description::new(given).map_err(text)),
        footer: fields.change("footer", |given| Footer::new(given).map_err(text)),
        contact: fields.change("contact", |given| Contact::new(given).map_err(text)),
        links: links(fields),
    });
    match patch {
        Change::Keep => ProfilePatch::default(),
        Change::Clear => ProfilePatch::clear(),
        Change::Set(patch) => patch,
    }
}

fn links(of: &mut Fields) -> Option<Links> {
    // `null` clears the list, as an empty one does.
    let links = of.has("links").then(|| {
        of.objects("links", Links::MOST, &["label", "url"], |fields| {
            let label = fields.required("label", |text| Ok(text.to_owned()));
            let url = fields.required("url", |text| Ok(text.to_owned()));
            let made = Link::new(&label?, &url?);
            made.map_err(|error| {
                fields.wrong(if error == ProfileError::Label { "label" } else { "url" }, error.to_string());
            })
            .ok()
        })
    })?;
    Links::new(links).map_err(|error| of.wrong("links", error.to_string())).ok()
}

fn solved_tags(of: &mut Fields) -> Option<SolvedTags> {
    // `null` clears the list, as a list without names does.
    let names = of.has("solved_tags").then(|| of.list("solved_tags", SolvedTags::MOST))?;
    SolvedTags::new(names).map_err(|error| of.wrong("solved_tags", error.to_string())).ok()
}

fn retention(of: &mut Fields) -> RetentionPatch {
    let days = |days| RetentionPeriod::new(days).map_err(|error| error.to_string());
    let patch = of.part("retention", &["deleted_days", "edited_days"], |fields| RetentionPatch {
        deleted: fields.number("deleted_days", days),
        edited: fields.number("edited_days", days),
    });
    match patch {
        Change::Keep => RetentionPatch::default(),
        Change::Clear => RetentionPatch::clear(),
        Change::Set(patch) => patch,
    }
}
