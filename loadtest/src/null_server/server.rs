//! Starting and stopping the null server.

use super::behaviour::Behaviour;
use super::serve;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread::JoinHandle;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::oneshot;

/// A running null server. Dropping it stops the server.
#[derive(Debug)]
pub struct NullServer {
    addr: SocketAddr,
    pongs: Arc<AtomicU64>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl NullServer {
    /// Listens on `addr` (port 0 for any free port) and serves on its own thread.
    pub fn start(addr: SocketAddr, behaviour: Behaviour) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(addr)?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let pongs = Arc::new(AtomicU64::new(0));
        let (stop, stopped) = oneshot::channel();
        let runtime_pongs = Arc::clone(&pongs);
        let thread = std::thread::Builder::new()
            .name("null-server".to_owned())
            .spawn(move || {
                let runtime = Builder::new_current_thread()
                    .enable_all()
                    .build_local(LocalOptions::default())
                    .expect("a runtime can be built");
                runtime.block_on(async {
                    tokio::select! {
                        () = serve::accept(listener, behaviour, runtime_pongs) => {}
                        _ = stopped => {}
                    }
                });
            })?;
        Ok(Self {
            addr,
            pongs,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The address that it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Number of pongs received so far.
    pub fn pongs(&self) -> u64 {
        self.pongs.load(SeqCst)
    }

    /// Waits until the server ends, which it only does if it panics.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for NullServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
