//! Clients that send without a pause.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::JoinSet;
use wavecast::WebSocketServer;
use wavecast::transport::websocket::Stream;

use crate::support::{config, join_all};

/// A masked Pong frame without payload.
const PONG: [u8; 6] = [0x8A, 0x80, 0, 0, 0, 0];
/// Then the peer has gone, so that the test ends whatever the server does.
const LAST_READ: usize = 400;
const FLOODS: usize = 30;

/// A peer that always has more pongs to read, up to a number of reads, and accepts everything.
#[derive(Clone)]
struct Flood {
    last_read: usize,
    reads: Arc<AtomicUsize>,
    bytes: Arc<AtomicUsize>,
}

impl Flood {
    fn new(last_read: usize) -> Self {
        Self {
            last_read,
            reads: Arc::default(),
            bytes: Arc::default(),
        }
    }
}

impl AsyncRead for Flood {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.reads.fetch_add(1, Ordering::Relaxed) < self.last_read {
            let count = buffer.remaining();
            let before = self.bytes.fetch_add(count, Ordering::Relaxed);
            let pongs = PONG.iter().cycle().skip(before % PONG.len());
            buffer.put_slice(&pongs.take(count).copied().collect::<Vec<u8>>());
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Flood {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn count(counter: &AtomicUsize) -> usize {
    counter.load(Ordering::Relaxed)
}

/// Lets the tasks run that are ready now. `yield_now` would let many more run.
async fn next_turn() {
    let mut has_waited = false;
    poll_fn(|cx| {
        if has_waited {
            return Poll::Ready(());
        }
        has_waited = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// On one thread, nothing else would run until the flood ends.
#[tokio::test]
async fn others_get_a_turn_every_few_reads_from_a_client_that_floods_the_server() {
    let server = Arc::new(WebSocketServer::new(config(|_| {})));
    let flood = Flood::new(LAST_READ);
    let stream = Stream::other(flood.clone());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { server.handle_connection(stream).await });
    tasks.spawn(async move {
        let (mut before, mut turns) = (0, 0);
        while before < LAST_READ / 2 {
            next_turn().await;
            let now = count(&flood.reads);
            assert!(now - before < 10, "{} reads in one turn", now - before);
            turns += usize::from(now > before);
            before = now;
        }
        assert!(turns > 20, "{turns}");
    });
    join_all("the end of the flood", tasks).await;
}

/// Each would otherwise have 64 KiB decoded before the next one is let in.
#[tokio::test]
async fn many_clients_that_flood_the_server_are_not_all_read_from_at_length_before_others_get_a_turn()
 {
    let server = Arc::new(WebSocketServer::new(config(|_| {})));
    let floods: Vec<Flood> = (0..FLOODS).map(|_| Flood::new(8)).collect();
    let mut tasks = JoinSet::new();
    for flood in floods.clone() {
        let server = server.clone();
        tasks.spawn(async move { server.handle_connection(Stream::other(flood)).await });
    }
    tasks.spawn(async move {
        let (mut before, mut most) = (0, 0);
        while floods.iter().any(|flood| count(&flood.reads) < 5) {
            next_turn().await;
            let now = floods.iter().map(|flood| count(&flood.bytes)).sum();
            most = most.max(now - before);
            before = now;
        }
        let average = most / FLOODS;
        assert!(
            average < 32 * 1024,
            "{average} bytes per client in one turn"
        );
    });
    join_all("the end of the floods", tasks).await;
}
