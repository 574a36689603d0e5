//! The library of the stores that use SQL: how rows become domain types, and how domain types become the values of
//! columns. It implements no port and names no driver.
//!
//! A store implements [`Columns`](columns::Columns) for the rows of its driver, and calls the mappers of its tables.
//! The statements themselves stay in the stores, because dialects differ and plans are tuned.

pub mod archive;
pub mod change;
pub mod channel;
pub mod columns;
pub mod coverage;
pub mod guild;
pub mod job;
pub mod lease;
pub mod lists;
pub mod media;
pub mod message;
pub mod migration;
pub mod range;
pub mod sync;
pub mod tenant;
pub mod unit;
pub mod unreadable;
pub mod values;
