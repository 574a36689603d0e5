//! The program as a user runs it: its own process, a folder of its own, and bytes over a socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// The admin key of every installation here.
pub(crate) const ADMIN_KEY: &str = "an-admin-key-of-this-test-alone";
/// The time limit of every operation, after which a case gives up.
const PATIENCE: Duration = Duration::from_mins(2);

/// The folder of the example community.
pub(crate) fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

/// The key of the pseudonyms.
pub(crate) const KEY: [u8; 32] = [0x5a; 32];

/// An installation in a folder that is removed with it.
pub(crate) struct Installation {
    folder: TempDir,
    /// The address of its archive, if the archive is not in the folder.
    server: Option<String>,
}

impl Installation {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), server: None }
    }

    /// Returns an installation whose archive is at a `DATABASE_URL` of a server.
    pub(crate) fn at(address: &str) -> Self {
        Self { server: Some(address.to_owned()), ..Self::new() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path("data/verta.db")
    }

    /// The program with the settings of this installation only.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let address = self.server.clone().unwrap_or_else(|| format!("sqlite:{}", self.database().display()));
        let mut command = Command::new(env!("CARGO_BIN_EXE_verta"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("DATABASE_URL", address)
            .env("ADMIN_API_KEY", ADMIN_KEY)
            .env("PSEUDONYM_KEY", format!("{:02x}", KEY[0]).repeat(KEY.len()))
            .env("BIND", "127.0.0.1:0")
            .env("RATE_LIMIT", "0")
            .env("CACHE_MIB", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("panicked"), "{said}");
        output
    }

    /// Imports `paths`; returns the exit code and the JSON on the last line.
    pub(crate) fn import(&self, paths: &[&Path], flags: &[&str]) -> (i32, Value) {
        let mut arguments = vec!["import", "--json"];
        arguments.extend(flags);
        arguments.extend(paths.iter().map(|path| path.to_str().unwrap()));
        let output = self.run(&arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        let last = text.lines().last().unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code().unwrap(), serde_json::from_str(last).unwrap())
    }

    /// Starts the server and waits until it logs its address.
    pub(crate) fn serve(&self, arguments: &[&str]) -> Server {
        self.serve_with(arguments, |_| {})
    }

    /// Like [`Installation::serve`], with other settings.
    pub(crate) fn serve_with(&self, arguments: &[&str], change: impl FnOnce(&mut Command)) -> Server {
        let mut all = vec!["serve"];
        all.extend(arguments);
        let mut command = self.command(&all);
        change(&mut command);
        Self::started(command)
    }

    /// Like [`Installation::serve`], with a cache: for cases that change the archive through the server alone, or not at
    /// all. It notices other changes within a second.
    pub(crate) fn serve_cached(&self, arguments: &[&str]) -> Server {
        self.serve_with(arguments, |command| {
            command.env("CACHE_MIB", "64");
        })
    }

    /// Like [`Installation::serve`], without a search index: every statement but those of the change log, the leases and
    /// the jobs is one of a request.
    pub(crate) fn serve_without_index(&self, arguments: &[&str]) -> Server {
        // A device has no folder below it, so that the indexer cannot begin.
        self.serve_with(arguments, |command| {
            command.env("INDEX_DIR", "/dev/null");
        })
    }

    /// Like [`Installation::serve`], with a limit on the files that the server may open.
    pub(crate) fn serve_with_files(&self, files: u32, arguments: &[&str]) -> Server {
        let mut all = vec!["serve"];
        all.extend(arguments);
        let plain = self.command(&all);
        let mut limited = Command::new("sh");
        limited.args(["-c", &format!("ulimit -n {files}; exec \"$0\" \"$@\"")]);
        limited.arg(plain.get_program()).args(plain.get_args()).current_dir(self.folder.path()).env_clear();
        limited.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        limited.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self::started(limited)
    }

    fn started(mut command: Command) -> Server {
        let mut child = command.spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        let streams: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for stream in streams {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut said = String::new();
        let address = loop {
            let Ok(line) = lines.recv_timeout(PATIENCE) else {
                let ended = child.try_wait();
                child.kill().ok();
                panic!("the server did not come up ({ended:?}):\n{said}");
            };
            if let Some((_, rest)) = line.split_once("Verta is at http://") {
                break rest.trim_end_matches('/').parse().unwrap();
            }
            said.push_str(&line);
            said.push('\n');
        };
        Server { child, address, lines: Mutex::new(lines) }
    }
}

/// Returns the bytes of one request on a connection of its own, with more header lines, each ended by `\r\n`.
fn sent(method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: verta.test\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// Sends bytes to a server and returns what it sends until it closes the connection.
fn exchange(address: SocketAddr, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // A server that has already rejected the request may close before it has read everything.
    stream.write_all(bytes).ok();
    let mut answer = Vec::new();
    let mut chunk = [0; 8192];
    while let Ok(length @ 1..) = stream.read(&mut chunk) {
        answer.extend_from_slice(&chunk[..length]);
        if is_begun_stream(&answer) {
            break;
        }
    }
    Ok(answer)
}

/// Returns whether a response is a stream of events, which does not end, and has its first piece.
fn is_begun_stream(answer: &[u8]) -> bool {
    let head = answer.windows(4).position(|part| part == b"\r\n\r\n");
    head.is_some_and(|end| {
        let is_stream = String::from_utf8_lossy(&answer[..end]).contains("\r\ncontent-type: text/event-stream\r\n");
        is_stream && answer[end + 4..].ends_with(b"\n\n\r\n")
    })
}

/// Requests a path of a server in this process.
pub(crate) fn get_from(address: SocketAddr, path: &str) -> Answer {
    Answer::parse(&exchange(address, &sent("GET", path, "", b"")).unwrap())
}

/// Requests a path of a server that may be killed; `None` unless the whole response arrives, which has a length.
pub(crate) fn get_if_alive(address: SocketAddr, path: &str) -> Option<Answer> {
    let bytes = exchange(address, &sent("GET", path, "", b"")).ok()?;
    bytes.windows(4).any(|part| part == b"\r\n\r\n").then_some(())?;
    let answer = Answer::parse(&bytes);
    let length: usize = answer.header("content-length")?.parse().ok()?;
    (answer.body.len() == length).then_some(answer)
}

/// A server that runs until it is dropped.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    /// The log output; the server continues even if it is not read.
    lines: Mutex<mpsc::Receiver<String>>,
}

impl Server {
    /// Sends raw bytes and reads until the server closes; `None` if it closed without a response.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Option<Answer> {
        let answer = exchange(self.address, bytes).unwrap();
        (!answer.is_empty()).then(|| Answer::parse(&answer))
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.request("GET", path, "", b"")
    }

    /// Sends one request with more header lines, each ended by `\r\n`.
    pub(crate) fn request(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        self.raw(&sent(method, path, headers, body)).expect("the server answers")
    }

    /// Returns the largest resident size so far, in MiB.
    pub(crate) fn peak_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().strip_suffix("kB").unwrap().trim().parse::<u64>().unwrap() / 1024
    }

    /// Waits for a line of output that contains `words`.
    pub(crate) fn wait_for(&self, words: &str) {
        let lines = self.lines.lock().unwrap();
        while !lines.recv_timeout(PATIENCE).unwrap().contains(words) {}
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Terminates the server; returns the output since the last call.
    pub(crate) fn stop(mut self) -> Vec<String> {
        let asked = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status().unwrap();
        assert!(asked.success());
        self.child.wait().unwrap();
        let lines = self.lines.lock().unwrap();
        std::iter::from_fn(|| lines.recv_timeout(PATIENCE).ok()).collect()
    }

    /// Waits for the server to exit after it was told to stop elsewhere.
    pub(crate) fn wait(mut self) -> i32 {
        self.child.wait().unwrap().code().expect("no signal ended it")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The response of a server.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|part| part == b"\r\n\r\n").expect("a head ends");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Self { status, head, body: bytes[end + 4..].to_vec() };
        if answer.header("transfer-encoding").is_some_and(|encoding| encoding.contains("chunked")) {
            answer.body = unchunk(&answer.body);
        }
        answer
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Every header as it was sent; one that was sent twice occurs twice.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.map(|(name, value)| (name, value.trim()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

fn unchunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|part| part == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        body.extend_from_slice(&bytes[end + 2..end + 2 + length]);
        bytes = &bytes[end + 2 + length + 2..];
    }
    body
}
