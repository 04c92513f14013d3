//! Opens an event stream.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, Version, header};
use axum::response::{IntoResponse, Response};
use tokio_util::task::TaskTracker;

use super::body::StreamBody;
use super::event_stream::EventStream;
use super::handover::Offer;
use super::headers::stream_headers;
use super::request::{SseParameters, SseRequest};
use crate::dialect::ClassId;
use crate::dialect::sse::Positions;
use crate::hub::{ClientInfo, Transport};
use crate::node::Node;
use crate::protocol::{ErrorCode, Identity, Refusal, ResumeRequest, Token};
use crate::transport::credentials::Credentials;
use crate::transport::socket::SocketOptions;

/// Answers a request for an event stream: connects a new client and subscribes it to all the
/// requested channels. A refusal is returned before any of the response is sent.
///
/// Backpressure: waits while a shard's mailbox is full.
/// Cancel safety: a client that has already been connected is disconnected.
pub async fn open(
    node: Arc<Node>,
    tasks: &TaskTracker,
    request: SseRequest,
    identity: Option<Identity>,
    options: SocketOptions,
) -> Result<Response, Refusal> {
    let token = match (node.tokens(), &identity) {
        (Some(options), None) => match request.credentials(options)? {
            Credentials::None => None,
            Credentials::Header(token) | Credentials::Browser(token) => Some(token),
        },
        // The application has authenticated the client, or nobody does.
        _ => None,
    };
    let parameters = request.parse(node.max_topics_per_client())?;
    let info = ClientInfo {
        identity: identity.map(Arc::new),
        remote: request.remote,
        transport: Transport::Sse,
        class: ClassId::EVENT_STREAM,
    };
    // In a task of its own, because the request may be dropped at any await.
    let opening = tasks.spawn(connect(node, tasks.clone(), (info, token), parameters));
    let events = opening.await.map_err(|_| ErrorCode::Internal)??;
    Ok(respond(request, events, options))
}

/// Connects a client and subscribes it to the requested channels.
async fn connect(
    node: Arc<Node>,
    tasks: TaskTracker,
    (info, token): (ClientInfo, Option<Token>),
    SseParameters {
        channels,
        last,
        last_event_id,
    }: SseParameters,
) -> Result<EventStream, Refusal> {
    let (positions, since) = Positions::new(&channels, last_event_id.as_deref());
    let events =
        EventStream::connect(node.clone(), tasks, (info, token.as_ref()), positions).await?;
    for (channel, since) in channels.iter().zip(since) {
        // Always with a resume request: event ids need the offsets.
        let resume = ResumeRequest { since, last };
        let subscribed = node
            .subscribe(events.client(), channel, (None, Some(&resume)), None)
            .await;
        subscribed.map_err(|refusal| {
            let detail = format!("channel {:?}: {refusal}", channel.as_str());
            refusal.with_detail(detail)
        })?;
    }
    Ok(events)
}

fn respond(request: SseRequest, events: EventStream, options: SocketOptions) -> Response {
    let headers = stream_headers();
    let Some(handover) = request.handover else {
        return (headers, Body::new(StreamBody::Inline(events))).into_response();
    };
    let offer = Offer {
        events,
        options,
        chunked: request.version >= Version::HTTP_11,
    };
    let body = StreamBody::HandedOver(Some((handover, offer)));
    // The connection cannot be used for another request after the handover.
    let close = [(header::CONNECTION, HeaderValue::from_static("close"))];
    let mut response = (headers, close, Body::new(body)).into_response();
    // Otherwise the HTTP library adds `keep-alive` for an HTTP/1.0 peer that asked for it.
    *response.version_mut() = request.version;
    response
}
