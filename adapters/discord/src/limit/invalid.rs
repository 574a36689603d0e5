//! Invalid requests, as the platform counts them: 10,000 in ten minutes ban the address
//! (<https://docs.discord.com/developers/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans>).

use std::collections::VecDeque;
use std::time::Duration;

use ports::guild::Priority;

use super::Moment;

/// How long a request counts.
const COUNTS_FOR: Duration = Duration::from_mins(10);

/// The count from which a warning is logged.
const WARN: usize = 500;
/// The count from which only live requests are sent.
const HOLD_BACK: usize = 2000;
/// The count from which no request is sent.
const STOP: usize = 5000;

/// The times of the latest invalid requests.
#[derive(Debug, Default)]
pub(super) struct Invalid(VecDeque<Moment>);

impl Invalid {
    pub(super) fn count(&mut self, now: Moment) {
        self.0.push_back(now);
        match self.0.len() {
            WARN => tracing::warn!(count = WARN, "many invalid requests; check the bot's permissions"),
            HOLD_BACK => tracing::error!(count = HOLD_BACK, "too many invalid requests; only live requests continue"),
            STOP => tracing::error!(count = STOP, "too many invalid requests; all requests stopped"),
            _ => {}
        }
    }

    pub(super) fn forget_old(&mut self, now: Moment) {
        while self.0.front().is_some_and(|first| *first + COUNTS_FOR <= now) {
            self.0.pop_front();
        }
    }

    /// Returns how long requests of this priority are held back; `None` if they may be sent.
    pub(super) fn holds_back(&self, priority: Priority, now: Moment) -> Option<Duration> {
        let most = if priority == Priority::Live { STOP } else { HOLD_BACK };
        // Enough of them must expire to make room for one.
        let freed = *self.0.get(self.0.len().checked_sub(most)?)?;
        Some((freed + COUNTS_FOR).saturating_sub(now))
    }
}
