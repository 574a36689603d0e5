//! What changed, in the order of the store. Changes are appended by
//! [`replace_interval`](crate::message::MessageRepository::replace_interval), in the unit of the page that made them.

use async_trait::async_trait;
use domain::change::{Change, ChangeId};

use crate::error::StoreError;
use crate::page::Page;

/// The changes of all channels.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ChangeRepository: Send {
    /// Changes in ascending order.
    async fn list(&mut self, page: Page<ChangeId>) -> Result<Vec<Change>, StoreError>;
}
