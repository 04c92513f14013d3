//! What the keys mean.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// What whoever watches asks of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyCommand {
    /// Ends the run early; its report is written.
    Quit,
    /// Publishes no more, or goes on.
    Pause,
    /// Drops every healthy socket; each comes back.
    Storm,
    /// Publishes a quarter more.
    Faster,
    /// Undoes one [`KeyCommand::Faster`].
    Slower,
}

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyAction {
    /// To the run.
    Send(KeyCommand),
    /// Shows or hides what the keys do.
    Help,
    /// Hides it.
    Back,
}

/// The keys and what they do, for people.
pub(crate) const KEYS: [(&str, &str, &str); 5] = [
    ("q", "quit", "end the run now; the report is still written"),
    ("p", "pause", "pause publishing, or go on"),
    (
        "s",
        "storm",
        "drop every healthy socket; each comes back at once",
    ),
    ("+ -", "rate", "publish a quarter more, or that much less"),
    ("?", "help", "show or hide this"),
];

/// `None` for a key without a meaning. Raw mode turns Ctrl-C into a key; it ends the run, too.
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
    fn gives_every_key_its_command() {
        for (key, command) in [
            ('q', KeyCommand::Quit),
            ('p', KeyCommand::Pause),
            (' ', KeyCommand::Pause),
            ('s', KeyCommand::Storm),
            ('+', KeyCommand::Faster),
            ('=', KeyCommand::Faster),
            ('-', KeyCommand::Slower),
        ] {
            let key_action = press(KeyCode::Char(key), KeyModifiers::NONE);
            assert_eq!(key_action, Some(KeyAction::Send(command)), "{key}");
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
    fn takes_ctrl_c_for_quit_and_no_other_control_key() {
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
