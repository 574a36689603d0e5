//! The first pass over a message: its id and time, its people and roles, and whether a text is too large. Everything is
//! checked to its end exactly as a tree would be, so that a counted message is readable.

use std::borrow::Cow;
use std::fmt;

use domain::guild::Role;
use domain::message::MessageId;
use domain::pseudonym::{Identity, KnownPeople};
use domain::tenant::Color;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::wire::{Skipped, Text};

/// The most bytes of one text of a message. Discord's longest, of a paying user, has 4000 characters; a larger one is
/// not from a message, and a page of such texts would fill the memory of a server.
pub(crate) const MAX_TEXT: usize = 64 << 10;

/// The most bytes of a role's name; Discord's longest has 100 characters.
const MAX_ROLE: usize = 1024;

/// The facts about a message from the first pass.
#[derive(Default)]
pub(crate) struct Looked<'a> {
    pub(crate) id: Text<'a>,
    pub(crate) timestamp: Text<'a>,
    /// Whether a text has more than [`MAX_TEXT`] bytes.
    pub(crate) is_large: bool,
    people: Vec<Met<'a>>,
    pub(crate) roles: Vec<Role>,
}

impl Looked<'_> {
    /// Adds the people of the message to the known ones.
    pub(crate) fn introduce(&self, known: &mut KnownPeople) {
        for met in &self.people {
            let names = || met.names.iter().map(AsRef::as_ref);
            let Some(person) = identity(&met.id, names().next()) else { continue };
            known.add(&person, names());
            if let Some(digits) = tag_digits(met.discriminator.as_deref()) {
                let tags: Vec<_> = names().map(|name| format!("{name}#{digits}")).collect();
                known.add(&person, tags.iter().map(String::as_str));
            }
        }
    }
}

/// Returns the error of a message with a text of more than [`MAX_TEXT`] bytes.
pub(crate) fn too_large(id: MessageId) -> String {
    format!("a text of message {id} is larger than 64 KiB; the message is stored as unreadable")
}

/// Returns the identity of a person: the id, or the name if there is none.
pub(crate) fn identity<'a>(id: &'a str, name: Option<&'a str>) -> Option<Identity<'a>> {
    match name {
        _ if !id.is_empty() => Some(Identity::Id(Cow::Borrowed(id))),
        Some(name) if !name.is_empty() => Some(Identity::Name(Cow::Borrowed(name))),
        _ => None,
    }
}

/// Returns the four digits of a tag. `0` and `0000` mean that there are none.
pub(crate) fn tag_digits(discriminator: Option<&str>) -> Option<&str> {
    discriminator
        .filter(|digits| digits.len() == 4 && *digits != "0000" && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A person in a message.
#[derive(Default)]
struct Met<'a> {
    id: Cow<'a, str>,
    /// The name first, then other names.
    names: Vec<Cow<'a, str>>,
    discriminator: Option<Cow<'a, str>>,
}

/// The innermost value of interest around the current one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Message,
    /// A value that contains only a person, or a list of persons.
    Person,
    /// A value that contains only roles.
    Role,
    Elsewhere,
}

struct Walk<'l, 'de> {
    into: &'l mut Looked<'de>,
    within: Within,
}

impl<'de> DeserializeSeed<'de> for Walk<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.into.is_large |= text.len() > MAX_TEXT;
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        // A list is not a message.
        let within = if self.within == Within::Message { Within::Elsewhere } else { self.within };
        while items.next_element_seed(Walk { into: self.into, within })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let (into, within) = (self.into, self.within);
        let (mut met, mut is_person) = (Met::default(), within == Within::Person);
        let mut role = RoleFields::default();
        while let Some(key) = fields.next_key::<Text<'de>>()? {
            let key = key.is().unwrap_or_default();
            match key.as_ref() {
                "id" => {
                    let id: Text<'de> = fields.next_value()?;
                    if within == Within::Message {
                        into.id = id;
                    } else {
                        met.id = id.id().unwrap_or_default();
                    }
                }
                "name" if within != Within::Message => {
                    if let Text::Is(name) = fields.next_value()? {
                        met.names.insert(0, name);
                    }
                }
                "username" | "userName" | "nickname" | "nick" | "globalName" | "global_name" | "displayName"
                | "display_name" => {
                    is_person = true;
                    met.names.extend(fields.next_value::<Text<'de>>()?.is());
                }
                "discriminator" => {
                    is_person = true;
                    met.discriminator = fields.next_value::<Text<'de>>()?.discriminator();
                }
                "isBot" | "avatarUrl" | "avatar_url" | "avatar" => {
                    is_person = true;
                    let Skipped = fields.next_value()?;
                }
                "color" if within == Within::Role => role.color = fields.next_value::<Text<'de>>()?.is(),
                "position" if within == Within::Role => role.position = fields.next_value()?,
                "timestamp" if within == Within::Message => into.timestamp = fields.next_value()?,
                "roles" => fields.next_value_seed(Walk { into, within: Within::Role })?,
                "author" if within == Within::Message => {
                    fields.next_value_seed(Walk { into, within: Within::Person })?;
                }
                "mentions" | "user" | "users" => fields.next_value_seed(Walk { into, within: Within::Person })?,
                key if key.ends_with("Url") || key.ends_with("url") => {
                    let Skipped = fields.next_value()?;
                }
                _ => fields.next_value_seed(Walk { into, within: Within::Elsewhere })?,
            }
        }
        if within == Within::Role {
            into.roles.extend(role.role(&met));
        } else if is_person && within != Within::Message {
            into.people.push(met);
        }
        Ok(())
    }
}

#[derive(Default)]
struct RoleFields<'a> {
    color: Option<Cow<'a, str>>,
    position: Value,
}

impl RoleFields<'_> {
    fn role(&self, met: &Met<'_>) -> Option<Role> {
        let name = met.names.first().filter(|name| !name.is_empty() && name.len() <= MAX_ROLE)?;
        let digits = self.color.as_deref().and_then(|color| color.strip_prefix('#'));
        // Black is Discord's value for no colour.
        let color = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).filter(|rgb| *rgb != 0);
        Some(Role {
            id: met.id.parse().ok()?,
            name: name.clone().into_owned(),
            color: color.and_then(Color::from_rgb),
            position: self.position.as_i64().and_then(|position| i32::try_from(position).ok()).unwrap_or(0),
        })
    }
}

impl<'de> Deserialize<'de> for Looked<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut looked = Self::default();
        Walk { into: &mut looked, within: Within::Message }.deserialize(deserializer)?;
        Ok(looked)
    }
}
