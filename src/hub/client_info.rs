//! A client's identity, address and transport, as the hub stores and shows them.

use std::net::SocketAddr;
use std::sync::Arc;

use uuid::Uuid;

use crate::dialect::ClassId;
use crate::protocol::{Identity, UserId};

/// What is known about a client when it connects.
#[derive(Debug, Clone, Default)]
pub struct ClientInfo {
    /// The client's identity. `None` for an anonymous client, which costs no memory.
    pub identity: Option<Arc<Identity>>,
    /// The address of the peer.
    pub remote: Option<SocketAddr>,
    /// The transport of the connection.
    pub transport: Transport,
    /// How the connection takes frames. Default: native.
    pub class: ClassId,
}

/// The transport of a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Transport {
    /// Frames in both directions.
    #[default]
    WebSocket,
    /// Server-sent events: text in one direction.
    Sse,
}

/// A client, as policies and observers see it. It is borrowed: copy what is needed later.
#[derive(Debug, Clone, Copy)]
pub struct ClientRef<'a> {
    pub(super) id: Uuid,
    pub(super) identity: Option<&'a Identity>,
    pub(super) remote: Option<SocketAddr>,
    pub(super) transport: Transport,
    pub(super) is_attached: bool,
}

impl<'a> ClientRef<'a> {
    pub(crate) fn new(id: Uuid, info: &'a ClientInfo, is_attached: bool) -> Self {
        Self {
            id,
            identity: info.identity.as_deref(),
            remote: info.remote,
            transport: info.transport,
            is_attached,
        }
    }

    /// The client's id. It stays the same from the policy's `connect` to the disconnect.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The client's identity. `None` for an anonymous client.
    pub fn identity(&self) -> Option<&'a Identity> {
        self.identity
    }

    /// The id of the client's user, if it has one.
    pub fn user(&self) -> Option<&'a str> {
        self.identity()?.user().map(UserId::as_str)
    }

    /// The application's value in the client's identity, if it has this type.
    pub fn value<T: Send + Sync + 'static>(&self) -> Option<&'a T> {
        self.identity()?.value()
    }

    /// The address of the client, if it has a connection: that of the peer, or one that a trusted proxy
    /// has forwarded, which has port 0.
    pub fn remote(&self) -> Option<SocketAddr> {
        self.remote
    }

    /// The transport of the connection.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Whether the client has a connection. An application can also register members without
    /// one.
    pub fn is_attached(&self) -> bool {
        self.is_attached
    }
}
