//! The TLS state of one connection: bytes in, bytes out.
//!
//! It holds no buffer while the connection is idle: received bytes are decrypted where the caller
//! has them, and a record is made in the caller's memory. What it keeps is what the caller could
//! not use yet.

use std::fmt;
use std::mem;

use rustls::Error;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus};

use super::server_tls::ServerTls;
use super::{MAX_UNPROCESSED, TlsEnd};

/// States in a row that give nothing to read. rustls ends long before that.
const MAX_STATES: usize = 8192;
/// Room for what a record has beside its content, and for a short message of rustls before it.
const OVERHEAD: usize = 128;

/// The records of one connection.
///
/// Whoever reads the connection and whoever writes it share this behind a lock. The order in which
/// records are made is the order in which the peer must receive them: each is written before the
/// next is made, or kept in [`pending`](Self::pending), which is written first.
pub struct Records {
    connection: Box<UnbufferedServerConnection>,
    /// The beginning of a record whose rest has not arrived. A part of a handshake message may
    /// have been decrypted in place. Bound: [`MAX_UNPROCESSED`].
    unprocessed: Vec<u8>,
    /// Decrypted bytes that nobody has taken. Bound: what one read brings, and one record.
    plaintext: Vec<u8>,
    /// Bytes of `plaintext` that have been taken.
    taken: usize,
    /// Records that the socket has not accepted. Bound: one record, and the few short ones that
    /// rustls makes by itself.
    pending: Vec<u8>,
    /// Bytes of `pending` that the socket has accepted.
    written: usize,
    end: Option<TlsEnd>,
    /// Whether `close_notify` has been made: no record may follow it.
    is_closing: bool,
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records")
            .field("unprocessed", &self.unprocessed.len())
            .field("pending", &self.pending().len())
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

impl Records {
    /// The server's side of a new connection, before its handshake.
    ///
    /// Errors: never, as long as the settings are those of [`ServerTls`].
    pub fn new(server: &ServerTls) -> Result<Self, TlsEnd> {
        let connection = UnbufferedServerConnection::new(server.config());
        let connection = connection.map_err(|error| TlsEnd::Failed(error.to_string()))?;
        Ok(Self {
            connection: Box::new(connection),
            unprocessed: Vec::new(),
            plaintext: Vec::new(),
            taken: 0,
            pending: Vec::new(),
            written: 0,
            end: None,
            is_closing: false,
        })
    }

    /// Whether the handshake is not complete.
    pub fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Received bytes that wait for the rest of their record. They come before the next bytes
    /// received in what is passed to [`decrypt`](Self::decrypt).
    pub fn unprocessed(&self) -> &[u8] {
        &self.unprocessed
    }

    /// Why nothing more can be read, once that is so.
    pub fn end(&self) -> Option<&TlsEnd> {
        self.end.as_ref()
    }

    /// Moves decrypted bytes that nobody has taken to `out`, and returns their number.
    pub fn take_plaintext(&mut self, out: &mut [u8]) -> usize {
        let rest = &self.plaintext[self.taken..];
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        self.taken += count;
        if self.taken == self.plaintext.len() {
            (self.plaintext, self.taken) = (Vec::new(), 0);
        }
        count
    }

    /// Whether there are received bytes that nobody has taken.
    pub fn has_input(&self) -> bool {
        !self.unprocessed.is_empty() || !self.plaintext.is_empty()
    }

    /// Decrypts `received`: the [`unprocessed`](Self::unprocessed) bytes, and those that have
    /// arrived since. Decrypted bytes go to `out`, and what has no room there waits for
    /// [`take_plaintext`](Self::take_plaintext). Returns the number of bytes in `out`.
    ///
    /// What TLS has to answer is pending afterwards.
    ///
    /// Errors: the session has ended, and everything before that has been returned.
    pub fn decrypt(&mut self, received: &mut [u8], out: &mut [u8]) -> Result<usize, TlsEnd> {
        if let Some(end) = &self.end {
            return Err(end.clone());
        }
        let mut rest = received;
        let mut count = 0;
        let (mut end, mut is_done) = (None, false);
        for states in 0.. {
            let UnbufferedStatus { discard, state } = self.connection.process_tls_records(rest);
            match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(Ok(record)) = traffic.next_record() {
                        let room = out.len() - count;
                        let (fitting, others) =
                            record.payload.split_at(record.payload.len().min(room));
                        out[count..count + fitting.len()].copy_from_slice(fitting);
                        count += fitting.len();
                        self.plaintext.extend_from_slice(others);
                    }
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    encode(&mut self.pending, OVERHEAD, |out| {
                        data.encode(out).map_err(|error| required(&error))
                    });
                }
                // Pending bytes are as good as sent: nothing overtakes them.
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::WriteTraffic(_) | ConnectionState::BlockedHandshake) => {
                    is_done = true;
                }
                Ok(ConnectionState::PeerClosed | ConnectionState::Closed) => {
                    end = Some(TlsEnd::Closed);
                }
                // Early data is not accepted, and there are no other states.
                Ok(_) => end = Some(TlsEnd::Failed("unexpected state".to_owned())),
                Err(error) => end = Some(TlsEnd::Failed(error.to_string())),
            }
            rest = &mut mem::take(&mut rest)[discard..];
            if is_done || end.is_some() {
                break;
            }
            if states == MAX_STATES {
                end = Some(TlsEnd::Failed(
                    "too many records without content".to_owned(),
                ));
                break;
            }
        }
        if end.is_none() && rest.len() > MAX_UNPROCESSED {
            end = Some(TlsEnd::Failed("a message is too long".to_owned()));
        }
        if end.is_some() {
            self.collect_answer(rest);
            self.unprocessed = Vec::new();
        } else if rest.is_empty() {
            self.unprocessed = Vec::new();
        } else {
            self.unprocessed = rest.to_vec();
        }
        match end {
            Some(end) if count == 0 && self.plaintext.is_empty() => {
                self.end = Some(end.clone());
                Err(end)
            }
            end => {
                self.end = end;
                Ok(count)
            }
        }
    }

    /// Makes what rustls has to say, such as an alert, pending. It decrypts nothing more.
    fn collect_answer(&mut self, mut rest: &mut [u8]) {
        while self.connection.wants_write() {
            let UnbufferedStatus { discard, state } = self.connection.process_tls_records(rest);
            let Ok(ConnectionState::EncodeTlsData(mut data)) = state else {
                return;
            };
            encode(&mut self.pending, OVERHEAD, |out| {
                data.encode(out).map_err(|error| required(&error))
            });
            rest = &mut mem::take(&mut rest)[discard..];
        }
    }

    /// Appends one record with `plaintext`, which has at most [`MAX_PLAINTEXT`](super::MAX_PLAINTEXT)
    /// bytes, to `out`, and before it whatever TLS has to say, such as a key update. Nothing may be
    /// pending.
    ///
    /// Errors: the session has failed or was closed. `out` is unchanged, or has what comes before
    /// the end.
    pub fn encrypt(&mut self, plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), TlsEnd> {
        if self.is_closing {
            return Err(TlsEnd::Closed);
        }
        if let Some(failed @ TlsEnd::Failed(_)) = &self.end {
            return Err(failed.clone());
        }
        let encrypted = self.with_writer((out, plaintext.len() + OVERHEAD), |writer, out| {
            writer.encrypt(plaintext, out)
        });
        encrypted.map_err(|error| {
            let failed = TlsEnd::Failed(error.to_string());
            self.end = Some(failed.clone());
            failed
        })
    }

    /// Makes `close_notify` pending. Nothing can be encrypted afterwards.
    pub fn close(&mut self) {
        if mem::replace(&mut self.is_closing, true) || matches!(self.end, Some(TlsEnd::Failed(_))) {
            return;
        }
        let mut pending = mem::take(&mut self.pending);
        // Fails only if the session has, and then there is nothing to close.
        let _ = self.with_writer((&mut pending, OVERHEAD), |writer, out| {
            writer.queue_close_notify(out)
        });
        self.pending = pending;
    }

    /// Calls `write` in the state in which records can be made, with this much room in `out`.
    fn with_writer(
        &mut self,
        (out, room): (&mut Vec<u8>, usize),
        mut write: impl FnMut(&mut Writer<'_>, &mut [u8]) -> Result<usize, EncryptError>,
    ) -> Result<(), Error> {
        // rustls looks at these bytes if they are a part of a handshake message, and would panic
        // without them.
        let mut unprocessed = self.unprocessed.as_mut_slice();
        for _ in 0..MAX_STATES {
            let UnbufferedStatus { discard, state } =
                self.connection.process_tls_records(unprocessed);
            match state? {
                ConnectionState::WriteTraffic(mut writer) => {
                    let mut is_exhausted = false;
                    encode(out, room, |out| match write(&mut writer, out) {
                        Ok(count) => Ok(count),
                        Err(EncryptError::InsufficientSize(error)) => Err(error.required_size),
                        Err(EncryptError::EncryptExhausted) => {
                            is_exhausted = true;
                            Ok(0)
                        }
                    });
                    return if is_exhausted {
                        Err(Error::EncryptError)
                    } else {
                        Ok(())
                    };
                }
                ConnectionState::EncodeTlsData(mut data) => {
                    encode(out, OVERHEAD, |out| {
                        data.encode(out).map_err(|error| required(&error))
                    });
                }
                ConnectionState::TransmitTlsData(data) => data.done(),
                ConnectionState::ReadTraffic(mut traffic) => {
                    while let Some(Ok(record)) = traffic.next_record() {
                        self.plaintext.extend_from_slice(record.payload);
                    }
                }
                ConnectionState::PeerClosed => {}
                _ => return Err(Error::HandshakeNotComplete),
            }
            unprocessed = &mut mem::take(&mut unprocessed)[discard..];
        }
        Err(Error::HandshakeNotComplete)
    }

    /// Records that the socket has not accepted, in the order in which it must get them.
    pub fn pending(&self) -> &[u8] {
        &self.pending[self.written..]
    }

    /// Keeps the rest of a record that the socket has not accepted. Nothing is pending yet.
    pub fn keep(&mut self, rest: &[u8]) {
        debug_assert!(self.pending().is_empty(), "records would change places");
        (self.pending, self.written) = (rest.to_vec(), 0);
    }

    /// The socket has accepted this many pending bytes.
    pub fn advance(&mut self, count: usize) {
        self.written += count;
        if self.written >= self.pending.len() {
            (self.pending, self.written) = (Vec::new(), 0);
        }
    }
}

type Writer<'c> = rustls::unbuffered::WriteTraffic<'c, rustls::server::ServerConnectionData>;

fn required(error: &EncodeError) -> usize {
    match error {
        EncodeError::InsufficientSize(error) => error.required_size,
        // It is encoded once.
        EncodeError::AlreadyEncoded => 0,
    }
}

/// Appends to `out` what `write` writes. It gets this much room; if that is too little, it says how
/// much it needs.
fn encode(
    out: &mut Vec<u8>,
    mut room: usize,
    mut write: impl FnMut(&mut [u8]) -> Result<usize, usize>,
) {
    let from = out.len();
    for _ in 0..2 {
        out.resize(from + room, 0);
        match write(&mut out[from..]) {
            Ok(count) => {
                out.truncate(from + count);
                return;
            }
            Err(required) => room = required,
        }
    }
    out.truncate(from);
}

#[cfg(test)]
mod tests;
