//! Channels as export files describe them.

use crate::channel::{Channel, ChannelKind, ChannelSnowflake};
use crate::json::Json;
use crate::pseudonym::Pseudonymizer;
use crate::tenant::TenantId;

/// A file's description of its channel's parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportParent {
    /// Its id.
    pub platform_id: ChannelSnowflake,
    /// Its name; empty if the file does not have it.
    pub name: String,
    /// Its type, inferred from the file's content: a category, a forum, or a text or announcement channel.
    pub kind: ChannelKind,
}

/// A file's description of its channel, unscrubbed: [`ExportChannel::to_channel`] scrubs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportChannel {
    /// Its id.
    pub platform_id: ChannelSnowflake,
    /// Its type.
    pub kind: ChannelKind,
    /// Its name; for direct messages a name that does not identify the people.
    pub name: String,
    /// Its topic.
    pub topic: Option<String>,
    /// The category or channel above it.
    pub parent: Option<ExportParent>,
    /// Data of the file beyond these fields.
    pub extra: Option<Json>,
}

impl ExportChannel {
    /// Returns the described channel of `tenant`, scrubbed by `people`: private and without a parent until the caller
    /// sets them.
    #[must_use]
    pub fn to_channel(&self, tenant: TenantId, people: &Pseudonymizer) -> Channel {
        let name = people.text(&self.name).into_owned();
        Channel {
            topic: self.topic.as_ref().map(|topic| people.text(topic).into_owned()),
            extra: self.extra.as_ref().map(|extra| Json::new(&people.json(extra.to_value()))),
            ..Channel::new(tenant, self.platform_id, self.kind, name)
        }
    }
}
