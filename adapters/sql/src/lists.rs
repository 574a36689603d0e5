//! The column lists of the tables, and the macro that puts them into statements.
//!
//! A statement names a list in braces: `{role}` is replaced by the columns of a role, and `{:role}` by the parameters
//! of the same names. The compiler does so, and rejects an unknown name.

/// The lists, each in the order in which its mapper reads the columns.
const LISTS: &[(&str, &str)] = &[
    (
        "tenant",
        "tenant_id, platform, platform_id, slug, name, status, logo_url, primary_color, secondary_color, \
         accent_color, description, footer, links, contact, icon_hash, icon_kind, retention_deleted_days, \
         retention_edited_days, solved_tags, domain, ai_training, created_at, updated_at, deleting_since",
    ),
    (
        "channel",
        "channel_id, tenant_id, platform_id, parent_id, kind, name, slug, topic, position, nsfw, visibility, \
         archived, locked, tags, applied_tags, extra, observed_at",
    ),
    ("channel_stats", "message_count, thread_count, last_activity_at"),
    (
        "message",
        "channel_id, message_id, kind, author, author_bot, author_webhook, content, observed_at, origin, pinned, \
         flags, edited_at, ref_kind, ref_message_id, ref_channel_id, ref_guild_id, mentions, embeds, stickers, \
         components, snapshots, poll, extra, sent_at, deleted_at, deletion_kind",
    ),
    // The columns of a row that is not whole, with the digest.
    (
        "plain_message",
        "channel_id, message_id, kind, author, author_bot, author_webhook, content, observed_at, origin, pinned, \
         flags, edited_at, ref_kind, ref_message_id, ref_channel_id, ref_guild_id, mentions, embeds, digest",
    ),
    (
        "short_message",
        "channel_id, message_id, kind, author, author_bot, author_webhook, content, observed_at, origin, pinned, \
         flags, digest",
    ),
    ("version", "edited_at, observed_at, origin, digest, deleted_at, deletion_kind"),
    (
        "attachment",
        "message_id, position, attachment_id, filename, content_type, size_bytes, width, height, description, \
         spoiler, url, local_path, extra",
    ),
    ("reaction", "message_id, position, emoji_id, emoji_name, animated, count, people"),
    ("coverage", "low, high, start_reached, reason, checked_at"),
    ("segment", "low, high, observed_at, parts"),
    ("change", "change_id, tenant_id, channel_id, kind, low, high"),
    ("bookmark", "position, due_at"),
    ("extent", "epoch, first_change_id, last_change_id"),
    (
        "job",
        "job_id, tenant_id, kind, channels, since, state, cancel_requested, created_at, started_at, ended_at, \
         channels_done, channels_total, messages, requests, waits, seconds_left, error, background",
    ),
    ("lease", "holder, fence, expires_at"),
    ("role", "role_id, name, color, position"),
    ("emoji", "emoji_id, name, animated"),
    ("sticker", "sticker_id, name, format, description"),
    ("stored_item", "observed_at, deleted_at"),
    ("unreadable", "channel_id, unreadable_id, message_id, low, high, reason, raw, first_seen_at, last_seen_at"),
    ("file", "channel_id, message_id, attachment_id, state, tries, due_at, hash, size_bytes, format, width, height"),
    ("picture", "picture_key, name, state, tries, due_at, hash, size_bytes, format, width, height"),
    ("earlier_version", "message_id, edited_at, content, embeds, observed_at, replaced_at, is_deletion"),
    ("day", "day, messages, by_people, text_bytes, changed_at"),
    ("removal", "channel_id, message_id, due_at"),
    ("gateway_session", "session_id, resume_url, sequence"),
    ("sync_state", "channel_id, rechecked_at, listed_at, listed_whole_at, requested_at"),
];

/// Returns a statement with its lists, as a constant.
#[macro_export]
macro_rules! sql {
    ($sql:literal) => {{
        const BYTES: [u8; $crate::lists::expand::<0>($sql).1] = $crate::lists::expand($sql).0;
        match std::str::from_utf8(&BYTES) {
            Ok(text) => text,
            Err(_) => panic!("a statement and its lists are text"),
        }
    }};
}

/// Returns the first bytes of a statement with its lists, and the number of all of them.
///
/// # Panics
/// If a list is unknown, or a brace is not closed.
#[must_use]
pub const fn expand<const N: usize>(sql: &str) -> ([u8; N], usize) {
    let mut text = Text { bytes: [0; N], length: 0 };
    let sql = sql.as_bytes();
    let mut at = 0;
    while at < sql.len() {
        if sql[at] == b'{' {
            let mut end = at + 1;
            while sql[end] != b'}' {
                end += 1;
            }
            let are_parameters = sql[at + 1] == b':';
            let (_, name) = sql.split_at(if are_parameters { at + 2 } else { at + 1 });
            let (name, _) = name.split_at(name.len() - (sql.len() - end));
            text.push_list(list(name), are_parameters);
            at = end + 1;
        } else {
            text.push(sql[at]);
            at += 1;
        }
    }
    (text.bytes, text.length)
}

struct Text<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Text<N> {
    const fn push(&mut self, byte: u8) {
        if self.length < N {
            self.bytes[self.length] = byte;
        }
        self.length += 1;
    }

    const fn push_list(&mut self, columns: &[u8], are_parameters: bool) {
        let mut at = 0;
        while at < columns.len() {
            let is_first = at == 0 || columns[at - 1] == b' ';
            if are_parameters && is_first {
                self.push(b':');
            }
            self.push(columns[at]);
            at += 1;
        }
    }
}

const fn list(name: &[u8]) -> &'static [u8] {
    let mut at = 0;
    while at < LISTS.len() {
        let (known, columns) = LISTS[at];
        if is_same(known.as_bytes(), name) {
            return columns.as_bytes();
        }
        at += 1;
    }
    panic!("no list has this name")
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

#[cfg(test)]
mod tests {
    const SQL: &str = sql! {r"
        INSERT INTO roles (tenant_id, {role}, {stored_item})
        VALUES (:tenant_id, {:role}, {:stored_item})
    "};

    #[test]
    fn a_list_is_replaced_by_its_columns_or_their_parameters() {
        let expected = r"
        INSERT INTO roles (tenant_id, role_id, name, color, position, observed_at, deleted_at)
        VALUES (:tenant_id, :role_id, :name, :color, :position, :observed_at, :deleted_at)
    ";
        assert_eq!(SQL, expected);
        assert_eq!(sql! {"SELECT '…' FROM roles"}, "SELECT '…' FROM roles");
    }
}
