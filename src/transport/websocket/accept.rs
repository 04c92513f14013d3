//! Accepts a request for a WebSocket of the native protocol: before or after its upgrade, as the
//! client's token allows.

use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use tokio_util::task::TaskTracker;

use super::authenticating::authenticate;
use super::open::{open_admitted, open_authenticated};
use super::refusing::refuse;
use super::serving::WebSocketConnection;
use super::stream::Stream;
use super::upgrade::WebSocketUpgrade;
use crate::hub::{Client, ClientInfo};
use crate::node::{Admission, Node};
use crate::protocol::{ErrorCode, Identity, Refusal, Token};
use crate::session::NativeSession;
use crate::transport::credentials::Credentials;
use crate::transport::socket::SocketOptions;
use crate::wire::Limits;

/// Upgrades a request, or refuses it. `identity` is who the client is, if the application knows.
///
/// A token in the header is verified first. A client that could not read the answer to its request
/// is upgraded first. One without a token that needs one may send it as its first message.
///
/// Errors: the answer to the request.
pub async fn accept(
    node: Arc<Node>,
    tasks: &TaskTracker,
    ws: WebSocketUpgrade,
    identity: Option<Identity>,
    (limits, options): (Limits, SocketOptions),
) -> Result<Response, Refusal> {
    let credentials = match (node.tokens(), &identity) {
        (Some(options), None) => ws.credentials(options)?,
        // The application has authenticated the client, or nobody does.
        _ => Credentials::None,
    };
    let info = ClientInfo {
        identity: identity.map(Arc::new),
        remote: ws.remote(),
        ..ClientInfo::default()
    };
    if !matches!(credentials, Credentials::None) {
        node.may_authenticate(info.remote)?;
    }
    let its_tasks = tasks.clone();
    let token = match credentials {
        Credentials::Browser(token) => {
            let open = async move |stream| {
                open_or_refuse(node, its_tasks, stream, info, token, limits).await
            };
            return Ok(ws.on_upgrade(tasks, options, open));
        }
        Credentials::Header(token) => Some(token),
        Credentials::None => None,
    };
    match node.admit(info.clone(), token.as_ref()).await {
        Ok(admission) => {
            let open = move |stream| open_native(node, its_tasks, stream, admission, limits);
            Ok(ws.on_upgrade(tasks, options, open))
        }
        Err(refusal) if token.is_none() && may_authenticate_later(&node, &refusal) => {
            let place = node.await_token(info.remote)?;
            let open = async move |stream| {
                let authenticated = authenticate(&node, stream, info, place, limits).await?;
                open_authenticated(node, its_tasks, authenticated).await
            };
            Ok(ws.on_upgrade(tasks, options, open))
        }
        Err(refusal) => Err(refusal),
    }
}

/// Whether a WebSocket that was refused may send a token as its first message.
fn may_authenticate_later(node: &Node, refusal: &Refusal) -> bool {
    refusal.code == ErrorCode::Unauthenticated && node.tokens().is_some()
}

async fn open_or_refuse(
    node: Arc<Node>,
    tasks: TaskTracker,
    (stream, read_ahead): (Stream, Bytes),
    info: ClientInfo,
    token: Token,
    limits: Limits,
) -> Option<WebSocketConnection<impl FnOnce(Arc<Client>) -> NativeSession + Send + 'static>> {
    let class = info.class;
    match node.admit(info, Some(&token)).await {
        Ok(admission) => open_native(node, tasks, (stream, read_ahead), admission, limits).await,
        Err(refusal) => {
            refuse(&node, stream, class, &refusal, None).await;
            None
        }
    }
}

async fn open_native(
    node: Arc<Node>,
    tasks: TaskTracker,
    stream: (Stream, Bytes),
    admission: Admission,
    limits: Limits,
) -> Option<WebSocketConnection<impl FnOnce(Arc<Client>) -> NativeSession + Send + 'static>> {
    let session_node = node.clone();
    let session = |client| NativeSession::new(session_node, client);
    open_admitted(node, &tasks, stream, admission, limits, session).await
}
