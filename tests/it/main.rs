//! Everything that takes more than one crate to show.
