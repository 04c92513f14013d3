//! The socket of an HTTP connection, as this crate's own listener passes it to the HTTP library.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Semaphore;

use super::client_socket::{ClientSocket, SocketReader};
use super::http_output::HttpOutput;
use super::read_turns::ReadTurns;
use super::sse::Handover;

/// A socket whose responses are gathered, and which tells its [`Handover`] when everything has
/// been written.
pub struct HttpSocket {
    reader: SocketReader,
    shared: Arc<Mutex<Shared>>,
    handover: Handover,
    arrivals: Arrivals,
}

/// What the HTTP library and the task that runs it share.
struct Shared {
    output: HttpOutput,
    turns: ReadTurns,
}

/// What has arrived on a connection.
#[derive(Debug, Clone, Default)]
pub struct Arrivals(Arc<Arrived>);

#[derive(Debug, Default)]
struct Arrived {
    is_any: AtomicBool,
    is_next_begun: AtomicBool,
    /// The last four bytes.
    tail: AtomicU32,
}

impl Arrivals {
    /// Whether bytes have arrived since this was last forgotten.
    pub fn is_any(&self) -> bool {
        self.0.is_any.load(Ordering::Relaxed)
    }

    /// Forgets those that have arrived so far.
    pub fn forget(&self) {
        self.0.is_any.store(false, Ordering::Relaxed);
    }

    /// Bytes have arrived.
    pub fn record(&self, bytes: &[u8]) {
        let tail = self.0.tail.load(Ordering::Relaxed);
        let last = &bytes[bytes.len().saturating_sub(4)..];
        let tail = last
            .iter()
            .fold(tail, |tail, &byte| tail << 8 | u32::from(byte));
        self.0.tail.store(tail, Ordering::Relaxed);
        self.0.is_any.store(true, Ordering::Relaxed);
    }

    /// A request has arrived. If it has no body, everything behind its head belongs to the next one.
    pub fn record_request(&self, has_body: bool) {
        let tail = self.0.tail.load(Ordering::Relaxed).to_be_bytes();
        let is_at_end = tail.ends_with(b"\n\r\n") || tail.ends_with(b"\n\n");
        let is_begun = !has_body && !is_at_end;
        self.0.is_next_begun.store(is_begun, Ordering::Relaxed);
    }

    /// Whether the head of the next request has begun to arrive together with the last request.
    pub fn is_next_begun(&self) -> bool {
        self.0.is_next_begun.load(Ordering::Relaxed)
    }
}

/// What the task that runs the connection does around each poll of the HTTP library.
#[derive(Clone)]
pub struct HttpTask(Arc<Mutex<Shared>>);

impl HttpTask {
    /// To be called when the HTTP library waits. Writes everything that was gathered, ends the
    /// connection's turn to read, and returns whether the library has to be polled again, because
    /// the connection has its next turn.
    ///
    /// Errors: the connection has failed, or its peer has accepted no bytes for too long.
    pub fn poll_again(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut shared = self.0.lock();
        let drained = shared.output.poll_drain(cx);
        if !matches!(drained, Poll::Ready(Ok(()))) {
            // It must not keep a turn that it cannot use.
            shared.turns.give_up();
            return drained;
        }
        shared.turns.poll_turn(cx).map(Ok)
    }

    /// Writes everything that was gathered, unless the socket was taken.
    ///
    /// Errors: the connection has failed, or its peer has accepted no bytes for too long.
    pub fn poll_drain(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.lock().output.poll_drain(cx)
    }

    /// To be called when the HTTP library has ended: it reads no more, and needs no turn.
    pub fn give_up_turn(&self) {
        self.0.lock().turns.give_up();
    }

    /// Gathers nothing more: the next response is the last one that the HTTP library writes.
    pub fn write_directly(&self) {
        self.0.lock().output.write_directly();
    }
}

impl fmt::Debug for HttpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reader.fmt(f)
    }
}

impl HttpSocket {
    /// Wraps a socket whose event streams are taken from `handover`. A peer that accepts no bytes
    /// for `write_timeout` is reset. To read much at once, it takes one of `large_reads`.
    pub fn new(
        socket: impl Into<ClientSocket>,
        handover: Handover,
        write_timeout: Duration,
        large_reads: Arc<Semaphore>,
    ) -> Self {
        let (reader, writer) = socket.into().into_split();
        let shared = Shared {
            output: HttpOutput::new(writer, write_timeout),
            turns: ReadTurns::new(large_reads),
        };
        Self {
            reader,
            shared: Arc::new(Mutex::new(shared)),
            handover,
            arrivals: Arrivals::default(),
        }
    }

    /// What has arrived.
    pub fn arrivals(&self) -> Arrivals {
        self.arrivals.clone()
    }

    /// What the connection's task needs of it.
    pub fn task(&self) -> HttpTask {
        HttpTask(self.shared.clone())
    }

    /// Unwraps the socket. `None` cannot happen: it is taken once, with the value.
    pub fn into_inner(self) -> Option<ClientSocket> {
        let writer = self.shared.lock().output.take_socket()?;
        ClientSocket::reunite(self.reader, writer)
    }
}

impl AsyncRead for HttpSocket {
    /// First writes what was gathered. Nothing is read from a peer that does not accept it.
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let filled = buffer.filled().len();
        let Self { shared, reader, .. } = &mut *self;
        let mut shared = shared.lock();
        ready!(shared.output.poll_drain(cx))?;
        ready!(shared.turns.poll_read(cx, reader, buffer))?;
        drop(shared);
        if let arrived @ [_, ..] = &buffer.filled()[filled..] {
            self.arrivals.record(arrived);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for HttpSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.shared.lock().output.poll_write(cx, slices)
    }

    /// Small responses are copied anyway, and then one slice costs less than two.
    fn is_write_vectored(&self) -> bool {
        false
    }

    /// The HTTP library flushes once it has written everything that it has.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let output = &mut self.shared.lock().output;
        if self.handover.is_offered() {
            output.write_directly();
        }
        ready!(output.poll_flush(cx))?;
        self.handover.record_flush();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shared.lock().output.poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    const TIMEOUT: Duration = Duration::from_millis(100);
    const PATIENCE: Duration = Duration::from_secs(5);

    async fn pair() -> (HttpSocket, TcpStream) {
        pair_with(Arc::new(Semaphore::new(1))).await
    }

    async fn pair_with(large_reads: Arc<Semaphore>) -> (HttpSocket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (peer, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (socket, _) = accepted.unwrap();
        let socket = HttpSocket::new(socket, Handover::default(), TIMEOUT, large_reads);
        (socket, peer.unwrap())
    }

    /// No option of the socket does this: the kernel alone would wait for minutes.
    #[tokio::test]
    async fn a_peer_that_accepts_no_bytes_is_reset() {
        let (mut socket, mut peer) = pair().await;
        let writing = async {
            loop {
                if let Err(error) = socket.write_all(&vec![0; 64 * 1024]).await {
                    return error.kind();
                }
            }
        };
        let ended = tokio::time::timeout(PATIENCE, writing).await;
        assert_eq!(ended.expect("an end"), io::ErrorKind::TimedOut);
        drop(socket);
        let mut received = Vec::new();
        let read = tokio::time::timeout(PATIENCE, peer.read_to_end(&mut received)).await;
        let error = read.expect("an end").expect_err("not a proper end");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn what_is_gathered_is_written_before_more_is_read_and_in_order() {
        let (mut socket, mut peer) = pair().await;
        let task = socket.task();
        socket.write_all(b"one ").await.unwrap();
        socket.write_all(b"two ").await.unwrap();
        socket.flush().await.unwrap();
        let mut received = [0; 8];
        assert!(peer.try_read(&mut received).is_err(), "it is gathered");
        peer.write_all(b"more").await.unwrap();
        let mut request = [0; 4];
        socket.read_exact(&mut request).await.unwrap();
        peer.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"one two ");

        socket.write_all(b"three").await.unwrap();
        let again = poll_fn(|cx| Poll::Ready(task.poll_again(cx))).await;
        assert!(again.is_pending(), "it waits for no turn");
        let large = vec![b'x'; 2 * 32 * 1024];
        task.write_directly();
        let writing = async {
            socket.write_all(&large).await.unwrap();
            socket.flush().await.unwrap();
        };
        let mut all = vec![0; 5 + large.len()];
        let ((), read) = tokio::join!(writing, peer.read_exact(&mut all));
        read.unwrap();
        assert!(all.starts_with(b"threexxx") && all.ends_with(b"xxx"));
        assert!(socket.into_inner().is_some());
    }

    #[tokio::test]
    async fn a_connection_whose_peer_reads_nothing_does_not_keep_its_turn() {
        let permits = Arc::new(Semaphore::new(1));
        let (mut socket, mut peer) = pair_with(permits.clone()).await;
        let task = socket.task();
        peer.write_all(&[b'x'; 9000]).await.unwrap();
        let mut small = [0; 4 * 1024];
        socket.read_exact(&mut small).await.unwrap();
        let mut more = [0; 100];
        let read = poll_fn(|cx| {
            let mut buffer = ReadBuf::new(&mut more);
            Poll::Ready(Pin::new(&mut socket).poll_read(cx, &mut buffer))
        });
        assert!(read.await.is_pending(), "it has read what it may");
        let turn = tokio::time::timeout(PATIENCE, poll_fn(|cx| task.poll_again(cx)));
        turn.await.expect("a turn").unwrap();
        assert_eq!(permits.available_permits(), 0);

        // Its responses fill the buffers of both sides.
        let mut is_written = true;
        while is_written {
            let write = poll_fn(|cx| Poll::Ready(Pin::new(&mut socket).poll_write(cx, &small)));
            is_written = matches!(write.await, Poll::Ready(Ok(_)));
        }
        let again = poll_fn(|cx| Poll::Ready(task.poll_again(cx))).await;
        assert!(!matches!(again, Poll::Ready(Ok(()))), "{again:?}");
        assert_eq!(permits.available_permits(), 1);
    }
}
