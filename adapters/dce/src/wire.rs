//! A message as the exporter writes it, parsed once and without a tree for the common fields. A value of another type
//! than the exporter's is stored beside the fields.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use domain::message::MessageId;
use domain::pseudonym::Identity;
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::look::{identity, tag_digits};

/// Parses the value at the start of `text`, and returns its length; other bytes may follow.
///
/// # Errors
/// The reason why it is not valid JSON.
pub(crate) fn parse<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<(T, usize), String> {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter();
    match values.next() {
        Some(Ok(value)) => Ok((value, values.byte_offset())),
        Some(Err(error)) => Err(format!("a message is not JSON: {error}")),
        None => Err("a message is missing".to_owned()),
    }
}

/// The visitor methods of this file for numbers, booleans and null.
macro_rules! scalars {
    ($make:expr) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any JSON")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($make(Value::Null))
        }

        fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
            Ok($make(Value::Bool(value)))
        }

        fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
            Ok($make(value.into()))
        }

        fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
            Ok($make(value.into()))
        }

        fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
            Ok($make(value.into()))
        }
    };
}

/// Any value, checked to its end exactly as a tree would be, and dropped. (Serde's own accepts invalid strings and any
/// depth; then a message could be counted and yet not be readable.)
pub(crate) struct Skipped;

impl<'de> Deserialize<'de> for Skipped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Skip;
        impl<'de> Visitor<'de> for Skip {
            type Value = Skipped;
            scalars!(|_: Value| Skipped);

            fn visit_str<E>(self, _: &str) -> Result<Skipped, E> {
                Ok(Skipped)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Skipped, A::Error> {
                while let Some(Skipped) = items.next_element()? {}
                Ok(Skipped)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Skipped, A::Error> {
                while let Some((Skipped, Skipped)) = fields.next_entry()? {}
                Ok(Skipped)
            }
        }
        deserializer.deserialize_any(Skip)
    }
}

/// A string, or a value of another type.
pub(crate) enum Text<'a> {
    Is(Cow<'a, str>),
    Other(Value),
}

impl<'a> Text<'a> {
    pub(crate) fn is(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Is(text) => Some(text),
            Self::Other(_) => None,
        }
    }

    /// Returns an id: a string, or a whole number up to 2⁶⁴−1, as some tools write it.
    pub(crate) fn id(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Is(text) => Some(text),
            Self::Other(value) => value.as_u64().map(|id| id.to_string().into()),
        }
    }

    /// Returns [`Text::id`] without consuming it.
    pub(crate) fn as_id(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Is(text) => Some(Cow::Borrowed(text)),
            Self::Other(value) => value.as_u64().map(|id| id.to_string().into()),
        }
    }

    /// Returns the discriminator; 2.25 wrote it as a number, without leading zeros.
    pub(crate) fn discriminator(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Is(text) => Some(text),
            Self::Other(value) => value.as_u64().map(|digits| format!("{digits:04}").into()),
        }
    }

    /// Returns a number or the name of one.
    pub(crate) fn number_or_name(self) -> Self {
        match self {
            Self::Other(Value::Number(number)) => Self::Is(number.to_string().into()),
            other => other,
        }
    }
}

impl Default for Text<'_> {
    fn default() -> Self {
        Self::Other(Value::Null)
    }
}

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Text<'de>;
            scalars!(Text::Other);

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text::Is(Cow::Owned(text.to_owned())))
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text::Is(Cow::Borrowed(text)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Text<'de>, A::Error> {
                Value::deserialize(SeqAccessDeserializer::new(items)).map(Text::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Text<'de>, A::Error> {
                Value::deserialize(MapAccessDeserializer::new(fields)).map(Text::Other)
            }
        }
        deserializer.deserialize_any(Read)
    }
}

/// A list, or a value of another type.
pub(crate) enum List<T> {
    Items(Vec<T>),
    Other(Value),
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self::Other(Value::Null)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Read<T> {
            type Value = List<T>;
            scalars!(List::Other);

            fn visit_str<E>(self, text: &str) -> Result<List<T>, E> {
                Ok(List::Other(text.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<List<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(List::Items(list))
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<List<T>, A::Error> {
                Value::deserialize(MapAccessDeserializer::new(fields)).map(List::Other)
            }
        }
        deserializer.deserialize_any(Read(PhantomData))
    }
}

/// A type that is parsed from an object, field by field.
trait Fields<'de>: Default {
    /// Takes the value of `key` out of `fields`.
    fn take<A: MapAccess<'de>>(&mut self, key: &str, fields: &mut A) -> Result<(), A::Error>;

    /// Takes a value that is not an object.
    fn take_other(&mut self, _: Value) {}
}

fn object<'de, T: Fields<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Read<T>(PhantomData<T>);
    fn other<'de, T: Fields<'de>>(value: Value) -> T {
        let mut target = T::default();
        target.take_other(value);
        target
    }
    impl<'de, T: Fields<'de>> Visitor<'de> for Read<T> {
        type Value = T;
        scalars!(other);

        fn visit_str<E>(self, text: &str) -> Result<T, E> {
            Ok(other(text.into()))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<T, A::Error> {
            Value::deserialize(SeqAccessDeserializer::new(items)).map(other)
        }

        fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<T, A::Error> {
            let mut target = T::default();
            while let Some(key) = fields.next_key::<Text<'de>>()? {
                target.take(&key.is().unwrap_or_default(), &mut fields)?;
            }
            Ok(target)
        }
    }
    deserializer.deserialize_any(Read(PhantomData))
}

/// A person, with the fields that a pseudonym and mentions need.
#[derive(Default)]
pub(crate) struct Person<'a> {
    pub(crate) id: Cow<'a, str>,
    pub(crate) name: Option<Cow<'a, str>>,
    pub(crate) nickname: Option<Cow<'a, str>>,
    pub(crate) discriminator: Option<Cow<'a, str>>,
    pub(crate) bot: bool,
    has_roles: bool,
}

impl Person<'_> {
    /// Returns whether it is a webhook: a program without a discriminator and without a role; every invited bot has a
    /// role.
    pub(crate) fn is_webhook(&self) -> bool {
        let untagged = self.discriminator.as_deref().is_some_and(|digits| matches!(digits, "0" | "0000"));
        self.bot && untagged && !self.has_roles
    }

    /// Returns the identity; `None` for a person without id and name.
    pub(crate) fn identity(&self) -> Option<Identity<'_>> {
        identity(&self.id, self.name.as_deref().or(self.nickname.as_deref()))
    }

    /// Returns every name that can follow an `@`.
    pub(crate) fn names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let names = [&self.nickname, &self.name].into_iter().flatten();
        let tag = self.name.as_ref().zip(tag_digits(self.discriminator.as_deref()));
        let tag = tag.map(|(name, digits)| Cow::Owned(format!("{name}#{digits}")));
        names.map(|name| Cow::Borrowed(name.as_ref())).chain(tag)
    }
}

impl<'de> Fields<'de> for Person<'de> {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, fields: &mut A) -> Result<(), A::Error> {
        match key {
            "id" => self.id = fields.next_value::<Text<'de>>()?.id().unwrap_or_default(),
            "name" => self.name = fields.next_value::<Text<'de>>()?.is(),
            "nickname" => self.nickname = fields.next_value::<Text<'de>>()?.is(),
            "isBot" => self.bot = matches!(fields.next_value()?, Text::Other(Value::Bool(true))),
            "discriminator" => self.discriminator = fields.next_value::<Text<'de>>()?.discriminator(),
            "roles" => {
                self.has_roles = matches!(fields.next_value()?, List::<Skipped>::Items(roles) if !roles.is_empty());
            }
            _ => _ = fields.next_value::<Skipped>()?,
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Person<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        object(deserializer)
    }
}

/// A reaction with its people; a value that is not an object, and unknown fields, are in `rest`.
#[derive(Default)]
pub(crate) struct Reaction<'a> {
    pub(crate) emoji: Value,
    pub(crate) count: Value,
    pub(crate) users: List<Person<'a>>,
    pub(crate) rest: Map<String, Value>,
}

impl<'de> Fields<'de> for Reaction<'de> {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, fields: &mut A) -> Result<(), A::Error> {
        match key {
            "emoji" => self.emoji = fields.next_value()?,
            "count" => self.count = fields.next_value()?,
            "users" => self.users = fields.next_value()?,
            _ => _ = self.rest.insert(key.to_owned(), fields.next_value()?),
        }
        Ok(())
    }

    fn take_other(&mut self, value: Value) {
        self.rest.insert("reaction".to_owned(), value);
    }
}

impl<'de> Deserialize<'de> for Reaction<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        object(deserializer)
    }
}

/// A message.
#[derive(Default)]
pub(crate) struct Message<'a> {
    pub(crate) id: Text<'a>,
    pub(crate) kind: Text<'a>,
    pub(crate) content: Text<'a>,
    pub(crate) timestamp: Text<'a>,
    pub(crate) edited_at: Text<'a>,
    pub(crate) pinned: Value,
    pub(crate) author: Person<'a>,
    pub(crate) mentions: List<Person<'a>>,
    pub(crate) attachments: Value,
    pub(crate) embeds: Value,
    pub(crate) stickers: Value,
    pub(crate) reactions: List<Reaction<'a>>,
    pub(crate) reference: Value,
    pub(crate) forwarded: Value,
    pub(crate) rest: Map<String, Value>,
}

impl Message<'_> {
    /// Returns its id.
    ///
    /// # Errors
    /// The reason why it has none.
    pub(crate) fn id(&self) -> Result<MessageId, String> {
        message_id(&self.id)
    }
}

/// Returns the id of a message.
///
/// # Errors
/// The reason why it is invalid.
pub(crate) fn message_id(id: &Text<'_>) -> Result<MessageId, String> {
    let id = id.as_id().ok_or("a message has no id")?;
    id.parse().map_err(|error| format!("the id of a message is invalid: {error}"))
}

impl<'de> Fields<'de> for Message<'de> {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, fields: &mut A) -> Result<(), A::Error> {
        match key {
            "id" => self.id = fields.next_value()?,
            "type" => self.kind = fields.next_value()?,
            "content" => self.content = fields.next_value()?,
            "timestamp" => self.timestamp = fields.next_value()?,
            "timestampEdited" => self.edited_at = fields.next_value()?,
            "isPinned" => self.pinned = fields.next_value()?,
            "author" => self.author = fields.next_value()?,
            "mentions" => self.mentions = fields.next_value()?,
            "attachments" => self.attachments = fields.next_value()?,
            "embeds" => self.embeds = fields.next_value()?,
            "stickers" => self.stickers = fields.next_value()?,
            "reactions" => self.reactions = fields.next_value()?,
            "reference" => self.reference = fields.next_value()?,
            "forwardedMessage" => self.forwarded = fields.next_value()?,
            _ => _ = self.rest.insert(key.to_owned(), fields.next_value()?),
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Message<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        object(deserializer)
    }
}
