//! The media store that an address names: its scheme selects the adapter, here and nowhere else.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use adapter_media::MediaFolder;
use adapter_s3::{BucketKeys, BucketUrl, BucketUrlError, S3Media};
use app_core::media_copy::MediaSide;
use ports::media::MediaStore;
use ports::snapshot::SnapshotStore;
use ports::upkeep::MediaUpkeep;

use crate::cli::{self, Command};
use crate::config::{Config, ConfigError, MediaUrl};

/// A media store, as each part of the program needs it.
#[derive(Clone)]
pub(crate) struct Media {
    /// The files of messages.
    pub(crate) files: Arc<dyn MediaStore>,
    /// The snapshots of search indexes.
    pub(crate) snapshots: Arc<dyn SnapshotStore>,
    /// The upkeep.
    pub(crate) upkeep: Arc<dyn MediaUpkeep>,
    /// Whether it is on another machine, which may not respond.
    is_remote: bool,
}

impl Media {
    fn new(store: Arc<impl MediaStore + SnapshotStore + MediaUpkeep + 'static>, is_remote: bool) -> Self {
        let (files, snapshots) = (Arc::clone(&store), Arc::clone(&store));
        Self { files, snapshots, upkeep: store, is_remote }
    }

    /// Removes the leftovers of killed processes, before a command that writes; a store on another machine does not
    /// delay the command.
    pub(crate) async fn tidy(&self, command: &Command) {
        let writes = match command {
            Command::Serve { .. } | Command::Sync(_) => true,
            Command::Import(arguments) => !arguments.dry_run,
            _ => false,
        };
        let upkeep = Arc::clone(&self.upkeep);
        let tidy = async move {
            match upkeep.tidy().await {
                Ok(0) => {}
                Ok(files) => tracing::info!(files, "unfinished files removed"),
                Err(error) => tracing::warn!(error = &error as &dyn Error, "media store not tidied"),
            }
        };
        if writes && self.is_remote {
            tokio::spawn(tidy);
        } else if writes {
            tidy.await;
        }
    }
}

/// Returns the media store at `url`, which the setting `variable` has.
///
/// # Errors
/// [`ConfigError`] if the address is not valid, or its keys are not set.
pub(crate) fn media(url: &MediaUrl, variable: &'static str, config: &Config) -> Result<Media, ConfigError> {
    match url {
        MediaUrl::Folder(path) => Ok(Media::new(Arc::new(MediaFolder::new(path.clone())), false)),
        MediaUrl::Bucket(url) => {
            let url = url.parse::<BucketUrl>();
            let url = url.map_err(|error: BucketUrlError| ConfigError { variable, reason: error.to_string() })?;
            let needed = |variable| ConfigError { variable, reason: "a media store in a bucket needs it".to_owned() };
            let keys = BucketKeys {
                access_key_id: config.access_key_id.clone().ok_or_else(|| needed("AWS_ACCESS_KEY_ID"))?,
                secret_access_key: match &config.secret_access_key {
                    Some(secret) => secret.as_str().to_owned(),
                    None => return Err(needed("AWS_SECRET_ACCESS_KEY")),
                },
                session_token: config.session_token.as_ref().map(|token| token.as_str().to_owned()),
            };
            Ok(Media::new(Arc::new(S3Media::new(&url, &keys)), true))
        }
    }
}

/// Runs `verta media copy`.
pub(crate) async fn copy(from: &str, to: &str, json: bool, config: &Config) -> Result<ExitCode, Box<dyn Error>> {
    let parse = |text: &str, variable| {
        let url = MediaUrl::parse(text).map_err(|reason| ConfigError { variable, reason })?;
        let media = media(&url, variable, config)?;
        Ok::<_, ConfigError>((url, MediaSide { files: media.files, upkeep: media.upkeep }))
    };
    let ((from_url, from), (to_url, to)) = (parse(from, "--from")?, parse(to, "--to")?);
    let wrong = |variable, reason: &str| Err(ConfigError { variable, reason: reason.to_owned() }.into());
    if from_url.is_same(&to_url) {
        return wrong("--to", "it is the same media store as --from");
    }
    match &from_url {
        MediaUrl::Folder(path) if !path.is_dir() => wrong("--from", "there is no such folder"),
        _ => Ok(cli::media::run(from, to, json).await),
    }
}
