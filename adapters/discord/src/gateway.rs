//! The gateway: Discord's events, over a connection that is lost and restored without losing any of them
//! (<https://docs.discord.com/developers/events/gateway>).
//!
//! - A task for each shard (`shard`) polls the connection and queues each frame. It does nothing else, because the
//!   connection sends its heartbeats only while it is polled.
//! - The queue (`queue`) holds frames in memory, of bounded size, and then in a file (`spill`).
//! - The stream (`stream`) takes frames from the queue, and the reader (`reader`) makes events of them, with the view
//!   that it has of each guild.
//!
//! The transport is twilight-gateway. A `Shard` of it serves one connection and is then replaced, so that the session, the
//! address and the pause before the next attempt are decided here alone.

mod address;
mod counters;
mod frame;
mod pause;
mod queue;
mod reader;
mod shard;
mod source;
mod spill;
mod stream;

pub use self::source::DiscordGateway;
