//! Releases requests one by one, as the limiter permits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ports::guild::{GuildError, Priority};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::limit::{Limiter, Next, ResponseLimits, Target, Ticket};

/// The gate. Dropping it leaves its waiting requests pending, so it lives as long as its client.
#[derive(Debug)]
pub(crate) struct Gate {
    shared: Arc<Shared>,
    opener: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    began: Instant,
    state: Mutex<State>,
    /// Signals a change, after which the next release may be due at another time.
    changed: Notify,
}

#[derive(Debug)]
struct State {
    limiter: Limiter,
    waiting: HashMap<Ticket, oneshot::Sender<Result<(), Duration>>>,
}

impl Gate {
    /// Returns a gate that releases `per_second` requests. Needs a runtime.
    pub(crate) fn new(per_second: u32) -> Self {
        let state = State { limiter: Limiter::new(per_second), waiting: HashMap::new() };
        let shared = Arc::new(Shared { began: Instant::now(), state: Mutex::new(state), changed: Notify::new() });
        let opener = tokio::spawn(open(Arc::clone(&shared)));
        Self { shared, opener }
    }

    /// Waits until a request may be sent.
    ///
    /// # Errors
    /// [`GuildError::HeldBack`].
    pub(crate) async fn enter(&self, target: Target, priority: Priority) -> Result<Pass, GuildError> {
        let (sender, receiver) = oneshot::channel();
        let pass = {
            let mut state = self.shared.lock();
            let ticket = state.limiter.enqueue(target, priority);
            state.waiting.insert(ticket, sender);
            Pass { shared: Arc::clone(&self.shared), ticket, responded: false }
        };
        self.shared.changed.notify_one();
        match receiver.await {
            Ok(Ok(())) => Ok(pass),
            Ok(Err(retry_after)) => Err(GuildError::HeldBack { retry_after }),
            Err(_) => Err(GuildError::Unavailable { reason: "the client has stopped", retry_after: Duration::ZERO }),
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.opener.abort();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Releases the requests that may be sent now; returns the time of the next release.
    fn step(&self) -> Option<Instant> {
        let now = self.began.elapsed();
        let mut state = self.lock();
        loop {
            let (ticket, outcome) = match state.limiter.next(now) {
                Next::Start(ticket) => (ticket, Ok(())),
                Next::HoldBack(ticket, wait) => (ticket, Err(wait)),
                Next::Wait(at) => return Some(self.began + at),
                Next::Idle => return None,
            };
            // The receiver is dropped if its caller has cancelled the ticket, or is about to.
            let sent = state.waiting.remove(&ticket).is_some_and(|waiter| waiter.send(outcome).is_ok());
            if !sent {
                state.limiter.forget(ticket);
            }
        }
    }
}

async fn open(shared: Arc<Shared>) {
    loop {
        match shared.step() {
            Some(at) => tokio::select! {
                () = shared.changed.notified() => {}
                () = sleep_until(at) => {}
            },
            None => shared.changed.notified().await,
        }
    }
}

/// The permit to send one request. Without a response it is returned when it is dropped.
#[derive(Debug)]
pub(crate) struct Pass {
    shared: Arc<Shared>,
    ticket: Ticket,
    responded: bool,
}

impl Pass {
    /// Passes the limits in the response on to the limiter.
    pub(crate) fn responded(mut self, limits: &ResponseLimits) {
        self.responded = true;
        let now = self.shared.began.elapsed();
        self.shared.lock().limiter.responded(self.ticket, now, limits);
        self.shared.changed.notify_one();
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if !self.responded {
            let mut state = self.shared.lock();
            state.waiting.remove(&self.ticket);
            state.limiter.forget(self.ticket);
            drop(state);
            self.shared.changed.notify_one();
        }
    }
}
