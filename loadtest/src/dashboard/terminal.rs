//! Takes over the terminal and restores it.

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
    is_raw_mode_enabled,
};
use std::io::{self, Stderr, stderr};
use std::panic::{self, PanicHookInfo};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

/// The alternate screen of the terminal on standard error. Dropping it restores the terminal. So does a panic of any
/// thread, before its message is printed.
pub(super) struct Screen {
    pub(super) terminal: Terminal<CrosstermBackend<Stderr>>,
    torn: Arc<AtomicBool>,
    hook: Arc<Hook>,
}

impl Screen {
    pub(super) fn open() -> io::Result<Self> {
        let torn = Arc::new(AtomicBool::new(false));
        let hook: Arc<Hook> = Arc::new(panic::take_hook());
        panic::set_hook(Box::new({
            let (torn, hook) = (Arc::clone(&torn), Arc::clone(&hook));
            move |info| {
                torn.store(true, SeqCst);
                restore();
                hook(info);
            }
        }));
        let open = || {
            enable_raw_mode()?;
            execute!(stderr(), EnterAlternateScreen)?;
            Terminal::new(CrosstermBackend::new(stderr()))
        };
        match open() {
            Ok(terminal) => Ok(Self {
                terminal,
                torn,
                hook,
            }),
            Err(error) => {
                restore();
                panic::set_hook(Box::new(move |info| hook(info)));
                Err(error)
            }
        }
    }

    /// Whether a thread has panicked. The terminal was restored then, and must not be drawn on.
    pub(super) fn is_torn(&self) -> bool {
        self.torn.load(SeqCst)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
        if !std::thread::panicking() {
            let hook = Arc::clone(&self.hook);
            panic::set_hook(Box::new(move |info| hook(info)));
        }
    }
}

/// Restores the terminal if it was taken over. For exits that drop nothing.
pub(crate) fn restore() {
    if is_raw_mode_enabled().unwrap_or(false) {
        // There is nowhere to report an error to.
        let _ = execute!(stderr(), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}
