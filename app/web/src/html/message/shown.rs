//! A message that is ready to be put on a page.

use std::borrow::Cow;

use maud::{Markup, Render};

/// A message on its channel's page.
pub(crate) struct Shown<'a> {
    /// The heading of the day that begins with it.
    pub(super) day: Option<Markup>,
    pub(super) article: Cow<'a, str>,
}

impl Shown<'_> {
    /// Returns its size, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.day.as_ref().map_or(0, |day| day.0.len()) + self.article.len()
    }
}

impl Render for Shown<'_> {
    fn render_to(&self, to: &mut String) {
        to.extend(self.day.as_ref().map(|day| day.0.as_str()));
        to.push_str(&self.article);
    }
}
