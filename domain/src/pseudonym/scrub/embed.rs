//! Personal data in embeds: welcome, log and moderation bots put names beside pictures and ids.

use serde_json::{Map, Value};

use super::MessageScrub;
use super::label::scan_labelled;
use super::text::{Rules, What, scan};

/// Keys of pictures.
const PICTURES: [&str; 6] = ["thumbnail", "image", "images", "video", "media", "file"];

/// Keys of addresses in an object.
const ADDRESSES: [&str; 6] = ["url", "proxy_url", "icon_url", "proxy_icon_url", "iconUrl", "canonicalUrl"];

/// Words beside an id that do not name a person.
const ID_WORDS: [&str; 6] = ["id", "user", "member", "author", "discord", "uid"];

/// The minimum length of a name that is replaced in texts, in letters.
const SHORTEST_NAME: usize = 3;

/// The maximum length of a title that is the name of a person, in letters: that of Discord's names.
const LONGEST_NAME: usize = 32;

/// The maximum length of an address in a link that is checked, in bytes.
const LONGEST_ADDRESS: usize = 2048;

/// The maximum length of the text of a link that is checked, in letters.
const LONGEST_LABEL: usize = 256;

/// Keys of an embed with texts that readers are shown.
const SHOWN: [&str; 5] = ["author", "title", "description", "footer", "fields"];

/// Words before the name of a person in a footer or title.
const BEFORE_NAMES: [&str; 3] = [" by ", " for ", " of "];

/// Letters after which the name before them ends: `Name's avatar`, `Name (id)`.
const AFTER_NAMES: [&str; 3] = ["'s ", "’s ", " ("];

/// The replacement for a person without an id in the embed.
const UNKNOWN: &str = "a member";

/// The person of an address, with or without an id.
type Whose = Option<String>;

pub(super) fn is_embed(fields: &Map<String, Value>) -> bool {
    let of_embed = ["author", "footer", "fields", "thumbnail", "image", "description", "title"];
    of_embed.iter().any(|key| fields.contains_key(*key))
}

/// Returns whether an embed is a filter's alert to the moderators, which is shown to them alone.
pub(super) fn is_alert(fields: &Map<String, Value>) -> bool {
    fields.get("type").is_some_and(|kind| kind == "auto_moderation_message")
}

/// Returns an alert without the text that a filter stopped, if that is the name of a person.
pub(super) fn alert(mut fields: Map<String, Value>) -> Map<String, Value> {
    let name_of = |field: &Value| text_of(Some(field), "name").unwrap_or_default().to_owned();
    let Some(Value::Array(listed)) = fields.get_mut("fields") else { return fields };
    let is_about_name =
        listed.iter().map(name_of).any(|name| name.starts_with("quarantine_user") || name.starts_with("block_profile"));
    if is_about_name {
        listed.retain(|field| !name_of(field).starts_with("keyword"));
        fields.remove("description");
    }
    fields
}

pub(super) fn is_picture(key: &str) -> bool {
    PICTURES.contains(&key)
}

impl MessageScrub<'_> {
    /// Returns an embed without the name of the person whose picture or address it shows, and without labelled ids.
    pub(super) fn embed(&self, fields: Map<String, Value>) -> Map<String, Value> {
        let mut fields = self.unnamed(fields);
        each_program_text(&mut fields, &mut |text, label| *text = self.unlabelled(text, label));
        fields
    }

    /// Returns a program's text with the ids that it labels as people's as pseudonyms; `label` is before the text.
    pub(super) fn unlabelled(&self, text: &str, label: &str) -> String {
        self.people.edited(text, &scan_labelled(text, label))
    }

    /// Returns an embed without the name of the person whose picture or address it shows.
    fn unnamed(&self, mut fields: Map<String, Value>) -> Map<String, Value> {
        let mut linked = Vec::new();
        for key in SHOWN {
            if let Some(value) = fields.get_mut(key) {
                each_text(value, &mut |text| *text = self.unlinked(text, &mut linked));
            }
        }
        let author = fields.get("author").and_then(|author| self.whose(author));
        let footer = fields.get("footer").and_then(|footer| self.whose(footer));
        let link = fields.get("url").and_then(|url| self.whose_address(url));
        let picture = fields.iter().filter(|(key, _)| is_picture(key)).find_map(|(_, value)| self.whose(value));
        let all = [&author, &link, &picture, &footer];
        if all.iter().all(|found| found.is_none()) {
            for key in SHOWN {
                if let Some(value) = fields.get_mut(key) {
                    unname(value, &linked);
                }
            }
            return fields;
        }
        let person = all.iter().find_map(|found| found.as_ref()?.clone());
        let name_of = |whose: Option<&Whose>| {
            let id = whose.and_then(Option::as_ref).or(person.as_ref());
            id.map(|id| self.people.person(id).name().to_string())
        };
        let mut names: Vec<(String, Option<String>)> =
            self.names.iter().map(|(name, id)| (name.clone(), name_of(Some(&Some(id.clone()))))).collect();
        let mut add = |text: Option<&str>, whose: Option<&Whose>| {
            names.extend(text.into_iter().flat_map(names_in).map(|name| (name.to_owned(), name_of(whose))));
        };
        let author_name = text_of(fields.get("author"), "name").filter(|name| !name.trim().is_empty());
        let author_name = author_name.filter(|_| author.is_some() || fields.get("author").is_some_and(has_no_address));
        let footer_text = text_of(fields.get("footer"), "text").filter(|text| !text.trim().is_empty());
        let title = fields.get("title").and_then(Value::as_str).filter(|title| !title.trim().is_empty());
        // Without another name, a short title beside a picture of a person is the person's name.
        let is_alone = author_name.is_none() && (author.is_some() || footer.is_some() && footer_text.is_none());
        let is_alone = is_alone || author_name.is_none() && picture.is_some();
        let is_name = is_alone && title.is_some_and(is_short);
        let titled = link.clone().or_else(|| all.iter().find_map(|found| (*found).clone()).filter(|_| is_name));
        add(author_name, author.as_ref());
        add(title.filter(|_| titled.is_some()), titled.as_ref());
        add(footer_text.filter(|text| footer.is_some() && is_short(text)), footer.as_ref());
        for key in SHOWN {
            if let Some(value) = fields.get_mut(key) {
                each_text(value, &mut |text| names.extend(tagged(text).map(|name| (name.to_owned(), name_of(None)))));
            }
        }
        names.extend(linked);
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        if author.is_some() || fields.get("author").is_some_and(has_no_address) {
            match name_of(author.as_ref()) {
                Some(name) => fields
                    .insert("author".to_owned(), Value::Object(Map::from_iter([("name".to_owned(), name.into())]))),
                None => fields.remove("author"),
            };
        }
        if link.is_some() {
            fields.remove("url");
        }
        if titled.is_some() {
            match name_of(titled.as_ref()) {
                Some(name) => fields.insert("title".to_owned(), name.into()),
                None => fields.remove("title"),
            };
        }
        if footer.is_some() || fields.get("footer").is_some_and(has_no_address) {
            let text = text_of(fields.get("footer"), "text").filter(|text| self.is_id_line(text));
            match text.map(str::to_owned).or_else(|| name_of(footer.as_ref())) {
                Some(text) => fields
                    .insert("footer".to_owned(), Value::Object(Map::from_iter([("text".to_owned(), text.into())]))),
                None => fields.remove("footer"),
            };
        }
        for key in SHOWN {
            if let Some(value) = fields.get_mut(key) {
                unname(value, &names);
            }
        }
        fields
    }

    /// Returns a text of a program with the names of people as the texts of links to them, `[Name](https://…/users/ID)`,
    /// replaced by generated names; adds them to `names`.
    pub(super) fn unlinked(&self, text: &str, names: &mut Vec<(String, Option<String>)>) -> String {
        let (mut written, mut from) = (String::new(), 0);
        for (at, _) in text.match_indices("](") {
            let address = text[at + 2..].split([')', ' ', '\n']).next().unwrap_or_default();
            let Some(start) = label_start(&text[from..at]).map(|start| from + start) else { continue };
            if address.len() > LONGEST_ADDRESS || start == at {
                continue;
            }
            let Some(whose) = self.whose_text(address) else { continue };
            let generated = whose.map(|id| self.people.person(&id).name().to_string());
            written.push_str(&text[from..start]);
            written.push_str(generated.as_deref().unwrap_or(UNKNOWN));
            from = at;
            let label = text[start..at].trim_matches(['*', '_', '~', '`', '@', ' ']);
            names.push((untagged(label).to_owned(), generated));
        }
        written.push_str(&text[from..]);
        written
    }

    /// Returns whether a text with an id contains nothing but the id and its label.
    fn is_id_line(&self, text: &str) -> bool {
        let has_id =
            !scan(text, Rules { hidden: false, known: Some(&self.ids), own: None, fresh: self.fresh }).is_empty();
        has_id
            && text
                .split(|letter: char| !letter.is_alphabetic())
                .all(|word| word.is_empty() || ID_WORDS.contains(&word.to_lowercase().as_str()))
    }

    /// Returns whether a picture shows a person.
    pub(super) fn shows_person(&self, value: &Value) -> bool {
        match value {
            Value::Array(items) => items.iter().any(|item| self.shows_person(item)),
            value => self.whose(value).is_some(),
        }
    }

    /// Returns the person of the addresses in an object, or in the objects of a list.
    fn whose(&self, value: &Value) -> Option<Whose> {
        match value {
            Value::Object(fields) => {
                let has_source = ["url", "icon_url"]
                    .iter()
                    .any(|key| fields.get(*key).and_then(Value::as_str).is_some_and(|url| url.starts_with("http")));
                let found = ADDRESSES.iter().filter_map(|key| fields.get(*key)).filter_map(|address| {
                    let is_local = address.as_str().is_some_and(is_local_asset);
                    if is_local && has_source { None } else { self.whose_address(address) }
                });
                let mut found: Vec<Whose> = found.collect();
                found.sort();
                found.pop()
            }
            Value::Array(items) => items.iter().find_map(|item| self.whose(item)),
            Value::String(_) => self.whose_address(value),
            _ => None,
        }
    }

    fn whose_address(&self, value: &Value) -> Option<Whose> {
        self.whose_text(value.as_str()?)
    }

    fn whose_text(&self, text: &str) -> Option<Whose> {
        let edits = scan(text, Rules { hidden: false, known: None, own: None, fresh: self.fresh });
        let found = edits.iter().filter(|edit| matches!(edit.what, What::Id(_) | What::Asset { .. }));
        let found = found.map(|edit| edit.what.id().map(str::to_owned)).max();
        // A default picture of Discord, for a person without one.
        let is_default = text.contains("/embed/avatars/");
        found.or_else(|| (is_default || is_local_asset(text)).then_some(None))
    }

    /// Returns whether a text is the address of a picture of a person, and nothing else.
    pub(super) fn is_asset(&self, key: &str, value: &Value) -> bool {
        let Some(text) =
            value.as_str().filter(|text| text.contains(['/', '\\', '%']) && !text.contains(char::is_whitespace))
        else {
            return false;
        };
        let edits = scan(text, Rules { hidden: false, known: None, own: None, fresh: self.fresh });
        edits.iter().any(|edit| matches!(edit.what, What::Asset { .. }))
            || (key.contains("icon") || key.contains("avatar")) && is_local_asset(text)
    }
}

/// Returns whether a path beside an export is that of a picture that Discord names by its hash, as an exporter saves
/// it: `x_Files/HASH-1A2B3.png`, or `0-1A2B3.png` for one of Discord's own.
fn is_local_asset(path: &str) -> bool {
    if path.contains("://") || !path.contains(['/', '\\']) {
        return false;
    }
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
    let Some((stem, kind)) = name.rsplit_once('.') else { return false };
    let is_image = ["png", "jpg", "jpeg", "gif", "webp"].contains(&kind.to_ascii_lowercase().as_str());
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (hash, suffix) = stem.rsplit_once('-').unwrap_or((stem, ""));
    let hash = hash.rsplit('_').next().unwrap_or_default();
    let is_default = hash.len() == 1 && hash.bytes().all(|byte| (b'0'..=b'5').contains(&byte));
    let is_saved = matches!(suffix.len(), 5 | 16) && is_hex(suffix);
    is_image && (hash.len() == 32 && is_hex(hash) && (suffix.is_empty() || is_saved) || is_default && is_saved)
}

/// Returns whether an object has no picture and no address, so that it cannot refer to another person than the embed's.
fn has_no_address(value: &Value) -> bool {
    value.as_object().is_some_and(|fields| !ADDRESSES.iter().any(|key| fields.contains_key(*key)))
}

fn text_of<'v>(value: Option<&'v Value>, key: &str) -> Option<&'v str> {
    value?.get(key)?.as_str()
}

/// Returns a name without the four digits of its tag.
fn untagged(name: &str) -> &str {
    let name = name.trim();
    name.rsplit_once('#')
        .filter(|(_, digits)| digits.bytes().all(|byte| byte.is_ascii_digit()))
        .map_or(name, |(name, _)| name)
}

/// Returns the start of the text of a link that ends with `before`: after its `[`.
fn label_start(before: &str) -> Option<usize> {
    let mut depth = 1_usize;
    for (at, letter) in before.char_indices().rev().take(LONGEST_LABEL) {
        match letter {
            '[' => depth -= 1,
            ']' => depth += 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

/// Returns whether a text has the length of a name, on one line.
fn is_short(text: &str) -> bool {
    let text = text.trim();
    text.chars().count() <= LONGEST_NAME && !text.contains('\n')
}

/// Returns the possible names of the person that a text names: all of it, or the part before or after a common word.
fn names_in(text: &str) -> impl Iterator<Item = &str> {
    let after = BEFORE_NAMES.iter().filter_map(move |word| text.rsplit_once(word)).map(|(_, name)| name);
    let before = AFTER_NAMES.iter().filter_map(move |word| text.split_once(word)).map(|(name, _)| name);
    std::iter::once(text).chain(after).chain(before).map(untagged)
}

/// Returns the names before the four digits of a tag in a text, each with its tag and without it: `name#1234`.
fn tagged(text: &str) -> impl Iterator<Item = &str> {
    let is_of_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.' | '-');
    let found = text.match_indices('#').filter_map(move |(at, _)| {
        let rest = &text[at + 1..];
        let digits = rest.bytes().take(5).take_while(u8::is_ascii_digit).count();
        let is_tag = digits == 4 || &rest[..digits] == "0";
        let name = text[..at].rsplit(|letter| !is_of_name(letter)).next().filter(|name| is_tag && !name.is_empty())?;
        Some([&text[at - name.len()..=at + digits], name])
    });
    found.flatten()
}

/// Applies `edit` to each text of an embed that readers are shown, with its label: the name of a field before its value.
pub fn each_program_text(embed: &mut Map<String, Value>, edit: &mut dyn FnMut(&mut String, &str)) {
    for key in SHOWN {
        if let Some(value) = embed.get_mut(key) {
            each_labelled(value, "", edit);
        }
    }
}

fn each_labelled(value: &mut Value, label: &str, edit: &mut dyn FnMut(&mut String, &str)) {
    match value {
        Value::String(text) => edit(text, label),
        Value::Array(items) => items.iter_mut().for_each(|item| each_labelled(item, label, edit)),
        Value::Object(fields) => {
            let label = fields.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
            for (key, label) in [("name", ""), ("text", ""), ("value", label.as_str())] {
                if let Some(value) = fields.get_mut(key) {
                    each_labelled(value, label, edit);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Applies `edit` to each text in a value of an embed that readers are shown.
fn each_text(value: &mut Value, edit: &mut dyn FnMut(&mut String)) {
    each_labelled(value, "", &mut |text, _| edit(text));
}

/// Replaces names that are words in the texts of `value` by generated names.
fn unname(value: &mut Value, names: &[(String, Option<String>)]) {
    each_text(value, &mut |text| {
        for (name, generated) in names {
            let generated = generated.as_deref().unwrap_or(UNKNOWN);
            if name.chars().count() >= SHORTEST_NAME
                && text.contains(name.as_str())
                && !generated.contains(name.as_str())
            {
                *text = replace_word(text, name, generated);
            }
        }
    });
}

fn replace_word(text: &str, word: &str, by: &str) -> String {
    let (mut written, mut from) = (String::with_capacity(text.len()), 0);
    for (at, _) in text.match_indices(word) {
        let end = at + word.len();
        let is_word = !text[..at].ends_with(char::is_alphanumeric) && !text[end..].starts_with(char::is_alphanumeric);
        if is_word {
            written.push_str(&text[from..at]);
            written.push_str(by);
            from = end;
        }
    }
    written.push_str(&text[from..]);
    written
}
