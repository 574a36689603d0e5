//! A proxy for the `MySQL` protocol between an adapter and a server, which causes faults that otherwise occur only now
//! and then: <https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html>.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const COM_QUERY: u8 = 0x03;
const COM_STMT_PREPARE: u8 = 0x16;
const COM_STMT_EXECUTE: u8 = 0x17;
/// The first byte of an OK packet, and of an error packet.
const OK: u8 = 0x00;
const ERROR: u8 = 0xff;
/// The message that `TiDB` sends under an unspecific code.
const TEXT: &str = "Information schema is changed, or so says the proxy";

/// A fault of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The statement is not forwarded; the response is this error.
    Error(u16),
    /// The statement is not forwarded; the connection closes.
    CutBefore,
    /// The statement is forwarded; the connection closes when its response would arrive.
    CutAfter,
    /// The statement is not forwarded, and no response arrives, until [`Proxy::resume`].
    Stall,
}

/// Selects the statements that meet a fault.
struct Rule {
    /// Words that the statement contains; none for every statement.
    words: String,
    /// Bytes that are sent with the statement, possibly in a value.
    bytes: Vec<u8>,
    /// The number of statements that pass before the next fault.
    skip: u32,
    /// The number of statements that pass between two faults.
    gap: u32,
    /// The number of remaining faults.
    left: u32,
    fault: Fault,
}

impl Rule {
    /// Selects the next statement that contains `words`.
    fn new(words: &str, fault: Fault) -> Self {
        Self { words: words.to_owned(), bytes: Vec::new(), skip: 0, gap: 0, left: 1, fault }
    }
}

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    /// The statements received, each cut after a few words.
    statements: Vec<String>,
    /// The last statement that met a fault.
    last_met: String,
    /// The error that new connections are greeted with.
    refusal: Option<u16>,
    connections: Vec<JoinHandle<()>>,
    accepting: Option<JoinHandle<()>>,
}

/// The proxy; dropping it closes every connection.
pub(crate) struct Proxy {
    upstream: SocketAddr,
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    hangs: watch::Sender<bool>,
    /// The number of faults so far.
    met: watch::Sender<usize>,
}

impl Proxy {
    /// Listens on a free port of the loopback address, in front of `upstream`.
    pub(crate) async fn start(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Shared { state: Mutex::default(), hangs: watch::Sender::default(), met: watch::Sender::default() };
        let proxy = Self { upstream, address, shared: Arc::new(shared) };
        proxy.accept(listener);
        proxy
    }

    /// The address on which the proxy listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Applies `fault` to the next statement that contains `words`. Any run of whitespace counts as one blank.
    pub(crate) fn next(&self, words: &str, fault: Fault) {
        self.next_times(1, words, fault);
    }

    /// Applies `fault` to the next `times` statements that contain `words`.
    pub(crate) fn next_times(&self, times: u32, words: &str, fault: Fault) {
        self.rule(Rule { left: times, ..Rule::new(words, fault) });
    }

    /// Applies `fault` to the statement that contains `words` and comes after `skip` others that do.
    pub(crate) fn after(&self, skip: u32, words: &str, fault: Fault) {
        self.rule(Rule { skip, ..Rule::new(words, fault) });
    }

    /// Applies `fault` to one statement after every `gap` others, until [`Proxy::heal`].
    pub(crate) fn every(&self, gap: u32, fault: Fault) {
        self.rule(Rule { skip: gap, gap, left: u32::MAX, ..Rule::new("", fault) });
    }

    /// Applies `fault` to every statement that contains `words` and has `value` among its values, until
    /// [`Proxy::heal`].
    pub(crate) fn refuse_value(&self, words: &str, value: &str, fault: Fault) {
        self.rule(Rule { bytes: value.into(), left: u32::MAX, ..Rule::new(words, fault) });
    }

    fn rule(&self, rule: Rule) {
        self.shared.state().rules.push(rule);
    }

    /// Removes every fault that has not occurred yet; returns whether there was one.
    pub(crate) fn heal(&self) -> bool {
        let mut state = self.shared.state();
        state.refusal = None;
        !std::mem::take(&mut state.rules).is_empty()
    }

    /// Returns the number of statements received so far.
    pub(crate) fn statements(&self) -> usize {
        self.shared.state().statements.len()
    }

    /// Returns the statements received after the first `count`, each cut after a few words.
    pub(crate) fn statements_after(&self, count: usize) -> Vec<String> {
        self.shared.state().statements[count..].to_vec()
    }

    /// Returns the number of statements so far that met a fault.
    pub(crate) fn met(&self) -> usize {
        *self.shared.met.borrow()
    }

    /// Waits until `count` statements have met a fault.
    pub(crate) async fn has_met(&self, count: usize) {
        self.shared.met.subscribe().wait_for(|met| *met >= count).await.unwrap();
    }

    /// Returns the last statement that met a fault, with whitespace collapsed.
    pub(crate) fn last_met(&self) -> String {
        self.shared.state().last_met.clone()
    }

    /// Sets or clears the error that new connections are greeted with.
    pub(crate) fn refuse(&self, code: Option<u16>) {
        self.shared.state().refusal = code;
    }

    /// Closes every connection.
    pub(crate) async fn cut(&self) {
        let connections = std::mem::take(&mut self.shared.state().connections);
        for connection in connections {
            end(connection).await;
        }
    }

    /// Closes every connection and refuses new ones, like a server that restarts.
    pub(crate) async fn close(&self) {
        let accepting = self.shared.state().accepting.take();
        if let Some(accepting) = accepting {
            end(accepting).await;
        }
        self.cut().await;
    }

    /// Accepts connections again after [`Proxy::close`], at the same address.
    pub(crate) async fn open(&self) {
        self.accept(TcpListener::bind(self.address).await.unwrap());
    }

    /// Stops all traffic in both directions, on old connections and on new ones.
    pub(crate) fn hang(&self) {
        self.shared.hangs.send_replace(true);
    }

    /// Resumes all traffic, including the data that had stalled.
    pub(crate) fn resume(&self) {
        self.shared.state().rules.retain(|rule| rule.fault != Fault::Stall);
        self.shared.hangs.send_replace(false);
    }

    fn accept(&self, listener: TcpListener) {
        let (upstream, shared) = (self.upstream, Arc::clone(&self.shared));
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let task = tokio::spawn(relay(client, upstream, Arc::clone(&shared)));
                shared.state().connections.push(task);
            }
        });
        self.shared.state().accepting = Some(task);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        let accepting = state.accepting.take();
        for task in accepting.into_iter().chain(state.connections.drain(..)) {
            task.abort();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Returns the fault of a statement, if its turn has come.
    fn fault(&self, statement: String, sent: &[u8]) -> Option<Fault> {
        let mut state = self.state();
        state.statements.push(statement.chars().take(60).collect());
        let mut met = None;
        for rule in &mut state.rules {
            if !has_words(&statement, &rule.words) || memchr::memmem::find(sent, &rule.bytes).is_none() {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
            } else if met.is_none() {
                rule.left -= 1;
                rule.skip = rule.gap;
                met = Some(rule.fault);
            }
        }
        state.rules.retain(|rule| rule.left > 0);
        if met.is_some() {
            state.last_met = statement;
            self.met.send_modify(|met| *met += 1);
        }
        met
    }

    async fn while_hanging(&self) {
        self.hangs.subscribe().wait_for(|hangs| !hangs).await.unwrap();
    }
}

/// The state shared by both directions of one connection.
#[derive(Default)]
struct Session {
    /// The statement whose number comes next.
    preparing: Option<String>,
    prepared: HashMap<u32, String>,
    /// Whether the connection closes instead of the next response, the last one to a request of several statements.
    cut: bool,
}

async fn relay(mut client: TcpStream, upstream: SocketAddr, shared: Arc<Shared>) {
    // Bound before the wait, so that the lock is not held during it.
    let refusal = shared.state().refusal;
    if let Some(code) = refusal {
        // An error means that the receiver no longer waits.
        client.write_all(&packet(0, &[&[ERROR][..], &code.to_le_bytes(), TEXT.as_bytes()].concat())).await.ok();
        return;
    }
    let Ok(server) = TcpStream::connect(upstream).await else { return };
    // Without it every small response waits for the previous one to be acknowledged.
    if client.set_nodelay(true).and(server.set_nodelay(true)).is_err() {
        return;
    }
    let (client_in, client_out) = client.into_split();
    let (server_in, server_out) = server.into_split();
    let session = Mutex::default();
    let client_out = tokio::sync::Mutex::new(client_out);
    // Whichever side ends first ends the other; the client reports the outcome.
    tokio::select! {
        _ = requests(client_in, server_out, &client_out, &session, &shared) => {}
        _ = answers(server_in, &client_out, &session, &shared) => {}
    }
}

async fn requests(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    client_out: &tokio::sync::Mutex<OwnedWriteHalf>,
    session: &Mutex<Session>,
    shared: &Shared,
) -> io::Result<()> {
    loop {
        let sent = read_packet(&mut client).await?;
        shared.while_hanging().await;
        // Read before the fault is reported, so that no later resume is missed.
        let mut hangs = shared.hangs.subscribe();
        match statement(&sent, session).and_then(|statement| shared.fault(statement, &sent)) {
            None => {}
            Some(Fault::Error(code)) => {
                let body = [&[ERROR][..], &code.to_le_bytes(), b"#HY000", TEXT.as_bytes()].concat();
                client_out.lock().await.write_all(&packet(1, &body)).await?;
                continue;
            }
            Some(Fault::CutBefore) => return Ok(()),
            Some(Fault::CutAfter) => lock(session).cut = true,
            Some(Fault::Stall) => hangs.changed().await.map_err(io::Error::other)?,
        }
        server.write_all(&sent).await?;
    }
}

async fn answers(
    mut server: OwnedReadHalf,
    client: &tokio::sync::Mutex<OwnedWriteHalf>,
    session: &Mutex<Session>,
    shared: &Shared,
) -> io::Result<()> {
    loop {
        let answer = read_packet(&mut server).await?;
        shared.while_hanging().await;
        {
            let mut session = lock(session);
            if session.cut && is_followed(&answer) {
                continue;
            }
            if session.cut {
                return Ok(());
            }
            if let (Some(text), [_, _, _, _, OK, id @ ..]) = (session.preparing.take(), &answer[..]) {
                let number = id.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
                session.prepared.extend(number.map(|number| (number, text)));
            }
        }
        client.lock().await.write_all(&answer).await?;
    }
}

/// A packet with its head: three bytes of length and one byte of sequence number.
async fn read_packet(from: &mut OwnedReadHalf) -> io::Result<Vec<u8>> {
    let mut packet = vec![0; 4];
    from.read_exact(&mut packet).await?;
    let length = u32::from_le_bytes([packet[0], packet[1], packet[2], 0]) as usize;
    packet.resize(4 + length, 0);
    from.read_exact(&mut packet[4..]).await?;
    Ok(packet)
}

/// Returns whether the server is going to send the response to another statement of the same request.
fn is_followed(answer: &[u8]) -> bool {
    const MORE_RESULTS: u8 = 8;
    let [_, _, _, _, OK, numbers @ ..] = answer else { return false };
    // The number of rows and the last id, each a byte, or as many as its first byte says; then the flags.
    let size = |first: Option<&u8>| match first {
        Some(252) => 3,
        Some(253) => 4,
        Some(254) => 9,
        _ => 1,
    };
    let rows = size(numbers.first());
    let flags = rows + size(numbers.get(rows));
    numbers.get(flags).is_some_and(|flags| flags & MORE_RESULTS != 0)
}

fn packet(number: u8, body: &[u8]) -> Vec<u8> {
    let [low, middle, high, _] = u32::try_from(body.len()).unwrap().to_le_bytes();
    [&[low, middle, high, number][..], body].concat()
}

/// Returns the text of the statement that a client's packet executes, with whitespace collapsed.
fn statement(packet: &[u8], session: &Mutex<Session>) -> Option<String> {
    // A command restarts the numbering of packets; the response to a greeting does not.
    let [_, _, _, 0, command, rest @ ..] = packet else { return None };
    let text = || String::from_utf8_lossy(rest).split_whitespace().collect::<Vec<_>>().join(" ");
    match *command {
        COM_QUERY => Some(text()),
        COM_STMT_PREPARE => {
            lock(session).preparing = Some(text());
            None
        }
        COM_STMT_EXECUTE => {
            let number = u32::from_le_bytes(*rest.first_chunk()?);
            lock(session).prepared.get(&number).cloned()
        }
        _ => None,
    }
}

/// Returns whether `statement` contains `words` as whole words.
fn has_words(statement: &str, words: &str) -> bool {
    let mut ends = statement.match_indices(words).map(|(start, _)| &statement[start + words.len()..]);
    words.is_empty() || ends.any(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_'))
}

/// Aborts a task and waits until everything that it owned is dropped.
async fn end(task: JoinHandle<()>) {
    task.abort();
    // The error is expected: the task was aborted.
    task.await.ok();
}

fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap()
}
