//! TLS for `wss://` and `https://`.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Where Debian and others keep the certificates of public authorities.
const SYSTEM: &str = "/etc/ssl/certs/ca-certificates.crt";

/// How to connect to one host.
#[derive(Clone, Debug)]
pub(crate) struct TlsClient {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl TlsClient {
    /// A client that trusts the certificates in the PEM file `ca`, or those of the system.
    ///
    /// # Errors
    /// The file cannot be read, holds no certificate, or `host` is not the name of a host.
    pub(crate) fn new(host: &str, ca: Option<&Path>) -> Result<Self, String> {
        let path = ca.unwrap_or(Path::new(SYSTEM));
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let mut roots = RootCertStore::empty();
        let certificates = CertificateDer::pem_file_iter(path).map_err(|error| failed(&error))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| failed(&error))?;
            // Authorities of the system that rustls does not accept are not needed.
            if let Err(error) = roots.add(certificate)
                && ca.is_some()
            {
                return Err(failed(&error));
            }
        }
        if roots.is_empty() {
            return Err(failed(&"no certificate in it (give one with --tls-ca)"));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            config: Arc::new(config),
            name: ServerName::try_from(host.to_owned())
                .map_err(|error| format!("`{host}`: {error}"))?,
        })
    }

    /// Starts a connection. Nothing is sent yet.
    pub(crate) fn connect(&self) -> io::Result<ClientConnection> {
        ClientConnection::new(Arc::clone(&self.config), self.name.clone()).map_err(io::Error::other)
    }
}

/// Decrypts `bytes`, as they were received, and appends what they say to `out`. What follows the end of the session is
/// ignored.
pub(crate) fn decrypt(
    tls: &mut ClientConnection,
    mut bytes: &[u8],
    out: &mut Vec<u8>,
) -> io::Result<()> {
    while !bytes.is_empty() {
        if tls.read_tls(&mut bytes)? == 0 {
            return Ok(());
        }
        let state = tls.process_new_packets().map_err(io::Error::other)?;
        let from = out.len();
        out.resize(from + state.plaintext_bytes_to_read(), 0);
        io::Read::read_exact(&mut tls.reader(), &mut out[from..])?;
    }
    Ok(())
}

/// Encrypts `bytes`, and appends what is to be sent to `out`, with everything else that is to be sent.
pub(crate) fn encrypt(
    tls: &mut ClientConnection,
    mut bytes: &[u8],
    out: &mut Vec<u8>,
) -> io::Result<()> {
    loop {
        // The writer takes as much as its buffer has room for.
        let taken = io::Write::write(&mut tls.writer(), bytes)?;
        bytes = &bytes[taken..];
        while tls.wants_write() {
            tls.write_tls(out)?;
        }
        if bytes.is_empty() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::PrivateKeyDer;
    use rustls::{ServerConfig, ServerConnection};
    use std::io::Write;
    use std::time::{Duration, Instant};

    /// Both ends of a session, after the handshake.
    fn session() -> (ClientConnection, ServerConnection) {
        let own = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()])
            .expect("a certificate");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(own.cert.der().clone()).expect("it is valid");
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("there are some")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = TlsClient {
            config: Arc::new(config),
            name: ServerName::try_from("127.0.0.1").expect("an address"),
        };
        let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).expect("a key");
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("there are some")
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key)
            .expect("they belong together");
        let mut client = client.connect().expect("a client");
        let mut server = ServerConnection::new(Arc::new(config)).expect("a server");
        while client.is_handshaking() || server.is_handshaking() {
            let mut bytes = Vec::new();
            encrypt(&mut client, b"", &mut bytes).expect("encrypted");
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                server.read_tls(&mut rest).expect("read");
                server.process_new_packets().expect("valid");
            }
            decrypt(&mut client, &sent(&mut server), &mut Vec::new()).expect("valid");
        }
        (client, server)
    }

    /// What the server has to send.
    fn sent(server: &mut ServerConnection) -> Vec<u8> {
        let mut bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes).expect("written");
        }
        bytes
    }

    #[test]
    fn ignores_what_follows_the_end_of_a_session() {
        let (mut client, mut server) = session();
        server
            .writer()
            .write_all(b"the end")
            .expect("there is room");
        server.send_close_notify();
        let mut bytes = sent(&mut server);
        // What a server must not send: more than is taken at a time.
        bytes.resize(bytes.len() + 256 * 1024, b'x');
        // If it never returns, the test must fail all the same.
        let decrypting = std::thread::spawn(move || {
            let mut plain = Vec::new();
            let result = decrypt(&mut client, &bytes, &mut plain).map_err(|error| error.kind());
            (result, plain)
        });
        let deadline = Instant::now() + Duration::from_secs(10);
        while !decrypting.is_finished() {
            assert!(Instant::now() < deadline, "it does not return");
            std::thread::park_timeout(Duration::from_millis(5));
        }
        let done = decrypting.join().expect("it does not panic");
        assert_eq!(done, (Ok(()), b"the end".to_vec()));
    }
}
