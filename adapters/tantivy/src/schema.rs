//! The fields of a document.

use std::iter::once;

use domain::channel::ChannelId;
use domain::pseudonym::GeneratedName;
use domain::search::{AuthorKind, Feature, FileExtension, HostName, PersonRef, SearchDocument};
use ports::search::IndexedMessage;
use tantivy::schema::{
    BytesOptions, FAST, Field, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{PreTokenizedString, Token};
use tantivy::{IndexSettings, IndexSortByField, Order, TantivyDocument, Term};

/// The version of the fields and terms. It changes with every change to what is stored for a message.
pub(crate) const SCHEMA: u32 = 1;

/// The name of the field by which documents are sorted, descending.
pub(crate) const ID: &str = "id";
pub(crate) const CHANNEL: &str = "channel";
pub(crate) const ROOT: &str = "root";

/// The root of a message in a private thread.
pub(crate) const NO_ROOT: [u8; 16] = [0; 16];

/// The fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields {
    id: Field,
    channel: Field,
    root: Field,
    /// One term for each property by which a message is found.
    key: Field,
    /// The words, with their positions.
    pub(crate) body: Field,
}

/// Returns the schema with its fields.
pub(crate) fn schema() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let text = |record| TextFieldIndexing::default().set_tokenizer("raw").set_index_option(record);
    let keys = text(IndexRecordOption::Basic).set_fieldnorms(false);
    let fields = Fields {
        id: builder.add_u64_field(ID, NumericOptions::default().set_fast()),
        channel: builder.add_bytes_field(CHANNEL, BytesOptions::from(FAST)),
        root: builder.add_bytes_field(ROOT, BytesOptions::from(FAST)),
        key: builder.add_text_field("key", TextOptions::default().set_indexing_options(keys)),
        body: builder.add_text_field(
            "body",
            TextOptions::default().set_indexing_options(text(IndexRecordOption::WithFreqsAndPositions)),
        ),
    };
    (builder.build(), fields)
}

/// Returns the settings of an index: the newest message is first in each segment.
pub(crate) fn settings() -> IndexSettings {
    let sort = IndexSortByField { field: ID.to_owned(), order: Order::Desc };
    IndexSettings { sort_by_field: Some(sort), ..IndexSettings::default() }
}

/// A property of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Key<'a> {
    /// The message is in this channel, or in a thread of it.
    In(ChannelId),
    /// Its author.
    From(PersonRef),
    /// A person whom it mentions.
    Mentions(PersonRef),
    /// A thing that it contains.
    Has(Feature),
    /// The kind of its author.
    Author(AuthorKind),
    /// A domain of the host of an address.
    Host(&'a str),
    /// The extension of a file.
    Extension(&'a FileExtension),
    /// It is pinned.
    Pinned,
    /// Its type is shown.
    Shown,
}

impl Key<'_> {
    fn text(self) -> String {
        let person = |of: &str, person| match person {
            PersonRef::Pseudonym(pseudonym) => format!("{of}:{pseudonym}"),
            PersonRef::Name(name) => format!("{of}-name:{name}"),
        };
        match self {
            Self::In(channel) => format!("in:{}", channel.0.simple()),
            Self::From(author) => person("from", author),
            Self::Mentions(mentioned) => person("mentions", mentioned),
            Self::Has(feature) => format!("has:{}", feature.as_str()),
            Self::Author(kind) => format!("author:{}", kind.as_str()),
            Self::Host(domain) => format!("host:{domain}"),
            Self::Extension(extension) => format!("ext:{}", extension.as_str()),
            Self::Pinned => "pinned".to_owned(),
            Self::Shown => "shown".to_owned(),
        }
    }
}

impl Fields {
    /// Returns the term of a property.
    pub(crate) fn key(&self, key: Key<'_>) -> Term {
        Term::from_field_text(self.key, &key.text())
    }

    /// Returns the term of a token.
    pub(crate) fn word(&self, token: &str) -> Term {
        Term::from_field_text(self.body, token)
    }

    /// Returns a message as the index stores it.
    pub(crate) fn document(&self, message: &IndexedMessage) -> TantivyDocument {
        let mut stored = TantivyDocument::default();
        let document = &message.document;
        stored.add_u64(self.id, message.id.get());
        stored.add_bytes(self.channel, document.channel.id.0.as_bytes());
        stored.add_bytes(self.root, &message.root.map_or(NO_ROOT, |root| root.0.into_bytes()));
        for key in keys(document, message.shown) {
            stored.add_text(self.key, key);
        }
        let tokens = document.tokens().into_iter().map(|token| Token {
            position: token.position as usize,
            text: token.text,
            ..Token::default()
        });
        let tokens: Vec<Token> = tokens.collect();
        stored.add_pre_tokenized_text(self.body, PreTokenizedString { text: String::new(), tokens });
        stored
    }
}

/// Returns the keys of a message. Names are terms as well: several people can have one.
fn keys(document: &SearchDocument, shown: bool) -> Vec<String> {
    let people = |pseudonym| [PersonRef::Pseudonym(pseudonym), PersonRef::Name(GeneratedName::of(pseudonym))];
    let channels = once(&document.channel).chain(&document.parent).map(|channel| Key::In(channel.id));
    let mentions = document.mentions.iter().flat_map(|person| people(*person)).map(Key::Mentions);
    let hosts = document.hosts.iter().flat_map(HostName::domains).map(Key::Host);
    let keys = channels
        .chain(people(document.author.pseudonym).map(Key::From))
        .chain(mentions)
        .chain(document.features.iter().map(Key::Has))
        .chain(once(Key::Author(AuthorKind::of(&document.author))))
        .chain(hosts)
        .chain(document.extensions.iter().map(Key::Extension))
        .chain(document.pinned.then_some(Key::Pinned))
        .chain(shown.then_some(Key::Shown));
    let mut keys: Vec<String> = keys.map(Key::text).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}
