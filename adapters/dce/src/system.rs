//! The exporter's texts of system messages: English sentences, some of them with names.

use domain::message::MessageKind;

/// The beginning and end of every sentence of every release.
const SENTENCES: [(&str, &str); 12] = [
    ("Added a recipient.", ""),
    ("Added ", " to the group."),
    ("Removed a recipient.", ""),
    ("Removed ", " from the group."),
    ("Left the group.", ""),
    ("Started a call.", ""),
    ("Started a call that lasted ", " minutes."),
    ("Changed the channel name.", ""),
    ("Changed the channel icon.", ""),
    ("Pinned a message.", ""),
    ("Started a thread.", ""),
    ("Joined the server.", ""),
];

/// Returns the text that people wrote in a message of this type: all of it for a message by a person. In another the
/// exporter's English is dropped, and the new name of a channel and other words of people stay.
pub(crate) fn system_content(kind: MessageKind, content: &str) -> &str {
    match kind {
        kind if kind.is_written() => content,
        MessageKind::CHANNEL_NAME_CHANGE if !is_sentence(content) => {
            content.strip_prefix("Changed the channel name: ").unwrap_or(content)
        }
        // Discord gives these no text.
        MessageKind(1..=7) | MessageKind::POLL_RESULT => "",
        _ if is_sentence(content) => "",
        _ => content,
    }
}

fn is_sentence(content: &str) -> bool {
    let content = content.trim();
    SENTENCES.iter().any(|(begin, end)| {
        let rest = content.strip_prefix(begin);
        rest.is_some_and(|rest| if end.is_empty() { rest.is_empty() } else { rest.ends_with(end) })
    })
}
