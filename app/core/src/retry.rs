//! Retries a call after a transient error.
//!
//! [`retry`] is the only loop above the ports that does so; a [`Policy`] bounds it, and states the reason of its bounds. A
//! use case that tolerates both lost races and an outage nests two policies.

use std::error::Error;
use std::time::Duration;

use ports::error::StoreError;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// The bounds of the attempts of one call, and the pauses between them.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// The cause of the failures, for the log.
    cause: &'static str,
    /// The maximum number of attempts.
    attempts: u32,
    /// The time after the start of the first attempt after which a failure is final.
    patience: Duration,
    /// The longest pause before the second attempt. It doubles from there, and each pause is a random part of it, so
    /// that two callers that failed together do not try again together.
    first_pause: Duration,
    /// The limit of that doubling.
    longest_pause: Duration,
    /// Whether a retry is usual, and logged for developers only.
    is_usual: bool,
}

/// Another unit of work locked or changed the same rows first.
///
/// The winner is done within milliseconds, so the first pauses are short. Eight writers of one row need at most eight
/// attempts if each attempt lets one of them through: 2.5 s of pauses at most. Where a unit loses more often, a use case
/// that tolerates an outage goes on after a longer pause.
pub const LOST_RACE: Policy = Policy {
    cause: "lost race",
    attempts: 8,
    patience: Duration::MAX,
    first_pause: Duration::from_millis(20),
    longest_pause: Duration::MAX,
    is_usual: true,
};

/// The store is unreachable for a moment while an operator waits for a command.
///
/// A lost connection or a failover of some seconds must not end a long import. A server that is down for longer than 15 s
/// must end it: the operator reads the error, and runs the command again.
pub const BRIEF_OUTAGE: Policy = Policy {
    cause: "store outage",
    attempts: u32::MAX,
    patience: Duration::from_secs(15),
    first_pause: Duration::from_millis(100),
    longest_pause: Duration::from_secs(2),
    is_usual: false,
};

/// The store is unreachable while a sync runs, which no operator watches.
///
/// A server that restarts is back within two minutes. After that, the job fails or is left for the next run. The pauses
/// are so long that a server that starts is not busy with rejected connections.
pub const OUTAGE: Policy = Policy {
    cause: "store outage",
    attempts: u32::MAX,
    patience: Duration::from_mins(2),
    first_pause: Duration::from_secs(1),
    longest_pause: Duration::from_secs(4),
    is_usual: false,
};

/// The platform asked for a pause, which the error names.
///
/// The source has repeated the request already, for as long as it expects an ordinary fault to last. Five attempts with
/// the platform's own pauses outlast a longer one; after that, the channel is left for the next run, so that one
/// channel does not hold up the others.
pub const PLATFORM: Policy = Policy {
    cause: "platform unavailable",
    attempts: 5,
    patience: Duration::MAX,
    first_pause: Duration::ZERO,
    longest_pause: Duration::ZERO,
    is_usual: false,
};

/// The consequence of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Another attempt would fail likewise.
    Final,
    /// Another attempt may succeed, after the pause of the policy.
    Retry,
    /// Another attempt may succeed, after exactly this pause.
    RetryAfter(Duration),
}

impl From<bool> for Verdict {
    /// Returns the verdict on an error that is retryable, or not.
    fn from(is_retryable: bool) -> Self {
        if is_retryable { Self::Retry } else { Self::Final }
    }
}

impl From<Option<Duration>> for Verdict {
    /// Returns the verdict on an error that names a pause, or none if a retry is useless.
    fn from(pause: Option<Duration>) -> Self {
        pause.map_or(Self::Final, Self::RetryAfter)
    }
}

/// Runs `work` until it succeeds, fails with an error that `judge` calls final, or has used up `policy`. Logs each
/// retry. `judge` is called only where another attempt is left.
///
/// # Errors
/// The last error of `work`.
pub async fn retry<T, E: Error + 'static, V: Into<Verdict>, W: Future<Output = Result<T, E>>>(
    policy: &Policy,
    judge: impl Fn(&E) -> V,
    work: impl FnMut() -> W,
) -> Result<T, E> {
    retry_until(&CancellationToken::new(), policy, judge, work).await
}

/// As [`retry`], but a failure after `stop` is final, and `stop` ends a pause. It does not interrupt an attempt, and the
/// first attempt is made in any case.
///
/// # Errors
/// The last error of `work`.
pub async fn retry_until<T, E: Error + 'static, V: Into<Verdict>, W: Future<Output = Result<T, E>>>(
    stop: &CancellationToken,
    policy: &Policy,
    judge: impl Fn(&E) -> V,
    mut work: impl FnMut() -> W,
) -> Result<T, E> {
    let begun = Instant::now();
    let mut longest = policy.first_pause;
    for attempt in 1..policy.attempts {
        let error = match work().await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        if stop.is_cancelled() || begun.elapsed() >= policy.patience {
            return Err(error);
        }
        let pause = match judge(&error).into() {
            Verdict::Final => return Err(error),
            Verdict::Retry => longest.mul_f64(jitter()),
            Verdict::RetryAfter(pause) => pause,
        };
        longest = longest.saturating_mul(2).min(policy.longest_pause);
        policy.log(attempt, pause, &error);
        tokio::select! {
            () = sleep(pause) => {}
            () = stop.cancelled() => return Err(error),
        }
    }
    work().await
}

/// Runs `work` in the store: retries it after a lost race, and until `stop` also during an outage. `work` must be
/// idempotent; `of_store` finds the store's error in its error.
///
/// # Errors
/// The last error of `work`.
pub(crate) async fn retry_in_store<T, E: Error + 'static, W: Future<Output = Result<T, E>>>(
    stop: &CancellationToken,
    of_store: fn(&E) -> Option<&StoreError>,
    work: impl Fn() -> W,
) -> Result<T, E> {
    let lost_race = |error: &E| of_store(error).is_some_and(StoreError::is_retryable);
    let outage = |error: &E| of_store(error).is_some_and(StoreError::is_transient);
    retry_until(stop, &OUTAGE, outage, || retry(&LOST_RACE, lost_race, &work)).await
}

impl Policy {
    /// Logs that an attempt failed and another one follows after `pause`.
    fn log(&self, attempt: u32, pause: Duration, error: &(dyn Error + 'static)) {
        let (cause, pause_ms) = (self.cause, u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
        if self.is_usual {
            debug!(cause, attempt, pause_ms, error, "call retried");
        } else {
            warn!(cause, attempt, pause_ms, error, "call retried");
        }
    }
}

/// Returns a random number from 0 to 1; a half if the system has none.
fn jitter() -> f64 {
    getrandom::u32().map_or(0.5, |random| f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests;
