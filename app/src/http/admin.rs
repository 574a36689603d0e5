//! Tenants, for who holds the admin key.

use domain::slug::TenantSlug;
use domain::tenant::{Color, LogoUrl, Platform, PlatformId, TenantName};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value};

use super::Site;
use super::answer::{Answer, json};
use super::error::{ApiError, FieldError};
use super::query::Query;
use crate::browse::Audience;
use crate::tenants::{BrandingPatch, Change, NewTenant, TenantPatch};
use crate::wire::{JobBody, ListBody, TenantBody};

pub(super) async fn list(site: &Site, raw: Option<&str>) -> Result<Answer, ApiError> {
    let query = Query::parse(raw, &["limit", "cursor"])?;
    let limit = query.limit()?;
    let wrong = || ApiError::bad_value("cursor", "expected a cursor that this list gave");
    let after = query.get("cursor").map(|slug| TenantSlug::new(slug).map_err(|_| wrong())).transpose()?;
    let (tenants, more) = site.browse.open(Audience::Admin).await?.tenants(after, limit).await?;
    let next = tenants.last().filter(|_| more).map(|tenant| tenant.slug.to_string());
    let items = tenants.iter().map(|tenant| TenantBody::new(tenant, Audience::Admin)).collect();
    Ok(json(StatusCode::OK, &ListBody { items, next }))
}

pub(super) async fn show(site: &Site, reference: &str) -> Result<Answer, ApiError> {
    let tenant = site.tenants.find(reference).await?;
    Ok(json(StatusCode::OK, &TenantBody::new(&tenant, Audience::Admin)))
}

pub(super) async fn create(site: &Site, body: &[u8]) -> Result<Answer, ApiError> {
    let mut fields = Fields::read(body, &["name", "slug", "platform", "platform_id"])?;
    let name = fields.required("name", |text| TenantName::new(text).map_err(|error| error.to_string()));
    let platform_id = fields.required("platform_id", |text| PlatformId::new(text).map_err(|error| error.to_string()));
    let slug = fields.optional("slug", |text| TenantSlug::new(text).map_err(|error| error.to_string()));
    let platform = fields.optional("platform", |text| text.parse::<Platform>().map_err(|error| error.to_string()));
    let (Some(name), Some(platform_id)) = (name, platform_id) else { return Err(fields.refuse()) };
    fields.done()?;
    let platform = platform.unwrap_or(Platform::Discord);
    let tenant = site.tenants.create(&NewTenant { platform, platform_id, name, slug }).await?;
    let mut answer = json(StatusCode::CREATED, &TenantBody::new(&tenant, Audience::Admin));
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/admin/tenants/{}", tenant.id)) {
        answer.headers_mut().insert(header::LOCATION, location);
    }
    Ok(answer)
}

/// A JSON merge patch: what is absent stays, `null` empties.
pub(super) async fn update(site: &Site, reference: &str, body: &[u8]) -> Result<Answer, ApiError> {
    let mut fields = Fields::read(body, &["name", "slug", "status", "branding"])?;
    if fields.values.is_empty() {
        return Err(ApiError::bad_request("the patch changes nothing: name at least one field"));
    }
    let patch = TenantPatch {
        name: fields.kept("name", |text| TenantName::new(text).map_err(|error| error.to_string())),
        slug: fields.kept("slug", |text| TenantSlug::new(text).map_err(|error| error.to_string())),
        status: fields.kept("status", |text| text.parse().map_err(|error| format!("{error}"))),
        branding: fields.branding(),
    };
    fields.done()?;
    let tenant = site.tenants.update(reference, &patch).await?;
    Ok(json(StatusCode::OK, &TenantBody::new(&tenant, Audience::Admin)))
}

pub(super) async fn delete(site: &Site, reference: &str) -> Result<Answer, ApiError> {
    let job = site.tenants.delete(reference).await?;
    site.jobs.wake();
    Ok(json(StatusCode::ACCEPTED, &JobBody::new(&job, site.clock.now())))
}

/// The fields of a body, and what is wrong with them.
struct Fields {
    values: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl Fields {
    fn read(body: &[u8], known: &[&str]) -> Result<Self, ApiError> {
        let value: Value = serde_json::from_slice(body)
            .map_err(|error| ApiError::bad_request(format!("the body is no JSON: {error}")))?;
        let Value::Object(values) = value else {
            return Err(ApiError::invalid(vec![FieldError {
                field: String::new(),
                reason: "expected an object".to_owned(),
            }]));
        };
        let mut fields = Self { values, errors: Vec::new() };
        fields.known(known);
        Ok(fields)
    }

    fn known(&mut self, known: &[&str]) {
        let unknown: Vec<String> = self.values.keys().filter(|key| !known.contains(&key.as_str())).cloned().collect();
        for key in unknown {
            self.values.remove(&key);
            self.wrong(&key, "no such field");
        }
    }

    fn wrong(&mut self, field: &str, reason: impl Into<String>) {
        self.errors.push(FieldError { field: field.chars().take(64).collect(), reason: reason.into() });
    }

    fn optional<T>(&mut self, field: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        match self.values.remove(field)? {
            Value::Null => None,
            Value::String(text) => match parse(&text) {
                Ok(value) => Some(value),
                Err(reason) => {
                    self.wrong(field, reason);
                    None
                }
            },
            _ => {
                self.wrong(field, "expected a string");
                None
            }
        }
    }

    fn required<T>(&mut self, field: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        if self.values.get(field).is_none_or(Value::is_null) {
            self.wrong(field, "is missing");
        }
        self.optional(field, parse)
    }

    /// A field that a patch may leave out and may not empty.
    fn kept<T>(&mut self, field: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        if self.values.get(field) == Some(&Value::Null) {
            self.wrong(field, "cannot be empty");
        }
        self.optional(field, parse)
    }

    /// A field that a patch may leave out and may empty.
    fn change<T>(&mut self, field: &str, parse: impl Fn(&str) -> Result<T, String>) -> Change<T> {
        match self.values.get(field) {
            None => Change::Keep,
            Some(Value::Null) => Change::Clear,
            Some(_) => self.optional(field, parse).map_or(Change::Keep, Change::Set),
        }
    }

    fn branding(&mut self) -> BrandingPatch {
        let values = match self.values.remove("branding") {
            None => return BrandingPatch::default(),
            Some(Value::Null) => return BrandingPatch::clear(),
            Some(Value::Object(values)) => values,
            Some(_) => {
                self.wrong("branding", "expected an object");
                return BrandingPatch::default();
            }
        };
        let mut fields = Self { values, errors: Vec::new() };
        fields.known(&["logo_url", "primary_color", "secondary_color", "accent_color"]);
        let color = |text: &str| text.parse::<Color>().map_err(|error| error.to_string());
        let patch = BrandingPatch {
            logo_url: fields.change("logo_url", |text| LogoUrl::new(text).map_err(|error| error.to_string())),
            primary_color: fields.change("primary_color", color),
            secondary_color: fields.change("secondary_color", color),
            accent_color: fields.change("accent_color", color),
        };
        for error in fields.errors {
            self.wrong(&format!("branding.{}", error.field), error.reason);
        }
        patch
    }

    fn refuse(&self) -> ApiError {
        ApiError::invalid(self.errors.clone())
    }

    fn done(self) -> Result<(), ApiError> {
        if self.errors.is_empty() { Ok(()) } else { Err(self.refuse()) }
    }
}
