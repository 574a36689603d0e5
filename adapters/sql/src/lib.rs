//! The library of the stores that use SQL: how rows become domain types, how domain types become the values of
//! columns, and the repositories themselves. It names no driver.
//!
//! A store implements [`Columns`](columns::Columns) for the rows of its driver, and [`Session`](session::Session) for
//! its transaction. A repository is implemented once, for [`SqlUnit`](unit::SqlUnit), which executes the statements of
//! the store: `JobStatements` for `JobRepository`. The statements themselves stay in the stores, because dialects differ
//! and plans are tuned. So do operations that a store does in its own way as a whole, such as storing a page: in one go on
//! a blocking thread, or in few round trips.

pub mod appended;
pub mod archive;
pub mod change;
pub mod channel;
pub mod columns;
pub mod coverage;
pub mod day;
pub mod gateway;
pub mod guild;
pub mod job;
pub mod lease;
pub mod lists;
pub mod media;
pub mod message;
pub mod migration;
pub mod picture;
pub mod range;
pub mod removal;
pub mod session;
pub mod sync;
pub mod tenant;
pub mod unit;
pub mod unreadable;
pub mod unused;
pub mod values;
pub mod version;
