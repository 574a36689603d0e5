//! What search engines read before the pages: robots.txt, and the lists of the pages that they should list.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::PoisonError;
use std::time::Duration;

use app_core::browse::SitemapPage;
use app_core::domains::Site;
use app_core::submissions::PageAddresses;
use domain::crawling::AiTraining;
use domain::day::Month;
use domain::tenant::Tenant;
use domain::timestamp::Timestamp;
use http::{HeaderValue, StatusCode, header};
use quick_xml::escape::partial_escape;
use tokio::time::timeout;

use super::call::Call;
use super::capture::{FileName, SitemapName, TenantRef};
use super::error::ApiError;
use super::response::{Response, with_type};
use crate::address::{Base, PublicAddress, day_path, thread_path};

/// The maximum number of addresses of a sitemap (<https://www.sitemaps.org/protocol.html>).
const MOST: u64 = 50_000;
/// The number of communities that are read at once.
const BATCH: u32 = 100;
/// How long robots.txt waits for the list of communities: without it, it is the last one, or has only its rules, because
/// search engines leave a site whose robots.txt fails.
const PATIENCE: Duration = Duration::from_secs(2);

/// The programs that collect text to train models, which Discord's developer policy does not allow for messages. Those that
/// only find pages for an answer that names them, such as `OAI-SearchBot` and `PerplexityBot`, are search engines
/// (<https://support-dev.discord.com/hc/en-us/articles/8563934450327>).
const TRAINING: [&str; 13] = [
    "AI2Bot",
    "Amazonbot",
    "Applebot-Extended",
    "Bytespider",
    "CCBot",
    "ClaudeBot",
    "cohere-training-data-crawler",
    "Diffbot",
    "FacebookBot",
    "GPTBot",
    "Google-Extended",
    "Meta-ExternalAgent",
    "Omgili",
];

const PLAIN: &str = "text/plain; charset=utf-8";

/// The rules for all others. Pages that say `noindex` are not among them, because it must be read to be known.
const RULES: &str = "User-agent: *\nDisallow: /api/\nDisallow: /*/search\nDisallow: /metrics\n";

/// The same on the domain of a community. Without the ends, a channel whose name begins so would be among them.
const RULES_OF_SITE: &str =
    "User-agent: *\nDisallow: /api/\nDisallow: /search$\nDisallow: /search?\nDisallow: /metrics$\n";

/// Returns the rules for crawlers, and where the sitemap of each community on this host is.
pub(super) async fn robots(call: &Call<'_>) -> Result<Response, ApiError> {
    let host = call.site.map(|site| site.domain.clone());
    let last = || call.state.robots.lock().unwrap_or_else(PoisonError::into_inner);
    // A store that fails or hangs must not make search engines leave.
    let made = timeout(PATIENCE, async {
        match call.site {
            Some(site) => rules_of_site(call, site).await,
            None => Ok(rules(&tenants(call).await?, &call.state.public)),
        }
    });
    let Ok(Ok(text)) = made.await else {
        let text = last().get(&host).cloned().unwrap_or_else(|| rules(&[], &PublicAddress::default()));
        let mut response = with_type(StatusCode::OK, PLAIN, text);
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        return Ok(response);
    };
    last().insert(host, text.clone());
    Ok(with_type(StatusCode::OK, PLAIN, text))
}

/// Returns the key of this site, by which search engines know whose submissions they may accept.
pub(super) async fn key(call: &Call<'_>, key: FileName<'_>) -> Result<Response, ApiError> {
    match &call.state.index_key {
        Some(own) if own == key.0 => Ok(with_type(StatusCode::OK, PLAIN, own.clone())),
        _ => Err(ApiError::not_found("there is nothing at this address")),
    }
}

impl PageAddresses for PublicAddress {
    fn site(&self, tenant: &Tenant) -> Option<String> {
        Base::of_site(tenant, self).origin()
    }

    fn page(&self, tenant: &Tenant, page: &SitemapPage<'_>) -> Option<String> {
        let base = Base::of_site(tenant, self);
        base.address(&path(base, page))
    }
}

/// Returns the text of robots.txt on the domain of a tenant.
async fn rules_of_site(call: &Call<'_>, site: &Site) -> Result<String, ApiError> {
    let tenant = call.state.browse.open(call.audience).await.tenant(site.slug.as_str()).await?;
    let mut text = String::new();
    if tenant.ai_training == AiTraining::Deny {
        text += &training(&[]);
    }
    let base = call.base(&tenant);
    let sitemap = base.address(&base.path("/sitemap.xml")).unwrap_or_default();
    write!(text, "{RULES_OF_SITE}\nSitemap: {sitemap}\n").expect("a string takes every write");
    Ok(text)
}

/// Returns the text of robots.txt on other hosts.
fn rules(tenants: &[Tenant], public: &PublicAddress) -> String {
    // Those with a domain are there.
    let here: Vec<Base<'_>> =
        tenants.iter().map(|tenant| Base::of_site(tenant, public)).filter(|base| !base.has_domain()).collect();
    let mut text = training(&here) + RULES;
    if !public.as_str().is_empty() {
        for sitemap in here.iter().filter_map(|base| base.address(&base.path("/sitemap.xml"))) {
            write!(text, "\nSitemap: {sitemap}").expect("a string takes every write");
        }
        text.push('\n');
    }
    text
}

/// Returns the rules for programs that collect text to train models, which are admitted to the tenants that allow it.
fn training(tenants: &[Base<'_>]) -> String {
    let mut text = String::new();
    for agent in TRAINING {
        writeln!(text, "User-agent: {agent}").expect("a string takes every write");
    }
    text += "Disallow: /\n";
    for base in tenants.iter().filter(|base| base.tenant.ai_training == AiTraining::Allow) {
        let home = base.home();
        // The longest rule counts.
        write!(text, "Allow: {home}$\nAllow: {home}.md$\nAllow: {home}/\nDisallow: {home}/search\n")
            .expect("a string takes every write");
    }
    text.push('\n');
    text
}

async fn tenants(call: &Call<'_>) -> Result<Vec<Tenant>, ApiError> {
    let (mut all, mut after) = (Vec::new(), None);
    let mut at = call.state.browse.open(call.audience).await;
    loop {
        let (tenants, next) = at.tenants(after, BATCH).await?;
        all.extend(tenants);
        after = next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

/// Returns the list of the sitemaps of a community: one for each month, and more of a month with more than 50,000 pages.
pub(super) async fn index(call: &Call<'_>, slug: TenantRef<'_>) -> Result<Response, ApiError> {
    let mut at = call.state.browse.open(call.audience).await;
    let tenant = at.tenant(slug.0).await?;
    let (base, origin) = base(call, &tenant)?;
    let mut months: BTreeMap<Month, (u64, Option<Timestamp>)> = BTreeMap::new();
    let count = |page: SitemapPage<'_>| {
        let month = months.entry(page.month).or_default();
        *month = (month.0 + 1, month.1.max(page.changed_at));
    };
    at.sitemap(&tenant, None, count).await?;
    let mut text = String::from(DECLARATION);
    text += "<sitemapindex xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n";
    for (month, (pages, changed_at)) in months {
        let parts = pages.div_ceil(MOST);
        for part in 1..=parts {
            let suffix = if part == 1 { String::new() } else { format!("-{part}") };
            let address = format!("{origin}{}", base.path(format_args!("/sitemap-{month}{suffix}.xml")));
            // Which of several parts changed is not known.
            entry(&mut text, "sitemap", &address, changed_at.filter(|_| parts == 1));
        }
    }
    text += "</sitemapindex>\n";
    Ok(with_type(StatusCode::OK, "application/xml", text))
}

/// Returns the sitemap of a month.
pub(super) async fn month(
    call: &Call<'_>,
    slug: TenantRef<'_>,
    SitemapName { month, part }: SitemapName,
) -> Result<Response, ApiError> {
    let mut at = call.state.browse.open(call.audience).await;
    let tenant = at.tenant(slug.0).await?;
    let (base, origin) = base(call, &tenant)?;
    let mut text = String::from(DECLARATION);
    text += "<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n";
    let (mut seen, mut listed) = (0, 0);
    let add = |page: SitemapPage<'_>| {
        seen += 1;
        if seen > (part - 1) * MOST && seen <= part * MOST {
            listed += 1;
            entry(&mut text, "url", &format!("{origin}{}", path(base, &page)), page.changed_at);
        }
    };
    at.sitemap(&tenant, Some(month), add).await?;
    if listed == 0 {
        return Err(ApiError::not_found("no page of this month is listed"));
    }
    text += "</urlset>\n";
    Ok(with_type(StatusCode::OK, "application/xml", text))
}

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

fn path(base: Base<'_>, page: &SitemapPage<'_>) -> String {
    let Some(channel) = page.channel else {
        return if page.is_about { base.about() } else { base.home() };
    };
    let path = base.channel(channel);
    match page.day {
        Some(day) => day_path(&path, day, page.number),
        None => thread_path(&path, page.number),
    }
}

fn entry(text: &mut String, kind: &str, address: &str, changed_at: Option<Timestamp>) {
    write!(text, "<{kind}><loc>{}</loc>", partial_escape(address)).expect("a string takes every write");
    if let Some(at) = changed_at {
        write!(text, "<lastmod>{at}</lastmod>").expect("a string takes every write");
    }
    writeln!(text, "</{kind}>").expect("a string takes every write");
}

/// Returns the addresses of a tenant's site, and the scheme and host of it, which sitemaps need.
fn base<'a>(call: &Call<'a>, tenant: &'a Tenant) -> Result<(Base<'a>, String), ApiError> {
    let base = call.base(tenant);
    let origin = base.origin().ok_or_else(|| ApiError::not_found("there are sitemaps only if PUBLIC_URL is set"))?;
    Ok((base, origin))
}
