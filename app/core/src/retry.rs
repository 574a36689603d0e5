//! Retries a unit of work that lost a race.

use std::time::Duration;

use tokio::time::sleep;

/// The most attempts.
const TRIES: u32 = 8;
/// The longest wait before the second attempt; it doubles from there.
const FIRST_WAIT: Duration = Duration::from_millis(20);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Runs `work` until it succeeds, fails with an error that is not `is_retryable`, or has failed 8 times. Between two
/// attempts it waits a random part of a time that doubles, so that two callers that conflicted do not conflict again.
///
/// # Errors
/// The last error of `work`.
pub async fn retry<T, E, W: Future<Output = Result<T, E>>>(
    is_retryable: impl Fn(&E) -> bool,
    mut work: impl FnMut() -> W,
) -> Result<T, E> {
    let mut longest = FIRST_WAIT;
    for _ in 1..TRIES {
        match work().await {
            Err(error) if is_retryable(&error) => {
                sleep(longest.mul_f64(jitter())).await;
                longest = (longest * 2).min(LONGEST_WAIT);
            }
            outcome => return outcome,
        }
    }
    work().await
}

/// Returns a random number from 0 to 1; a half if the system has none.
fn jitter() -> f64 {
    getrandom::u32().map_or(0.5, |random| f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests;
