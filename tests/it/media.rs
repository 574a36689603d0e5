//! Media stores: the guarantees that each owes its port, and a bucket that fails.
//!
//! The guarantees are those of `MediaStore`, `SnapshotStore` and `MediaUpkeep`; each case of `contract` runs on a
//! folder and on a bucket.

mod bucket;
mod contract;
mod copy;
mod faults;
mod program;
