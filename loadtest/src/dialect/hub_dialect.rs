//! What a target file means: the frames to send, and what a received message is.

use super::pointer::Pointer;
use super::pusher_app::PusherApp;
use super::target_file::{Framing, Signing, TargetFile, Transport, Via};
use super::template::{Template, Values};
use crate::wire::json::Scanner;
use crate::wire::server_message;
use crate::wire::stamp::Stamp;
use memchr::memmem;
use std::time::Duration;

/// A message of the hub.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming<'a> {
    /// An event: its channel, if it names one, and its stamp.
    Event(Option<&'a [u8]>, Stamp),
    /// The answer to hello.
    Welcome,
    /// The confirmation of the next subscription.
    Subscribed,
    /// A message that must be answered with this.
    Question(&'a str),
    /// An error message.
    Error(&'a [u8]),
    /// Any other message.
    Other,
    /// Not a message of this protocol.
    Malformed,
}

/// A target file, checked.
#[derive(Clone, Debug)]
pub(crate) struct Dialect {
    pub(crate) file: TargetFile,
    pub(crate) hello: Vec<Template>,
    pub(crate) subscribe: Option<Template>,
    publish_path: Template,
    pub(crate) publish_headers: Vec<Template>,
    pub(crate) message: Template,
    pub(crate) subscribers: Option<Pointer>,
    pub(crate) heartbeat: Option<(Duration, String)>,
    /// The application that signs publications.
    app: Option<PusherApp>,
    payload: Pointer,
    channel: Option<Pointer>,
}

impl Dialect {
    /// Checks a target file. `token` is the value of `--token`, `parse_time` parses the period of its heartbeat.
    pub(crate) fn new(
        mut file: TargetFile,
        token: &str,
        parse_time: impl Fn(&str) -> Result<Duration, String>,
    ) -> Result<Self, String> {
        let templates = |texts: &[String]| -> Result<Vec<Template>, String> {
            texts.iter().map(|text| Template::parse(text)).collect()
        };
        let pointer = |text: &Option<String>| text.as_deref().map(Pointer::parse).transpose();
        if file.publish.via == Via::Http && !file.publish.path.starts_with('/') {
            return Err("publish.path must start with /".to_owned());
        }
        if file.welcome.is_some() && file.hello.is_empty() && file.subscribe.is_none() {
            return Err("there is a welcome, but neither hello nor subscribe".to_owned());
        }
        let sends = !file.hello.is_empty() || file.subscribe.is_some() || file.heartbeat.is_some();
        if file.transport == Transport::Sse && (sends || file.publish.via == Via::Socket) {
            return Err(
                "an event stream can only receive: publish via http, without hello and subscribe"
                    .to_owned(),
            );
        }
        let app = match file.publish.sign {
            Some(Signing::Pusher) => Some(PusherApp::parse(token).ok_or(
                "--token must be ID:KEY:SECRET, the application that publishes (such as 7:my-key:my-secret)",
            )?),
            None => None,
        };
        if let Some(app) = &app {
            file.publish.path = name_app(app, &file.publish.path);
            file.url = file.url.map(|url| name_app(app, &url));
        }
        let heartbeat = match &file.heartbeat {
            Some(own) => Some((parse_time(&own.every)?, own.send.clone())),
            None => None,
        };
        Ok(Self {
            hello: templates(&file.hello)?,
            subscribe: file.subscribe.as_deref().map(Template::parse).transpose()?,
            publish_path: Template::parse(&file.publish.path)?,
            publish_headers: templates(&file.publish.headers)?,
            message: Template::parse(&file.publish.message)?,
            subscribers: pointer(&file.publish.subscribers)?,
            payload: Pointer::parse(&file.payload)?,
            channel: pointer(&file.channel)?,
            heartbeat,
            app,
            file,
        })
    }

    /// A URL with the names of the application in their places.
    pub(crate) fn url(&self, url: &str) -> String {
        self.app
            .as_ref()
            .map_or_else(|| url.to_owned(), |app| name_app(app, url))
    }

    /// The path of a publication with this body, signed if the file says so. `unix_s` is the time.
    pub(crate) fn publish_path(&self, values: &Values<'_>, body: &[u8], unix_s: u64) -> String {
        let path = self.publish_path.text(values);
        match &self.app {
            Some(app) => app.sign(&path, body, unix_s),
            None => path,
        }
    }

    /// Whether the file says where `--token` goes.
    pub(crate) fn places_token(&self) -> bool {
        let templates = self.hello.iter().chain(&self.subscribe);
        self.app.is_some()
            || templates
                .chain(&self.publish_headers)
                .chain([&self.publish_path, &self.message])
                .any(Template::names_a_token)
            || self
                .file
                .headers
                .iter()
                .any(|own| own.contains("{{token}}"))
    }

    /// Whether events arrive as an event stream, and nothing can be sent.
    pub(crate) fn is_event_stream(&self) -> bool {
        self.file.transport == Transport::Sse
    }

    /// The name of a channel on the wire.
    pub(crate) fn channel_name(&self, name: &str) -> String {
        format!("{}{name}", self.file.channel_prefix)
    }

    /// Calls `on_message` for each message in a frame. `carry` keeps what is incomplete until the next frame.
    pub(crate) fn decode(
        &self,
        frame: &[u8],
        carry: &mut Vec<u8>,
        mut on_message: impl FnMut(Incoming<'_>),
    ) {
        match self.file.framing {
            Framing::Message => on_message(self.message(frame)),
            Framing::Lines => {
                let lines = frame.split(|byte| *byte == b'\n');
                lines
                    .filter(|line| !line.is_empty())
                    .for_each(|line| on_message(self.message(line)));
            }
            Framing::Nats => {
                carry.extend_from_slice(frame);
                let mut rest = carry.as_slice();
                while let Some((message, after)) = split_nats(rest) {
                    on_message(match message {
                        Ok(line) => self.message(line),
                        Err((subject, payload)) => self.event(Some(subject), payload),
                    });
                    rest = after;
                }
                let used = carry.len() - rest.len();
                carry.drain(..used);
            }
        }
    }

    fn message<'a>(&'a self, text: &'a [u8]) -> Incoming<'a> {
        let file = &self.file;
        let contains = |part: &Option<String>| part.as_ref().is_some_and(|part| says(text, part));
        let asks = |own: &str| match own.strip_prefix('^') {
            None => own.as_bytes() == text,
            Some(start) => text.starts_with(start.as_bytes()),
        };
        let answer = file.answers.iter().find(|(own, _)| asks(own));
        if let Some((_, answer)) = answer {
            return Incoming::Question(answer);
        }
        let json = text.strip_prefix(file.prefix.as_bytes());
        if let Some(json) = json
            && let Some(stamp) = self.stamp(json)
        {
            let channel = self.channel.as_ref();
            return Incoming::Event(channel.and_then(|own| own.find_text(json)), stamp);
        }
        if contains(&file.subscribed) {
            Incoming::Subscribed
        } else if contains(&file.welcome) {
            Incoming::Welcome
        } else if contains(&file.error) {
            Incoming::Error(text)
        } else if json.is_some_and(is_cut) {
            Incoming::Malformed
        } else {
            Incoming::Other
        }
    }

    fn event<'a>(&self, channel: Option<&'a [u8]>, payload: &[u8]) -> Incoming<'a> {
        match self.stamp(payload) {
            Some(stamp) => Incoming::Event(channel, stamp),
            None => Incoming::Malformed,
        }
    }

    /// The stamp at the place of the payload, which is an object or a string that contains one.
    fn stamp(&self, json: &[u8]) -> Option<Stamp> {
        let payload = self.payload.find(json)?;
        let Some(text) = payload.strip_prefix(b"\"") else {
            return server_message::stamp_of(payload);
        };
        // The only escapes in a payload are those of its quotes.
        let text: Vec<u8> = text.iter().copied().filter(|byte| *byte != b'\\').collect();
        server_message::stamp_of(&text)
    }
}

fn name_app(app: &PusherApp, text: &str) -> String {
    text.replace("{{app}}", &app.id)
        .replace("{{key}}", &app.key)
}

/// Whether a message contains a text; one that begins with `^` must be at its start, or at the start of a line.
pub(crate) fn says(message: &[u8], part: &str) -> bool {
    match part.strip_prefix('^') {
        None => memmem::find(message, part.as_bytes()).is_some(),
        Some(start) => message
            .split(|byte| *byte == b'\n')
            .any(|line| line.starts_with(start.as_bytes())),
    }
}

/// Whether JSON ends too early.
fn is_cut(text: &[u8]) -> bool {
    let is_json = matches!(text.first(), Some(b'{' | b'['));
    let mut scanner = Scanner { bytes: text, at: 0 };
    is_json && scanner.value().is_none()
}

/// The first message in the protocol of NATS: a line, or the subject and the payload of a `MSG`; and what follows. `None` if
/// it is incomplete.
#[expect(clippy::type_complexity, reason = "private, and used once")]
fn split_nats(bytes: &[u8]) -> Option<(Result<&[u8], (&[u8], &[u8])>, &[u8])> {
    let end = memmem::find(bytes, b"\r\n")?;
    let (line, rest) = (&bytes[..end], &bytes[end + 2..]);
    let Some(head) = line.strip_prefix(b"MSG ") else {
        return Some((Ok(line), rest));
    };
    let mut fields = head.split(|byte| *byte == b' ');
    let subject = fields.next().unwrap_or_default();
    let size = fields.next_back().and_then(crate::wire::json::integer);
    let Some(size) = size.filter(|size| *size <= crate::wire::server_frame::MAX_MESSAGE as u64)
    else {
        return Some((Err((subject, b"")), rest));
    };
    let payload = rest.get(..size as usize)?;
    Some((Err((subject, payload)), rest.get(size as usize + 2..)?))
}
