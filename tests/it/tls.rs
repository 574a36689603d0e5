//! Encrypted connections to the server, through a front end with certificates of an authority created here: the servers
//! that the cases run on have none of their own.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use adapter_tidb::url::{DatabaseUrl, TlsMode};
use adapter_tidb::{OpenError, OpenOptions, TidbStore};
use ports::store::Store;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::NamedTempFile;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::server::Database;

/// `CLIENT_SSL` in the flags of a greeting and of the response to it:
/// <https://dev.mysql.com/doc/dev/mysql-server/latest/group__group__cs__capabilities__flags.html>.
const CLIENT_SSL: u8 = 0x08;
/// The size of the packet that requests TLS and contains nothing else.
const SSL_REQUEST: usize = 32;
/// `ER_SECURE_TRANSPORT_REQUIRED`.
const SECURE_TRANSPORT_REQUIRED: u16 = 3159;

/// An authority that only clients configured for it trust.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn file(&self) -> NamedTempFile {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(self.0.pem().as_bytes()).unwrap();
        file
    }

    /// Returns the server's TLS configuration, with a certificate for `name`.
    fn acceptor(&self, name: &str) -> TlsAcceptor {
        self.acceptor_until(name, 4000)
    }

    /// Like `acceptor`, with a certificate that is valid until the end of a year.
    fn acceptor_until(&self, name: &str, year: i32) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 12, 31);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()));
        TlsAcceptor::from(Arc::new(config.unwrap()))
    }
}

/// Reads one packet, including its four-byte head.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Vec<u8>> {
    let mut packet = vec![0; 4];
    stream.read_exact(&mut packet).await?;
    let length = u32::from_le_bytes([packet[0], packet[1], packet[2], 0]);
    packet.resize(4 + usize::try_from(length).unwrap(), 0);
    stream.read_exact(&mut packet[4..]).await?;
    Ok(packet)
}

/// Forwards a login, whose packet numbers are one higher on the client's side because of the TLS request; then
/// everything else.
async fn relay(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    mut server: TcpStream,
    mut answer: Vec<u8>,
) -> std::io::Result<()> {
    // The server expects a client without TLS.
    answer[5] &= !CLIENT_SSL;
    loop {
        answer[3] -= 1;
        server.write_all(&answer).await?;
        let mut reply = read(&mut server).await?;
        reply[3] += 1;
        let (kind, more) = (reply[4], reply.len() > 5);
        client.write_all(&reply).await?;
        // The login is accepted or rejected; any other packet continues it.
        if kind == 0x00 || kind == 0xff && more {
            break;
        }
        answer = read(&mut client).await?;
    }
    tokio::io::copy_bidirectional(&mut client, &mut server).await.map(drop)
}

async fn serve(mut client: TcpStream, upstream: SocketAddr, acceptor: TlsAcceptor) -> std::io::Result<()> {
    let mut server = TcpStream::connect(upstream).await?;
    let mut greeting = read(&mut server).await?;
    // The version text is followed by a four-byte number, eight bytes of salt and a zero.
    let flags = 5 + greeting[5..].iter().position(|byte| *byte == 0).unwrap() + 1 + 4 + 8 + 1;
    greeting[flags + 1] |= CLIENT_SSL;
    client.write_all(&greeting).await?;
    let first = read(&mut client).await?;
    if first.len() != 4 + SSL_REQUEST {
        let text = b"#HY000Connections using insecure transport are prohibited";
        let [low, high] = SECURE_TRANSPORT_REQUIRED.to_le_bytes();
        let length = u8::try_from(text.len() + 3).unwrap();
        client.write_all(&[&[length, 0, 0, first[3] + 1, 0xff, low, high], &text[..]].concat()).await?;
        return client.shutdown().await;
    }
    let mut client = acceptor.accept(client).await?;
    let answer = read(&mut client).await?;
    relay(client, server, answer).await
}

/// Starts a server with TLS in front of that of `database`, with a certificate for `name`; returns its address as
/// `localhost`.
async fn front(database: &Database, authority: &Authority, name: &str) -> DatabaseUrl {
    front_with(database, authority.acceptor(name)).await
}

async fn front_with(database: &Database, acceptor: TlsAcceptor) -> DatabaseUrl {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = database.url().clone();
    let upstream = tokio::net::lookup_host((url.host.clone(), url.port)).await.unwrap().next().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            // A failure here is reported on the other side.
            tokio::spawn(serve(client, upstream, acceptor.clone()));
        }
    });
    DatabaseUrl { host: "localhost".to_owned(), port, ..url }
}

async fn open(url: &DatabaseUrl, tls: TlsMode, ca: Option<&NamedTempFile>) -> Result<TidbStore, OpenError> {
    let url = DatabaseUrl { tls, ca: ca.map(|file| file.path().to_owned()), ..url.clone() };
    TidbStore::open(&url, OpenOptions { pool_size: 2, patience: Duration::ZERO }).await
}

async fn refused(url: &DatabaseUrl, tls: TlsMode, ca: Option<&NamedTempFile>) -> OpenError {
    open(url, tls, ca).await.expect_err("it is refused")
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn the_right_authority_and_name_are_taken_in_every_mode() {
    let (database, authority) = (Database::new().await, Authority::new());
    let (url, file) = (front(&database, &authority, "localhost").await, authority.file());
    let modes = [(TlsMode::Required, None), (TlsMode::VerifyCa, Some(&file)), (TlsMode::VerifyIdentity, Some(&file))];
    for (mode, ca) in modes {
        let store = open(&url, mode, ca).await.unwrap();
        assert_eq!(store.status().await.unwrap().store, "tidb");
        let (_, here) = crate::contract::fixture::one_channel(&store).await;
        assert_eq!(crate::contract::fixture::stored(&store, &here).await.name, here.name);
        store.close().await;
    }
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_wrong_authority_is_refused() {
    let (database, authority) = (Database::new().await, Authority::new());
    let (url, other) = (front(&database, &authority, "localhost").await, Authority::new().file());
    for mode in [TlsMode::VerifyCa, TlsMode::VerifyIdentity] {
        for ca in [Some(&other), None] {
            let told = refused(&url, mode, ca).await;
            assert!(matches!(told, OpenError::Tls { .. }), "{mode:?}: {told:?}");
            assert!(told.to_string().contains("ssl-mode of DATABASE_URL"), "{told}");
        }
    }
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_wrong_name_is_refused() {
    let (database, authority) = (Database::new().await, Authority::new());
    let (url, file) = (front(&database, &authority, "db.example.org").await, authority.file());
    let told = refused(&url, TlsMode::VerifyIdentity, Some(&file)).await;
    assert!(matches!(told, OpenError::Tls { .. }), "{told:?}");
    assert!(told.to_string().contains("db.example.org"), "{told}");
    open(&url, TlsMode::Required, None).await.unwrap().close().await;
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn verify_ca_accepts_any_name_and_nothing_else() {
    let (database, authority) = (Database::new().await, Authority::new());
    let file = authority.file();
    for name in ["localhost", "db.example.org", "10.1.2.3"] {
        let url = front(&database, &authority, name).await;
        let store = open(&url, TlsMode::VerifyCa, Some(&file)).await.unwrap();
        assert_eq!(store.status().await.unwrap().store, "tidb", "{name}");
        store.close().await;
        // Nor does the name of the server matter here.
        let url = DatabaseUrl { host: "127.0.0.1".to_owned(), ..url };
        open(&url, TlsMode::VerifyCa, Some(&file)).await.unwrap().close().await;
    }
    // A certificate of another authority is rejected even if its name contains the driver's error words.
    let other = Authority::new();
    for name in ["localhost", "NotValidForName.invalid", "db.example.org"] {
        let told = refused(&front(&database, &other, name).await, TlsMode::VerifyCa, Some(&file)).await;
        assert!(matches!(told, OpenError::Tls { .. }), "{name}: {told:?}");
    }
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_certificate_whose_time_is_over_is_refused() {
    let (database, authority) = (Database::new().await, Authority::new());
    let file = authority.file();
    for name in ["localhost", "db.example.org"] {
        let url = front_with(&database, authority.acceptor_until(name, 2020)).await;
        for mode in [TlsMode::VerifyCa, TlsMode::VerifyIdentity] {
            let told = refused(&url, mode, Some(&file)).await;
            assert!(matches!(told, OpenError::Tls { .. }), "{mode:?}: {told:?}");
            assert!(told.to_string().contains("expired"), "{told}");
        }
    }
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn plain_text_is_refused_by_either_side() {
    let (database, authority) = (Database::new().await, Authority::new());
    let url = front(&database, &authority, "localhost").await;
    let told = refused(&url, TlsMode::Disabled, None).await;
    assert!(matches!(told, OpenError::PlainText { .. }), "{told:?}");
    assert!(told.to_string().contains("add ssl-mode=VERIFY_IDENTITY"), "{told}");
    let told = refused(database.url(), TlsMode::Required, None).await;
    assert!(matches!(told, OpenError::Tls { .. }), "{told:?}");
    assert!(told.to_string().contains("no certificate"), "{told}");
}

#[tokio::test]
async fn authorities_that_cannot_be_read_are_named() {
    let url: DatabaseUrl = "mysql://verta@127.0.0.1:1/verta".parse().unwrap();
    let url = DatabaseUrl { tls: TlsMode::VerifyCa, ca: Some("/no/such/file.pem".into()), ..url };
    let told = TidbStore::open(&url, OpenOptions { pool_size: 1, patience: Duration::ZERO }).await.unwrap_err();
    assert!(matches!(told, OpenError::CaFile { .. }), "{told:?}");
    assert!(told.to_string().contains("/no/such/file.pem"), "{told}");
}
