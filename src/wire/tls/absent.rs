//! The records of no connection: TLS is not part of this build.

use super::TlsEnd;

/// Never exists, so its methods are never called.
#[derive(Debug)]
pub enum Records {}

#[allow(missing_docs, reason = "as with TLS")]
impl Records {
    pub fn is_handshaking(&self) -> bool {
        match *self {}
    }

    pub fn unprocessed(&self) -> &[u8] {
        match *self {}
    }

    pub fn end(&self) -> Option<&TlsEnd> {
        match *self {}
    }

    pub fn take_plaintext(&mut self, _out: &mut [u8]) -> usize {
        match *self {}
    }

    pub fn has_input(&self) -> bool {
        match *self {}
    }

    pub fn decrypt(&mut self, _received: &mut [u8], _out: &mut [u8]) -> Result<usize, TlsEnd> {
        match *self {}
    }

    pub fn encrypt(&mut self, _plaintext: &[u8], _out: &mut Vec<u8>) -> Result<(), TlsEnd> {
        match *self {}
    }

    pub fn close(&mut self) {
        match *self {}
    }

    pub fn pending(&self) -> &[u8] {
        match *self {}
    }

    pub fn keep(&mut self, _rest: &[u8]) {
        match *self {}
    }

    pub fn advance(&mut self, _count: usize) {
        match *self {}
    }
}
