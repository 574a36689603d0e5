//! Untrusted input: malicious files and probing requests. Each ends in a clear error or in a value that is stored and
//! escaped; nothing panics, responds with 500 or makes memory grow.

mod files;
mod requests;

/// Returns a page without the scripts of the site, of which none is in the page itself.
fn without_own_scripts(page: String) -> String {
    let own = ["theme.js", "site.js", "live.js"].into_iter();
    let tags =
        own.flat_map(|name| ["", "defer "].map(|when| format!("<script {when}src=\"/assets/{name}\"></script>")));
    tags.fold(page, |page, tag| page.replace(&tag, ""))
}
