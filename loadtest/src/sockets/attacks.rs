//! Protocol violations, one per client, and how the server must answer each.

use super::run_state::RunState;
use crate::books::evidence::EvidenceKind;
use crate::books::tally::WorkerTally;
use crate::wire::client_frame;
use crate::wire::probe_client::ProbeClient;
use crate::wire::server_frame::ServerFrame;
use std::io;
use std::time::Duration;

/// How the server must answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    /// Close with this code.
    Close(u16),
    /// Send an error message and keep the connection.
    Error,
}

struct Attack {
    name: &'static str,
    /// Sent after the opening handshake.
    bytes: Vec<u8>,
    expect: Expect,
}

/// How long to wait for the answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// This mask leaves the payload unchanged.
const MASK: [u8; 4] = [0; 4];

fn attacks() -> Vec<Attack> {
    use Expect::{Close, Error};
    let attack = |name, parts: &[&[u8]], expect| Attack {
        name,
        bytes: parts.concat(),
        expect,
    };
    let mut too_large = Vec::new();
    client_frame::encode(
        &mut too_large,
        client_frame::TEXT,
        &vec![b'x'; 70 * 1024],
        0,
    );
    let mut endless = [b"\x01\x81".as_slice(), &MASK, b"["].concat();
    for _ in 0..40_000 {
        endless.extend_from_slice(b"\x00\x80\0\0\0\0");
    }
    let mut heavy = Vec::new();
    for number in 0..70 {
        heavy.extend_from_slice(if number == 0 {
            b"\x01\xFE\x40\x00"
        } else {
            b"\x00\xFE\x40\x00"
        });
        heavy.extend_from_slice(&MASK);
        heavy.extend_from_slice(&[b'x'; 0x4000]);
    }
    vec![
        attack("unmasked frame", &[b"\x81\x02hi"], Close(1002)),
        attack("reserved bit", &[b"\xC1\x80", &MASK], Close(1002)),
        attack("reserved opcode", &[b"\x83\x80", &MASK], Close(1002)),
        attack("fragmented ping", &[b"\x09\x80", &MASK], Close(1002)),
        attack(
            "ping of 126 bytes",
            &[b"\x89\xFE\x00\x7E", &MASK, &[0; 126]],
            Close(1002),
        ),
        attack(
            "continuation without a beginning",
            &[b"\x80\x80", &MASK],
            Close(1002),
        ),
        attack(
            "message inside a message",
            &[b"\x01\x80", &MASK, b"\x81\x80", &MASK],
            Close(1002),
        ),
        attack(
            "length not in its shortest form",
            &[b"\x81\xFE\x00\x01", &MASK, b"x"],
            Close(1002),
        ),
        attack(
            "close payload of one byte",
            &[b"\x88\x81", &MASK, b"x"],
            Close(1002),
        ),
        attack(
            "close code 1005",
            &[b"\x88\x82", &MASK, b"\x03\xED"],
            Close(1002),
        ),
        attack(
            "text that is not UTF-8",
            &[b"\x81\x82", &MASK, b"\xC3\x28"],
            Close(1007),
        ),
        attack(
            "message of 1 TiB",
            &[b"\x81\xFF\x00\x00\x01\x00\x00\x00\x00\x00", &MASK],
            Close(1009),
        ),
        Attack {
            name: "endless fragments",
            bytes: endless,
            expect: Close(1009),
        },
        Attack {
            name: "fragments of more than 1 MiB",
            bytes: heavy,
            expect: Close(1009),
        },
        Attack {
            name: "message over the size limit",
            bytes: too_large,
            expect: Error,
        },
        attack("text that is not JSON", &[b"\x81\x81", &MASK, b"{"], Error),
        attack(
            "JSON that is not a command",
            &[b"\x81\x82", &MASK, b"42"],
            Error,
        ),
    ]
}

/// Tries every violation once, and counts those that the server does not answer as it must.
pub(crate) fn run(state: &RunState) -> WorkerTally {
    let mut tally = WorkerTally::default();
    for attack in attacks() {
        tally.attacks += 1;
        let answer = answer(state, &attack).unwrap_or_else(|error| error.kind().to_string());
        let expected = match attack.expect {
            Expect::Close(code) => format!("close {code}"),
            Expect::Error => "error".to_owned(),
        };
        if answer != expected {
            tally.attacks_wrong += 1;
            tally.evidence.note(EvidenceKind::Attack, || {
                format!("{}: expected {expected}, got {answer}", attack.name)
            });
        }
    }
    tally
}

/// The answer in words: `close 1002`, or `error` if that is expected. A Close frame may follow errors.
fn answer(state: &RunState, attack: &Attack) -> io::Result<String> {
    let mut client = ProbeClient::connect(&state.ws, &state.credentials.upgrade_headers, TIMEOUT)?;
    // The server may close the connection before it has read everything. Its Close frame is what counts.
    let _ = client.send(&attack.bytes);
    client.find(|frame| match frame {
        ServerFrame::Close(code, _) => Some(format!("close {code}")),
        ServerFrame::Text(text)
            if attack.expect == Expect::Error
                && text.windows(14).any(|part| part == br#""type":"error""#) =>
        {
            Some("error".to_owned())
        }
        _ => None,
    })
}
