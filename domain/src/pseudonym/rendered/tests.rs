use std::borrow::Cow;

use serde_json::json;

use super::{Identity, KnownPeople, RenderedNames};
use crate::pseudonym::{PseudonymKey, Pseudonymizer};
use crate::tenant::{Platform, PlatformId, TenantId};

fn people() -> Pseudonymizer {
    let tenant = TenantId::of(Platform::Discord, &PlatformId::new("1").unwrap());
    Pseudonymizer::new(&PseudonymKey::new([1; 32]), tenant)
}

fn known() -> KnownPeople {
    let mut known = KnownPeople::default();
    known.add(&Identity::Id(Cow::Borrowed("1")), ["Fenn Zqxmoor", "fenn#1234"]);
    known.add(&Identity::Id(Cow::Borrowed("2")), ["Fenn", "Quillzqx"]);
    known.add(&Identity::Name(Cow::Borrowed("moth")), ["moth"]);
    known.add(&Identity::Id(Cow::Borrowed("3")), ["zqx.dot"]);
    known
}

#[test]
fn rendered_names_become_mentions_and_typed_ones_stay() {
    let (people, known) = (people(), known());
    let (fenn, quill, moth) = (people.person("1"), people.person("2"), people.named("moth"));
    let dot = people.person("3");
    let names = RenderedNames::new(&people, &known, []);
    for (text, expected) in [
        ("hello @Fenn Zqxmoor, are you there?", format!("hello <@{fenn}>, are you there?")),
        ("@Fenn @fenn#1234 @Fenn#9999", format!("<@{quill}> <@{fenn}> <@{quill}>#9999")),
        ("yes @Quillzqx! **@Quillzqx**_@Quillzqx_", format!("yes <@{quill}>! **<@{quill}>**_<@{quill}>_")),
        ("@moth你好@moth", format!("<@{moth}>你好<@{moth}>")),
        ("hi@Quillzqx there, @Quillzqxs", format!("hi<@{quill}> there, <@{quill}>s")),
        ("`@Quillzqx`, (https://a.example/x),@Quillzqx", format!("`<@{quill}>`, (https://a.example/x),<@{quill}>")),
        ("@zqx.dot@zqx.dot @zqx.dot", format!("<@{dot}><@{dot}> <@{dot}>")),
        ("@@Quillzqx", format!("@<@{quill}>")),
        ("to @Quillzqx. And", format!("to <@{quill}>. And")),
        ("me@Quillzqx.example, m.e-2@Quillzqx.example.", "me@Quillzqx.example, m.e-2@Quillzqx.example.".to_owned()),
        ("https://a.example/@Quillzqx/1?by=@moth", "https://a.example/@Quillzqx/1?by=@moth".to_owned()),
        ("@unknown @Fennimore @ @everyone", "@unknown @Fennimore @ @everyone".to_owned()),
    ] {
        assert_eq!(names.text(text.to_owned()), expected);
    }
    assert!(names.is_name("Fenn Zqxmoor") && !names.is_name("Fenn Z") && !names.is_name(""));
    let mentions = format!("<@{fenn}> <@&123> <@{quill}>");
    assert_eq!(names.text(mentions.clone()), mentions);
    let tree = json!({"a": ["@Quillzqx", 1, null, {"@moth": "@moth"}]});
    assert_eq!(names.json(tree), json!({"a": [format!("<@{quill}>"), 1, null, {"@moth": format!("<@{moth}>")}]}));
}

#[test]
fn a_name_in_a_programs_text_is_replaced_where_its_context_shows_that_it_is_one() {
    let (people, mut known) = (people(), known());
    known.add(&Identity::Id(Cow::Borrowed("4")), ["quill_", "Ann (she/her)", "quill_#4321"]);
    known.add(&Identity::Id(Cow::Borrowed("5")), ["User", "ID", "user id"]);
    let (fenn, quill, ann) = (people.person("1"), people.person("2"), people.person("4"));
    let names = RenderedNames::new(&people, &known, []);
    let (fenn_name, quill_name, ann_name) = (fenn.name(), quill.name(), ann.name());
    for (text, label, expected) in [
        ("fenn#1234 left, Quillzqx#0 too".to_owned(), "", format!("{fenn_name} left, {quill_name} too")),
        ("quill_#4321, repo#1234, Fenn#12".to_owned(), "", format!("{ann_name}, repo#1234, Fenn#12")),
        (format!("quill_ ({ann})"), "", format!("{ann_name} ({ann})")),
        (format!("Ann (she/her) - {ann}"), "", format!("{ann_name} - {ann}")),
        (format!("{quill} – **Quillzqx**"), "", format!("{quill} – **{quill_name}**")),
        (format!("User ID: {quill} | Quillzqx"), "", format!("User ID: {quill} | {quill_name}")),
        ("Quillzqx\n`quill_`".to_owned(), "Moderator", format!("{quill_name}\n`{ann_name}`")),
        ("Member: Quillzqx; Channel: Fenn".to_owned(), "", format!("Member: {quill_name}; Channel: Fenn")),
        ("Quillzqx left".to_owned(), "User", "Quillzqx left".to_owned()),
        ("Quillzqx".to_owned(), "Log", "Quillzqx".to_owned()),
        ("é#1234 ü#0 #".to_owned(), "", "é#1234 ü#0 #".to_owned()),
    ] {
        assert_eq!(names.program_text(&text, label), expected, "{label}: {text}");
    }
    for unit in ["#0", "a#1234", "\n", "(", "|*", "Quillzqx|", "- "] {
        let long = format!("{quill}{}", unit.repeat(200_000 / unit.len()));
        // Quadratic time would be some 10^10 steps.
        assert!(!names.program_text(&long, &long).is_empty());
    }
}

#[test]
fn those_whom_a_message_mentions_come_before_others_of_the_same_name() {
    let (people, known) = (people(), known());
    let own = people.person("9");
    let names = RenderedNames::new(&people, &known, [(Cow::Borrowed("Fenn"), own), (Cow::Borrowed(""), own)]);
    let expected = format!("<@{own}> and <@{}>", people.person("1"));
    assert_eq!(names.text("@Fenn and @Fenn Zqxmoor".to_owned()), expected);
}
