//! The gateway: sessions that outlive their connections.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::delivery::{Answer, Body};
use crate::rest::Query;
use crate::simulator::Shared;

mod connection;
mod fault;
mod handshake;
mod hub;
mod session;
mod wire;

pub use fault::GatewayFault;
pub(crate) use hub::Hub;

/// Responds to a `WebSocket` upgrade request, and serves the connection.
pub(crate) fn upgrade(shared: &Arc<Shared>, request: &mut Request<Incoming>) -> Response<Body> {
    if shared.hub().refuses {
        let title = "503 Service Unavailable";
        return Answer::html(StatusCode::SERVICE_UNAVAILABLE, title).send(&shared.options.clock, "");
    }
    let Some(key) = request.headers().get(header::SEC_WEBSOCKET_KEY) else {
        return Answer::html(StatusCode::BAD_REQUEST, "400 Bad Request").send(&shared.options.clock, "");
    };
    let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes())).expect("base64 is ASCII");
    let query = Query::parse(request.uri().query().unwrap_or_default());
    let upgraded = hyper::upgrade::on(request);
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        // A client that disconnects before the upgrade is ignored.
        if let Ok(upgraded) = upgraded.await {
            connection::speak(shared, upgraded, query.text("compress")).await;
        }
    });
    let mut response = Response::new(Empty::<Bytes>::new().map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    response
}
