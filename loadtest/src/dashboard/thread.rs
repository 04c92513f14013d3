//! The run on a terminal: what it measures, a few times a second, and keys to steer it.
//!
//! The dashboard is a thread of its own, so that a slow terminal holds up nothing: snapshots reach it through a
//! bounded channel, and one that finds it full is skipped; commands leave through another.

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

/// Snapshots that wait to be drawn.
const SNAPSHOTS: usize = 2;
/// Commands that wait for the conductor; a key pressed beyond them is lost.
const COMMANDS: usize = 16;
/// Between two looks at the keys and the snapshots.
const CHECK_EVERY: Duration = Duration::from_millis(40);
/// For the terminal to be given back; one that takes no byte is left as it is.
const CLOSE: Duration = Duration::from_secs(2);

/// A running dashboard. Dropping it gives the terminal back.
#[derive(Debug)]
pub(crate) struct Dashboard {
    /// `None` once it is being closed.
    snapshots: Option<Sender<Box<Snapshot>>>,
    commands: Receiver<KeyCommand>,
    ended: Receiver<()>,
}

impl Dashboard {
    /// Whether there is a terminal to draw on, and one to read keys from.
    pub(crate) fn is_possible() -> bool {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        io::stderr().is_terminal() && io::stdin().is_terminal() && !dumb
    }

    /// Takes the terminal.
    ///
    /// # Errors
    /// It cannot be set up, or there is no thread to be had; it is as it was then.
    pub(crate) fn open(title: Title, theme: Theme) -> io::Result<Self> {
        let screen = Screen::open()?;
        let (snapshot_sender, snapshots) = bounded(SNAPSHOTS);
        let (command_sender, commands) = bounded(COMMANDS);
        let (ending, ended) = bounded::<()>(0);
        spawn("dashboard".to_owned(), move || {
            let _ending = ending;
            // A terminal that is gone ends the dashboard, not the run.
            let _ = show(screen, &title, theme, &snapshots, &command_sender);
        })?;
        Ok(Self {
            snapshots: Some(snapshot_sender),
            commands,
            ended,
        })
    }

    /// Without a terminal: what would be drawn, and the keys.
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

    /// What was asked for; disconnected when the terminal is gone.
    pub(crate) fn commands(&self) -> &Receiver<KeyCommand> {
        &self.commands
    }

    /// Draws this soon, or never if the dashboard is busy. Returns whether it is still there.
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

/// Until there are no more snapshots.
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
                    // A full queue means that the conductor has enough to do.
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
