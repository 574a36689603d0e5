//! One stream, to one client. It pulls from the feed of its tenant when the connection has room, so that a slow client
//! costs nothing but its place in the feed.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use app_core::browse::ChannelView;
use bytes::{Bytes, BytesMut};
use domain::change::{ChangeKind, ChangePosition, Followed};
use domain::channel::ChannelId;
use domain::slug::TenantSlug;
use domain::tenant::{Tenant, TenantId};
use futures::stream::Stream;
use futures::{FutureExt, stream};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::Streams;
use super::batch::{Batch, Rendered, closed};
use super::slots::Slot;

/// The time between two comment lines, which keep proxies from closing a silent connection.
const BEAT: Duration = Duration::from_secs(15);
/// The changes of all tenants after which a reader loads everything again instead of catching up.
const MOST_MISSED: u64 = 10_000;
/// The changes that a reader catches up with at once.
const STEP: u32 = 100;
/// The time after which a client connects again, in milliseconds.
const RETRY_MS: u32 = 2_000;

/// The channel that a stream is limited to.
pub(super) struct Only {
    channel: ChannelId,
    /// The channel of a thread, which takes it along when it closes.
    parent: Option<ChannelId>,
}

impl Only {
    pub(super) fn new(view: &ChannelView) -> Self {
        let parent = view.channel.parent_id.filter(|_| view.channel.kind.is_thread());
        Self { channel: view.channel.id, parent }
    }
}

/// A stream to one client.
pub(super) struct Reader {
    streams: Arc<Streams>,
    feed: broadcast::Receiver<Arc<Batch>>,
    tenant: TenantId,
    slug: TenantSlug,
    only: Option<Only>,
    /// Every change before it was sent.
    position: ChangePosition,
    phase: Phase,
    beat: Interval,
    /// The last position that the client was told.
    told: ChangePosition,
    _slot: Slot,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing was sent. Whether the client resumes.
    Opened { resumes: bool },
    /// The changes that the client missed are read from the log. Whether some were read already.
    CatchingUp { begun: bool },
    /// The feed is sent.
    Following,
    /// The last event was sent.
    Over,
}

impl Reader {
    /// Returns a stream that begins after `from`, or now: at `end` of the log, if the follower has not read it yet.
    pub(super) fn new(
        streams: &Arc<Streams>,
        tenant: &Tenant,
        only: Option<Only>,
        (from, end): (Option<ChangePosition>, ChangePosition),
        slot: Slot,
    ) -> Self {
        let (feed, now) = streams.subscribe(tenant.id);
        let mut beat = interval_at(Instant::now() + BEAT, BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let resumes = from.is_some();
        let position = from.or(now).unwrap_or(end);
        streams.counts.open.inc();
        Self {
            streams: Arc::clone(streams),
            feed,
            tenant: tenant.id,
            slug: tenant.slug.clone(),
            only,
            told: position.clone(),
            position,
            phase: Phase::Opened { resumes },
            beat,
            _slot: slot,
        }
    }

    pub(super) fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send {
        stream::unfold(self, |mut reader| async move {
            let bytes = reader.next().await?;
            Some((Ok(bytes), reader))
        })
    }

    /// Returns the next bytes; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        let closed = self.streams.closed.clone();
        loop {
            let step = tokio::select! {
                biased;
                () = closed.cancelled() => Step::End,
                step = self.step() => step,
            };
            match step {
                Step::Send(bytes) if bytes.is_empty() => {}
                Step::Send(bytes) => return Some(bytes),
                Step::End => return None,
            }
        }
    }

    async fn step(&mut self) -> Step {
        match self.phase {
            Phase::Opened { resumes } => {
                self.phase = if resumes { Phase::CatchingUp { begun: false } } else { Phase::Following };
                Step::Send(format!("retry: {RETRY_MS}\nid: {}\n\n", self.position.as_text()).into())
            }
            Phase::CatchingUp { begun } => self.catch_up(begun).await,
            Phase::Following => self.follow().await,
            Phase::Over => Step::End,
        }
    }

    /// Sends the next changes of the feed, or a comment if there is none for a while.
    async fn follow(&mut self) -> Step {
        let batch = tokio::select! {
            biased;
            batch = self.feed.recv() => batch,
            _ = self.beat.tick() => return Step::Send(self.comment()),
        };
        let batch = match batch {
            // It caught up with them from the log.
            Ok(batch) if self.position.reaches(&batch.end) => return Step::NOTHING,
            Ok(batch) => batch,
            Err(RecvError::Lagged(_)) => {
                self.streams.count_slow();
                return Step::End;
            }
            Err(RecvError::Closed) => return Step::End,
        };
        let streams = Arc::clone(&self.streams);
        let Some(rendered) = batch.rendered(&streams).await else { return Step::End };
        self.position = batch.after().clone();
        self.send(&rendered)
    }

    /// Sends changes that the client missed.
    async fn catch_up(&mut self, begun: bool) -> Step {
        let streams = Arc::clone(&self.streams);
        let Ok(_turn) = streams.catching_up.acquire().await else { return Step::End };
        let (tenant, from) = (self.tenant, self.position.clone());
        let most = if begun { u64::MAX } else { MOST_MISSED };
        let missed = streams.read(move |mut at| {
            async move {
                let (batches, after) = match at.follow(&from, STEP).await.ok()? {
                    Followed::Changes { changes, position, behind } if changes.len() as u64 + behind <= most => {
                        let of_tenant = changes.iter().filter(|change| change.tenant_id == tenant);
                        let kinds: Vec<ChangeKind> = of_tenant.map(|change| change.kind).collect();
                        let is_end = changes.is_empty();
                        (Batch::of(tenant, &kinds, &from, &position), (position, is_end))
                    }
                    Followed::Changes { .. } => {
                        let position = at.position().await.ok()?;
                        (vec![Batch::reset(tenant, &position)], (position, true))
                    }
                    Followed::Resync { position } => (vec![Batch::reset(tenant, &position)], (position, true)),
                };
                let mut all = Vec::new();
                for batch in batches {
                    all.push(batch.render(&mut at).await?);
                }
                Some((all, after))
            }
            .boxed()
        });
        let Some((all, (position, is_end))) = missed.await else { return Step::End };
        self.position = position;
        self.phase = if is_end { Phase::Following } else { Phase::CatchingUp { begun: true } };
        let mut bytes = BytesMut::new();
        for rendered in &all {
            match self.send(rendered) {
                Step::Send(part) => bytes.extend_from_slice(&part),
                Step::End => {
                    self.phase = Phase::Over;
                    break;
                }
            }
        }
        Step::Send(bytes.freeze())
    }

    /// Returns the events for this client. The stream ends with its tenant, and with the channel that it is limited to.
    fn send(&mut self, rendered: &Rendered) -> Step {
        if rendered.slug.as_ref() != Some(&self.slug) {
            return Step::End;
        }
        let Some(only) = &self.only else {
            self.streams.counts.sent.inc_by(rendered.events.len() as u64);
            if !rendered.events.is_empty() {
                self.told = self.position.clone();
            }
            return Step::Send(rendered.whole.clone());
        };
        let mut bytes = BytesMut::new();
        for event in &rendered.events {
            let is_own = event.channel.is_none_or(|channel| channel == only.channel);
            let is_closed = event.is_closed && (is_own || event.channel == only.parent);
            if is_closed {
                let mut text = String::new();
                let (id, data) = (self.position.as_text(), closed(only.channel));
                write!(text, "id: {id}\nevent: channel.updated\ndata: {data}\n\n").expect("a string takes every write");
                bytes.extend_from_slice(text.as_bytes());
            } else if is_own {
                bytes.extend_from_slice(&rendered.whole[event.text.clone()]);
            }
            self.streams.counts.sent.inc_by((is_own || is_closed).into());
            if is_closed {
                self.phase = Phase::Over;
                break;
            }
        }
        Step::Send(bytes.freeze())
    }

    /// Returns a comment, with the position if it moved: other changes take its place out of the log meanwhile.
    fn comment(&mut self) -> Bytes {
        match self.streams.position_after(&self.feed) {
            Some(position) if position != self.told && position.reaches(&self.position) => {
                let text = format!(":\nid: {}\n\n", position.as_text());
                (self.position, self.told) = (position.clone(), position);
                text.into()
            }
            _ => Bytes::from_static(b":\n\n"),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.streams.counts.open.dec();
    }
}

enum Step {
    Send(Bytes),
    End,
}

impl Step {
    const NOTHING: Self = Self::Send(Bytes::new());
}
