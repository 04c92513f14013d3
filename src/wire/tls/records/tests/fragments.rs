//! A handshake message in two records, which rustls keeps in the caller's bytes between two calls.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rustls::ConnectionTrafficSecrets;

use super::*;

const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
/// `KeyUpdate` that asks for one in return ([RFC 8446 §4.6.3](https://www.rfc-editor.org/rfc/rfc8446#section-4.6.3)).
const KEY_UPDATE: [u8; 5] = [24, 0, 0, 1, 1];

/// Encrypts records of any kind.
struct Encrypter {
    key: LessSafeKey,
    iv: [u8; 12],
    sequence: u64,
}

impl Encrypter {
    /// The record of a content of this type
    /// ([RFC 8446 §5.2](https://www.rfc-editor.org/rfc/rfc8446#section-5.2)).
    fn record(&mut self, content_type: u8, content: &[u8]) -> Vec<u8> {
        let mut nonce = self.iv;
        for (byte, sequence) in nonce[4..].iter_mut().zip(self.sequence.to_be_bytes()) {
            *byte ^= sequence;
        }
        self.sequence += 1;
        let length = (content.len() + 1 + 16) as u16;
        let [high, low] = length.to_be_bytes();
        let mut record = vec![23, 3, 3, high, low];
        let mut sealed = [content, &[content_type]].concat();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let aad = Aad::from(record.clone());
        self.key
            .seal_in_place_append_tag(nonce, aad, &mut sealed)
            .unwrap();
        record.extend(sealed);
        record
    }
}

/// The server's side after the handshake, and the keys of the client's.
fn after_the_handshake() -> (Records, Encrypter) {
    let pair = Pair::with(&TLS13, |config| config.enable_secret_extraction = true);
    let pair = pair.shake_hands();
    let secrets = pair.client.dangerous_extract_secrets().unwrap();
    let (sequence, secrets) = secrets.tx;
    let (key, iv) = match secrets {
        ConnectionTrafficSecrets::Aes128Gcm { key, iv } => {
            (UnboundKey::new(&AES_128_GCM, key.as_ref()).unwrap(), iv)
        }
        ConnectionTrafficSecrets::Aes256Gcm { key, iv } => {
            (UnboundKey::new(&AES_256_GCM, key.as_ref()).unwrap(), iv)
        }
        _ => panic!("an unexpected cipher"),
    };
    let encrypter = Encrypter {
        key: LessSafeKey::new(key),
        iv: iv.as_ref().try_into().unwrap(),
        sequence,
    };
    (pair.server, encrypter)
}

#[test]
fn records_are_made_while_a_handshake_message_is_incomplete() {
    for split in 1..KEY_UPDATE.len() {
        let (mut server, mut client) = after_the_handshake();
        let text = client.record(APPLICATION_DATA, b"text");
        let first = client.record(HANDSHAKE, &KEY_UPDATE[..split]);
        assert_eq!(receive(&mut server, &text), Ok(b"text".to_vec()));
        assert_eq!(receive(&mut server, &first), Ok(Vec::new()));
        assert!(!server.unprocessed().is_empty());
        // It would panic without the bytes of the first part.
        let mut records = Vec::new();
        server.encrypt(b"in between", &mut records).unwrap();
        let before = records.len();

        let second = client.record(HANDSHAKE, &KEY_UPDATE[split..]);
        assert_eq!(receive(&mut server, &second), Ok(Vec::new()));
        assert!(server.unprocessed().is_empty());
        server.encrypt(b"behind the answer", &mut records).unwrap();
        let answer = records.len() - before - b"behind the answer".len() - 22;
        assert_eq!(answer, 5 + KEY_UPDATE.len() + 17, "a key update");
        server.close();
    }
}

#[test]
fn an_incomplete_handshake_message_does_not_disturb_the_end() {
    let (mut server, mut client) = after_the_handshake();
    let part = client.record(HANDSHAKE, &KEY_UPDATE[..3]);
    receive(&mut server, &part).unwrap();
    server.close();
    assert!(!server.pending().is_empty());

    let (mut server, mut client) = after_the_handshake();
    let part = client.record(HANDSHAKE, &KEY_UPDATE[..3]);
    receive(&mut server, &part).unwrap();
    let mut damaged = client.record(HANDSHAKE, &KEY_UPDATE[3..]);
    *damaged.last_mut().unwrap() ^= 1;
    assert!(receive(&mut server, &damaged).is_err());
    assert!(server.encrypt(b"more", &mut Vec::new()).is_err());
    server.close();

    // A message that grows and never ends.
    let (mut server, mut client) = after_the_handshake();
    let mut content = vec![24, 0, 0xff, 0xff];
    content.resize(16_000, 0);
    receive(&mut server, &client.record(HANDSHAKE, &content)).unwrap();
    let more = receive(&mut server, &client.record(HANDSHAKE, &[0; 16_000]));
    assert!(matches!(more, Err(TlsEnd::Failed(_))), "{more:?}");
}
