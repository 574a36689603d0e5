//! Earlier texts of messages.

use async_trait::async_trait;
use domain::channel::ChannelId;
use domain::message::MessageId;
use domain::retention::EarlierVersion;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use ports::error::StoreError;
use ports::version::VersionRepository;
use tracing::instrument;

use crate::columns::Columns;
use crate::parameters;
use crate::session::{FromRow, Session};
use crate::unit::SqlUnit;

/// The statements of a store.
pub trait VersionStatements: Session {
    /// Lists the earlier texts of a message.
    const LIST: &'static str;
    /// Lists the earlier texts of a channel from a message on.
    const LIST_AFTER: &'static str;
    /// Stores an earlier text.
    const UPSERT: &'static str;
    /// Removes the oldest texts of a tenant that were replaced before a time.
    const TRIM: &'static str;
    /// Removes the first texts of a channel.
    const DELETE_FIRST: &'static str;
}

/// A time before the key of the first text.
const BEFORE_ALL: Timestamp = Timestamp::from_millis(-1).expect("it is in the range");

impl FromRow for EarlierVersion {
    const TABLE: &'static str = "message_versions";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        Ok(Self {
            message: row.id("message_id")?,
            edited_at: Some(row.time("edited_at")?).filter(|at| *at != Timestamp::EPOCH),
            content: row.text("content")?,
            embeds: row.json("embeds")?,
            observed_at: row.time("observed_at")?,
            replaced_at: row.time("replaced_at")?,
            is_deletion: row.flag("is_deletion")?,
        })
    }
}

#[async_trait]
impl<U: VersionStatements> VersionRepository for SqlUnit<U> {
    #[instrument(name = "db.version.list", level = "debug", skip_all, err(level = "trace"))]
    async fn list(
        &mut self,
        channel: ChannelId,
        message: MessageId,
        after: Option<Timestamp>,
        limit: u32,
    ) -> Result<Vec<EarlierVersion>, StoreError> {
        let parameters = parameters! {
            "channel_id" => channel.0,
            "message_id" => message,
            "key" => after.unwrap_or(BEFORE_ALL),
            "limit" => limit,
        };
        self.0.select(U::LIST, parameters).await
    }

    #[instrument(name = "db.version.list_after", level = "debug", skip_all, err(level = "trace"))]
    async fn list_after(
        &mut self,
        channel: ChannelId,
        after: Option<(MessageId, Timestamp)>,
        limit: u32,
    ) -> Result<Vec<EarlierVersion>, StoreError> {
        let mut found = Vec::new();
        if let Some((message, key)) = after {
            found = self.list(channel, message, Some(key), limit).await?;
        }
        let bound = after.map_or(Some(MessageId::MIN), |(message, _)| message.next());
        let limit = limit - u32::try_from(found.len()).unwrap_or(limit);
        if let Some(bound) = bound.filter(|_| limit > 0) {
            let parameters = parameters! { "channel_id" => channel.0, "bound" => bound, "limit" => limit };
            found.extend(self.0.select(U::LIST_AFTER, parameters).await?);
        }
        Ok(found)
    }

    #[instrument(name = "db.version.upsert_all", level = "debug", skip_all, err(level = "trace"))]
    async fn upsert_all(
        &mut self,
        tenant: TenantId,
        channel: ChannelId,
        versions: &[EarlierVersion],
    ) -> Result<(), StoreError> {
        let row = |version: &EarlierVersion| {
            let row = parameters! {
                "tenant_id" => tenant.0,
                "channel_id" => channel.0,
                "message_id" => version.message,
                "edited_at" => version.key(),
                "content" => version.content.clone(),
                "embeds" => version.embeds.as_ref().map(|json| json.as_str().to_owned()),
                "observed_at" => version.observed_at,
                "replaced_at" => version.replaced_at,
                "is_deletion" => version.is_deletion,
            };
            row
        };
        self.0.execute_all("channel", U::UPSERT, versions.iter().map(row).collect()).await.map(drop)
    }

    #[instrument(name = "db.version.trim", level = "debug", skip_all, err(level = "trace"))]
    async fn trim(
        &mut self,
        tenant: TenantId,
        by_deletion: bool,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let parameters = parameters! {
            "tenant_id" => tenant.0,
            "is_deletion" => by_deletion,
            "before" => before,
            "limit" => limit,
        };
        self.0.execute(U::TRIM, parameters).await
    }

    #[instrument(name = "db.version.delete_first", level = "debug", skip_all, err(level = "trace"))]
    async fn delete_first(&mut self, channel: ChannelId, limit: u32) -> Result<u64, StoreError> {
        self.0.execute(U::DELETE_FIRST, parameters! { "channel_id" => channel.0, "limit" => limit }).await
    }
}
