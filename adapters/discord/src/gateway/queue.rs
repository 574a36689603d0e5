//! The queue between the task that receives and the reader: bounded in memory, then in a file, always in order.
//!
//! The oldest frames are in front, the next ones in the file, and the newest behind it, where they wait to be written.
//! [`Queue::push`] never waits and never touches the file, so that receiving, and the heartbeats with it, does not
//! depend on how fast the disk or the reader is.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ports::event::GatewayError;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;

use super::counters::{Counters, lower, raise};
use super::frame::Frame;
use super::spill::Spill;

/// The bounds of a queue's memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// The number of frames in front of the file.
    pub(super) frames: usize,
    /// Their size.
    pub(super) bytes: usize,
    /// The size of the frames that wait to be written.
    pub(super) unwritten: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { frames: 10_000, bytes: 48 << 20, unwritten: 16 << 20 }
    }
}

/// The error of a queue that cannot take a frame: the disk is slow or full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

/// A queue of one writer and one reader.
#[derive(Debug)]
pub(super) struct Queue {
    bounds: Bounds,
    counters: Arc<Counters>,
    state: Mutex<State>,
    /// Signals the reader that there may be a frame.
    readable: Notify,
    /// Signals the writer that the queue is empty.
    empty: Notify,
}

#[derive(Debug, Default)]
struct State {
    front: VecDeque<Frame>,
    front_bytes: usize,
    spill: Option<Spill>,
    back: VecDeque<Frame>,
    /// The size of the frames at the back, and of those that are being written.
    back_bytes: usize,
    /// Whether frames are being written, which are between the file and the back.
    writing: bool,
    /// Whether the last write failed. Frames then stay at the back until the reader has taken all.
    failed: bool,
    /// The number of all frames, and their size.
    all: (usize, usize),
    end: Option<GatewayError>,
}

/// The next step of the reader.
enum Step {
    Take(Frame),
    Read(Spill),
    Wait,
    End(GatewayError),
}

impl State {
    fn spilled(&self) -> u64 {
        self.spill.as_ref().map_or(0, Spill::unread)
    }

    fn is_only_front(&self) -> bool {
        self.spilled() == 0 && self.back.is_empty() && !self.writing
    }

    fn is_empty(&self) -> bool {
        self.front.is_empty() && self.is_only_front()
    }

    fn next(&mut self) -> Step {
        if self.front.is_empty() && self.spilled() == 0 && !self.writing {
            self.front = std::mem::take(&mut self.back);
            self.front_bytes = std::mem::take(&mut self.back_bytes);
            self.failed = false;
            if let Some(done) = self.spill.take() {
                // Its space is released; that can take a while.
                spawn_blocking(move || drop(done));
            }
        }
        match (self.front.pop_front(), &self.spill, &self.end) {
            (Some(frame), ..) => {
                self.front_bytes -= frame.text.len();
                self.all = (self.all.0 - 1, self.all.1 - frame.text.len());
                Step::Take(frame)
            }
            (None, Some(spill), _) if spill.unread() > 0 => Step::Read(spill.clone()),
            (None, _, Some(end)) if !self.writing => Step::End(end.clone()),
            _ => Step::Wait,
        }
    }
}

impl Queue {
    /// Returns an empty queue.
    pub(super) fn new(bounds: Bounds, counters: Arc<Counters>) -> Self {
        Self { bounds, counters, state: Mutex::default(), readable: Notify::new(), empty: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a frame. Returns at once. A queue that is empty takes a frame of any size.
    pub(super) fn push(self: &Arc<Self>, frame: Frame) -> Result<(), Full> {
        let size = frame.text.len();
        let mut state = self.state();
        let bounds = self.bounds;
        if state.is_only_front()
            && (state.front.is_empty() || state.front.len() < bounds.frames && state.front_bytes + size <= bounds.bytes)
        {
            state.front_bytes += size;
            state.front.push_back(frame);
        } else if state.back_bytes == 0 || state.back_bytes + size <= bounds.unwritten {
            state.back_bytes += size;
            state.back.push_back(frame);
            if !state.writing && !state.failed {
                state.writing = true;
                tokio::spawn(Arc::clone(self).write());
            }
        } else {
            return Err(Full);
        }
        state.all = (state.all.0 + 1, state.all.1 + size);
        drop(state);
        raise(&self.counters.queued_events, 1);
        raise(&self.counters.queued_bytes, size);
        self.readable.notify_one();
        Ok(())
    }

    /// Writes the frames at the back to the file until none is left.
    async fn write(self: Arc<Self>) {
        loop {
            let (frames, bytes, spill) = {
                let mut state = self.state();
                if state.back.is_empty() || state.failed {
                    state.writing = false;
                    break;
                }
                let frames: Vec<Frame> = state.back.drain(..).collect();
                (frames, state.back_bytes, state.spill.clone())
            };
            let written = spawn_blocking(move || {
                let spill = spill.map_or_else(Spill::new, Ok);
                let done = spill.and_then(|spill| spill.write(&frames).map(|end| (spill, end)));
                (done, frames)
            });
            let Ok((done, frames)) = written.await else {
                self.state().writing = false;
                self.end(GatewayError::QueueLost);
                return;
            };
            self.wrote(done, frames, bytes);
            self.readable.notify_one();
        }
        self.readable.notify_one();
    }

    fn wrote(&self, done: io::Result<(Spill, u64)>, frames: Vec<Frame>, bytes: usize) {
        let mut state = self.state();
        match done {
            Ok((spill, end)) => {
                let before = state.spilled();
                state.spill.get_or_insert(spill).wrote(end);
                let added = state.spilled() - before;
                state.back_bytes -= bytes;
                drop(state);
                raise(&self.counters.spilled_bytes, usize::try_from(added).unwrap_or(usize::MAX));
            }
            Err(error) => {
                let newer = std::mem::replace(&mut state.back, frames.into());
                state.back.extend(newer);
                state.failed = true;
                drop(state);
                tracing::warn!(%error, "gateway queue cannot be written to disk");
            }
        }
    }

    /// Ends the queue: after all frames, the reader gets `error`. The first end stays.
    pub(super) fn end(&self, error: GatewayError) {
        self.state().end.get_or_insert(error);
        self.readable.notify_one();
    }

    /// Returns the oldest frame. Waits for one; dropping the future loses none.
    pub(super) async fn pop(&self) -> Result<Frame, GatewayError> {
        loop {
            let step = self.state().next();
            match step {
                Step::Take(frame) => {
                    lower(&self.counters.queued_events, 1);
                    lower(&self.counters.queued_bytes, frame.text.len());
                    if self.state().is_empty() {
                        self.empty.notify_one();
                    }
                    return Ok(frame);
                }
                Step::Read(spill) => self.read(spill).await?,
                Step::Wait => self.readable.notified().await,
                Step::End(error) => return Err(error),
            }
        }
    }

    /// Moves the next frames of the file to the front.
    async fn read(&self, spill: Spill) -> Result<(), GatewayError> {
        let read = spawn_blocking(move || spill.read()).await.unwrap_or_else(|error| Err(io::Error::other(error)));
        let (frames, position) = read.map_err(|error| {
            tracing::error!(%error, "gateway queue cannot be read from disk");
            GatewayError::QueueLost
        })?;
        let mut state = self.state();
        let Some(spill) = &mut state.spill else { return Ok(()) };
        let before = spill.unread();
        spill.took(position);
        let taken = before - spill.unread();
        state.front_bytes += frames.iter().map(|frame| frame.text.len()).sum::<usize>();
        state.front.extend(frames);
        drop(state);
        lower(&self.counters.spilled_bytes, usize::try_from(taken).unwrap_or(usize::MAX));
        Ok(())
    }

    /// Waits until the reader has taken all frames.
    pub(super) async fn emptied(&self) {
        while !self.state().is_empty() {
            self.empty.notified().await;
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        lower(&self.counters.queued_events, state.all.0);
        lower(&self.counters.queued_bytes, state.all.1);
        lower(&self.counters.spilled_bytes, usize::try_from(state.spilled()).unwrap_or(usize::MAX));
    }
}

#[cfg(test)]
mod tests;
