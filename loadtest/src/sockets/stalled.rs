//! Sockets that stop reading, and how they notice that the server has ended them.

use crate::sockets::connection::{CloseCause, Desk, poll_read};
use crate::sockets::run_state::RunState;
use crate::wire::handshake;
use crate::wire::reader::Reader;
use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::time::{sleep, timeout};

/// How often such a socket looks whether it is still there.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Looks between two probes.
const PROBE_EVERY: u64 = 20;

/// Reads like any other until the cohorts turn bad; from then on reads `rate` bytes a second, nothing when it is 0.
pub(crate) async fn live(
    state: &RunState,
    desk: &RefCell<Desk>,
    local: usize,
    mut read: OwnedReadHalf,
    mut frames: Reader,
    rate: u32,
) -> CloseCause {
    while !state.has_turned() {
        let step = poll_fn(|cx| poll_read(cx, &mut read, &mut frames, state, desk, local));
        if let Ok(Err(cause)) = timeout(LOOK_EVERY, step).await {
            return cause;
        }
    }
    // What is read from now on is thrown away, apart from the last bytes before the end.
    let mut sip = vec![0; (rate / 20) as usize];
    for look in 1u64.. {
        if desk.borrow().auditor.is_closing() {
            break;
        }
        sleep(LOOK_EVERY).await;
        if look.is_multiple_of(PROBE_EVERY) {
            desk.borrow_mut().auditor.probe(local);
        }
        if has_ended(read.as_ref()).await {
            return last_words(&read);
        }
        if !sip.is_empty() && matches!(read.try_read(&mut sip), Ok(0)) {
            return CloseCause::EndOfStream;
        }
    }
    CloseCause::EndOfStream
}

/// Whether the peer ended the stream, however much of it is unread.
pub(crate) async fn has_ended(stream: &TcpStream) -> bool {
    let ready = timeout(
        Duration::from_millis(1),
        stream.ready(Interest::READABLE | Interest::ERROR),
    );
    match ready.await {
        Ok(Ok(ready)) => ready.is_read_closed() || ready.is_error(),
        Ok(Err(_)) => true,
        Err(_) => false,
    }
}

/// Reads what is left and looks for a Close frame at its very end. Frames before it may have been thrown away in part, so
/// only the end can be read.
fn last_words(read: &OwnedReadHalf) -> CloseCause {
    let mut end = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        match read.try_read(&mut chunk) {
            Ok(0) => return close_at_end(&end),
            Ok(length) => {
                end.extend_from_slice(&chunk[..length]);
                let old = end.len().saturating_sub(256);
                end.drain(..old);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return close_at_end(&end),
            // What came before a reset can still be read.
            Err(error) => {
                return match close_at_end(&end) {
                    CloseCause::EndOfStream => CloseCause::Io(error.kind()),
                    code => code,
                };
            }
        }
    }
}

/// The Close frame that ends `bytes`, if one does.
pub(crate) fn close_at_end(bytes: &[u8]) -> CloseCause {
    (0..bytes.len())
        .rev()
        .filter(|&at| bytes[at] == 0x88)
        .find_map(|at| {
            let payload = bytes.get(at + 2..)?;
            let length = usize::from(*bytes.get(at + 1)?);
            let code: [u8; 2] = payload.get(..2)?.try_into().ok()?;
            (length == payload.len() && length <= 125).then(|| {
                CloseCause::Code(
                    u16::from_be_bytes(code),
                    String::from_utf8_lossy(&payload[2..]).into_owned(),
                )
            })
        })
        .unwrap_or(CloseCause::EndOfStream)
}

/// Sends half of the opening handshake, when the cohorts turn bad, and waits for the server to lose patience.
pub(crate) async fn stall_handshake(state: &RunState, desk: &RefCell<Desk>, local: usize) {
    while !state.has_turned() {
        sleep(LOOK_EVERY).await;
        if desk.borrow().auditor.is_closing() {
            return;
        }
    }
    let Ok(mut stream) = TcpStream::connect(state.ws.addr).await else {
        return;
    };
    let request = handshake::request(&state.ws.host, &state.ws.path, 0);
    if stream
        .write_all(&request[..request.len() / 2])
        .await
        .is_err()
    {
        return;
    }
    desk.borrow_mut().auditor.on_doomed(local);
    let mut answer = Vec::new();
    while !desk.borrow().auditor.is_closing() {
        match timeout(LOOK_EVERY, stream.read_buf(&mut answer)).await {
            Ok(Ok(0) | Err(_)) => {
                desk.borrow_mut()
                    .auditor
                    .on_dead(local, &CloseCause::EndOfStream);
                return;
            }
            Ok(Ok(_)) => answer.clear(),
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_close_frame_behind_half_a_message() {
        let bytes = b"rest of a message\x88\x06\x03\xf5slow";
        assert!(matches!(close_at_end(bytes), CloseCause::Code(1013, reason) if reason == "slow"));
        assert!(matches!(
            close_at_end(b"\x81\x02hi"),
            CloseCause::EndOfStream
        ));
    }
}
