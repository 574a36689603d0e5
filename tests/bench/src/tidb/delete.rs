//! The speed of deleting a tenant, and the duration of one of its steps.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use app_core::jobs::Jobs;
use app_core::tenants::Tenants;
use ports::store::Store;
use tokio_util::sync::CancellationToken;

use super::{Server, open, pages, store_pages, tenant};
use crate::Failure;
use crate::pages::SystemClock;

/// The number of channels of each tenant.
const CHANNELS: u64 = 4;

/// Deletes tenants of these sizes, in messages, and prints the cost.
///
/// # Errors
/// If the server rejects a statement.
pub async fn run(server: &Server, sizes: &[u64]) -> Result<(), Failure> {
    println!("deleting tenants with {CHANNELS} channels on {}", server.version().await?);
    let name = "verta_bench_delete";
    server.remove(name).await?;
    let store = Arc::new(open(&server.database(name).await?, 4).await?);
    for (size, number) in sizes.iter().zip(0_u64..) {
        let (tenant, channels) = tenant(&*store, number, CHANNELS).await?;
        for channel in &channels {
            store_pages(&*store, channel, &pages(channel, size / CHANNELS, 1_000)?).await?;
        }
        let (shared, clock) = (Arc::clone(&store) as Arc<dyn Store>, Arc::new(SystemClock));
        let job = Tenants::new(Arc::clone(&shared), clock.clone()).delete(&tenant.id.to_string()).await?;
        let start = Instant::now();
        let steps = Mutex::new((start, Vec::new()));
        let step = |_: &_| {
            let (last, took) = &mut *steps.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            took.push(last.elapsed());
            *last = Instant::now();
        };
        let job = Jobs::new(shared, clock).delete(job, &CancellationToken::new(), step).await?;
        let seconds = start.elapsed().as_secs_f64();
        let (_, mut took) = steps.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        took.sort_unstable();
        let at = |percent: usize| took.get(took.len() * percent / 100).or(took.last()).map_or(0.0, millis);
        #[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
        let rate = job.progress.messages as f64 / seconds;
        println!(
            "  {} messages: {rate:.0} messages/s in {} steps, p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms",
            job.progress.messages,
            took.len(),
            at(50),
            at(99),
            at(100)
        );
    }
    Arc::into_inner(store).ok_or("the store is still in use")?.close().await;
    server.remove(name).await
}

fn millis(time: &Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
