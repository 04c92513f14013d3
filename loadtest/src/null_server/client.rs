//! A client of the null server: its outbox, and how that is written.

use super::behaviour::Behaviour;
use super::fault::Fault;
use super::frames::close_frame;
use socket2::SockRef;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;

pub(super) struct Client {
    pub(super) outbox: RefCell<VecDeque<Rc<[u8]>>>,
    pub(super) wake: Notify,
    /// The connection ends once the outbox is written.
    pub(super) closed: Cell<bool>,
    /// Notified to evict the client: its current frame is completed, then a Close frame is sent.
    cut: Notify,
    max_frames: usize,
}

/// The outcome of a write.
pub(super) enum Written {
    All,
    Evicted,
}

impl Client {
    pub(super) fn new(behaviour: &Behaviour) -> Rc<Self> {
        Rc::new(Self {
            outbox: RefCell::default(),
            wake: Notify::new(),
            closed: Cell::new(false),
            cut: Notify::new(),
            max_frames: if behaviour.fault == Fault::NeverEvict {
                usize::MAX
            } else {
                behaviour.outbox
            },
        })
    }

    /// Adds a frame to the outbox, and evicts the client if there are too many.
    pub(super) fn push(&self, frame: Rc<[u8]>) {
        let mut outbox = self.outbox.borrow_mut();
        outbox.push_back(frame);
        if outbox.len() > self.max_frames {
            self.cut.notify_one();
        }
        self.wake.notify_one();
    }

    /// Pushes a Close frame, the last frame.
    pub(super) fn close(&self, code: u16, reason: &str) {
        self.push(close_frame(code, reason));
        self.closed.set(true);
    }

    /// Writes the outbox, unless the client is evicted meanwhile.
    pub(super) async fn write(
        &self,
        stream: &mut TcpStream,
        evict_as: u16,
        linger: Duration,
    ) -> io::Result<Written> {
        let waiting = std::mem::take(&mut *self.outbox.borrow_mut());
        let burst: Vec<u8> = waiting
            .iter()
            .flat_map(|frame| frame.iter())
            .copied()
            .collect();
        let mut written = 0;
        while written < burst.len() {
            tokio::select! {
                writable = stream.writable() => writable?,
                () = self.cut.notified() => {
                    let mut end = 0;
                    let half = waiting.iter().find_map(|frame| {
                        end += frame.len();
                        (end >= written).then_some(end)
                    });
                    let mut last = burst[written..half.unwrap_or(written)].to_vec();
                    last.extend_from_slice(&close_frame(evict_as, "slow consumer"));
                    if !matches!(timeout(linger, stream.write_all(&last)).await, Ok(Ok(()))) {
                        // The socket accepts no more, so it is reset.
                        let _ = SockRef::from(&*stream).set_linger(Some(Duration::ZERO));
                    }
                    return Ok(Written::Evicted);
                }
            }
            match stream.try_write(&burst[written..]) {
                Ok(length) => written += length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Written::All)
    }
}
