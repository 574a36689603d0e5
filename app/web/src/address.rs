//! The paths of pages and files.

use domain::channel::Channel;
use domain::day::Day;
use domain::media::FileKey;
use domain::message::MessageId;
use domain::tenant::Tenant;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ports::search::{Candidate, SearchSort};

/// The characters of a path segment that are not escaped.
pub(crate) const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Returns the path of a channel's page.
pub(crate) fn channel_path(tenant: &Tenant, channel: &Channel) -> String {
    format!("/{}/{}", tenant.slug, utf8_percent_encode(channel.slug.as_str(), SEGMENT))
}

/// Returns the path of a page of a day: the first one has no number.
pub(crate) fn day_path(channel: &str, day: Day, number: u64) -> String {
    if number == 1 { format!("{channel}/{day}") } else { format!("{channel}/{day}/{number}") }
}

/// Returns the path of a page of a thread: the first one is the thread's own.
pub(crate) fn thread_path(thread: &str, number: u64) -> String {
    if number == 1 { thread.to_owned() } else { format!("{thread}/p/{number}") }
}

/// Returns the path of a message's page.
pub(crate) fn message_path(tenant: &Tenant, channel: &Channel, message: MessageId) -> String {
    format!("{}/{message}", channel_path(tenant, channel))
}

/// Returns the path of the picture that is drawn for a tenant.
pub(crate) fn card_path(tenant: &Tenant) -> String {
    format!("/assets/{}/card.png", tenant.slug)
}

/// Returns the text of a position among the matches of a search in this order.
pub(crate) fn search_cursor(sort: SearchSort, at: Candidate) -> String {
    format!("{}-{}-{}-{}", sort_name(sort), at.score, at.id, at.channel.0.simple())
}

/// Returns the name of an order of matches in addresses.
pub(crate) const fn sort_name(sort: SearchSort) -> &'static str {
    match sort {
        SearchSort::Newest => "new",
        SearchSort::Oldest => "old",
        SearchSort::Relevance => "relevant",
    }
}

/// Returns the path of a stored file. It has the channel's id, which stays when the channel is renamed.
pub(crate) fn file_path(tenant: &Tenant, key: FileKey, filename: &str) -> String {
    let FileKey { channel, message, attachment } = key;
    let name = utf8_percent_encode(filename, SEGMENT);
    format!("/{}/files/{channel}/{message}/{attachment}/{name}", tenant.slug)
}
