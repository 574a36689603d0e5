//! The meaning of a field's name for its value.

use std::borrow::Cow;

/// The class of the value under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// The name or picture of a person, which is dropped.
    Name,
    /// A program's own data, which can contain ids of people: it is emptied.
    Emptied,
    /// The id of a person or program, or a list of them.
    PersonId,
    /// A person, or a list of people.
    Person,
    /// The id of something else, or a list of them.
    ThingId,
    /// An item other than a person, or a list: its own `id` does not name a person.
    Thing,
    /// The same, but ids alone can be in the place of the items.
    Things,
    /// A number that is not an id.
    Number,
    /// Anything.
    Other,
}

/// Keys whose value names or shows a person, wherever they occur.
const NAMES: [&str; 28] = [
    "username",
    "user_name",
    "global_name",
    "nickname",
    "nick",
    "display_name",
    "display_name_styles",
    "legacy_username",
    "discriminator",
    "avatar",
    "avatar_url",
    "avatar_hash",
    "avatar_decoration",
    "avatar_decoration_data",
    "banner",
    "banner_url",
    "banner_hash",
    "clan",
    "primary_guild",
    "nameplate",
    "collectibles",
    "email",
    "phone",
    "real_name",
    "bio",
    "pronouns",
    "about_me",
    "custom_status",
];

/// Keys of the data that programs put into a message for themselves.
const EMPTIED: [&str; 5] = ["custom_id", "party_id", "join_secret", "spectate_secret", "match_secret"];

/// Words for a person in keys.
const PEOPLE: [&str; 30] = [
    "user",
    "author",
    "owner",
    "creator",
    "inviter",
    "invitee",
    "member",
    "recipient",
    "mention",
    "participant",
    "voter",
    "sender",
    "actor",
    "moderator",
    "host",
    "speaker",
    "follower",
    "friend",
    "person",
    "archiver",
    "gifter",
    "target_user",
    "viewer",
    "listener",
    "uploader",
    "poster",
    "reporter",
    "editor",
    "winner",
    "sponsor",
];

/// Programs, whose ids can be those of users.
const PROGRAMS: [&str; 5] = ["application", "webhook", "bot", "integration", "client"];

/// Words for items whose ids do not name a person (<https://github.com/discord/discord-api-spec>: each field there
/// whose value is a snowflake).
const THINGS: [&str; 16] = [
    "channel",
    "guild",
    "message",
    "role",
    "emoji",
    "sticker",
    "sku",
    "tag",
    "attachment",
    "category",
    "parent",
    "thread",
    "listing",
    "sound",
    "event",
    "pack",
];

/// Those of them for which Discord also lists the ids alone: `mention_roles`, `applied_tags`, `exempt_channels`.
const LISTED: [&str; 6] = ["channel", "role", "emoji", "sticker", "sku", "tag"];

/// Items whose objects are known, beside those of [`THINGS`].
const OBJECTS: [&str; 6] = [
    "sticker_item",
    "reaction",
    "interaction",
    "interaction_metadata",
    "triggering_interaction_metadata",
    "applied_tag",
];

/// Numbers that are not ids.
const NUMBERS: [&str; 8] = ["flags", "flags_new", "public_flags", "allow", "deny", "permissions", "size", "color"];

/// Words before `_name` in keys that do not name a person.
const NAMED: [&str; 9] = ["file", "tier", "product", "rule", "command", "application", "server", "game", "code"];

/// Returns whether the text under a key in `snake_case` can be a name of the person whose id is beside it.
pub(super) fn may_name_person(key: &str) -> bool {
    let Some((noun, "name" | "names" | "nick" | "label")) = key.rsplit_once('_') else { return false };
    let noun = last_word(noun);
    !THINGS.contains(&noun) && !PROGRAMS.contains(&noun) && !NAMED.contains(&noun)
}

/// Returns whether a key in `snake_case` is that of a user's id, not of a program's.
pub(super) fn is_user_id(key: &str) -> bool {
    key.rsplit_once('_').is_some_and(|(noun, last)| last == "id" && PEOPLE.contains(&last_word(noun)))
}

/// Returns whether a word, in lower case, is one for a person.
pub(in crate::pseudonym) fn is_person_word(word: &str) -> bool {
    PEOPLE.contains(&singular(word))
}

/// Returns whether a word, in lower case, stands for an id.
pub(in crate::pseudonym) fn is_id_word(word: &str) -> bool {
    ["id", "ids", "uid"].contains(&word)
}

/// Returns whether a word, in lower case, is one for an item whose id does not name a person.
pub(super) fn is_thing_word(word: &str) -> bool {
    THINGS.contains(&singular(word))
}

/// Returns a key in `snake_case`.
pub(super) fn snake(key: &str) -> Cow<'_, str> {
    if key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
        return Cow::Borrowed(key);
    }
    let mut written = String::with_capacity(key.len() + 4);
    let mut before = None;
    for letter in key.chars() {
        if letter.is_uppercase() && before.is_some_and(|before: char| before.is_lowercase() || before.is_ascii_digit())
        {
            written.push('_');
        }
        before = Some(letter);
        if matches!(letter, '-' | ' ' | '.') {
            written.push('_');
        } else {
            written.extend(letter.to_lowercase());
        }
    }
    Cow::Owned(written)
}

/// Returns the class of the value under a key in `snake_case`.
pub(super) fn class(key: &str) -> Class {
    if NAMES.contains(&key) || NAMES.contains(&singular(key)) {
        return Class::Name;
    }
    if EMPTIED.contains(&key) {
        return Class::Emptied;
    }
    if NUMBERS.contains(&key) {
        return Class::Number;
    }
    let (rest, last) = key.rsplit_once('_').unwrap_or(("", key));
    if matches!(last, "id" | "ids") {
        let noun = last_word(rest);
        return if PEOPLE.contains(&noun) || PROGRAMS.contains(&noun) {
            Class::PersonId
        } else if THINGS.contains(&noun) {
            Class::ThingId
        } else {
            Class::Other
        };
    }
    if last == "by" {
        return Class::Person;
    }
    let is_look = matches!(last, "username" | "nick" | "nickname" | "avatar" | "banner" | "discriminator");
    let is_name = matches!(last, "name" | "tag" | "icon" | "handle") && PEOPLE.contains(&last_word(rest));
    if is_look && !rest.is_empty() || is_name {
        return Class::Name;
    }
    let noun = singular(last);
    if PEOPLE.contains(&noun) {
        Class::Person
    } else if LISTED.contains(&noun) {
        Class::Things
    } else if THINGS.contains(&noun) || OBJECTS.contains(&singular(key)) {
        Class::Thing
    } else {
        Class::Other
    }
}

fn last_word(words: &str) -> &str {
    singular(words.rsplit('_').next().unwrap_or_default())
}

fn singular(word: &str) -> &str {
    word.strip_suffix('s').filter(|rest| rest.len() > 2 && !rest.ends_with('s')).unwrap_or(word)
}
