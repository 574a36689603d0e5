//! The list of the migrations, and their state.

use std::fmt::Write;

use domain::timestamp::Timestamp;
use sha2::{Digest, Sha256};

/// A migration: a file of the schema, in one dialect.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Its number, from 1.
    pub version: u32,
    /// Its number and name.
    pub name: &'static str,
    /// Its statements.
    pub sql: &'static str,
}

impl Migration {
    /// Returns its statements one by one.
    pub fn statements(&self) -> impl Iterator<Item = &'static str> {
        self.sql.split(";\n").map(str::trim).filter(|statement| !statement.is_empty())
    }

    /// Returns the checksum by which an edited migration is noticed.
    #[must_use]
    pub fn checksum(&self) -> String {
        Sha256::digest(self.sql).iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a string takes any text");
            text
        })
    }
}

/// The state of a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Its number.
    pub version: u32,
    /// Its name.
    pub name: String,
    /// When it was applied; `None` if it is pending.
    pub applied_at: Option<Timestamp>,
}

/// Returns every migration of a dialect, ascending; a released one is never edited.
#[macro_export]
macro_rules! migrations {
    ($dialect:literal) => {
        $crate::migrations! { $dialect:
            1 "0001_tenants",
            2 "0002_channels",
            3 "0003_messages",
            4 "0004_coverage",
            5 "0005_changes",
            6 "0006_jobs",
            7 "0007_leases",
            8 "0008_guild",
            9 "0009_unreadable",
            10 "0010_media",
            11 "0011_deletion_kinds",
            12 "0012_sync_state",
            13 "0013_key_check",
            14 "0014_listing_indexes",
            15 "0015_message_times",
            16 "0016_shown_counts",
            17 "0017_change_log",
            18 "0018_channel_positions",
            19 "0019_channel_versions",
            20 "0020_change_partitions",
            21 "0021_newest_messages",
            22 "0022_gateway_sessions",
            23 "0023_retention",
            24 "0024_stored_ranges",
            25 "0025_channel_days",
            26 "0026_solved_tags",
            27 "0027_unreadable_channels",
            28 "0028_domains",
            29 "0029_ai_training",
            30 "0030_bookmarks",
            31 "0031_file_contents",
            32 "0032_profiles",
            33 "0033_pictures",
        }
    };
    ($dialect:literal: $($version:literal $name:literal),+ $(,)?) => {
        &[$($crate::migration::Migration {
            version: $version,
            name: $name,
            sql: include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"), "/../../migrations/", $dialect, "/", $name, ".sql"
            )),
        }),+]
    };
}
