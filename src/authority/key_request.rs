//! One request for a key set.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;

use http::header::{ACCEPT, CONNECTION, CONTENT_ENCODING, HOST, USER_AGENT};
use http::{Request, StatusCode};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs as provider;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::key_url::KeyUrl;
use crate::auth::jwks::MAX_SET_BYTES;

/// Why a key set was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum KeyRequestError {
    /// No connection, no TLS, or the connection broke.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Not HTTP.
    #[error("{0}")]
    Http(#[from] hyper::Error),
    /// The status is not 200. Redirects are not followed.
    #[error("the response has status {}", .0.as_u16())]
    Status(StatusCode),
    /// More than 256 KiB.
    #[error("the response is larger than 256 KiB")]
    TooLarge,
    /// The body is compressed.
    #[error("the response has a content encoding")]
    Encoded,
}

/// Gets what is at a URL. The caller sets the time limit.
///
/// Cancel safety: the connection is closed.
pub(super) async fn get(
    url: &KeyUrl,
    tls: Option<&TlsConnector>,
) -> Result<Vec<u8>, KeyRequestError> {
    let socket = connect(url).await?;
    let Some(tls) = tls.filter(|_| url.is_tls()) else {
        return exchange(url, socket).await;
    };
    let name = ServerName::try_from(url.host().to_owned());
    let name = name.map_err(|_| io::Error::other("the host has no valid name"))?;
    exchange(url, tls.connect(name, socket).await?).await
}

/// What `https` needs: the system's root certificates. Reads files, so it blocks.
pub(super) fn tls() -> Result<TlsConnector, KeyRequestError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let message = "the system has no root certificates; install them, or set SSL_CERT_FILE";
        return Err(io::Error::other(message).into());
    }
    let provider = Arc::new(provider::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config).into())
}

/// Connects to the first address that answers.
async fn connect(url: &KeyUrl) -> io::Result<TcpStream> {
    let mut last = io::Error::other("the host has no address");
    for address in lookup_host((url.host(), url.port())).await? {
        if !url.allows(&address) {
            continue;
        }
        match TcpStream::connect(address).await {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Sends the request and reads the response. The connection is driven here, so it needs no task.
async fn exchange(
    url: &KeyUrl,
    stream: impl AsyncRead + AsyncWrite + Unpin,
) -> Result<Vec<u8>, KeyRequestError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut connection = pin!(connection);
    let mut exchange = pin!(async {
        let request = Request::get(url.target())
            .header(HOST, url.authority())
            .header(ACCEPT, "application/json, application/jwk-set+json")
            .header(USER_AGENT, concat!("wavecast/", env!("CARGO_PKG_VERSION")))
            .header(CONNECTION, "close")
            .body(String::new())
            .map_err(io::Error::other)?;
        let response = sender.send_request(request).await?;
        if response.status() != StatusCode::OK {
            return Err(KeyRequestError::Status(response.status()));
        }
        if response.headers().contains_key(CONTENT_ENCODING) {
            return Err(KeyRequestError::Encoded);
        }
        read(response.into_body()).await
    });
    tokio::select! {
        biased;
        text = &mut exchange => text,
        // What it read before it ended is still to be taken.
        _ = &mut connection => exchange.await,
    }
}

async fn read(mut body: Incoming) -> Result<Vec<u8>, KeyRequestError> {
    let mut text = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        if let Ok(bytes) = frame?.into_data() {
            if text.len() + bytes.len() > MAX_SET_BYTES {
                return Err(KeyRequestError::TooLarge);
            }
            text.extend_from_slice(&bytes);
        }
    }
    Ok(text)
}
