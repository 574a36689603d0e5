//! The changes of a channel since its history was generated.

use std::collections::{BTreeMap, BTreeSet};

use crate::message::Stored;

/// The live changes of one channel.
#[derive(Debug, Clone, Default)]
pub(crate) struct Overlay {
    /// Messages that were sent or changed live; `None` for a deleted one.
    pub(crate) messages: BTreeMap<u64, Option<Stored>>,
    /// Pins that were set live, with their time, or removed.
    pub(crate) pins: BTreeMap<u64, Option<u64>>,
    /// Every id that was ever sent live.
    pub(crate) sent: BTreeSet<u64>,
}

impl Overlay {
    /// Returns every message that was deleted.
    pub(crate) fn tombstones(&self) -> impl Iterator<Item = u64> {
        self.messages.iter().filter(|(_, stored)| stored.is_none()).map(|(id, _)| *id)
    }
}
