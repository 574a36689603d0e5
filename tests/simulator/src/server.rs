//! One port: REST, gateway, files and control.

use std::convert::Infallible;
use std::sync::Arc;

use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::api;
use crate::cdn;
use crate::control;
use crate::delivery::{Answer, Body};
use crate::gateway;
use crate::rest::Query;
use crate::simulator::Shared;

/// The longest body that is read.
const MAX_BODY: usize = 4 << 20;

/// Accepts connections until it is dropped.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A connection that failed before it began is ignored.
                let Ok((stream, _)) = accepted else { continue };
                // Each event leaves at once, and does not wait for the acknowledgement of the one before it.
                stream.set_nodelay(true).ok();
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    let service = service_fn(move |request| {
                        let shared = Arc::clone(&shared);
                        async move { Ok::<_, Infallible>(handle(&shared, request).await) }
                    });
                    // A broken connection is for the client to handle; some are broken on purpose.
                    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                    let _ = connection.with_upgrades().await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn handle(shared: &Arc<Shared>, mut request: Request<Incoming>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    if request.headers().contains_key(header::UPGRADE) && matches!(path.as_str(), "/" | "") {
        return gateway::upgrade(shared, &mut request);
    }
    let query = request.uri().query().unwrap_or_default().to_owned();
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
        return send(shared, Answer::html(StatusCode::BAD_REQUEST, "400 Bad Request"));
    };
    let body = body.to_bytes();
    let answer = if path.starts_with("/api/") {
        api::answer(shared, &parts.method, &path, &query, &parts.headers, &body).await
    } else if path.starts_with("/_sim/") {
        control::answer(shared, &parts.method, &path, &Query::parse(&query), &body)
    } else if path.starts_with("/attachments/") && parts.method == Method::GET {
        file(shared, &path, &Query::parse(&query))
    } else if let Some((content_type, body)) = cdn::picture(&path).filter(|_| parts.method == Method::GET) {
        Answer { content_type, body, ..Answer::html(StatusCode::OK, "") }
    } else {
        Answer::json(StatusCode::NOT_FOUND, &json!({"message": "404: Not Found", "code": 0}))
    };
    send(shared, answer)
}

fn send(shared: &Shared, answer: Answer) -> Response<Body> {
    let date = control::http_date(shared.now_ms(), shared.world().clock_skew_ms);
    answer.send(&shared.options.clock, &date)
}

/// Returns a file, if its address was signed and has not expired.
fn file(shared: &Shared, path: &str, query: &Query) -> Answer {
    let signed = query.text("ex").zip(query.text("hm"));
    if !signed.is_some_and(|(ex, hm)| cdn::is_signed(path, ex, hm, shared.now_ms())) {
        let mut answer = Answer::html(StatusCode::NOT_FOUND, "");
        answer.body = b"This content is no longer available.".to_vec();
        answer.content_type = "text/plain;charset=UTF-8";
        return answer;
    }
    let id: Option<u64> = path.split('/').nth(3).and_then(|id| id.parse().ok());
    if let Some(id) = id {
        shared.serve_file(id);
    }
    match id.filter(|id| !cdn::is_lost(*id)) {
        Some(id) => {
            Answer { content_type: "application/octet-stream", body: cdn::file(id), ..Answer::html(StatusCode::OK, "") }
        }
        None => Answer::html(StatusCode::NOT_FOUND, "404 Not Found"),
    }
}
