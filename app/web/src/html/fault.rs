//! The page of an error.

use maud::{Markup, html};

use super::frame::{Head, page};
use crate::address::Base;

/// Returns the page of an error: its HTTP status with the title, one sentence without a full stop, and the fields that it
/// is about, each with the reason. It leads to the community of `base`, or else to all of them.
#[must_use]
pub fn error_page(status: u16, title: &str, detail: &str, fields: &[(&str, &str)], base: Option<Base<'_>>) -> Markup {
    let mut detail = detail.to_owned();
    if let Some(first) = detail.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let content = html! {
        main id="content" class="alone" {
            h1 { (status) " " (title) }
            p { (detail) "." }
            @if !fields.is_empty() {
                ul { @for (field, reason) in fields { li { code { (field) } ": " (reason) } } }
            }
            @match base {
                Some(base) => {
                    p { a href=(base.home()) { "All channels of " bdi { (base.tenant.name.as_str()) } } }
                    p { a href=(base.path("/search")) { "Search" } }
                },
                None => p { a href="/" { "All communities" } },
            }
        }
    };
    page(&Head { title: title.to_owned(), noindex: true, ..Head::default() }, base, &content)
}
