//! The begin of an event stream.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Version, header};
use axum::response::{IntoResponse, Response};
use tokio_util::task::TaskTracker;

use super::body::StreamBody;
use super::event_stream::EventStream;
use super::handover::Offer;
use super::request::{RequestedStream, SseRequest};
use crate::dialect::sse::Positions;
use crate::hub::{ClientInfo, Transport};
use crate::node::Node;
use crate::protocol::{ErrorCode, Identity, Refusal, ResumeRequest};
use crate::transport::socket::SocketOptions;

/// Answers a request for events: subscribes a new client to all the channels that were
/// asked for, or refuses before anything of a stream was sent.
///
/// Backpressure: waits for the shards' mailboxes.
/// Cancel safety: a client that was made known meanwhile is cleaned up.
pub async fn open(
    node: Arc<Node>,
    tasks: &TaskTracker,
    request: SseRequest,
    identity: Option<Identity>,
    options: SocketOptions,
) -> Result<Response, Refusal> {
    let requested = request.parse(node.max_topics_per_client())?;
    let info = ClientInfo {
        identity: identity.map(Arc::new),
        remote: request.remote,
        transport: Transport::Sse,
    };
    // On a task, because a request may be dropped at any await.
    let opening = tasks.spawn(subscribed(node, tasks.clone(), info, requested));
    let events = opening.await.map_err(|_| ErrorCode::Internal)??;
    Ok(respond(request, events, options))
}

async fn subscribed(
    node: Arc<Node>,
    tasks: TaskTracker,
    info: ClientInfo,
    RequestedStream {
        channels,
        last,
        last_event_id,
    }: RequestedStream,
) -> Result<EventStream, Refusal> {
    let (positions, since) = Positions::new(&channels, last_event_id.as_deref());
    let events = EventStream::connect(node.clone(), tasks, info, positions).await?;
    for (channel, since) in channels.iter().zip(since) {
        // Always with positions: each event's id names them.
        let resume = ResumeRequest { since, last };
        let subscribed = node
            .subscribe(events.client(), channel, Some(&resume), None)
            .await;
        subscribed.map_err(|refusal| {
            let detail = format!("channel {:?}: {refusal}", channel.as_str());
            refusal.with_detail(detail)
        })?;
    }
    Ok(events)
}

fn respond(request: SseRequest, events: EventStream, options: SocketOptions) -> Response {
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/event-stream"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // nginx would collect the events.
        (
            HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ),
    ];
    let Some(handover) = request.handover else {
        return (headers, Body::new(StreamBody::Own(events))).into_response();
    };
    let offer = Offer {
        events,
        options,
        chunked: request.version >= Version::HTTP_11,
    };
    let body = StreamBody::Offered(Some((handover, offer)));
    // No request follows on a connection that HTTP has left.
    let close = [(header::CONNECTION, HeaderValue::from_static("close"))];
    (headers, close, Body::new(body)).into_response()
}
