//! A reader of a stream, over a plain socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// The time limit of every operation, after which a case gives up.
const PATIENCE: Duration = Duration::from_mins(1);

/// An event.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) data: Value,
}

/// An open stream.
pub(super) struct Events {
    connection: BufReader<TcpStream>,
    pub(super) head: String,
    /// The id with which it begins.
    pub(super) start: String,
    /// All of the text that arrived.
    text: String,
    /// The length of the part of it that was returned.
    read: usize,
}

impl Events {
    /// Opens a stream with more header lines, each ended by `\r\n`.
    pub(super) fn open(address: SocketAddr, path: &str, headers: &str) -> Self {
        Self::over(TcpStream::connect(address).unwrap(), path, headers)
    }

    /// Opens a stream over a connection.
    pub(super) fn over(mut connection: TcpStream, path: &str, headers: &str) -> Self {
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        connection.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{headers}\r\n").as_bytes()).unwrap();
        let mut connection = BufReader::new(connection);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(connection.read_line(&mut head).unwrap() > 0, "{head}");
        }
        let mut events = Self { connection, head, start: String::new(), text: String::new(), read: 0 };
        if events.status() == 200 {
            let first = events.block().unwrap();
            let id = first.strip_prefix("retry: 2000\nid: ").unwrap_or_else(|| panic!("{first}"));
            id.clone_into(&mut events.start);
        }
        events
    }

    pub(super) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// Returns the text that has arrived so far.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the next event, `None` at the end of the stream.
    pub(super) fn next(&mut self) -> Option<Event> {
        loop {
            let block = self.block()?;
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            if let Some(data) = field("data: ") {
                let data = serde_json::from_str(&data).unwrap();
                return Some(Event { id: field("id: ").unwrap(), name: field("event: ").unwrap(), data });
            }
        }
    }

    /// Returns the next event that is meant.
    pub(super) fn until(&mut self, is_meant: impl Fn(&Event) -> bool) -> Event {
        self.through(is_meant).pop().unwrap()
    }

    /// Returns the next events, up to the one that is meant.
    pub(super) fn through(&mut self, is_meant: impl Fn(&Event) -> bool) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let event = self.next().unwrap_or_else(|| panic!("the stream ended: {}", self.text));
            let is_last = is_meant(&event);
            events.push(event);
            if is_last {
                return events;
            }
        }
    }

    /// Returns the lines up to the next empty one.
    fn block(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.text[self.read..].find("\n\n") {
                let block = self.text[self.read..self.read + end].to_owned();
                self.read += end + 2;
                return Some(block);
            }
            let piece = self.piece()?;
            self.text.push_str(&piece);
        }
    }

    /// Reads one piece of the body; `None` at its end, or when the connection was closed.
    fn piece(&mut self) -> Option<String> {
        let mut length = String::new();
        self.connection.read_line(&mut length).ok()?;
        let length = usize::from_str_radix(length.trim(), 16).ok().filter(|length| *length > 0)?;
        let mut piece = vec![0; length + 2];
        self.connection.read_exact(&mut piece).ok()?;
        piece.truncate(length);
        Some(String::from_utf8(piece).unwrap())
    }
}
