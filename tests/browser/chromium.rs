//! A headless Chromium, driven by its `DevTools` protocol (<https://chromedevtools.github.io/devtools-protocol/>).

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

/// The time limit of a condition, after which a case gives up.
const PATIENCE: Duration = Duration::from_mins(1);
/// The size of a page.
const SIZE: (u32, u32) = (1_000, 700);

/// A browser, until it is dropped.
pub(crate) struct Chromium {
    process: Child,
    connection: Arc<Mutex<Connection>>,
    _profile: TempDir,
}

struct Connection {
    socket: WebSocketStream<TcpStream>,
    number: u64,
}

impl Connection {
    /// Calls a method of the protocol; returns its result.
    async fn call(&mut self, session: Option<&str>, method: &str, parameters: Value) -> Value {
        self.call_until(session, method, parameters, None).await
    }

    /// Calls a method that causes an event, and waits for both.
    async fn call_until(
        &mut self,
        session: Option<&str>,
        method: &str,
        parameters: Value,
        mut event: Option<&str>,
    ) -> Value {
        self.number += 1;
        let mut call = json!({"id": self.number, "method": method, "params": parameters});
        if let Some(session) = session {
            call["sessionId"] = session.into();
        }
        self.socket.send(Message::text(call.to_string())).await.unwrap();
        let mut result = None;
        loop {
            let message = timeout(PATIENCE, self.socket.next()).await;
            let message = message.unwrap_or_else(|_| panic!("no response to {call}")).unwrap().unwrap();
            let Message::Text(text) = message else { continue };
            let answer: Value = serde_json::from_str(&text).unwrap();
            if answer["id"] == self.number {
                assert!(answer["error"].is_null(), "{call}: {answer}");
                result = Some(answer["result"].clone());
            }
            event = event.filter(|event| answer["method"] != **event || answer["sessionId"].as_str() != session);
            if let Some(result) = result.take_if(|_| event.is_none()) {
                return result;
            }
        }
    }
}

impl Chromium {
    /// Starts a browser with an empty profile.
    pub(crate) async fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let program = std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
        let mut process = Command::new(&program)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--remote-debugging-port=0",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok);
        let url = lines.find_map(|line| line.strip_prefix("DevTools listening on ").map(str::to_owned));
        let url = url.expect("the browser names its address");
        // A browser that cannot write ends.
        std::thread::spawn(move || lines.for_each(drop));
        let address = url.strip_prefix("ws://").unwrap().split('/').next().unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        let (socket, _) = client_async(&url, stream).await.unwrap();
        Self { process, connection: Arc::new(Mutex::new(Connection { socket, number: 0 })), _profile: profile }
    }

    /// Opens a page in a tab.
    pub(crate) async fn open(&self, url: &str) -> Tab {
        self.open_as(url, &Reader::default()).await
    }

    /// Opens a page in a tab, in which `script` runs before the scripts of the page.
    pub(crate) async fn open_after(&self, url: &str, script: &str) -> Tab {
        self.open_as(url, &Reader { script, ..Reader::default() }).await
    }

    /// Opens a page in a tab of a reader.
    pub(crate) async fn open_as(&self, url: &str, reader: &Reader<'_>) -> Tab {
        let mut connection = self.connection.lock().await;
        let (width, height) = SIZE;
        let made = json!({"url": "about:blank", "width": width, "height": height, "newWindow": true});
        let target = connection.call(None, "Target.createTarget", made).await["targetId"].clone();
        let attach = json!({"targetId": target, "flatten": true});
        let session = connection.call(None, "Target.attachToTarget", attach).await;
        let session = session["sessionId"].as_str().unwrap().to_owned();
        connection.call(Some(&session), "Page.enable", json!({})).await;
        let first = "Page.addScriptToEvaluateOnNewDocument";
        connection.call(Some(&session), first, json!({"source": reader.script})).await;
        let screen = json!({"width": reader.width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        for (method, parameters) in [
            ("Emulation.setTimezoneOverride", json!({"timezoneId": reader.zone})),
            ("Emulation.setDeviceMetricsOverride", screen),
            ("Emulation.setScriptExecutionDisabled", json!({"value": !reader.has_script})),
        ] {
            connection.call(Some(&session), method, parameters).await;
        }
        let loaded = Some("Page.loadEventFired");
        connection.call_until(Some(&session), "Page.navigate", json!({"url": url}), loaded).await;
        drop(connection);
        Tab { target, session, connection: Arc::clone(&self.connection) }
    }
}

/// The reader of a page.
pub(crate) struct Reader<'a> {
    /// A script that runs before those of the page.
    pub(crate) script: &'a str,
    /// Whether the browser runs scripts of pages.
    pub(crate) has_script: bool,
    /// The time zone.
    pub(crate) zone: &'a str,
    /// The width of the page, in pixels.
    pub(crate) width: u32,
}

impl Default for Reader<'_> {
    fn default() -> Self {
        Self { script: "", has_script: true, zone: "UTC", width: SIZE.0 }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// A page in a tab.
pub(crate) struct Tab {
    target: Value,
    session: String,
    connection: Arc<Mutex<Connection>>,
}

impl Tab {
    async fn call(&self, method: &str, parameters: Value) -> Value {
        self.connection.lock().await.call(Some(&self.session), method, parameters).await
    }

    /// Closes the tab, as a reader does.
    pub(crate) async fn close(self) {
        self.connection.lock().await.call(None, "Target.closeTarget", json!({"targetId": self.target})).await;
    }

    /// Returns the value of an expression.
    pub(crate) async fn run(&self, expression: &str) -> Value {
        let call = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let result = self.call("Runtime.evaluate", call).await;
        assert!(result["exceptionDetails"].is_null(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// Waits until an expression is true of the page, which is checked whenever the page changes or is scrolled.
    pub(crate) async fn until(&self, condition: &str) {
        let wait = format!(
            "new Promise((done) => {{
                const check = () => {{
                    let holds = false;
                    try {{ holds = Boolean({condition}); }} catch {{ /* A part of it is being replaced. */ }}
                    if (holds) done(true);
                }};
                new MutationObserver(check).observe(document, {{ subtree: true, childList: true, characterData: true }});
                addEventListener('scroll', check);
                check();
            }})"
        );
        if timeout(PATIENCE / 2, self.run(&wait)).await.is_err() {
            self.screenshot("failed").await;
            panic!("{condition}: {}", self.run("document.body.innerText").await);
        }
    }

    /// Presses and releases a key, which writes `text`.
    pub(crate) async fn press(&self, key: &str, text: &str) {
        // The numbers of keys that do something themselves.
        let number = match key {
            "Enter" => 13,
            "Escape" => 27,
            "ArrowLeft" => 37,
            "ArrowRight" => 39,
            _ => 0,
        };
        for (kind, text) in [("keyDown", text), ("keyUp", "")] {
            let event = json!({"type": kind, "key": key, "code": key, "text": text, "windowsVirtualKeyCode": number});
            self.call("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Returns the middle of the first element of a selector, after scrolling to it.
    async fn middle(&self, selector: &str) -> Value {
        let middle = format!(
            "(() => {{
                const element = document.querySelector({});
                element.scrollIntoView({{ block: 'center' }});
                const [box] = element.getClientRects();
                return [box.x + box.width / 2, box.y + box.height / 2];
            }})()",
            json!(selector)
        );
        self.run(&middle).await
    }

    /// Clicks into the middle of the first element of a selector.
    pub(crate) async fn click(&self, selector: &str) {
        let middle = self.middle(selector).await;
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": middle[0], "y": middle[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event).await;
        }
    }

    /// Taps with a finger on the middle of the first element of a selector.
    pub(crate) async fn tap(&self, selector: &str) {
        let middle = self.middle(selector).await;
        self.touch("touchStart", json!([{"x": middle[0], "y": middle[1]}])).await;
        self.touch("touchEnd", json!([])).await;
    }

    /// Moves fingers, which touch the page at these places, `right` by so many pixels.
    pub(crate) async fn swipe(&self, fingers: &[(i32, i32)], right: i32) {
        let at = |moved: i32| -> Value { fingers.iter().map(|(x, y)| json!({"x": x + moved, "y": y})).collect() };
        self.touch("touchStart", at(0)).await;
        for moved in [right / 2, right] {
            self.touch("touchMove", at(moved)).await;
        }
        self.touch("touchEnd", json!([])).await;
    }

    async fn touch(&self, kind: &str, points: Value) {
        self.call("Input.dispatchTouchEvent", json!({"type": kind, "touchPoints": points})).await;
    }

    /// Loads another page.
    pub(crate) async fn go(&self, url: &str) {
        let mut connection = self.connection.lock().await;
        let loaded = Some("Page.loadEventFired");
        connection.call_until(Some(&self.session), "Page.navigate", json!({"url": url}), loaded).await;
    }

    /// Stores a picture of the page in the folder of temporary files of the build.
    pub(crate) async fn screenshot(&self, name: &str) {
        let picture = self.call("Page.captureScreenshot", json!({"format": "png"})).await;
        let bytes = BASE64.decode(picture["data"].as_str().unwrap().as_bytes()).unwrap();
        std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("browser-{name}.png")), bytes).unwrap();
    }
}
