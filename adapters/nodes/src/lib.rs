//! Search nodes: processes that have the search indexes, for processes that have none.
//!
//! [`SearchNodes`] implements [`ports::search::SearchIndex`] by requests to nodes over HTTP. It is an index that another
//! process writes: it finds candidates and knows how far an index has followed, and every change fails with
//! [`SearchError::Locked`](ports::search::SearchError::Locked). [`SearchNode`] makes the response to such a request from
//! an index; the web server passes it the bodies.
//!
//! A request names every property of the query, and its response has candidates, which are keys of messages: no text of
//! a message is sent. Nodes answer only callers that know the installation's [`token`], because their answers tell which
//! messages have a word, private ones included.

mod client;
mod node;
mod token;
mod wire;

pub use self::client::{NodeUrlError, SearchNodes};
pub use self::node::SearchNode;
pub use self::token::token;

/// The path at which a node answers, by POST.
pub const PATH: &str = "/api/internal/search";

#[cfg(test)]
mod tests;
