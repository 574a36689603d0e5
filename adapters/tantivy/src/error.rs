//! Errors of the library as errors of the port.

use std::io::{self, ErrorKind};

use ports::search::SearchError;
use tantivy::TantivyError;
use tantivy::directory::error::{LockError, OpenDirectoryError, OpenReadError, OpenWriteError};

/// Returns the error of the port for one of the library.
pub(crate) fn search_error(error: TantivyError) -> SearchError {
    let kind = match &error {
        TantivyError::IoError(io)
        | TantivyError::OpenDirectoryError(OpenDirectoryError::IoError { io_error: io, .. })
        | TantivyError::OpenReadError(OpenReadError::IoError { io_error: io, .. })
        | TantivyError::OpenWriteError(OpenWriteError::IoError { io_error: io, .. })
        | TantivyError::LockFailure(LockError::IoError(io), _) => io.kind(),
        TantivyError::LockFailure(LockError::LockBusy, _) => return SearchError::Locked,
        TantivyError::DataCorruption(_)
        | TantivyError::OpenReadError(_)
        | TantivyError::OpenDirectoryError(_)
        | TantivyError::IncompatibleIndex(_)
        | TantivyError::SchemaError(_)
        | TantivyError::InternalError(_)
        | TantivyError::DeserializeError(_)
        | TantivyError::FieldNotFound(_) => ErrorKind::InvalidData,
        _ => ErrorKind::Other,
    };
    by_kind(kind, error.into())
}

/// Returns the error of the port for one of the file system.
pub(crate) fn io_error(error: io::Error) -> SearchError {
    by_kind(error.kind(), error.into())
}

fn by_kind(kind: ErrorKind, source: ports::error::Source) -> SearchError {
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => SearchError::Full(source),
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof | ErrorKind::NotFound => SearchError::Damaged(source),
        _ => SearchError::Backend(source),
    }
}
