//! The stream of a shard's events.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ports::event::{EventStream, GatewayError, Received};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::frame::Frame;
use super::queue::Queue;
use super::reader::Reader;
use super::shard::FAREWELL;

/// The events of one shard.
pub(super) struct ShardStream {
    queue: Arc<Queue>,
    reader: Reader,
    task: AbortOnDropHandle<()>,
    leaving: CancellationToken,
    /// The frame that is being read; it stays if the future is dropped.
    current: Option<Frame>,
}

impl ShardStream {
    pub(super) const fn new(
        queue: Arc<Queue>,
        reader: Reader,
        task: AbortOnDropHandle<()>,
        leaving: CancellationToken,
    ) -> Self {
        Self { queue, reader, task, leaving, current: None }
    }
}

#[async_trait]
impl EventStream for ShardStream {
    async fn next(&mut self) -> Result<Received, GatewayError> {
        let frame = match self.current.take() {
            Some(frame) => frame,
            None => self.queue.pop().await?,
        };
        let frame = self.current.insert(frame);
        let received = self.reader.read(frame).await?;
        self.current = None;
        Ok(received)
    }

    async fn close(self: Box<Self>) {
        self.leaving.cancel();
        // The task itself waits no longer than for the answer.
        let task = self.task;
        if timeout(FAREWELL + Duration::from_secs(1), task).await.is_err() {
            tracing::warn!("gateway connection not closed in time");
        }
    }
}
