//! The thread of the dashboard.
//!
//! It has its own thread so that a slow terminal does not hold up the run. Snapshots reach it through a bounded channel
//! and are skipped if that is full; commands leave it through another.

use super::keys::{KeyAction, KeyCommand, key_action};
use super::screen;
use super::snapshot::{Snapshot, Title};
use super::terminal::{Screen, restore};
use super::theme::Theme;
use crate::base::threads::spawn;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, TrySendError, bounded};
use ratatui::crossterm::event::{self, Event};
use std::io::{self, IsTerminal};
use std::time::Duration;

/// Capacity of the channel for snapshots.
const SNAPSHOTS: usize = 2;
/// Capacity of the channel for commands. If it is full, keys are ignored.
const COMMANDS: usize = 16;
/// How often keys and snapshots are checked.
const CHECK_EVERY: Duration = Duration::from_millis(40);
/// How long restoring the terminal may take. A terminal that accepts no bytes is left as it is.
const CLOSE: Duration = Duration::from_secs(2);

/// A running dashboard. Dropping it restores the terminal.
#[derive(Debug)]
pub(crate) struct Dashboard {
    /// `None` while it is being closed.
    snapshots: Option<Sender<Box<Snapshot>>>,
    commands: Receiver<KeyCommand>,
    ended: Receiver<()>,
}

impl Dashboard {
    /// Whether there is a terminal to draw on and to read keys from.
    pub(crate) fn is_possible() -> bool {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        io::stderr().is_terminal() && io::stdin().is_terminal() && !dumb
    }

    /// Takes over the terminal.
    ///
    /// # Errors
    /// The terminal cannot be set up, or the thread cannot be started. The terminal is restored then.
    pub(crate) fn open(title: Title, theme: Theme) -> io::Result<Self> {
        let screen = Screen::open()?;
        let (snapshot_sender, snapshots) = bounded(SNAPSHOTS);
        let (command_sender, commands) = bounded(COMMANDS);
        let (ending, ended) = bounded::<()>(0);
        spawn("dashboard".to_owned(), move || {
            let _ending = ending;
            // If the terminal is gone, this ends the dashboard, not the run.
            let _ = show(screen, &title, theme, &snapshots, &command_sender);
        })?;
        Ok(Self {
            snapshots: Some(snapshot_sender),
            commands,
            ended,
        })
    }

    /// A dashboard without a terminal: returns what it would draw, and a way to press keys.
    #[cfg(test)]
    pub(crate) fn detached() -> (Self, Receiver<Box<Snapshot>>, Sender<KeyCommand>) {
        let (snapshot_sender, snapshots) = bounded(SNAPSHOTS);
        let (command_sender, commands) = bounded(COMMANDS);
        let (_, ended) = bounded(0);
        let dashboard = Self {
            snapshots: Some(snapshot_sender),
            commands,
            ended,
        };
        (dashboard, snapshots, command_sender)
    }

    /// Receives what the user asks for. Disconnected if the terminal is gone.
    pub(crate) fn commands(&self) -> &Receiver<KeyCommand> {
        &self.commands
    }

    /// Shows a snapshot, or skips it if the dashboard is busy. Returns `false` if the terminal is gone.
    pub(crate) fn show(&self, snapshot: Box<Snapshot>) -> bool {
        let sent = self
            .snapshots
            .as_ref()
            .map(|snapshots| snapshots.try_send(snapshot));
        matches!(sent, Some(Ok(()) | Err(TrySendError::Full(_))))
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        self.snapshots = None;
        if self.ended.recv_timeout(CLOSE) == Err(RecvTimeoutError::Timeout) {
            restore();
        }
    }
}

/// Draws snapshots and reads keys until the snapshots end.
fn show(
    mut screen: Screen,
    title: &Title,
    theme: Theme,
    snapshots: &Receiver<Box<Snapshot>>,
    commands: &Sender<KeyCommand>,
) -> io::Result<()> {
    let (mut now, mut help, mut stale) = (None, false, true);
    loop {
        loop {
            match snapshots.try_recv() {
                Ok(snapshot) => {
                    now = Some(snapshot);
                    stale = true;
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return Ok(()),
            }
        }
        if screen.is_torn() {
            return Ok(());
        }
        if std::mem::take(&mut stale) {
            screen
                .terminal
                .draw(|frame| screen::draw(frame, title, now.as_deref(), help, theme))?;
        }
        if !event::poll(CHECK_EVERY)? {
            continue;
        }
        match event::read()? {
            Event::Key(key) => match key_action(key) {
                Some(KeyAction::Send(command)) => {
                    // If the channel is full, the conductor is busy, and the key is ignored.
                    let _ = commands.try_send(command);
                }
                Some(KeyAction::Help) => (help, stale) = (!help, true),
                Some(KeyAction::Back) => (help, stale) = (false, true),
                None => {}
            },
            Event::Resize(..) => stale = true,
            _ => {}
        }
    }
}
