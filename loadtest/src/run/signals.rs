//! Ctrl-C and SIGTERM as messages on a channel.

use crate::base::exit::Exit;
use crate::base::threads;
use crate::dashboard::terminal;
use crossbeam_channel::{Receiver, bounded};
use std::io;

/// Receives `()` for each signal. A signal that arrives before the last one was received ends the process at once.
pub(crate) fn listen() -> io::Result<Receiver<()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (sender, receiver) = bounded(1);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (mut int, mut term) = {
        let _context = runtime.enter();
        (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        )
    };
    threads::spawn("signals".to_owned(), move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = int.recv() => {}
                    _ = term.recv() => {}
                }
                if sender.try_send(()).is_err() {
                    terminal::restore();
                    std::process::exit(Exit::Interrupted.code().into());
                }
            }
        });
    })?;
    Ok(receiver)
}
