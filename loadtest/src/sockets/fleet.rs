//! The sockets of one worker, and the task of each.

use super::connection;
use super::run_state::RunState;
use super::worker_context::WorkerContext;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

/// How many connections a worker opens at the same time. If more are due, they wait, and the connect rate drops.
const MAX_OPENING: usize = 512;

/// The sockets of one worker and their tasks.
pub(super) struct Fleet {
    pub(super) state: Arc<RunState>,
    pub(super) context: Rc<RefCell<WorkerContext>>,
    opening: Arc<Semaphore>,
    tasks: RefCell<JoinSet<()>>,
    /// By socket, to drop it without a Close frame.
    handles: RefCell<Vec<Option<AbortHandle>>>,
}

impl Fleet {
    pub(super) fn new(state: Arc<RunState>, context: Rc<RefCell<WorkerContext>>) -> Self {
        let sockets = context.borrow().auditor.sockets();
        Self {
            state,
            context,
            opening: Arc::new(Semaphore::new(MAX_OPENING)),
            tasks: RefCell::default(),
            handles: RefCell::new(vec![None; sockets]),
        }
    }

    /// Number of sockets.
    pub(super) fn sockets(&self) -> usize {
        self.handles.borrow().len()
    }

    /// Opens a socket after `delay`.
    pub(super) fn launch(&self, local: usize, delay: Duration) {
        let (state, context) = (Arc::clone(&self.state), Rc::clone(&self.context));
        let opening = Arc::clone(&self.opening);
        let handle = self.tasks.borrow_mut().spawn_local(async move {
            sleep(delay).await;
            let permit = opening
                .acquire_owned()
                .await
                .expect("the semaphore is never closed");
            connection::run(&state, &context, local, permit).await;
        });
        self.handles.borrow_mut()[local] = Some(handle);
    }

    /// Whether a socket has no task: it was never opened, or has ended.
    pub(super) fn has_ended(&self, local: usize) -> bool {
        let handle = &self.handles.borrow()[local];
        handle.as_ref().is_none_or(AbortHandle::is_finished)
    }

    /// Drops every healthy socket. Each reconnects after its delay.
    pub(super) fn storm(&self, reset: bool) {
        for local in 0..self.sockets() {
            self.drop_one(local, reset);
        }
    }

    /// Drops a healthy socket, which reconnects after its delay. Returns whether it was ready.
    pub(super) fn drop_one(&self, local: usize, reset: bool) -> bool {
        if !self.context.borrow_mut().auditor.drop_socket(local, reset) {
            return false;
        }
        let task = self.handles.borrow_mut()[local].take();
        if let Some(task) = task {
            task.abort();
        }
        let conn = self.context.borrow().auditor.conn(local);
        self.launch(local, self.state.plan.return_delay(conn));
        true
    }

    /// Removes tasks that have ended.
    pub(super) fn reap(&self) {
        while self.tasks.borrow_mut().try_join_next().is_some() {}
    }

    /// The tasks that have not ended.
    pub(super) fn into_tasks(self) -> JoinSet<()> {
        self.tasks.into_inner()
    }
}
