//! The address of the database:
//! `mysql://user:password@host:4000/database?ssl-mode=VERIFY_IDENTITY&ssl-ca=/path/ca.pem`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use url::{Host, Url};

/// The default of `TiDB`.
const DEFAULT_PORT: u16 = 4000;

/// Why a text is not an address of a database. The error never contains the text, whose password must not be logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    /// The text cannot be parsed as an address.
    #[error(
        "is not an address like mysql://user:password@host:4000/database ({0}); \
         write special characters of the user and the password as %XX"
    )]
    Form(String),
    /// The scheme is not `mysql`.
    #[error("begins with {0}://, expected mysql://")]
    Scheme(String),
    /// A part is missing.
    #[error("does not name the {0}, expected mysql://user:password@host:4000/database")]
    Part(&'static str),
    /// A part that cannot be decoded as UTF-8.
    #[error("has a {0} that is not UTF-8 after decoding its %XX")]
    Encoding(&'static str),
    /// An unknown parameter.
    #[error("has the unknown parameter {0:?}; there are ssl-mode and ssl-ca")]
    Parameter(String),
    /// A parameter that is given more than once.
    #[error("has the parameter {0} twice")]
    Repeated(&'static str),
    /// A word that is not a mode.
    #[error("has ssl-mode={0:?}, expected DISABLED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY")]
    Mode(String),
    /// The mode that continues without encryption if the server has none.
    #[error(
        "has ssl-mode=PREFERRED, which falls back to plain text at the request of the other side; \
         choose DISABLED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY"
    )]
    Preferred,
    /// An authority that the mode does not use.
    #[error("has ssl-ca, which needs ssl-mode=VERIFY_CA or ssl-mode=VERIFY_IDENTITY")]
    UnusedCa,
    /// The path of the authority's file is empty.
    #[error("has ssl-ca without a path")]
    EmptyCa,
}

/// How the connection is encrypted and what is checked, in the words of `MySQL`'s clients
/// (<https://dev.mysql.com/doc/refman/8.0/en/connection-options.html#option_general_ssl-mode>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsMode {
    /// Plain text.
    #[default]
    Disabled,
    /// Encrypted, without checking the server's identity.
    Required,
    /// Encrypted, and the certificate is issued by a trusted authority.
    VerifyCa,
    /// As before, and the certificate is for the host that the address names.
    VerifyIdentity,
}

/// The address of a database. Printing it shows `***` for the password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    /// The name or IP address of the server.
    pub host: String,
    /// Its port; 4000 if the address has none.
    pub port: u16,
    /// The user.
    pub user: String,
    /// The password, decoded; empty for none.
    pub password: String,
    /// The database.
    pub database: String,
    /// How the connection is encrypted.
    pub tls: TlsMode,
    /// A file of certificates in PEM of the authorities to trust, instead of the public ones.
    pub ca: Option<PathBuf>,
}

impl DatabaseUrl {
    /// Returns whether the connection is encrypted.
    #[must_use]
    pub fn tls_is_on(&self) -> bool {
        self.tls != TlsMode::Disabled
    }
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|error| DatabaseUrlError::Form(error.to_string()))?;
        if url.scheme() != "mysql" {
            return Err(DatabaseUrlError::Scheme(url.scheme().to_owned()));
        }
        if url.fragment().is_some() {
            return Err(DatabaseUrlError::Form("it contains a #".to_owned()));
        }
        let host = match url.host() {
            Some(Host::Domain(name)) => decode(name, "host")?,
            Some(Host::Ipv4(number)) => number.to_string(),
            Some(Host::Ipv6(number)) => number.to_string(),
            None => String::new(),
        };
        let user = decode(url.username(), "user")?;
        let database = decode(url.path().trim_start_matches('/'), "database")?;
        for (part, value) in [("host", &host), ("user", &user), ("database", &database)] {
            if value.is_empty() {
                return Err(DatabaseUrlError::Part(part));
            }
        }
        let (tls, ca) = tls_of(&url)?;
        Ok(Self {
            host,
            port: url.port().unwrap_or(DEFAULT_PORT),
            user,
            password: decode(url.password().unwrap_or_default(), "password")?,
            database,
            tls,
            ca,
        })
    }
}

fn tls_of(url: &Url) -> Result<(TlsMode, Option<PathBuf>), DatabaseUrlError> {
    let mut mode = None;
    let mut ca = None;
    for (name, value) in url.query_pairs() {
        let repeated = match &*name {
            "ssl-mode" => mode.replace(mode_of(&value)?).map(|_| "ssl-mode"),
            "ssl-ca" if value.is_empty() => return Err(DatabaseUrlError::EmptyCa),
            "ssl-ca" => ca.replace(PathBuf::from(value.into_owned())).map(|_| "ssl-ca"),
            unknown => return Err(DatabaseUrlError::Parameter(unknown.chars().take(64).collect())),
        };
        if let Some(name) = repeated {
            return Err(DatabaseUrlError::Repeated(name));
        }
    }
    let mode = mode.unwrap_or_default();
    let verifies = matches!(mode, TlsMode::VerifyCa | TlsMode::VerifyIdentity);
    if ca.is_some() && !verifies { Err(DatabaseUrlError::UnusedCa) } else { Ok((mode, ca)) }
}

fn mode_of(word: &str) -> Result<TlsMode, DatabaseUrlError> {
    match word {
        "DISABLED" => Ok(TlsMode::Disabled),
        "REQUIRED" => Ok(TlsMode::Required),
        "VERIFY_CA" => Ok(TlsMode::VerifyCa),
        "VERIFY_IDENTITY" => Ok(TlsMode::VerifyIdentity),
        "PREFERRED" => Err(DatabaseUrlError::Preferred),
        _ => Err(DatabaseUrlError::Mode(word.chars().take(64).collect())),
    }
}

fn decode(text: &str, part: &'static str) -> Result<String, DatabaseUrlError> {
    percent_decode_str(text)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| DatabaseUrlError::Encoding(part))
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let password = if self.password.is_empty() { "" } else { ":***" };
        write!(f, "mysql://{}{password}@{}:{}/{}", self.user, self.host, self.port, self.database)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} tls={:?} ca={:?}", self.tls, self.ca)
    }
}

#[cfg(test)]
mod tests;
