//! Requests to the addresses of the document, with each response checked against it.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::Value;

use super::document::{Document, Operation};
use crate::program::{ADMIN_KEY, Answer, Server};

/// A message of the examples that is in `general`.
pub(super) const MESSAGE: &str = "1468314038449864929";

/// A queued job of the examples, and one that has ended.
pub(super) const JOBS: [&str; 2] = ["0d5f0b4e-6d0d-4c0c-9c54-0e0c5d1c7a55", "7f0c9f4c-53c7-4b7e-8a39-3a2f0f6b1f11"];

/// A request to one operation.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    template: String,
    method: String,
    path: String,
    query: String,
    headers: Vec<String>,
    announced: Option<usize>,
    body: Vec<u8>,
}

impl Ask {
    /// Requests a resource of the examples, without the key.
    pub(super) fn new(method: &str, template: &str) -> Self {
        let id = match template {
            _ if template.ends_with("/retry") => JOBS[1],
            _ if template.contains("/admin/jobs/") => JOBS[0],
            _ if template.contains("/admin/") => "thimble-firmware",
            _ => MESSAGE,
        };
        let path = template.replace("{slug}", "thimble-firmware").replace("{channel}", "general").replace("{id}", id);
        let path = path.replace("{message}", MESSAGE);
        Self {
            template: template.to_owned(),
            method: method.to_ascii_uppercase(),
            path,
            query: String::new(),
            headers: Vec::new(),
            announced: None,
            body: Vec::new(),
        }
    }

    pub(super) fn of(operation: Operation<'_>) -> Self {
        Self::new(operation.method, operation.path)
    }

    /// Replaces the value of a path parameter.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        let place = self.template.split('/').position(|segment| segment == format!("{{{name}}}"));
        let place = place.unwrap_or_else(|| panic!("{} has no {name}", self.template));
        let mut segments: Vec<&str> = self.path.split('/').collect();
        segments[place] = value;
        self.path = segments.join("/");
        self
    }

    pub(super) fn query(mut self, query: &str) -> Self {
        self.query = format!("?{query}");
        self
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(format!("{name}: {value}\r\n"));
        self
    }

    pub(super) fn admin(self) -> Self {
        self.header("Authorization", &format!("Bearer {ADMIN_KEY}"))
    }

    pub(super) fn json(self, body: &Value) -> Self {
        self.body("application/json", &body.to_string())
    }

    pub(super) fn body(self, kind: &str, body: &str) -> Self {
        Self { body: body.as_bytes().to_vec(), ..self.header("Content-Type", kind) }
    }

    pub(super) fn head(mut self) -> Self {
        "HEAD".clone_into(&mut self.method);
        self
    }

    /// Announces a body of `bytes` bytes, and sends none.
    pub(super) fn announcing(mut self, bytes: usize) -> Self {
        self.announced = Some(bytes);
        self
    }

    fn send(&self, server: &Server) -> Answer {
        let Self { method, path, body, .. } = self;
        let needed = if self.template.ends_with("/search") && !self.query.contains("?q=") { "q=the" } else { "" };
        let query = match (self.query.strip_prefix('?'), needed) {
            (given, "") => given.map(|given| format!("?{given}")).unwrap_or_default(),
            (None, needed) => format!("?{needed}"),
            (Some(given), needed) => format!("?{needed}&{given}"),
        };
        let headers = self.headers.concat();
        let length = self.announced.unwrap_or(body.len());
        let first = format!("{method} {path}{query} HTTP/1.1\r\nHost: verta.test\r\n");
        let head = format!("{first}Connection: close\r\nContent-Length: {length}\r\n{headers}\r\n");
        server.raw(&[head.as_bytes(), body].concat()).unwrap_or_else(|| panic!("{method} {path} has no answer"))
    }
}

/// Checks every response against the document, and records the statuses that occurred.
pub(super) struct Checked {
    pub(super) document: Document,
    seen: RefCell<BTreeSet<(String, String, u16)>>,
}

impl Checked {
    pub(super) fn new() -> Self {
        Self { document: Document::read(), seen: RefCell::default() }
    }

    /// Sends the request, and checks the response against the document's entry for this method and address.
    #[track_caller]
    pub(super) fn ask(&self, server: &Server, ask: &Ask) -> Answer {
        let head = ask.method == "HEAD";
        let method = if head { "get".to_owned() } else { ask.method.to_ascii_lowercase() };
        let responses = &self.document.paths()[&ask.template][&method]["responses"];
        let answer = ask.send(server);
        let context = format!("{} {}{}", ask.method, ask.path, ask.query.chars().take(200).collect::<String>());
        self.document.check(responses, &answer, head, &context);
        self.seen.borrow_mut().insert((ask.template.clone(), method, answer.status));
        answer
    }

    /// Sends a request whose response must have `status`.
    #[track_caller]
    pub(super) fn expect(&self, server: &Server, status: u16, ask: &Ask) -> Answer {
        let answer = self.ask(server, ask);
        assert_eq!(answer.status, status, "{} {}: {}", ask.method, ask.path, answer.text());
        answer
    }

    /// Sends a request whose method or address the document does not have.
    #[track_caller]
    pub(super) fn refused(&self, server: &Server, status: u16, ask: &Ask) -> Answer {
        let answer = ask.send(server);
        assert_eq!(answer.status, status, "{} {}", ask.method, ask.path);
        let context = format!("{} {}", ask.method, ask.path);
        let head = ask.method == "HEAD";
        self.document.check(&self.document.value["x-any-other-request"], &answer, head, &context);
        answer
    }

    /// Returns the statuses of the document that no response had.
    pub(super) fn unseen(&self) -> BTreeSet<(String, String, u16)> {
        let documented = self.document.operations().flat_map(|operation| {
            let named = move |status| (operation.path.to_owned(), operation.method.to_owned(), status);
            Document::statuses(operation).map(named)
        });
        let seen = self.seen.borrow();
        documented.filter(|status| !seen.contains(status)).collect()
    }
}
