mod fragments;

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion};

use super::super::{Certificate, Certificates, MAX_PLAINTEXT, TlsVersion};
use super::*;

/// Both ends of a connection, with what lies between them.
struct Pair {
    client: ClientConnection,
    server: Records,
}

impl Pair {
    fn new(version: &'static SupportedProtocolVersion) -> Self {
        Self::with(version, |_| {})
    }

    fn with(
        version: &'static SupportedProtocolVersion,
        change: impl FnOnce(&mut ClientConfig),
    ) -> Self {
        let own = rcgen::generate_simple_self_signed(vec!["a.example".to_owned()]).unwrap();
        let (cert, key) = (own.cert.pem(), own.signing_key.serialize_pem());
        let certificate = Certificate::from_pem(cert.as_bytes(), key.as_bytes()).unwrap();
        let certificates = Arc::new(Certificates::new(vec![certificate]));
        let tls = ServerTls::new(certificates, TlsVersion::V1_2).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(own.cert.der().clone()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        change(&mut config);
        let name = ServerName::try_from("a.example").unwrap();
        Self {
            client: ClientConnection::new(Arc::new(config), name).unwrap(),
            server: Records::new(&tls).unwrap(),
        }
    }

    fn shake_hands(mut self) -> Self {
        while self.client.is_handshaking() || self.server.is_handshaking() {
            let sent = self.client_sends();
            assert_eq!(receive(&mut self.server, &sent), Ok(Vec::new()));
            self.take_pending();
        }
        self
    }

    /// What the client has to send.
    fn client_sends(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.client.wants_write() {
            self.client.write_tls(&mut bytes).unwrap();
        }
        bytes
    }

    /// Encrypts at the client.
    fn say(&mut self, text: &[u8]) -> Vec<u8> {
        self.client.writer().write_all(text).unwrap();
        self.client_sends()
    }

    /// Sends the client what is pending.
    fn take_pending(&mut self) {
        let pending = self.server.pending().to_vec();
        self.server.advance(pending.len());
        self.client_receives(&pending);
    }

    fn client_receives(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            self.client.read_tls(&mut bytes).unwrap();
            self.client.process_new_packets().unwrap();
        }
    }

    /// What the client has decrypted.
    fn heard(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        match self.client.reader().read_to_end(&mut text) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
        }
        text
    }
}

/// Passes received bytes to the records as a socket does.
fn receive(server: &mut Records, bytes: &[u8]) -> Result<Vec<u8>, TlsEnd> {
    let mut received = [server.unprocessed(), bytes].concat();
    let mut out = vec![0; received.len()];
    let count = server.decrypt(&mut received, &mut out)?;
    out.truncate(count);
    Ok(out)
}

#[test]
fn text_goes_both_ways_with_both_versions_even_byte_by_byte() {
    for version in [&TLS12, &TLS13] {
        let mut pair = Pair::new(version).shake_hands();
        let text: Vec<u8> = (0..40_000_u32).map(|byte| byte as u8).collect();
        let sent = pair.say(&text);
        let mut heard = Vec::new();
        for byte in &sent {
            heard.extend(receive(&mut pair.server, &[*byte]).unwrap());
            assert!(pair.server.unprocessed().len() <= MAX_UNPROCESSED);
        }
        assert!(heard == text);
        assert!(!pair.server.has_input());

        let mut records = Vec::new();
        for part in text.chunks(MAX_PLAINTEXT) {
            pair.server.encrypt(part, &mut records).unwrap();
        }
        let mut heard = Vec::new();
        for byte in &records {
            pair.client_receives(&[*byte]);
            heard.extend(pair.heard());
        }
        assert!(heard == text);
    }
}

#[test]
fn what_has_no_room_waits_and_comes_first() {
    let mut pair = Pair::new(&TLS13).shake_hands();
    let mut sent = pair.say(b"one two three");
    let mut out = [0; 4];
    assert_eq!(pair.server.decrypt(&mut sent, &mut out), Ok(4));
    assert_eq!(&out, b"one ");
    assert!(pair.server.has_input());
    assert_eq!(pair.server.take_plaintext(&mut out), 4);
    assert_eq!(&out, b"two ");
    let mut rest = [0; 10];
    assert_eq!(pair.server.take_plaintext(&mut rest), 5);
    assert_eq!(&rest[..5], b"three");
    assert_eq!(pair.server.take_plaintext(&mut rest), 0);
}

#[test]
fn what_comes_right_behind_the_handshake_is_not_lost() {
    for version in [&TLS12, &TLS13] {
        let mut pair = Pair::new(version);
        let mut heard = Vec::new();
        for _ in 0..4 {
            if pair.client.is_handshaking() {
                // It is sent together with the end of the handshake.
                pair.client.writer().write_all(b"early ").unwrap();
            }
            let sent = pair.client_sends();
            heard.extend(receive(&mut pair.server, &sent).unwrap());
            pair.take_pending();
        }
        assert!(!pair.server.is_handshaking());
        let text = String::from_utf8(heard).unwrap();
        assert!(
            !text.is_empty() && text.replace("early ", "").is_empty(),
            "{text}"
        );
    }
}

#[test]
fn a_thousand_key_updates_do_not_disturb_the_order() {
    let mut pair = Pair::new(&TLS13).shake_hands();
    for round in 0..1000_u32 {
        pair.client.refresh_traffic_keys().unwrap();
        let text = round.to_string();
        let sent = pair.say(text.as_bytes());
        assert_eq!(receive(&mut pair.server, &sent).unwrap(), text.as_bytes());
        // The answer is in front of the next record.
        let mut record = Vec::new();
        pair.server.encrypt(text.as_bytes(), &mut record).unwrap();
        pair.client_receives(&record);
        assert_eq!(pair.heard(), text.as_bytes());
    }
    assert!(pair.server.pending().is_empty());
}

#[test]
fn a_full_record_is_one_record() {
    let mut pair = Pair::new(&TLS13).shake_hands();
    let mut record = Vec::new();
    pair.server
        .encrypt(&[b'x'; MAX_PLAINTEXT], &mut record)
        .unwrap();
    let length = usize::from(u16::from_be_bytes([record[3], record[4]]));
    assert_eq!(record.len(), 5 + length);
    assert!(record.len() < MAX_PLAINTEXT + 64);
}

#[test]
fn the_end_of_the_peer_is_told_after_what_it_has_said() {
    for version in [&TLS12, &TLS13] {
        let mut pair = Pair::new(version).shake_hands();
        pair.client.writer().write_all(b"bye").unwrap();
        pair.client.send_close_notify();
        let sent = pair.client_sends();
        assert_eq!(receive(&mut pair.server, &sent), Ok(b"bye".to_vec()));
        assert_eq!(pair.server.end(), Some(&TlsEnd::Closed));
        assert_eq!(receive(&mut pair.server, b""), Err(TlsEnd::Closed));

        // This side may still write.
        let mut record = Vec::new();
        pair.server.encrypt(b"goodbye", &mut record).unwrap();
        pair.client_receives(&record);
        pair.server.close();
        pair.server.close();
        pair.take_pending();
        assert_eq!(pair.heard(), b"goodbye");
        let after = pair.server.encrypt(b"more", &mut record);
        assert_eq!(after, Err(TlsEnd::Closed));
        assert!(!pair.client.wants_read(), "it knows of the end");
    }
}

#[test]
fn damaged_bytes_end_the_session_with_an_alert() {
    for version in [&TLS12, &TLS13] {
        let mut pair = Pair::new(version).shake_hands();
        let good = pair.say(b"good");
        let mut bad = pair.say(b"bad");
        *bad.last_mut().unwrap() ^= 1;
        let heard = receive(&mut pair.server, &[good, bad].concat());
        assert_eq!(heard, Ok(b"good".to_vec()));
        let end = pair.server.end().cloned();
        assert!(matches!(end, Some(TlsEnd::Failed(_))), "{end:?}");

        assert!(pair.server.encrypt(b"more", &mut Vec::new()).is_err());
        let alert = pair.server.pending().to_vec();
        assert!(!alert.is_empty());
        pair.server.close();
        assert_eq!(pair.server.pending(), alert, "nothing follows it");
        pair.client.read_tls(&mut alert.as_slice()).unwrap();
        let error = pair.client.process_new_packets().unwrap_err();
        assert!(matches!(error, Error::AlertReceived(_)), "{error}");
    }
}

#[test]
fn an_alert_is_behind_the_rest_of_a_record_that_was_kept() {
    let mut pair = Pair::new(&TLS13).shake_hands();
    let mut record = Vec::new();
    pair.server.encrypt(b"first", &mut record).unwrap();
    pair.client_receives(&record[..7]);
    pair.server.keep(&record[7..]);
    let mut bad = pair.say(b"bad");
    *bad.last_mut().unwrap() ^= 1;
    assert!(receive(&mut pair.server, &bad).is_err());
    assert!(pair.server.pending().len() > record.len() - 7);
    let pending = pair.server.pending().to_vec();
    pair.client.read_tls(&mut pending.as_slice()).unwrap();
    let error = pair.client.process_new_packets().unwrap_err();
    assert!(matches!(error, Error::AlertReceived(_)), "{error}");
    assert_eq!(pair.heard(), b"first");
}

#[test]
fn other_bytes_are_no_handshake() {
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0; 64],
        &[0x16, 3, 1, 0xff, 0xff, 0],
        &[0x16, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff],
    ] {
        let mut server = Pair::new(&TLS13).server;
        let received = receive(&mut server, bytes);
        assert!(
            matches!(received, Err(TlsEnd::Failed(_))),
            "{bytes:?}: {received:?}"
        );
        server.close();
    }
    // A message of 64 KiB that never ends.
    let mut server = Pair::new(&TLS13).server;
    let first = [
        &[0x16, 3, 1, 0x40, 0, 1, 0, 0xff, 0xff][..],
        &[0; 0x4000 - 4],
    ]
    .concat();
    let more = [&[0x16, 3, 1, 0x40, 0][..], &[0; 0x4000]].concat();
    assert_eq!(receive(&mut server, &first), Ok(Vec::new()));
    assert!(matches!(
        receive(&mut server, &more),
        Err(TlsEnd::Failed(_))
    ));
}

#[test]
fn an_idle_connection_keeps_no_buffer() {
    let mut pair = Pair::new(&TLS13).shake_hands();
    let sent = pair.say(&[b'x'; 5000]);
    receive(&mut pair.server, &sent).unwrap();
    pair.server.keep(b"rest");
    pair.server.advance(4);
    let Records {
        unprocessed,
        plaintext,
        pending,
        ..
    } = &pair.server;
    let capacities = [unprocessed, plaintext, pending].map(Vec::capacity);
    assert_eq!(capacities, [0, 0, 0]);
    assert!(size_of::<Records>() <= 128, "{}", size_of::<Records>());
}
