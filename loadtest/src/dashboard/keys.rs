//! The keys of the dashboard.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// What the user asks the run to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyCommand {
    /// End the run early. Its report is written.
    Quit,
    /// Pause or resume publishing.
    Pause,
    /// Drop every healthy socket. Each reconnects.
    Storm,
    /// Publish 25 % more.
    Faster,
    /// Publish less: undoes one [`KeyCommand::Faster`].
    Slower,
}

/// The effect of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyAction {
    /// Send this command to the run.
    Send(KeyCommand),
    /// Show or hide the help.
    Help,
    /// Hide the help.
    Back,
}

/// Key, short name and description, as the dashboard shows them.
pub(crate) const KEYS: [(&str, &str, &str); 5] = [
    ("q", "quit", "end the run now; the report is still written"),
    ("p", "pause", "pause or resume publishing"),
    ("s", "storm", "drop every healthy socket; each reconnects"),
    ("+ -", "rate", "publish 25 % more, or undo that"),
    ("?", "help", "show or hide this"),
];

/// The effect of a key, if it has one. In raw mode Ctrl-C is a key too, and quits.
pub(crate) fn key_action(key: KeyEvent) -> Option<KeyAction> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let command = match key.code {
        KeyCode::Char('c') if control => KeyCommand::Quit,
        _ if control => return None,
        KeyCode::Char('q') => KeyCommand::Quit,
        KeyCode::Char('p' | ' ') => KeyCommand::Pause,
        KeyCode::Char('s') => KeyCommand::Storm,
        KeyCode::Char('+' | '=') => KeyCommand::Faster,
        KeyCode::Char('-' | '_') => KeyCommand::Slower,
        KeyCode::Char('?' | 'h') => return Some(KeyAction::Help),
        KeyCode::Esc => return Some(KeyAction::Back),
        _ => return None,
    };
    Some(KeyAction::Send(command))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(code: KeyCode, modifiers: KeyModifiers) -> Option<KeyAction> {
        key_action(KeyEvent::new(code, modifiers))
    }

    #[test]
    fn maps_every_key_to_its_command() {
        for (key, command) in [
            ('q', KeyCommand::Quit),
            ('p', KeyCommand::Pause),
            (' ', KeyCommand::Pause),
            ('s', KeyCommand::Storm),
            ('+', KeyCommand::Faster),
            ('=', KeyCommand::Faster),
            ('-', KeyCommand::Slower),
        ] {
            let action = press(KeyCode::Char(key), KeyModifiers::NONE);
            assert_eq!(action, Some(KeyAction::Send(command)), "{key}");
        }
        assert_eq!(
            press(KeyCode::Char('+'), KeyModifiers::SHIFT),
            Some(KeyAction::Send(KeyCommand::Faster))
        );
        assert_eq!(
            press(KeyCode::Char('?'), KeyModifiers::SHIFT),
            Some(KeyAction::Help)
        );
        assert_eq!(
            press(KeyCode::Esc, KeyModifiers::NONE),
            Some(KeyAction::Back)
        );
    }

    #[test]
    fn quits_on_ctrl_c_and_ignores_other_control_keys() {
        let control = |key| press(KeyCode::Char(key), KeyModifiers::CONTROL);
        assert_eq!(control('c'), Some(KeyAction::Send(KeyCommand::Quit)));
        assert_eq!(control('s'), None);
        assert_eq!(control('q'), None);
        assert_eq!(press(KeyCode::Enter, KeyModifiers::NONE), None);
        assert_eq!(press(KeyCode::Char('c'), KeyModifiers::NONE), None);
    }

    #[test]
    fn ignores_the_release_of_a_key() {
        let mut key = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE);
        key.kind = KeyEventKind::Release;
        assert_eq!(key_action(key), None);
    }
}
