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

/// A peer that always has more pongs to read, and accepts everything.
struct Flood(Arc<AtomicUsize>);

impl AsyncRead for Flood {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.0.fetch_add(1, Ordering::Relaxed) < LAST_READ {
            while buffer.remaining() >= PONG.len() {
                buffer.put_slice(&PONG);
            }
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
    let reads = Arc::new(AtomicUsize::new(0));
    let flood = Stream::other(Flood(reads.clone()));
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { server.handle_connection(flood).await });
    tasks.spawn(async move {
        let (mut before, mut turns) = (0, 0);
        while before < LAST_READ / 2 {
            next_turn().await;
            let now = reads.load(Ordering::Relaxed);
            assert!(now - before < 10, "{} reads in one turn", now - before);
            turns += usize::from(now > before);
            before = now;
        }
        assert!(turns > 20, "{turns}");
    });
    join_all("the end of the flood", tasks).await;
}
