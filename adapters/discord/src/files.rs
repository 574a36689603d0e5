//! The files of messages: fresh addresses for them from the API, and their bytes from where those lead.

use std::collections::HashMap;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use ports::guild::{GuildError, Priority};
use ports::media::{FetchError, FileBytes, FileSource};
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;

use crate::client::DiscordClient;
use crate::limit::Place;
use crate::rest::{Call, USER_AGENT};

/// Where Discord keeps files.
const HOSTS: [&str; 2] = ["cdn.discordapp.com", "media.discordapp.net"];

/// Makes addresses work again that have expired.
const REFRESH: &str = "/attachments/refresh-urls";

#[derive(Deserialize)]
struct Refreshed {
    refreshed_urls: Vec<Pair>,
}

#[derive(Deserialize)]
struct Pair {
    original: String,
    refreshed: Option<String>,
}

impl DiscordClient {
    /// Whether an address leads to files of the platform: an export can name any other, which is none of our business.
    fn is_ours(&self, address: &Uri) -> bool {
        let Some(authority) = address.authority() else { return false };
        let secure = address.scheme_str() == Some("https");
        secure && HOSTS.contains(&authority.as_str())
            || self.rest.config.api.authority().as_deref() == Some(authority.as_str())
    }

    fn parse(&self, address: &str) -> Option<Uri> {
        address.parse().ok().filter(|address| self.is_ours(address))
    }
}

#[async_trait]
impl FileSource for DiscordClient {
    async fn refresh(&self, addresses: &[String]) -> Result<Vec<Option<String>>, GuildError> {
        let known: Vec<&String> = addresses.iter().filter(|address| self.parse(address).is_some()).collect();
        if known.is_empty() {
            return Ok(vec![None; addresses.len()]);
        }
        let place = Place { route: REFRESH, major: 0 };
        let call = Call { place, path: REFRESH.to_owned(), priority: Priority::Backfill };
        let body = Bytes::from(json!({ "attachment_urls": known }).to_string());
        let parse = |body: &Bytes| serde_json::from_slice::<Refreshed>(body);
        let pairs = self.rest.post(&call, &body, "list of addresses", parse).await?.value.refreshed_urls;
        let fresh: HashMap<_, _> = pairs.into_iter().map(|pair| (pair.original, pair.refreshed)).collect();
        Ok(addresses.iter().map(|address| fresh.get(address).cloned().flatten()).collect())
    }

    async fn fetch(&self, address: &str, most: u64) -> Result<FileBytes, FetchError> {
        let address = self.parse(address).ok_or(FetchError::Failed("the address is none of the platform's files"))?;
        // Without the token: who has the address may read the file.
        let request = Request::get(address)
            .header(header::USER_AGENT, USER_AGENT)
            .body(Full::default())
            .map_err(|_| FetchError::Failed("the address cannot be asked"))?;
        let limit = self.rest.config.timeout;
        let answer = timeout(limit, self.rest.http.request(request)).await;
        let answer = answer.map_err(|_| FetchError::Failed("the file took too long"))?;
        let answer = answer.map_err(|_| FetchError::Failed("the files cannot be reached"))?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::GONE => return Err(FetchError::Gone),
            StatusCode::FORBIDDEN => return Err(FetchError::Failed("the address has expired")),
            _ => return Err(FetchError::Failed("the file was refused")),
        }
        let promised =
            answer.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if promised.is_some_and(|length: u64| length > most) {
            return Err(FetchError::TooLarge);
        }
        let pieces =
            stream::try_unfold((answer.into_body(), most), move |(mut body, left): (Incoming, u64)| async move {
                loop {
                    let frame =
                        timeout(limit, body.frame()).await.map_err(|_| FetchError::Failed("the file took too long"))?;
                    let Some(frame) = frame else { return Ok(None) };
                    let frame = frame.map_err(|_| FetchError::Failed("the file broke off"))?;
                    let Ok(piece) = frame.into_data() else { continue };
                    let left = left.checked_sub(piece.len() as u64).ok_or(FetchError::TooLarge)?;
                    return Ok(Some((piece, (body, left))));
                }
            });
        Ok(pieces.boxed())
    }
}
