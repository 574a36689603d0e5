//! The exporter's names of types, with Discord's numbers.

/// Returns a type's number, or -1 for a name without a number.
pub(crate) fn number(name: &str, names: &[(&str, i32)]) -> i32 {
    let known = names.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, number)| *number);
    known.or_else(|| name.parse().ok().filter(|number| *number >= 0)).unwrap_or(-1)
}

/// Types of channels.
pub(crate) const CHANNELS: [(&str, i32); 15] = [
    ("GuildTextChat", 0),
    ("DirectTextChat", 1),
    ("GuildVoiceChat", 2),
    ("DirectGroupTextChat", 3),
    ("GuildCategory", 4),
    ("GuildNews", 5),
    ("GuildNewsThread", 10),
    ("GuildPublicThread", 11),
    ("GuildPrivateThread", 12),
    ("GuildStageVoice", 13),
    ("GuildDirectory", 14),
    ("GuildForum", 15),
    ("GuildMedia", 16),
    ("GuildThread", 11),
    ("GuildStore", 6),
];

/// Types of messages.
pub(crate) const MESSAGES: [(&str, i32); 14] = [
    ("Default", 0),
    ("RecipientAdd", 1),
    ("RecipientRemove", 2),
    ("Call", 3),
    ("ChannelNameChange", 4),
    ("ChannelIconChange", 5),
    ("ChannelPinnedMessage", 6),
    ("GuildMemberJoin", 7),
    ("ThreadCreated", 18),
    ("Reply", 19),
    ("ChatInputCommand", 20),
    ("ThreadStarterMessage", 21),
    ("ContextMenuCommand", 23),
    ("PollResult", 46),
];

/// Returns the media type of a file by its name, for the types that pages show.
pub(crate) fn media_type(name: &str) -> Option<&'static str> {
    let (_, ending) = name.rsplit_once('.')?;
    Some(match ending.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "svg" => "image/svg+xml",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        "mov" => "video/quicktime",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "wav" => "audio/wav",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "json" => "application/json",
        "txt" | "log" => "text/plain",
        _ => return None,
    })
}
