//! Search engines that accept the addresses of pages that changed.

use std::time::Duration;

use async_trait::async_trait;

use crate::error::Source;

/// The maximum number of addresses of one submission (<https://www.indexnow.org/documentation>).
pub const MOST_ADDRESSES: usize = 10_000;

/// Why addresses were not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The engines reject them, and will reject them again until an operator has changed something.
    #[error("status {status}: {advice}")]
    Rejected {
        /// The status of the response.
        status: u16,
        /// The likely cause, and what to do.
        advice: &'static str,
    },
    /// The engines cannot be reached, or accept no addresses now.
    #[error("the engines accept no addresses now")]
    Later {
        /// The pause that they demand, if they demand one.
        wait: Option<Duration>,
        /// The cause.
        #[source]
        source: Source,
    },
}

/// The search engines that share submissions of changed pages.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SearchEngines: Send + Sync {
    /// Submits the addresses (1..=[`MOST_ADDRESSES`]) of pages that appeared, changed or disappeared. All of them are
    /// on `site`, which is scheme, host and maybe a port. Success means that they were received: each engine requests
    /// the pages when it wants to. It may be repeated.
    async fn submit(&self, site: &str, addresses: &[String]) -> Result<(), SubmitError>;
}
