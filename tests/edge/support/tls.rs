//! Certificates and TLS clients.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ALL_VERSIONS, ClientConfig, RootCertStore, SupportedProtocolVersion};
use wavecast::transport::tls::{TlsAcceptor, TlsOptions};
use wavecast::wire::tls::{Certificate, Certificates};

use super::client::{Client, HANDSHAKE};
use super::folder::Folder;
use super::http::{Response, dial, read_response};
use super::patience::within;

/// A client over TLS.
pub type TlsClient = Client<TlsStream<TcpStream>>;

/// A certificate that signs itself, with its key, both in PEM format.
pub struct TestCertificate {
    pub cert: String,
    pub key: String,
}

impl TestCertificate {
    /// A certificate for these names.
    pub fn of(names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let own = rcgen::generate_simple_self_signed(names).expect("a certificate");
        Self {
            cert: own.cert.pem(),
            key: own.signing_key.serialize_pem(),
        }
    }

    pub fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.cert.as_bytes()).expect("a certificate")
    }

    pub fn certificate(&self) -> Certificate {
        Certificate::from_pem(self.cert.as_bytes(), self.key.as_bytes()).expect("a pair")
    }

    /// Writes both files and returns their paths.
    pub fn write(&self, folder: &Folder, name: &str) -> [String; 2] {
        let paths = ["cert", "key"].map(|kind| folder.file(&format!("{name}-{kind}.pem")));
        std::fs::write(&paths[0], &self.cert).expect("write");
        std::fs::write(&paths[1], &self.key).expect("write");
        paths
    }

    /// An acceptor with this certificate.
    pub fn acceptor(&self, options: TlsOptions) -> TlsAcceptor {
        acceptor(&[self], options)
    }

    /// A client that trusts only this certificate.
    pub fn client(&self) -> Arc<ClientConfig> {
        self.client_with(ALL_VERSIONS)
    }

    /// The same with these versions.
    pub fn client_with(&self, versions: &[&'static SupportedProtocolVersion]) -> Arc<ClientConfig> {
        Arc::new(client_config(&[self], versions))
    }
}

pub fn acceptor(certificates: &[&TestCertificate], options: TlsOptions) -> TlsAcceptor {
    let certificates = certificates.iter().map(|own| own.certificate()).collect();
    TlsAcceptor::start(Arc::new(Certificates::new(certificates)), options).expect("TLS")
}

/// The configuration of a client that trusts these certificates.
pub fn client_config(
    trusted: &[&TestCertificate],
    versions: &[&'static SupportedProtocolVersion],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for own in trusted {
        roots.add(own.der()).expect("it is valid");
    }
    ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)
        .expect("there are some")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// Makes a handshake on a stream, as a client that asks for `localhost`.
pub async fn shake_hands<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    config: &Arc<ClientConfig>,
) -> io::Result<TlsStream<S>> {
    shake_hands_for("localhost", stream, config).await
}

/// The same for this name.
pub async fn shake_hands_for<S: AsyncRead + AsyncWrite + Unpin>(
    name: &str,
    stream: S,
    config: &Arc<ClientConfig>,
) -> io::Result<TlsStream<S>> {
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let shaking = TlsConnector::from(config.clone()).connect(name, stream);
    within("a TLS handshake", shaking).await
}

/// A stream after its handshake.
pub async fn dial_tls(address: SocketAddr, config: &Arc<ClientConfig>) -> TlsStream<TcpStream> {
    let stream = dial(address).await;
    stream.set_nodelay(true).expect("set TCP_NODELAY");
    shake_hands(stream, config).await.expect("a handshake")
}

/// A client that is upgraded, and registered with the server.
pub async fn connect_tls(address: SocketAddr, config: &Arc<ClientConfig>) -> TlsClient {
    upgrade_tls(dial_tls(address, config).await).await
}

/// Upgrades a stream and waits until the client is registered with the server.
pub async fn upgrade_tls<S: AsyncRead + AsyncWrite + Unpin>(stream: S) -> Client<S> {
    let mut client = Client::over(stream);
    client.send(HANDSHAKE.as_bytes()).await;
    client.expect_secure_upgrade().await;
    client.expect_silence().await;
    client
}

/// Sends a request and reads its response, which has a `Content-Length`.
pub async fn ask_tls<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, request: &str) -> Response {
    use tokio::io::AsyncWriteExt as _;
    let sent = within("a request", stream.write_all(request.as_bytes())).await;
    sent.expect("send");
    within("a flush", stream.flush()).await.expect("send");
    read_response(stream).await
}
