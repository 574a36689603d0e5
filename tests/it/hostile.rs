//! Input that nobody should trust: files that lie and requests that probe. Each ends in a clear error or in a value
//! that is stored and escaped; nothing panics, answers 500 or makes memory grow.

mod files;
mod requests;
