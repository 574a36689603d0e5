//! The check of the media store.

use std::io::ErrorKind;
use std::sync::Arc;

use ports::upkeep::MediaUpkeep;

use super::{Check, silent, within};

/// The media store.
pub enum Files {
    /// Its settings are invalid; the text contains the reason.
    Broken(String),
    /// It can be used.
    Set(Arc<dyn MediaUpkeep>),
}

impl Files {
    pub(super) async fn check(&self) -> Check {
        let media = match self {
            Self::Set(media) => media,
            Self::Broken(reason) => return Check::failed("media store", reason),
        };
        match within(media.probe()).await {
            Some(Ok(())) => Check::ok("media store", "files can be stored, read and removed"),
            Some(Err(error)) if error.kind() == ErrorKind::NotFound => {
                Check::ok("media store", "there is none at MEDIA_URL yet; the first file creates it")
            }
            Some(Err(error)) => Check::failed("media store", format!("files cannot be stored: {error}; see MEDIA_URL")),
            None => Check::failed("media store", silent("the media store")),
        }
    }
}
