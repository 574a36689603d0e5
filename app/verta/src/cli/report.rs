//! `verta coverage` and `verta migrate`.

use std::io::{self, Write};
use std::sync::Arc;

use app_core::browse::{Audience, Browse, CoverageView};
use app_web::wire::{CoverageBody, ListBody};
use domain::coverage::CoverageState;
use domain::timestamp::Timestamp;
use serde::Serialize;

use super::terminal::stdout;
use super::{Outcome, Tools};

/// A migration, as it is printed.
#[derive(Debug, Serialize)]
pub(crate) struct MigrationReport {
    /// Its number.
    pub(crate) version: u32,
    /// Its name.
    pub(crate) name: String,
    /// The time when it was applied; `None` if it is pending.
    pub(crate) applied_at: Option<Timestamp>,
}

impl MigrationReport {
    /// Prints migrations, as JSON or as text.
    ///
    /// # Errors
    /// If the reader has closed the output.
    pub(crate) fn print(steps: Vec<Self>, json: bool) -> io::Result<()> {
        if json {
            writeln!(stdout(), "{}", serde_json::to_string(&ListBody { items: steps, next: None })?)?;
            return Ok(());
        }
        for step in steps {
            let state = step.applied_at.map_or_else(|| "pending".to_owned(), |at| format!("applied {at}"));
            writeln!(stdout(), "{}  {state}", step.name)?;
        }
        Ok(())
    }
}

pub(super) async fn coverage(tenant: &str, json: bool, tools: &Tools) -> Outcome {
    let mut at = Browse::new(Arc::clone(&tools.store)).open(Audience::Admin).await;
    let tenant = at.tenant(tenant).await?;
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let (page, next) = at.coverage(&tenant, after, 100).await?;
        all.extend(page);
        after = next;
        if after.is_none() {
            break;
        }
    }
    if json {
        let items: Vec<CoverageBody<'_>> = all.iter().map(Into::into).collect();
        writeln!(stdout(), "{}", serde_json::to_string(&ListBody { items, next: None })?)?;
        return Ok(true);
    }
    for CoverageView { coverage, repairing } in &all {
        let view = at.channel(&tenant, &coverage.channel_id.to_string()).await?;
        let state = match coverage.state() {
            CoverageState::Complete => "complete",
            CoverageState::Partial => "partial",
            CoverageState::Unreadable => "unreadable",
            CoverageState::Unknown => "unknown",
        };
        let reason = coverage.reason.as_deref().map_or_else(String::new, |reason| format!(" ({reason})"));
        let aside = match coverage.unreadable_count {
            0 => String::new(),
            count => format!(", {count} could not be read"),
        };
        let again = repairing.map_or_else(String::new, |repair| format!(", recheck requested at {}", repair.since));
        let (count, name) = (coverage.message_count, &view.channel.name);
        writeln!(stdout(), "{state:>10}  {count:>9} messages  {name}{reason}{aside}{again}")?;
    }
    Ok(true)
}
