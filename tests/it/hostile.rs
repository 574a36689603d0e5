//! Untrusted input: malicious files and probing requests. Each ends in a clear error or in a value that is stored and
//! escaped; nothing panics, responds with 500 or makes memory grow.

mod files;
mod requests;
