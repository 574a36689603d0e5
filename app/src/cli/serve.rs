//! `verta serve`.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::{Outcome, Tools, import};
use crate::config::{AdminKey, Config, PublicUrl};
use crate::http::{Server, Settings, Site};
use crate::import::Options;
use crate::jobs::Jobs;

pub(super) async fn run(paths: &[PathBuf], config: &Config, tools: &Tools) -> Outcome {
    let jobs = Jobs::new(Arc::clone(&tools.store), Arc::clone(&tools.clock));
    let settings = Settings {
        admin_key: config.admin_key.as_ref().map(AdminKey::as_bytes).map(<[u8]>::to_vec),
        public_url: config.public_url.as_ref().map(PublicUrl::as_str).map(|url| url.trim_end_matches('/').to_owned()),
        rate_limit: config.rate_limit.map_or(0, std::num::NonZeroU32::get),
        trusted_proxies: config.trusted_proxies.clone(),
    };
    let site = Site::new(Arc::clone(&tools.store), Arc::clone(&tools.clock), jobs.clone(), settings);
    let server = Server::bind(config.bind, site)
        .await
        .map_err(|error| format!("cannot listen at {} (BIND): {error}", config.bind))?;
    if !paths.is_empty() {
        let report = import::import(paths, &Options::default(), tools).await?;
        if !report.is_whole() {
            // Nobody need read it for the site to be served.
            import::print(&report, false).ok();
        }
    }
    let stop = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stopped = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        info!("ending: open requests may finish");
        stopped.cancel();
    });
    let patrol = {
        let (jobs, stop) = (jobs.clone(), stop.clone());
        tokio::spawn(async move { jobs.run(stop).await })
    };
    eprintln!("Verta is at http://{}", server.address()?);
    server.run(stop).await;
    patrol.await?;
    Ok(true)
}
