//! Discord, as a source of guilds: its REST API, read by a client of our own.

mod limit;
