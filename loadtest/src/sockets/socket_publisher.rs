//! Publishes over a WebSocket of its own, for hubs without an HTTP API.

use super::run_state::RunState;
use crate::dialect::hub_dialect::{Dialect, Incoming, says};
use crate::dialect::template::Values;
use crate::wire::client_frame;
use crate::wire::http_client::{Reply, RequestError};
use crate::wire::probe_client::ProbeClient;
use crate::wire::server_frame::ServerFrame;
use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often a publisher reads what it does not need, while it has nothing to publish.
const READ_EVERY: Duration = Duration::from_millis(500);

/// Connects on first use, and again after an error.
pub(super) struct SocketPublisher {
    state: Arc<RunState>,
    timeout: Duration,
    link: Option<Link>,
    last_read: Instant,
}

struct Link {
    client: ProbeClient,
    carry: Vec<u8>,
    /// The last number of a message.
    id: u64,
    joined: HashSet<String>,
    frame: Vec<u8>,
}

impl SocketPublisher {
    pub(super) fn new(state: Arc<RunState>, timeout: Duration) -> Self {
        Self {
            state,
            timeout,
            link: None,
            last_read: Instant::now(),
        }
    }

    /// Connects now, so that the first publication need not.
    pub(super) fn connect(&mut self, dialect: &Dialect) -> io::Result<()> {
        if self.link.is_some() {
            return Ok(());
        }
        let state = &self.state;
        let headers = &state.credentials.upgrade_headers;
        let mut target = state.ws.clone();
        // The publisher has no channel of its own.
        target.path = target.path.replace("{{channel}}", "lt.publisher");
        let mut link = Link {
            client: ProbeClient::connect(&target, headers, self.timeout)?,
            carry: Vec::new(),
            id: 0,
            joined: HashSet::new(),
            frame: Vec::new(),
        };
        let token = &state.credentials.token;
        for hello in &dialect.hello {
            let text = hello.text(&Values {
                token,
                ..Values::default()
            });
            link.send(text.as_bytes())?;
        }
        if let Some(welcome) = &dialect.file.welcome {
            link.wait_for(dialect, welcome, None)?;
        }
        self.link = Some(link);
        Ok(())
    }

    /// Publishes `payload` and waits until the hub has accepted it, if it says so.
    pub(super) fn publish(
        &mut self,
        dialect: &Dialect,
        channel: &str,
        payload: &[u8],
    ) -> Result<Reply, RequestError> {
        self.connect(dialect)
            .map_err(|error| RequestError::NotSent(error.kind()))?;
        let token = self.state.credentials.token.clone();
        let link = self
            .link
            .as_mut()
            .ok_or(RequestError::NotSent(io::ErrorKind::NotConnected))?;
        let result = link.publish(dialect, channel, payload, &token, self.timeout);
        self.last_read = Instant::now();
        if result.is_err() {
            self.link = None;
        }
        result
    }

    /// Reads and answers what has arrived meanwhile; to be called often.
    pub(super) fn idle(&mut self, dialect: &Dialect) {
        if self.last_read.elapsed() < READ_EVERY {
            return;
        }
        self.last_read = Instant::now();
        if let Some(link) = &mut self.link
            && link.read_all(dialect).is_err()
        {
            self.link = None;
        }
    }
}

impl Link {
    fn publish(
        &mut self,
        dialect: &Dialect,
        channel: &str,
        payload: &[u8],
        token: &str,
        timeout: Duration,
    ) -> Result<Reply, RequestError> {
        self.client.extend(timeout);
        let file = &dialect.file.publish;
        if file.join && !self.joined.contains(channel) {
            self.join(dialect, channel, token)
                .map_err(|error| RequestError::NotSent(error.kind()))?;
        }
        self.id += 1;
        let mut text = Vec::new();
        dialect.message.fill(
            &Values {
                channel,
                payload,
                id: self.id,
                token,
            },
            &mut text,
        );
        let lost = |error: io::Error| RequestError::ReplyLost(error.kind());
        self.send(&text).map_err(lost)?;
        let mut accepted = true;
        if let Some(text) = &file.accepted {
            accepted = self
                .wait_for(dialect, text, file.rejected.as_deref())
                .map_err(lost)?;
        } else {
            self.read_all(dialect).map_err(lost)?;
        }
        Ok(Reply {
            status: if accepted { 200 } else { 400 },
            body: Vec::new(),
        })
    }

    fn join(&mut self, dialect: &Dialect, channel: &str, token: &str) -> io::Result<()> {
        if let (Some(subscribe), Some(subscribed)) = (&dialect.subscribe, &dialect.file.subscribed)
        {
            self.id += 1;
            let text = subscribe.text(&Values {
                channel,
                id: self.id,
                token,
                ..Values::default()
            });
            self.send(text.as_bytes())?;
            self.wait_for(dialect, subscribed, None)?;
        }
        self.joined.insert(channel.to_owned());
        Ok(())
    }

    fn send(&mut self, text: &[u8]) -> io::Result<()> {
        self.frame.clear();
        client_frame::encode(&mut self.frame, client_frame::TEXT, text, 1);
        self.client.send(&self.frame)
    }

    /// Reads until a frame contains `yes`, or `no`. Returns whether it was `yes`.
    fn wait_for(&mut self, dialect: &Dialect, yes: &str, no: Option<&str>) -> io::Result<bool> {
        loop {
            let (carry, mut answers) = (&mut self.carry, Answers::default());
            let mut outcome = None;
            self.client.find(|frame| {
                let text = answers.read(dialect, carry, frame);
                if no.is_some_and(|no| says(text, no)) {
                    outcome.get_or_insert(false);
                } else if says(text, yes) {
                    outcome.get_or_insert(true);
                }
                (outcome.is_some() || !answers.0.is_empty()).then_some(())
            })?;
            self.answer(answers)?;
            if let Some(outcome) = outcome {
                return Ok(outcome);
            }
        }
    }

    /// Reads what has arrived, without waiting.
    fn read_all(&mut self, dialect: &Dialect) -> io::Result<()> {
        let (carry, mut answers) = (&mut self.carry, Answers::default());
        self.client.read_available(|frame| {
            answers.read(dialect, carry, frame);
        })?;
        self.answer(answers)
    }

    fn answer(&mut self, answers: Answers) -> io::Result<()> {
        for (opcode, text) in answers.0 {
            self.frame.clear();
            client_frame::encode(&mut self.frame, opcode, &text, 1);
            self.client.send(&self.frame)?;
        }
        Ok(())
    }
}

/// Frames to send in answer to what was read.
#[derive(Default)]
struct Answers(Vec<(u8, Vec<u8>)>);

impl Answers {
    /// Notes what a frame asks for. Returns its text.
    fn read<'a>(
        &mut self,
        dialect: &Dialect,
        carry: &mut Vec<u8>,
        frame: &ServerFrame<'a>,
    ) -> &'a [u8] {
        match frame {
            ServerFrame::Text(text) | ServerFrame::Binary(text) => {
                dialect.decode(text, carry, |message| {
                    if let Incoming::Question(answer) = message {
                        self.0
                            .push((client_frame::TEXT, answer.as_bytes().to_vec()));
                    }
                });
                text
            }
            ServerFrame::Ping(payload) => {
                self.0.push((client_frame::PONG, payload.to_vec()));
                b""
            }
            _ => b"",
        }
    }
}
