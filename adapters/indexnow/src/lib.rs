//! `IndexNow`: the protocol by which sites tell search engines which pages changed.
//!
//! [`IndexNow`] implements [`SearchEngines`]. An endpoint passes each submission on to the other engines that take part
//! (<https://www.indexnow.org/documentation>). It accepts the addresses of a site that serves the key at
//! `/KEY.txt`, which every reader can request: the key is no secret, and proves only who controls the site.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, Uri, header};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use ports::engine::{SearchEngines, SubmitError};
use ports::error::Source;
use serde::Serialize;
use tokio::time::timeout;
use tracing::{Instrument as _, Span, debug_span, field};

/// The time for a response.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest pause that a response can demand.
const LONGEST: Duration = Duration::from_hours(24);
/// How the program names itself to an endpoint.
const USER_AGENT: &str = concat!("Verta/", env!("CARGO_PKG_VERSION"));

/// A client of an endpoint.
pub struct IndexNow {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    endpoint: Uri,
    key: String,
}

impl IndexNow {
    /// Returns a client of `endpoint`, an absolute address such as <https://api.indexnow.org/indexnow>, for sites with
    /// this key: 8 to 128 of `a-z`, `A-Z`, `0-9` and `-`.
    #[must_use]
    pub fn new(endpoint: Uri, key: &str) -> Self {
        let tls = HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new()).build(tls);
        Self { client, endpoint, key: key.to_owned() }
    }

    async fn send(&self, site: &str, addresses: &[String]) -> Result<(), SubmitError> {
        let body = Submission {
            host: site.split_once("://").map_or(site, |(_, host)| host),
            key: &self.key,
            key_location: format!("{site}/{}.txt", self.key),
            url_list: addresses,
        };
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.endpoint.clone())
            .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
            .header(header::USER_AGENT, USER_AGENT)
            .body(Full::from(serde_json::to_vec(&body).expect("texts are JSON")))
            .expect("every part was parsed");
        let later = |source: Source| SubmitError::Later { wait: None, source };
        let response = timeout(PATIENCE, self.client.request(request)).await;
        let response = response.map_err(|elapsed| later(elapsed.into()))?.map_err(|error| later(error.into()))?;
        judge(response.status(), response.headers())
    }
}

/// The body of a request.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Submission<'a> {
    host: &'a str,
    key: &'a str,
    key_location: String,
    url_list: &'a [String],
}

/// Returns what a response means; 202 says that the engines have yet to check the key.
fn judge(status: StatusCode, headers: &HeaderMap) -> Result<(), SubmitError> {
    match status.as_u16() {
        200 | 202 => Ok(()),
        429 | 500.. => {
            let seconds = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
            let wait = seconds.map(|seconds| Duration::from_secs(seconds).min(LONGEST));
            Err(SubmitError::Later { wait, source: format!("the endpoint answered with status {status}").into() })
        }
        status => Err(SubmitError::Rejected { status, advice: advice(status) }),
    }
}

/// Returns the likely cause of a rejection, and what to do.
const fn advice(status: u16) -> &'static str {
    match status {
        400 => "the endpoint does not understand the request; check that INDEXNOW_URL is one of IndexNow",
        403 => {
            "the endpoint did not find the key at the site; check that the address of INDEXNOW_KEY with .txt behind it \
             can be requested from outside"
        }
        422 => {
            "the endpoint does not take the addresses for ones of the site with this key; check PUBLIC_URL, and the \
             domains of the communities"
        }
        _ => "the endpoint rejects the request; check INDEXNOW_URL",
    }
}

#[async_trait]
impl SearchEngines for IndexNow {
    async fn submit(&self, site: &str, addresses: &[String]) -> Result<(), SubmitError> {
        let span = debug_span!("indexnow.submit", addresses = field::Empty, outcome = field::Empty);
        let sent = self.send(site, addresses).instrument(span.clone()).await;
        record(&span, addresses.len(), &sent);
        sent
    }
}

/// Records an outcome for the metrics, and the number of addresses that were accepted.
fn record(span: &Span, addresses: usize, sent: &Result<(), SubmitError>) {
    let outcome = match sent {
        Ok(()) => {
            span.record("addresses", addresses as u64);
            "ok"
        }
        Err(SubmitError::Rejected { .. }) => "rejected",
        Err(SubmitError::Later { .. }) => "failed",
    };
    span.record("outcome", outcome);
}

#[cfg(test)]
mod tests;
