//! The pages of the site.

use std::sync::Arc;

use app_core::browse::{ChannelFilter, ChannelView, Find, MAX_TREE, Messages, Reading, Threads, is_thin_thread};
use http::{HeaderValue, StatusCode, header};

use super::call::{Call, Form};
use super::capture::{ChannelRef, FileName, PageNumber, PartRef, TenantRef};
use super::error::ApiError;
use super::public::{channel_cursor, find, thread_cursor};
use super::query::Query;
use super::response::{Body, Response, html, markdown, with_type};
use crate::address::{Base, PublicAddress, day_path, markdown_path, segment, thread_path};
use crate::html::{self as pages, Listing, Position};
use crate::markdown as twins;

use bytes::Bytes;
use domain::day::Day;
use domain::message::MessageId;
use domain::profile::Icon;
use domain::tenant::Tenant;
use domain::timestamp::Timestamp;
use futures::FutureExt as _;
use ports::channel::ThreadOrder;
use tracing::warn;
use uuid::Uuid;

/// The number of messages of a page.
const PAGE: u32 = 50;
/// The number of communities and posts of a page.
const LIST: u32 = 50;
/// The number of threads on the page of their channel.
const FEW: u32 = 20;

pub(super) async fn icon(_: &Call<'_>) -> Result<Response, ApiError> {
    Ok(kept(with_type(StatusCode::OK, "image/svg+xml", pages::ICON)))
}

pub(super) async fn asset(_: &Call<'_>, file: FileName<'_>) -> Result<Response, ApiError> {
    let (kind, content) = match file.0 {
        "live.js" => ("text/javascript; charset=utf-8", pages::LIVE_SCRIPT.as_str()),
        "site.js" => ("text/javascript; charset=utf-8", pages::SCRIPT.as_str()),
        "theme.js" => ("text/javascript; charset=utf-8", pages::THEME_SCRIPT.as_str()),
        "site.css" => ("text/css; charset=utf-8", pages::STYLE),
        _ => return Err(ApiError::not_found("there is no such file")),
    };
    Ok(kept(with_type(StatusCode::OK, kind, content)))
}

/// Returns the style sheet with the colours of a tenant.
pub(super) async fn theme(call: &Call<'_>, tenant: TenantRef<'_>) -> Result<Response, ApiError> {
    let tenant = call.state.browse.open(call.audience).await.tenant(tenant.0).await?;
    Ok(kept(with_type(StatusCode::OK, "text/css; charset=utf-8", pages::theme(&tenant.branding))))
}

/// Returns the picture of a tenant for previews of links.
pub(super) async fn card(call: &Call<'_>, tenant: TenantRef<'_>) -> Result<Response, ApiError> {
    let tenant = call.state.browse.open(call.audience).await.tenant(tenant.0).await?;
    Ok(kept(with_type(StatusCode::OK, "image/png", pages::card::png(&tenant))))
}

/// Returns the icon of a tenant.
pub(super) async fn tenant_icon(call: &Call<'_>, tenant: TenantRef<'_>) -> Result<Response, ApiError> {
    let tenant = call.state.browse.open(call.audience).await.tenant(tenant.0).await?;
    let missing = || ApiError::not_found("this community has no icon");
    let (icon, media) = tenant.profile.icon.zip(call.state.media.clone()).ok_or_else(missing)?;
    let mut response = kept(with_type(StatusCode::OK, icon.kind.media_type(), Bytes::new()));
    let tag = HeaderValue::from_str(&format!("\"{}\"", icon.hash)).expect("a hash is plain text");
    response.headers_mut().insert(header::ETAG, tag);
    let opening = async move {
        let opened = media.open(tenant.id, icon.hash, 0, Icon::MOST_BYTES as u64).await.map_err(|error| {
            warn!(tenant.id = %tenant.id, error = &error as &dyn std::error::Error, "icon not readable");
            ApiError::unavailable("the icon cannot be read right now")
        })?;
        Ok(opened.ok_or_else(missing)?.bytes)
    };
    *response.body_mut() = Body::Opening(opening.boxed());
    Ok(response)
}

/// Lets browsers cache a file for a while without revalidation.
fn kept(mut response: Response) -> Response {
    let keep = header::HeaderValue::from_static("public, max-age=300");
    response.headers_mut().insert(header::CACHE_CONTROL, keep);
    response
}

pub(super) async fn home(call: &Call<'_>) -> Result<Response, ApiError> {
    let query = &call.query;
    let wrong = || ApiError::bad_value("cursor", "expected `next` of a page of this list");
    let after = query.get("cursor").map(|slug| domain::slug::TenantSlug::new(slug).map_err(|_| wrong())).transpose()?;
    let (tenants, next) = call.state.browse.open(call.audience).await.tenants(after, LIST).await?;
    let next = next.map(|slug| slug.to_string());
    let (public, listing) = (&call.state.public, listing(query, String::from("/")));
    Ok(match call.form {
        Form::Html => html(StatusCode::OK, pages::home(public, &tenants, next.as_deref(), &listing)),
        Form::Markdown => {
            let canonical = listing.canonical.as_deref();
            markdown(
                twins::home(public, &tenants, next.as_deref(), canonical),
                canonical.and_then(|path| public.of(path)),
            )
        }
    })
}

/// Returns the Markdown twin of a page, which `make` makes of the path of the page that search engines list.
fn twin(base: Base<'_>, listing: &Listing, make: impl FnOnce(Option<&str>) -> String) -> Response {
    let canonical = listing.canonical.as_deref();
    markdown(make(canonical), canonical.and_then(|path| base.address(path)))
}

/// Returns how search engines should list a page under `path`: with a cursor or an order it is one of many views of the
/// same content.
fn listing(query: &Query, path: String) -> Listing {
    if query.is_empty() { Listing::under(path) } else { Listing::not_at_all() }
}

pub(super) async fn tenant(call: &Call<'_>, slug: TenantRef<'_>) -> Result<Response, ApiError> {
    let query = &call.query;
    let mut at = call.state.browse.open(call.audience).await;
    let tenant = at.tenant(slug.0).await?;
    let after = match query.parsed::<Uuid>("cursor", "`next` of a page of this list")? {
        Some(id) => Some(channel_cursor(&mut at, &tenant, id, false).await?),
        None => None,
    };
    let page = at.channel_page(&tenant, ChannelFilter::default(), after.as_ref(), MAX_TREE).await?;
    let base = call.base(&tenant);
    let listing = listing(query, base.home());
    Ok(match call.form {
        Form::Html => html(StatusCode::OK, pages::tenant(base, &page, &listing)),
        Form::Markdown => twin(base, &listing, |canonical| twins::tenant(base, &page, canonical)),
    })
}

/// Returns the page of a channel: the newest messages of a chat channel, the first ones of a thread, or the posts of a
/// forum; with parameters others of them, or the threads of a chat channel.
pub(super) async fn channel(
    call: &Call<'_>,
    slug: TenantRef<'_>,
    ChannelRef(channel): ChannelRef<'_>,
) -> Result<Response, ApiError> {
    let query = &call.query;
    let mut at = call.state.browse.open(call.audience).await;
    let tenant = at.tenant(slug.0).await?;
    let view = at.channel(&tenant, channel).await?;
    let path = call.base(&tenant).channel(&view.channel);
    if segment(&view.channel) != channel {
        return Ok(call.moved(&tenant, &call.form.path(path)));
    }
    let site = Site::new(call, &mut at, tenant).await?;
    let is_thread = view.channel.kind.is_thread();
    if view.channel.kind.is_forum() || !is_thread && (query.get("sort").is_some() || query.get("cursor").is_some()) {
        return site.threads(&mut at, &view, query, path).await;
    }
    let find = find(query)?;
    if find != Find::Newest {
        let page = at.messages(&view, find, PAGE).await?;
        return site.page(&mut at, &view, &page, &Position::Part, &Listing::not_at_all()).await;
    }
    if is_thread {
        return site.thread(&mut at, &view, 1, listing(query, path)).await;
    }
    let front = at.front(&view, PAGE, FEW).await?;
    let listing = listing(query, path).unless(front.months.is_empty());
    site.page(&mut at, &view, &front.messages, &Position::Newest(&front), &listing).await
}

/// Returns a page of a thread by its number.
pub(super) async fn thread_page(
    call: &Call<'_>,
    slug: TenantRef<'_>,
    ChannelRef(channel): ChannelRef<'_>,
    PageNumber(number): PageNumber,
) -> Result<Response, ApiError> {
    let mut at = call.state.browse.open(call.audience).await;
    let tenant = at.tenant(slug.0).await?;
    let view = at.channel(&tenant, channel).await?;
    if !view.channel.kind.is_thread() {
        return Err(ApiError::not_found("there is no such page"));
    }
    let path = thread_path(&call.base(&tenant).channel(&view.channel), number);
    if segment(&view.channel) != channel || number == 1 {
        return Ok(call.moved(&tenant, &call.form.path(path)));
    }
    let site = Site::new(call, &mut at, tenant).await?;
    site.thread(&mut at, &view, number, Listing::under(path)).await
}

/// Returns a day of a channel, or the page around one of its messages.
pub(super) async fn part(
    call: &Call<'_>,
    slug: TenantRef<'_>,
    channel: ChannelRef<'_>,
    part: PartRef,
) -> Result<Response, ApiError> {
    match part {
        PartRef::Day(of) => day(call, slug, channel, of, None).await,
        PartRef::Message(id) => message(call, slug, channel, id).await,
    }
}

/// Returns a page of a day by its number.
pub(super) async fn day_page(
    call: &Call<'_>,
    slug: TenantRef<'_>,
    channel: ChannelRef<'_>,
    of: Day,
    PageNumber(number): PageNumber,
) -> Result<Response, ApiError> {
    day(call, slug, channel, of, Some(number)).await
}

async fn day(
    call: &Call<'_>,
    slug: TenantRef<'_>,
    ChannelRef(channel): ChannelRef<'_>,
    day: Day,
    given: Option<u64>,
) -> Result<Response, ApiError> {
    let number = given.unwrap_or(1);
    let mut at = call.state.browse.open(call.audience).await;
    let tenant = at.tenant(slug.0).await?;
    let view = at.channel(&tenant, channel).await?;
    if view.channel.kind.is_thread() {
        return Err(ApiError::not_found("a thread has pages, and no days"));
    }
    let path = day_path(&call.base(&tenant).channel(&view.channel), day, number);
    if segment(&view.channel) != channel || given == Some(1) {
        return Ok(call.moved(&tenant, &call.form.path(path)));
    }
    let (of_day, page) = at.day_page(&view, day, number).await?;
    let site = Site::new(call, &mut at, tenant).await?;
    let listing = Listing::under(path).unless(of_day.page.counts.is_thin_day());
    site.page(&mut at, &view, &page, &Position::Day(&of_day), &listing).await
}

/// Returns the page around a message. Search engines list it under the page that shows the message for ever.
async fn message(
    call: &Call<'_>,
    slug: TenantRef<'_>,
    ChannelRef(channel): ChannelRef<'_>,
    id: MessageId,
) -> Result<Response, ApiError> {
    let mut at = call.state.browse.open(call.audience).await;
    let tenant = at.tenant(slug.0).await?;
    let view = at.channel(&tenant, channel).await?;
    let found = match at.message(&tenant, id, Some(channel)).await {
        Ok(found) => found,
        Err(app_core::browse::BrowseError::NotFound(_)) => {
            let found = at.message(&tenant, id, None).await?;
            return Ok(call.moved(&tenant, &call.form.path(call.base(&tenant).message(&found.channel.channel, id))));
        }
        Err(error) => return Err(error.into()),
    };
    if segment(&view.channel) != channel {
        return Ok(call.moved(&tenant, &call.form.path(call.base(&tenant).message(&found.channel.channel, id))));
    }
    let site = Site::new(call, &mut at, tenant).await?;
    let page = at.messages(&view, Find::Around(id), PAGE).await?;
    let home = at.canonical_page(&view, id).await?;
    let path = site.base().channel(&view.channel);
    let canonical = match home.day {
        Some(day) => day_path(&path, day, home.number),
        None => thread_path(&path, home.number),
    };
    let twin = Some(markdown_path(&site.base().message(&view.channel, id)));
    let listing = Listing { twin, ..Listing::under(canonical) }.unless(home.is_thin);
    site.page(&mut at, &view, &page, &Position::Around(&found.entry.message), &listing).await
}

/// The parts that all pages of a tenant share.
struct Site<'a> {
    public: &'a PublicAddress,
    tenant: Tenant,
    channels: Arc<[ChannelView]>,
    now: Timestamp,
    form: Form,
}

impl<'a> Site<'a> {
    async fn new(call: &Call<'a>, at: &mut Reading, tenant: Tenant) -> Result<Self, ApiError> {
        let channels = at.channels(&tenant).await?;
        Ok(Self { public: &call.state.public, tenant, channels, now: call.state.clock.now(), form: call.form })
    }

    const fn base(&self) -> Base<'_> {
        Base::of_site(&self.tenant, self.public)
    }

    fn frame(&self) -> pages::Frame<'_> {
        let Self { channels, now, .. } = self;
        pages::Frame { base: self.base(), channels, now: Some(*now) }
    }

    /// Returns a page with messages of a channel.
    async fn page(
        &self,
        at: &mut Reading,
        view: &ChannelView,
        messages: &Messages,
        position: &Position<'_>,
        listing: &Listing,
    ) -> Result<Response, ApiError> {
        let context = at.page_context(&self.tenant, view, messages).await?;
        let frame = self.frame();
        Ok(match self.form {
            Form::Html => html(StatusCode::OK, pages::channel(&frame, view, messages, context, position, listing)),
            Form::Markdown => twin(frame.base, listing, |canonical| {
                twins::channel(&frame, view, messages, context, position, canonical)
            }),
        })
    }

    /// Returns a page of a thread by its number.
    async fn thread(
        &self,
        at: &mut Reading,
        view: &ChannelView,
        number: u64,
        listing: Listing,
    ) -> Result<Response, ApiError> {
        let (numbered, messages) = at.thread_page(view, number).await?;
        let listing = listing.unless(is_thin_thread(view, numbered.counts));
        self.page(at, view, &messages, &Position::Thread(numbered), &listing).await
    }

    /// Returns the page with the posts of a forum, or with the threads of a channel.
    async fn threads(
        &self,
        at: &mut Reading,
        view: &ChannelView,
        query: &Query,
        path: String,
    ) -> Result<Response, ApiError> {
        let order = match query.get("sort") {
            None | Some("activity") => ThreadOrder::Activity,
            Some("created") => ThreadOrder::Created,
            Some(_) => return Err(ApiError::bad_value("sort", "expected activity or created")),
        };
        let filter = Threads { tag: query.get("tag"), ..Threads::all(order) };
        let cursor = query.get("cursor").map(thread_cursor).transpose()?;
        let page = at.threads(view, filter, cursor, LIST).await?;
        let emojis = at.tag_emojis(&self.tenant, &view.channel.tags).await?;
        let listing = listing(query, path).unless(page.threads.is_empty());
        let frame = self.frame();
        Ok(match self.form {
            Form::Html => html(StatusCode::OK, pages::forum(&frame, view, &page, &emojis, filter, &listing)),
            Form::Markdown => {
                twin(frame.base, &listing, |canonical| twins::forum(&frame, view, &page, filter, canonical))
            }
        })
    }
}
