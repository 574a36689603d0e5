//! Fetches the files of messages: fresh addresses from the API, and the bytes from those addresses.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use domain::channel::ChannelSnowflake;
use domain::message::{AttachmentId, MessageId};
use domain::picture::{PictureKey, PictureKind, PictureName};
use futures::{StreamExt as _, stream};
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use ports::guild::{GoneItem, GuildError, Priority};
use ports::media::{FetchError, FileBytes, FileSource, Refreshed, SeenFile};
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, timeout, timeout_at};

use crate::client::DiscordClient;
use crate::limit::Target;
use crate::payload::{self, Fields};
use crate::rest::{Call, USER_AGENT};

/// The hosts of Discord's files.
const HOSTS: [&str; 2] = ["cdn.discordapp.com", "media.discordapp.net"];
/// The paths of the files on them.
const FOLDERS: [&str; 2] = ["/attachments/", "/ephemeral-attachments/"];
/// Domains whose hosts belong to Discord.
const DOMAINS: [&str; 2] = ["discord.com", "discordapp.com"];

/// The minimum rate of a file in bytes per second, on average, after the time that every request may take.
const SLOWEST: u64 = 16 * 1024;

/// The number of addresses that Discord refreshes in one request
/// (<https://docs.discord.food/reference#refreshing-urls>).
const REFRESHED: usize = 50;
/// The route that refreshes expired addresses.
const REFRESH: &str = "/attachments/refresh-urls";
/// The route of one message.
const MESSAGE: &str = "/channels/{c}/messages/{m}";

#[derive(Deserialize)]
struct RefreshedUrls {
    refreshed_urls: Vec<Pair>,
}

#[derive(Deserialize)]
struct Pair {
    original: String,
    refreshed: Option<String>,
}

impl DiscordClient {
    /// Returns whether an address is that of a file of the platform: an export can name any other. The API's own host
    /// is included if the API is not Discord's, such as a simulator's, and then for files alone: its other paths are
    /// private.
    fn is_ours(&self, address: &Uri) -> bool {
        let (Some(scheme), Some(authority)) = (address.scheme_str(), address.authority()) else { return false };
        let on_cdn = scheme == "https" && HOSTS.contains(&authority.as_str());
        let on_api = || {
            let Some(api) = self.rest.config.api.join("") else { return false };
            let is_discords = api.host().is_some_and(is_discords);
            !is_discords && api.scheme_str() == Some(scheme) && api.authority() == Some(authority)
        };
        is_file(address.path()) && (on_cdn || on_api())
    }

    fn parse(&self, address: &str) -> Option<Uri> {
        address.parse().ok().filter(|address| self.is_ours(address))
    }
}

/// Returns whether a host belongs to Discord.
fn is_discords(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    DOMAINS.iter().any(|domain| host.strip_suffix(domain).is_some_and(|below| below.is_empty() || below.ends_with('.')))
}

/// Returns whether a path is below a folder of files, however a server or a proxy normalises it.
fn is_file(path: &str) -> bool {
    let plain = path.to_ascii_lowercase().replace("%2e", ".");
    let leads_out = plain.split('/').any(|part| matches!(part, "." | ".."));
    let hides_parts = ["%2f", "%5c", "%25", "\\"].iter().any(|separator| plain.contains(separator));
    FOLDERS.iter().any(|folder| path.starts_with(folder)) && !leads_out && !hides_parts
}

impl DiscordClient {
    /// Refreshes all addresses in one call.
    async fn refresh_at_once(&self, files: &[SeenFile]) -> Result<Vec<Refreshed>, GuildError> {
        let addresses = || files.iter().map(|file| &file.address);
        let known: Vec<&String> = addresses().filter(|address| self.parse(address).is_some()).collect();
        if known.is_empty() {
            return Ok(vec![Refreshed::Unknown; files.len()]);
        }
        let target = Target { route: REFRESH, major: 0 };
        let call = Call { target, path: REFRESH.to_owned(), priority: Priority::Backfill };
        let body = Bytes::from(json!({ "attachment_urls": known }).to_string());
        let parse = |body: &Bytes| serde_json::from_slice::<RefreshedUrls>(body);
        let pairs = self.rest.post(&call, &body, "list of addresses", parse).await?.value.refreshed_urls;
        let fresh: HashMap<_, _> = pairs.into_iter().map(|pair| (pair.original, pair.refreshed)).collect();
        let fresh = |address| fresh.get(address).cloned().flatten().map_or(Refreshed::Unknown, Refreshed::Address);
        Ok(addresses().map(fresh).collect())
    }

    /// Refreshes at most [`REFRESHED`] addresses.
    async fn refresh_some(&self, files: &[SeenFile]) -> Result<Vec<Refreshed>, GuildError> {
        let (scrubbed, known): (Vec<SeenFile>, Vec<SeenFile>) =
            files.iter().cloned().partition(|file| is_scrubbed(&file.address));
        let mut of_known = self.refresh_known(&known).await?.into_iter();
        let mut of_scrubbed = self.refresh_by_messages(&scrubbed).await?.into_iter();
        let fresh = |file: &SeenFile| {
            let fresh = if is_scrubbed(&file.address) { of_scrubbed.next() } else { of_known.next() };
            fresh.unwrap_or(Refreshed::Unknown)
        };
        Ok(files.iter().map(fresh).collect())
    }

    /// Refreshes addresses that Discord knows.
    async fn refresh_known(&self, files: &[SeenFile]) -> Result<Vec<Refreshed>, GuildError> {
        match self.refresh_at_once(files).await {
            // Discord does not document that route, and may remove it.
            Err(
                GuildError::Rejected { .. } | GuildError::Forbidden(_) | GuildError::Gone(_) | GuildError::Malformed(_),
            ) => self.refresh_by_messages(files).await,
            outcome => outcome,
        }
    }

    /// Requests each message again, which has its files under valid addresses.
    async fn refresh_by_messages(&self, files: &[SeenFile]) -> Result<Vec<Refreshed>, GuildError> {
        // The files of a found message; `None` for a deleted one.
        let mut shown: HashMap<(ChannelSnowflake, MessageId), Option<HashMap<AttachmentId, String>>> = HashMap::new();
        for file in files.iter().filter(|file| self.parse(&file.address).is_some()) {
            let (channel, message) = (file.channel, file.message);
            if shown.contains_key(&(channel, message)) {
                continue;
            }
            let target = Target { route: MESSAGE, major: channel.get() };
            let path = format!("/channels/{channel}/messages/{message}");
            let call = Call { target, path, priority: Priority::Backfill };
            let found = match self.rest.get(&call, "message", payload::one).await {
                Ok(reply) => Some(addresses_in(reply.value)),
                Err(GuildError::Gone(GoneItem::Message)) => None,
                Err(GuildError::Forbidden(_) | GuildError::Gone(_)) => Some(HashMap::new()),
                Err(error) => return Err(error),
            };
            shown.insert((channel, message), found);
        }
        let fresh = |file: &SeenFile| match shown.get(&(file.channel, file.message)) {
            Some(Some(addresses)) => {
                addresses.get(&file.attachment).cloned().map_or(Refreshed::Unknown, Refreshed::Address)
            }
            Some(None) => Refreshed::MessageDeleted,
            None => Refreshed::Unknown,
        };
        Ok(files.iter().map(fresh).collect())
    }
}

/// Returns the addresses of the files of a message.
fn addresses_in(mut message: Fields) -> HashMap<AttachmentId, String> {
    let files = message.objects("attachments").into_iter();
    files.filter_map(|mut file| Some((file.id("id")?, file.text("url")?))).collect()
}

/// Returns whether the name at the end of an address may contain a pseudonym: Discord does not know the file by that
/// name.
fn is_scrubbed(address: &str) -> bool {
    let name = address.rsplit('/').next().unwrap_or_default();
    name.as_bytes().windows(32).any(|part| part.iter().all(u8::is_ascii_hexdigit))
}

#[async_trait]
impl FileSource for DiscordClient {
    async fn refresh(&self, files: &[SeenFile]) -> Result<Vec<Refreshed>, GuildError> {
        let mut fresh = Vec::with_capacity(files.len());
        for files in files.chunks(REFRESHED) {
            fresh.extend(self.refresh_some(files).await?);
        }
        Ok(fresh)
    }

    async fn fetch(&self, address: &str, most: u64) -> Result<FileBytes, FetchError> {
        let address =
            self.parse(address).ok_or(FetchError::Failed("the address is not that of a file of the platform"))?;
        self.fetch_from(address, most).await
    }

    async fn fetch_picture(&self, key: PictureKey, name: &PictureName, most: u64) -> Result<FileBytes, FetchError> {
        let address = self.address_of(key, name).ok_or(FetchError::Failed("the address is invalid"))?;
        self.fetch_from(address, most).await
    }
}

impl DiscordClient {
    /// Returns the address of a picture (<https://docs.discord.com/developers/reference#image-formatting-cdn-endpoints>),
    /// on the API's own host if the API is not Discord's.
    fn address_of(&self, PictureKey { kind, id }: PictureKey, name: &PictureName) -> Option<Uri> {
        let name = name.as_str();
        let path = match kind {
            PictureKind::Emoji => format!("/emojis/{name}"),
            PictureKind::Sticker => format!("/stickers/{name}"),
            PictureKind::GuildIcon => format!("/icons/{id}/{name}"),
            PictureKind::RoleIcon => format!("/role-icons/{id}/{name}"),
        };
        let api = self.rest.config.api.join("")?;
        if api.host().is_some_and(is_discords) {
            // The other host has the stickers that move as GIF.
            let is_gif_sticker = kind == PictureKind::Sticker && name.rsplit('.').next() == Some("gif");
            return format!("https://{}{path}", HOSTS[usize::from(is_gif_sticker)]).parse().ok();
        }
        format!("{}://{}{path}", api.scheme_str()?, api.authority()?).parse().ok()
    }

    async fn fetch_from(&self, address: Uri, most: u64) -> Result<FileBytes, FetchError> {
        // Without the token: the address alone permits to read the file.
        let request = Request::get(address)
            .header(header::USER_AGENT, USER_AGENT)
            .body(Full::default())
            .map_err(|_| FetchError::Failed("the address is invalid"))?;
        let limit = self.rest.config.timeout;
        let response = timeout(limit, self.rest.http.request(request)).await;
        let response = response.map_err(|_| FetchError::Failed("the download took too long"))?;
        let response = response.map_err(|_| FetchError::Failed("the file server cannot be reached"))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::GONE => return Err(FetchError::Gone),
            StatusCode::FORBIDDEN => return Err(FetchError::Failed("the address has expired")),
            _ => return Err(FetchError::Failed("the request for the file was rejected")),
        }
        let promised =
            response.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if promised.is_some_and(|length: u64| length > most) {
            return Err(FetchError::TooLarge);
        }
        let begun = Instant::now();
        let start = (response.into_body(), 0);
        let pieces = stream::try_unfold(start, move |(mut body, size): (Incoming, u64)| async move {
            loop {
                // Otherwise a very slow transfer could delay a run for days.
                let whole = begun + limit + Duration::from_millis(size.saturating_mul(1000) / SLOWEST);
                let due = whole.min(Instant::now() + limit);
                let frame = timeout_at(due, body.frame()).await;
                let frame = frame.map_err(|_| FetchError::Failed("the download took too long"))?;
                let Some(frame) = frame else { return Ok(None) };
                let frame = frame.map_err(|_| FetchError::Failed("the file broke off"))?;
                let Ok(piece) = frame.into_data() else { continue };
                let size = size + piece.len() as u64;
                return if size > most { Err(FetchError::TooLarge) } else { Ok(Some((piece, (body, size)))) };
            }
        });
        Ok(pieces.boxed())
    }
}

#[cfg(test)]
mod tests;
