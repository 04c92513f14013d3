//! Who a client is and where it comes from, as the hub keeps it and shows it.

use std::net::SocketAddr;
use std::sync::Arc;

use uuid::Uuid;

use crate::protocol::{Identity, UserId};

/// Who connects.
#[derive(Debug, Clone, Default)]
pub struct ClientInfo {
    /// Who the client is; `None` for an anonymous client, which costs nothing.
    pub identity: Option<Arc<Identity>>,
    /// Where the connection comes from.
    pub remote: Option<SocketAddr>,
    /// What the connection speaks.
    pub transport: Transport,
}

/// What a connection speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Transport {
    /// Frames in both directions.
    #[default]
    WebSocket,
    /// Server-sent events: text in one direction.
    Sse,
}

/// A client as policies and observers see it. Borrowed: copy out what is needed later.
#[derive(Debug, Clone, Copy)]
pub struct ClientRef<'a> {
    id: Uuid,
    info: &'a ClientInfo,
    is_attached: bool,
}

impl<'a> ClientRef<'a> {
    pub(crate) fn new(id: Uuid, info: &'a ClientInfo, is_attached: bool) -> Self {
        Self {
            id,
            info,
            is_attached,
        }
    }

    /// The client's id, the same from its first question to its end.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Who the client is; `None` for an anonymous client.
    pub fn identity(&self) -> Option<&'a Identity> {
        self.info.identity.as_deref()
    }

    /// The client's user.
    pub fn user(&self) -> Option<&'a str> {
        self.identity()?.user().map(UserId::as_str)
    }

    /// The application's value in the client's identity, if it has this type.
    pub fn value<T: Send + Sync + 'static>(&self) -> Option<&'a T> {
        self.identity()?.value()
    }

    /// The address of the client's end of the connection, where it is known.
    pub fn remote(&self) -> Option<SocketAddr> {
        self.info.remote
    }

    /// What the connection speaks.
    pub fn transport(&self) -> Transport {
        self.info.transport
    }

    /// Whether the client has a connection. An application can also make members known by an
    /// id alone.
    pub fn is_attached(&self) -> bool {
        self.is_attached
    }
}
