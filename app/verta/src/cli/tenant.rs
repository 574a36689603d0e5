//! `verta tenant`.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use app_core::browse::Audience;
use app_core::jobs::Jobs;
use app_core::tenants::{BrandingPatch, NewTenant, ProfilePatch, RetentionPatch, TenantPatch, Tenants};
use app_web::wire::{JobBody, ListBody, TenantBody};
use domain::crawling::AiTraining;
use domain::profile::{Icon, Links, Profile, ProfileError};
use domain::retention::Retention;
use domain::solved::SolvedTags;
use domain::tenant::{Platform, Tenant};
use ports::page::Page;
use tokio_util::sync::CancellationToken;

use super::terminal::{eprintln, stdout};
use super::{LookArguments, Outcome, TenantCommand, Tools};

pub(super) async fn run(command: TenantCommand, tools: &Tools) -> Outcome {
    let tenants = Tenants::new(Arc::clone(&tools.store), Arc::clone(&tools.clock));
    match command {
        TenantCommand::Create { platform_id, name, slug, json } => {
            let new = NewTenant { platform: Platform::Discord, platform_id, name, slug };
            show(&tenants.create(&new).await?, json)
        }
        TenantCommand::List { json } => list(json, tools).await,
        TenantCommand::Show { tenant, json } => show(&tenants.find(&tenant).await?, json),
        TenantCommand::Update {
            tenant,
            name,
            slug,
            status,
            retain_deleted,
            retain_edited,
            solved_tag,
            domain,
            ai_training,
            look,
            json,
        } => {
            let retention = RetentionPatch { deleted: retain_deleted, edited: retain_edited };
            let names = solved_tag.iter().flat_map(SolvedTags::as_slice);
            let solved_tags = if solved_tag.is_empty() { None } else { Some(SolvedTags::new(names)?) };
            let icon = look.icon.as_deref().map(read_icon).transpose()?;
            let (branding, profile) = look_of(&look)?;
            let patch = TenantPatch {
                name,
                slug,
                domain: domain.unwrap_or_default(),
                status,
                branding,
                profile,
                retention,
                solved_tags,
                ai_training,
            };
            let mut updated = tenants.update(&tenant, &patch).await?;
            // By its id, since the slug may be another one now.
            let id = updated.id.to_string();
            updated = match icon {
                Some(Some(bytes)) => tenants.set_icon(&id, bytes, &*tools.media).await?,
                Some(None) => tenants.remove_icon(&id).await?,
                None => updated,
            };
            show(&updated, json)
        }
        TenantCommand::Delete { tenant, json } => {
            let job = tenants.delete(&tenant).await?;
            let jobs = Jobs::new(Arc::clone(&tools.store), Arc::clone(&tools.clock));
            let jobs = jobs.with_media(Arc::clone(&tools.media));
            let job = jobs
                .delete(job, &CancellationToken::new(), |job| {
                    if job.progress.messages % 10_000 < 500 {
                        eprintln!("{} messages removed", job.progress.messages);
                    }
                })
                .await?;
            if json {
                writeln!(stdout(), "{}", serde_json::to_string(&JobBody::new(&job, tools.clock.now()))?)?;
            } else {
                writeln!(
                    stdout(),
                    "deleted: {} channels, {} messages",
                    job.progress.channels_done,
                    job.progress.messages
                )?;
            }
            Ok(true)
        }
    }
}

/// Returns the bytes of an icon's file, at most one more than an icon may have; `None` for an empty name.
fn read_icon(path: &Path) -> Result<Option<Vec<u8>>, String> {
    if path.as_os_str().is_empty() {
        return Ok(None);
    }
    let read = || {
        let mut bytes = Vec::new();
        File::open(path)?.take(Icon::MOST_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map(Some).map_err(|error: std::io::Error| format!("{}: {error}", path.display()))
}

/// Returns the changes to the look of a community, and to what it says of itself.
fn look_of(look: &LookArguments) -> Result<(BrandingPatch, ProfilePatch), ProfileError> {
    let branding = BrandingPatch {
        primary_color: look.primary_color.clone().unwrap_or_default(),
        secondary_color: look.secondary_color.clone().unwrap_or_default(),
        accent_color: look.accent_color.clone().unwrap_or_default(),
        ..BrandingPatch::default()
    };
    let links = look.link.iter().flatten().cloned().collect();
    let profile = ProfilePatch {
        description: look.description.clone().unwrap_or_default(),
        footer: look.footer.clone().unwrap_or_default(),
        contact: look.contact.clone().unwrap_or_default(),
        links: if look.link.is_empty() { None } else { Some(Links::new(links)?) },
    };
    Ok((branding, profile))
}

/// Writes the look of a community, and what it says of itself.
fn show_look(tenant: &Tenant) -> std::io::Result<()> {
    let (branding, Profile { description, footer, links, contact, icon }) = (&tenant.branding, &tenant.profile);
    let line = |name: &str, value: Option<String>| match value {
        Some(value) => writeln!(stdout(), "  {name}: {}", value.replace('\n', "\n    ")),
        None => Ok(()),
    };
    line("logo", branding.logo_url.as_ref().map(|logo| logo.as_str().to_owned()))?;
    line("primary colour", branding.primary_color.map(|color| color.to_string()))?;
    line("secondary colour", branding.secondary_color.map(|color| color.to_string()))?;
    line("accent colour", branding.accent_color.map(|color| color.to_string()))?;
    line("icon", icon.map(|icon| format!("{}, {}", icon.kind.media_type(), icon.hash)))?;
    line("description", description.as_ref().map(|text| text.as_str().to_owned()))?;
    line("footer", footer.as_ref().map(|text| text.as_str().to_owned()))?;
    line("contact", contact.as_ref().map(ToString::to_string))?;
    for link in links.as_slice() {
        line("link", Some(format!("{} = {}", link.label(), link.url())))?;
    }
    Ok(())
}

fn show(tenant: &Tenant, json: bool) -> Outcome {
    if json {
        writeln!(stdout(), "{}", serde_json::to_string(&TenantBody::new(tenant, Audience::Admin))?)?;
    } else {
        let Tenant {
            id, slug, name, status, platform_id, created_at, retention, solved_tags, domain, ai_training, ..
        } = tenant;
        writeln!(
            stdout(),
            "{slug}: {} ({}), guild {platform_id}, since {created_at}, id {id}",
            name.as_str(),
            status.as_str()
        )?;
        if let Some(domain) = domain {
            writeln!(stdout(), "  domain: {domain}")?;
        }
        show_look(tenant)?;
        if *retention != Retention::NONE {
            let Retention { deleted, edited } = retention;
            writeln!(stdout(), "  earlier texts: of deleted messages {deleted}, of edited ones {edited}")?;
        }
        if !solved_tags.as_slice().is_empty() {
            writeln!(stdout(), "  tags of solved posts: {}", solved_tags.as_slice().join(", "))?;
        }
        if *ai_training == AiTraining::Allow {
            writeln!(stdout(), "  programs may collect its text to train models")?;
        }
    }
    Ok(true)
}

async fn list(json: bool, tools: &Tools) -> Outcome {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = tools.store.read().await?.tenants().list(Page { after, limit: 100 }).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.slug.clone());
        all.extend(page);
    }
    if json {
        let items = all.iter().map(|tenant| TenantBody::new(tenant, Audience::Admin)).collect();
        writeln!(stdout(), "{}", serde_json::to_string(&ListBody { items, next: None })?)?;
    } else {
        for tenant in &all {
            show(tenant, false)?;
        }
    }
    Ok(true)
}
