//! The REST client: one request, with its waits and retries.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use domain::timestamp::Timestamp;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use ports::clock::Clock;
use ports::guild::{GuildError, Priority};
use serde_json::error::Category;
use tracing::{Instrument as _, debug_span, field};

use crate::config::ClientConfig;
use crate::gate::{Gate, Pass};
use crate::limit::{ResponseLimits, Target};
use crate::response::{Verdict, judge};

/// The form of user agent that Discord requires; it blocks others
/// (<https://docs.discord.com/developers/reference#user-agent>).
pub(crate) const USER_AGENT: &str = concat!("DiscordBot (https://discord.com, ", env!("CARGO_PKG_VERSION"), ") Verta");

/// The largest response that is read.
const BODY_MAX: usize = 64 << 20;

/// The most attempts of a request that fails, and separately of one that is limited.
const TRIES: u32 = 6;
const LIMITED_TRIES: u32 = 10;

/// The first backoff; each is twice as long as the one before, give or take a quarter.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait of a response that a call waits for itself.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// The delay for the caller after all attempts have failed.
const LEAVE_ALONE: Duration = Duration::from_mins(1);

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) target: Target,
    pub(crate) path: String,
    pub(crate) priority: Priority,
}

/// A complete response.
#[derive(Debug)]
pub(crate) struct Reply<T> {
    pub(crate) value: T,
    /// The time when the request was sent, by the local clock.
    pub(crate) sent_at: Timestamp,
    /// The time of the response, by the server's clock, if it has one.
    pub(crate) responded_at: Option<Timestamp>,
}

/// The reason why an attempt failed.
enum Failed {
    Permanent(GuildError),
    Transient(&'static str, Option<Duration>),
    /// A rate limit, with the delay that its response demanded.
    Limited(Option<Duration>),
    /// The response is JSON of an unexpected form.
    Malformed,
}

impl Failed {
    /// Returns the outcome for metrics: one of few words.
    const fn outcome(&self) -> &'static str {
        match self {
            Self::Permanent(_) => "rejected",
            Self::Transient(..) => "failed",
            Self::Limited(_) => "limited",
            Self::Malformed => "malformed",
        }
    }
}

/// The client of one token.
pub(crate) struct Rest {
    pub(crate) http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    pub(crate) config: ClientConfig,
    clock: Arc<dyn Clock>,
    gate: Gate,
    /// Whether the token was rejected, as every further request would be.
    refused: AtomicBool,
    /// Whether an unreachable server has been logged.
    unreachable: AtomicBool,
}

impl Rest {
    /// Returns a client. Needs a runtime.
    pub(crate) fn new(config: ClientConfig, clock: Arc<dyn Clock>) -> Self {
        let tls = hyper_rustls::HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
        let http = Client::builder(TokioExecutor::new()).build(tls);
        let gate = Gate::new(config.requests_per_second);
        Self { http, config, clock, gate, refused: AtomicBool::new(false), unreachable: AtomicBool::new(false) }
    }

    /// Returns a name for the token, derived from it.
    pub(crate) fn account(&self) -> String {
        self.config.token.fingerprint()
    }

    /// Sends a GET request with retries until a response that `parse` can read, or a permanent error. `what` names the
    /// expected content in the error, if every response has another form.
    pub(crate) async fn get<T>(
        &self,
        call: &Call,
        what: &'static str,
        parse: impl Fn(&Bytes) -> serde_json::Result<T> + Send + Sync,
    ) -> Result<Reply<T>, GuildError> {
        self.send(call, None, what, parse).await
    }

    /// As [`Rest::get`], but posts `body`, which is JSON. The request must be a query without side effects.
    pub(crate) async fn post<T>(
        &self,
        call: &Call,
        body: &Bytes,
        what: &'static str,
        parse: impl Fn(&Bytes) -> serde_json::Result<T> + Send + Sync,
    ) -> Result<Reply<T>, GuildError> {
        self.send(call, Some(body), what, parse).await
    }

    async fn send<T>(
        &self,
        call: &Call,
        body: Option<&Bytes>,
        what: &'static str,
        parse: impl Fn(&Bytes) -> serde_json::Result<T> + Send + Sync,
    ) -> Result<Reply<T>, GuildError> {
        let (mut tries, mut limited) = (0, 0);
        loop {
            let failed = match self.attempt(call, body, &parse).await {
                Ok(reply) => return Ok(reply),
                Err(failed) => failed,
            };
            let (reason, wait) = match failed {
                Failed::Permanent(error) => return Err(error),
                Failed::Limited(wait) => {
                    limited += 1;
                    let wait = wait.unwrap_or_default();
                    if limited == LIMITED_TRIES || wait > LONGEST_WAIT {
                        let reason = "the platform's limits were reached";
                        return Err(GuildError::Unavailable { reason, retry_after: wait.max(LEAVE_ALONE) });
                    }
                    continue;
                }
                Failed::Transient(reason, wait) => (Some(reason), wait),
                Failed::Malformed => (None, None),
            };
            tries += 1;
            let wait = wait.unwrap_or_default();
            if tries == TRIES || wait > LONGEST_WAIT {
                let retry_after = wait.max(LEAVE_ALONE);
                let gave_up = |reason| GuildError::Unavailable { reason, retry_after };
                return Err(reason.map_or(GuildError::Malformed(what), gave_up));
            }
            let backoff = jittered(FIRST_WAIT * (1 << (tries - 1)));
            tokio::time::sleep(wait.max(backoff)).await;
        }
    }

    async fn attempt<T>(
        &self,
        call: &Call,
        body: Option<&Bytes>,
        parse: &(impl Fn(&Bytes) -> serde_json::Result<T> + Send + Sync),
    ) -> Result<Reply<T>, Failed> {
        let route = call.target.route;
        self.check_token()?;
        let wait = debug_span!("discord.wait", route);
        let pass = self.gate.enter(call.target, call.priority).instrument(wait).await.map_err(Failed::Permanent)?;
        self.check_token()?;
        let fetch = debug_span!("discord.fetch", route, outcome = field::Empty);
        let fetched = self.fetch(call, body, parse, pass).instrument(fetch.clone()).await;
        fetch.record("outcome", fetched.as_ref().map_or_else(Failed::outcome, |_| "ok"));
        fetched
    }

    /// Sends a request that may be sent, and reads its response.
    async fn fetch<T>(
        &self,
        call: &Call,
        body: Option<&Bytes>,
        parse: &(impl Fn(&Bytes) -> serde_json::Result<T> + Send + Sync),
        pass: Pass,
    ) -> Result<Reply<T>, Failed> {
        let sent_at = self.clock.now();
        let route = call.target.route;
        let exchange = tokio::time::timeout(self.config.timeout, self.exchange(&call.path, body));
        let (status, headers, body) = match exchange.await {
            Ok(Ok(response)) => response,
            Ok(Err(reason)) => {
                pass.responded(&ResponseLimits::default());
                tracing::debug!(route, reason, "response incomplete");
                return Err(Failed::Transient(reason, None));
            }
            Err(_) => {
                pass.responded(&ResponseLimits::default());
                tracing::debug!(route, "request timed out");
                return Err(Failed::Transient("the response took too long", None));
            }
        };
        let (verdict, limits) = judge(status, &headers, &body);
        if verdict == Verdict::Final(GuildError::Unauthorized) && !self.refused.swap(true, Ordering::SeqCst) {
            tracing::error!("bot token rejected; all requests stopped");
        }
        pass.responded(&limits);
        if verdict != Verdict::Good {
            tracing::debug!(route, status = status.as_u16(), "request rejected");
        }
        match verdict {
            Verdict::Good => {}
            Verdict::Retry(reason, wait) => return Err(Failed::Transient(reason, wait)),
            Verdict::Limited => return Err(Failed::Limited(limits.refused.and_then(|(_, wait)| wait))),
            Verdict::Final(error) => return Err(Failed::Permanent(error)),
        }
        let value = parse(&body).map_err(|error| match error.classify() {
            Category::Data => Failed::Malformed,
            Category::Io | Category::Syntax | Category::Eof => Failed::Transient("the response is not JSON", None),
        })?;
        Ok(Reply { value, sent_at, responded_at: date(&headers) })
    }

    fn check_token(&self) -> Result<(), Failed> {
        if self.refused.load(Ordering::SeqCst) { Err(Failed::Permanent(GuildError::Unauthorized)) } else { Ok(()) }
    }

    /// Logs why the server is unreachable: once, since all requests fail alike until it is reachable again.
    fn lost(&self, error: &hyper_util::client::legacy::Error) -> &'static str {
        if !self.unreachable.swap(true, Ordering::SeqCst) {
            let address = self.config.api.authority();
            tracing::warn!(address, error = error as &dyn std::error::Error, "connection failed; retrying");
        }
        "the platform cannot be reached"
    }

    /// Sends a request and reads its response to the end.
    async fn exchange(&self, path: &str, body: Option<&Bytes>) -> Result<(StatusCode, HeaderMap, Bytes), &'static str> {
        let uri = self.config.api.join(path).ok_or("the address is invalid")?;
        let request = Request::builder()
            .method(if body.is_some() { Method::POST } else { Method::GET })
            .uri(uri)
            .header(header::AUTHORIZATION, self.config.token.header())
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::ACCEPT, "application/json");
        let request = match body {
            Some(body) => request.header(header::CONTENT_TYPE, "application/json").body(Full::new(body.clone())),
            None => request.body(Full::default()),
        };
        let request = request.map_err(|_| "the address is invalid")?;
        let response = self.http.request(request).await.map_err(|error| self.lost(&error))?;
        self.unreachable.store(false, Ordering::SeqCst);
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, BODY_MAX).collect().await.map_err(|_| "the response was cut off")?;
        Ok((parts.status, parts.headers, body.to_bytes()))
    }
}

/// Parses the `Date` header.
fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(header::DATE)?.to_str().ok()?;
    let second = jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_second();
    Timestamp::from_millis(second.checked_mul(1000)?)
}

/// Returns `wait`, up to a quarter shorter or longer, so that requests that failed together are not retried together.
pub(crate) fn jittered(wait: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    wait.mul_f64(0.75 + f64::from(random) / f64::from(u32::MAX) / 2.0)
}

#[cfg(test)]
mod tests;
