//! The `[target]` table of a target file.

use serde::Deserialize;
use std::collections::BTreeMap;

/// How to talk to a hub. Frames and bodies are templates: see [`Template`](super::template::Template). A text that a message
/// must contain may begin with `^`: then it must be at the start of the message, or of a line.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TargetFile {
    /// Name of the hub, for reports.
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) transport: Transport,
    /// WebSocket URL, or HTTP URL of the event stream. `{{channel}}` in it stands for the channel of the socket, which then has one subscription.
    pub(crate) url: Option<String>,
    /// HTTP URL to publish to.
    pub(crate) api: Option<String>,
    /// Headers of the upgrade request, as `Name: value`.
    #[serde(default)]
    pub(crate) headers: Vec<String>,
    /// The `Sec-WebSocket-Protocol` to ask for.
    pub(crate) subprotocol: Option<String>,
    /// How messages are laid out in frames.
    #[serde(default)]
    pub(crate) framing: Framing,
    /// What the names of channels must begin with.
    #[serde(default)]
    pub(crate) channel_prefix: String,
    /// Every socket receives every message, so there can be only one channel.
    #[serde(default)]
    pub(crate) one_channel: bool,
    /// Frames to send after the upgrade.
    #[serde(default)]
    pub(crate) hello: Vec<String>,
    /// Text in the answer to `hello`. Subscriptions wait for it.
    pub(crate) welcome: Option<String>,
    /// The frame that subscribes to a channel. None if the URL names it, or everything is received.
    pub(crate) subscribe: Option<String>,
    /// Text in the confirmation of a subscription. Confirmations come in the order of the subscriptions.
    pub(crate) subscribed: Option<String>,
    /// Text in an error message.
    pub(crate) error: Option<String>,
    /// What an event begins with, before its JSON.
    #[serde(default)]
    pub(crate) prefix: String,
    /// JSON pointer to the payload in an event: an object, or a string that contains one. Empty for the whole message.
    #[serde(default)]
    pub(crate) payload: String,
    /// JSON pointer to the channel in an event. Without it, the payload says which channel it is.
    pub(crate) channel: Option<String>,
    /// Messages that must be answered, such as pings, with their answers. A message that begins with `^` stands for all that
    /// start with what follows.
    #[serde(default)]
    pub(crate) answers: BTreeMap<String, String>,
    /// What a client must send from time to time.
    pub(crate) heartbeat: Option<Heartbeat>,
    /// How to publish.
    pub(crate) publish: Publish,
}

/// How events travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Transport {
    #[default]
    WebSocket,
    /// Server-sent events. The URL names the channel, and nothing can be sent.
    Sse,
}

/// How messages are laid out in frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Framing {
    /// One message in a frame.
    #[default]
    Message,
    /// One message in each line of a frame.
    Lines,
    /// The protocol of NATS.
    Nats,
}

/// What a client must send from time to time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Heartbeat {
    /// Such as `25s`.
    pub(crate) every: String,
    pub(crate) send: String,
}

/// How to publish.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Publish {
    pub(crate) via: Via,
    /// How requests are signed. `--token` is `ID:KEY:SECRET` then; `{{app}}` and `{{key}}` in the URL and in the path stand
    /// for the first two.
    pub(crate) sign: Option<Signing>,
    /// Path of the request.
    #[serde(default)]
    pub(crate) path: String,
    /// Headers of the request.
    #[serde(default)]
    pub(crate) headers: Vec<String>,
    /// The body of the request, or the frame to send.
    pub(crate) message: String,
    /// The publisher subscribes to a channel before it publishes to it.
    #[serde(default)]
    pub(crate) join: bool,
    /// Text in the frame that accepts a publication. Without it, a publication counts as accepted once it is written.
    pub(crate) accepted: Option<String>,
    /// Text in a reply that refuses a publication, whatever its status.
    pub(crate) rejected: Option<String>,
    /// JSON pointer to the number of subscribers in the reply.
    pub(crate) subscribers: Option<String>,
}

/// How requests are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Signing {
    /// As by the HTTP API of Pusher: HMAC-SHA256 of method, path and query, which contains the MD5 of the body.
    Pusher,
}

/// The way of a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Via {
    /// A POST request.
    Http,
    /// A frame on a WebSocket of the publisher's own, which says hello like the others.
    Socket,
}
