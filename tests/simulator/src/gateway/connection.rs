//! One `WebSocket` connection.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::{SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};

use super::handshake::Peer;
use super::session::Out;
use super::wire::Wire;
use crate::simulator::Shared;

/// The number of payloads that a client may send in a minute.
const SENDS_A_MINUTE: usize = 120;

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Serves one client until either side closes the connection.
pub(super) async fn speak(shared: Arc<Shared>, upgraded: Upgraded, compress: Option<&str>) {
    let mut socket = Socket::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
    let mut wire = Wire::new(compress);
    let interval_ms = shared.options.heartbeat_interval_ms;
    let hello = json!({"op": 10, "d": {"heartbeat_interval": interval_ms, "_trace": []}});
    let is_mute = shared.hub().mute;
    if !is_mute && socket.send(wire.frame(hello.to_string())).await.is_err() {
        return;
    }
    let number = shared.hub().number();
    let (link, mut orders) = mpsc::unbounded_channel();
    let mut peer = Peer::new(number, link);
    let mut sends = VecDeque::new();
    let given_up = loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Out::Send(payload)) => {
                    if socket.send(wire.frame(payload)).await.is_err() {
                        break false;
                    }
                }
                Some(Out::Invalidate(resumable)) => {
                    // The client may identify or resume on this connection or on another one.
                    peer.identified = false;
                    let payload = json!({"op": 9, "d": resumable}).to_string();
                    if socket.send(wire.frame(payload)).await.is_err() {
                        break false;
                    }
                }
                Some(Out::Close(code, reason)) => {
                    close(&mut socket, code, reason).await;
                    break false;
                }
                Some(Out::Drop) | None => break false,
            },
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    let now_ms = shared.now_ms();
                    sends.push_back(now_ms);
                    while sends.front().is_some_and(|first| first + 60_000 <= now_ms) {
                        sends.pop_front();
                    }
                    let taken = if sends.len() > SENDS_A_MINUTE {
                        Err((4008, "You are being rate limited."))
                    } else {
                        peer.take(&shared, text.as_str())
                    };
                    if let Err((code, reason)) = taken {
                        close(&mut socket, code, reason).await;
                        break false;
                    }
                }
                Some(Ok(Message::Close(frame))) => {
                    // The response to the close frame is sent with the next read or write.
                    let _ = socket.flush().await;
                    let code = frame.map(|frame| u16::from(frame.code));
                    break matches!(code, Some(1000 | 1001));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break false,
            },
            () = shared.options.clock.sleep(interval_ms * 2) => {
                close(&mut socket, 4009, "Session timed out").await;
                break false;
            }
        }
    };
    shared.hub().close(number, given_up, shared.now_ms());
}

/// Sends a close frame and waits for the response, so that the code arrives.
async fn close(socket: &mut Socket, code: u16, reason: &'static str) {
    let frame = CloseFrame { code: code.into(), reason: reason.into() };
    if socket.close(Some(frame)).await.is_ok() {
        while let Some(Ok(_)) = socket.next().await {}
    }
}
