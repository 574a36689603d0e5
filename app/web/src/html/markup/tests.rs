use domain::guild::Role;
use domain::picture::PictureKey;
use domain::slug::TenantSlug;
use domain::tenant::{Color, Platform, PlatformId, Tenant, TenantName};
use domain::timestamp::Timestamp;

use super::{Names, ShownPictures, excerpt, render};

fn html(text: &str) -> String {
    render(text, &Names::default()).into_string()
}

#[test]
fn what_is_typed_is_escaped_everywhere() {
    for text in [
        "<script>alert(1)</script>",
        "**<script>**",
        "`<script>`",
        "```<script>\n<script>```",
        "[<script>](https://example.org/\"onclick=\"x)",
        "# <script>",
        "||<script>||",
        "> <script>",
    ] {
        let page = html(text);
        assert!(!page.contains("<script") && !page.contains("\"onclick"), "{text}: {page}");
    }
}

#[test]
fn markup_becomes_elements() {
    assert_eq!(html("**a** *b*"), "<p dir=\"auto\"><strong>a</strong> <em>b</em></p>");
    assert!(html("<@00000000000000000000000000000000>").contains("@<bdi>Amber Badger 00000</bdi>"));
    assert!(html("<#1>").contains("#unknown-channel"));
    assert!(html("||a||").contains("class=\"spoiler\""));
    assert!(html("<t:1772366400>").contains("1 March 2026 at 12:00 UTC"));
}

#[test]
fn an_excerpt_is_plain_text_and_keeps_spoilers_hidden() {
    let names = Names::default();
    assert_eq!(excerpt("**a** `b`\n\n> c ||the butler|| <#1>", 100, &names), "a b c █████ #unknown-channel");
    assert_eq!(excerpt("# one\n- two\n```rs\nthree\n```", 100, &names), "one two three");
    assert_eq!(excerpt("letters of any script: 日本語", 25, &names), "letters of any script: 日…");
}

#[test]
fn the_direction_of_a_list_follows_its_letters() {
    assert_eq!(html("- אחת\n- שתיים"), "<ul dir=\"auto\"><li><p>אחת</p></li><li><p>שתיים</p></li></ul>");
}

#[test]
fn a_role_is_shown_by_its_name_and_colour() {
    let role = |raw: u64, name: &str, rgb: u32| {
        let id = raw.to_string().parse().unwrap();
        (id, Role { id, name: name.to_owned(), color: Color::from_rgb(rgb).filter(|_| rgb > 0), position: 1 })
    };
    let roles = [role(7, "<b>Weavers</b>", 0xE7_4C3C), role(8, "Knitters", 0), role(9, "@everyone", 0)];
    let names = Names { roles: roles.into_iter().collect(), ..Names::default() };
    let page = render("<@&7> <@&8> <@&9> <@&10> <@&0>", &names).into_string();
    assert!(page.contains("fill=\"#e74c3c\"") && page.contains("@<bdi>&lt;b&gt;Weavers&lt;/b&gt;</bdi>"), "{page}");
    assert_eq!(page.matches("<svg").count(), 1, "{page}");
    assert!(page.contains(">@<bdi>Knitters<") && page.contains(">@<bdi>everyone<"), "{page}");
    assert_eq!(page.matches(">@<bdi>role<").count(), 2, "{page}");
    assert_eq!(excerpt("<@&7> <@&8> <@&10>", 100, &names), "@<b>Weavers</b> @Knitters @role");
}

#[test]
fn stored_emoji_and_role_icons_are_pictures_and_at_most_200_of_a_page() {
    let (platform_id, slug) = (PlatformId::new("5").unwrap(), TenantSlug::new("needles").unwrap());
    let tenant =
        Tenant::new(Platform::Discord, platform_id, slug, TenantName::new("The Needles").unwrap(), Timestamp::EPOCH);
    let id = |raw: u64| raw.to_string().parse().unwrap();
    let role = Role { id: "7".parse().unwrap(), name: "Knitters".to_owned(), color: None, position: 1 };
    let names = || {
        let stored = [PictureKey::emoji(id(5)), PictureKey::role_icon("7".parse().unwrap())];
        let pictures = ShownPictures::new(crate::address::Base::of_api(&tenant), stored.into_iter().collect());
        Names { roles: [(role.id, role.clone())].into_iter().collect(), pictures, ..Names::default() }
    };
    let page = render("a <:wool:5> <a:purl:6> <@&7>", &names()).into_string();
    let picture = format!(
        "<img class=\"emoji\" src=\"/{}/files/picture/emoji/5\" alt=\":wool:\" title=\":wool:\" width=\"22\" \
         height=\"22\" loading=\"lazy\">",
        tenant.slug
    );
    assert!(page.contains(&picture), "{page}");
    assert!(page.contains(">:purl:</span>") && page.contains("/files/picture/role/7\" alt=\"\""), "{page}");
    let many = render(&"<:wool:5>".repeat(10_000), &names()).into_string();
    assert_eq!((many.matches("<img").count(), many.matches(">:wool:</span>").count()), (200, 9_800));
}
