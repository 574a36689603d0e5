//! The twin of the page about the archive of a community.

use app_core::browse::Extent;

use super::text::{Text, link};
use super::{Document, plain, tenant_link};
use crate::html::Frame;
use crate::html::about::{NO_CONTACT, sections};

/// Returns the twin of the page about the archive of a tenant.
pub(crate) fn about(frame: &Frame<'_>, extent: &Extent, canonical: Option<&str>) -> String {
    let tenant = frame.base.tenant;
    let mut document = Document::new("About this archive");
    document.page(&frame.base.origin().unwrap_or_default(), canonical);
    document.fact("Community", &tenant_link(frame.base));
    document.open();
    document.part(tenant.profile.description.as_ref().map_or_else(String::new, plain));
    for section in sections(tenant, extent) {
        document.part(format!("## {}", section.title));
        section.paragraphs.iter().for_each(|paragraph| document.part(Text::line(paragraph)));
    }
    document.part("## Contact".to_owned());
    document.part(match &tenant.profile.contact {
        Some(contact) => link(&Text::line(contact.as_str()), &contact.address()),
        None => NO_CONTACT.to_owned(),
    });
    document.finish()
}
