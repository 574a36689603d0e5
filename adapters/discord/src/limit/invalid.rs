//! Requests that the platform counts against us: 10,000 in ten minutes ban the address
//! (<https://docs.discord.com/developers/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans>).

use std::collections::VecDeque;
use std::time::Duration;

use ports::guild::Priority;

use super::Moment;

/// How long one counts.
const COUNTS_FOR: Duration = Duration::from_mins(10);

/// From here on somebody should know.
const WARN: usize = 500;
/// From here on only what is live is asked.
const HOLD_BACK: usize = 2000;
/// From here on nothing is asked.
const STOP: usize = 5000;

/// When the last ones were.
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

    /// How long requests of this priority are not asked; `None` if they may be.
    pub(super) fn holds_back(&self, priority: Priority, now: Moment) -> Option<Duration> {
        let most = if priority == Priority::Live { STOP } else { HOLD_BACK };
        // As many as are too many must have passed until there is room for one.
        let freed = *self.0.get(self.0.len().checked_sub(most)?)?;
        Some((freed + COUNTS_FOR).saturating_sub(now))
    }
}
