//! Stored pictures of guilds and of texts.

use std::collections::{BTreeSet, HashSet};

use domain::guild::RoleId;
use domain::media::{ContentHash, FileContent, FileState};
use domain::message::Message;
use domain::picture::{Picture, PictureKey};
use domain::tenant::Tenant;
use ports::store::Ahead;

use super::{BrowseError, Reading};

/// The most pictures that are looked up for a page.
const MOST: usize = 200;

/// The pictures of a page that are stored and that browsers show.
pub type Pictures = HashSet<PictureKey>;

/// A stored picture.
#[derive(Debug, Clone, Copy)]
pub struct PictureView {
    /// Its key.
    pub key: PictureKey,
    /// The hash of its bytes, which finds them.
    pub hash: ContentHash,
    /// Its size.
    pub size_bytes: u64,
    /// The content of its bytes.
    pub content: Option<FileContent>,
}

impl PictureView {
    /// Returns the view of a picture; `None` if its bytes are not stored.
    fn of(picture: &Picture) -> Option<Self> {
        match picture.state {
            FileState::Stored { hash, size_bytes, content } => {
                Some(Self { key: picture.key, hash, size_bytes, content })
            }
            _ => None,
        }
    }

    /// Returns the type that it is served with; `None` if a browser saves it instead of showing it.
    #[must_use]
    pub fn shown_type(&self) -> Option<&'static str> {
        self.content?.format.shown_as(None).filter(|kind| kind.starts_with("image/"))
    }
}

/// Returns the keys of the pictures that messages show, and of the icons of roles: at most 200.
pub(super) fn keys_of<'a>(
    messages: impl IntoIterator<Item = &'a Message>,
    roles: impl IntoIterator<Item = RoleId>,
) -> Vec<PictureKey> {
    let mut keys: BTreeSet<PictureKey> = roles.into_iter().map(PictureKey::role_icon).take(MOST).collect();
    for key in messages.into_iter().flat_map(Message::picture_keys) {
        if keys.len() == MOST {
            break;
        }
        keys.insert(key);
    }
    keys.into_iter().collect()
}

/// Returns the read of these pictures, if there are any.
pub(super) fn pictures_read(tenant: &Tenant, keys: &[PictureKey]) -> Option<Ahead> {
    (!keys.is_empty()).then(|| Ahead::Pictures(tenant.id, keys.to_vec()))
}

impl Reading {
    /// Returns a stored picture of a tenant.
    ///
    /// # Errors
    /// [`BrowseError::NotFound`], or [`BrowseError::Store`].
    pub async fn picture(&mut self, tenant: &Tenant, key: PictureKey) -> Result<PictureView, BrowseError> {
        let found = self.at.pictures(tenant.id, &[key]).await?;
        found.first().and_then(PictureView::of).ok_or(BrowseError::NotFound("picture"))
    }

    /// Returns those of `keys`, at most 200, that are stored and that browsers show; reads nothing without any.
    pub(super) async fn pictures(&mut self, tenant: &Tenant, keys: &[PictureKey]) -> Result<Pictures, BrowseError> {
        if keys.is_empty() {
            return Ok(Pictures::new());
        }
        let found = self.at.pictures(tenant.id, keys).await?;
        let shown = found.iter().filter_map(PictureView::of).filter(|view| view.shown_type().is_some());
        Ok(shown.map(|view| view.key).collect())
    }
}
