//! `verta tenant`.

use std::io::Write;
use std::sync::Arc;

use app_core::browse::Audience;
use app_core::jobs::Jobs;
use app_core::tenants::{BrandingPatch, NewTenant, RetentionPatch, TenantPatch, Tenants};
use app_web::wire::{JobBody, ListBody, TenantBody};
use domain::crawling::AiTraining;
use domain::retention::Retention;
use domain::solved::SolvedTags;
use domain::tenant::{Platform, Tenant};
use ports::page::Page;
use tokio_util::sync::CancellationToken;

use super::terminal::{eprintln, stdout};
use super::{Outcome, TenantCommand, Tools};

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
            json,
        } => {
            let retention = RetentionPatch { deleted: retain_deleted, edited: retain_edited };
            let names = solved_tag.iter().flat_map(SolvedTags::as_slice);
            let solved_tags = if solved_tag.is_empty() { None } else { Some(SolvedTags::new(names)?) };
            let patch = TenantPatch {
                name,
                slug,
                domain: domain.unwrap_or_default(),
                status,
                branding: BrandingPatch::default(),
                retention,
                solved_tags,
                ai_training,
            };
            show(&tenants.update(&tenant, &patch).await?, json)
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
