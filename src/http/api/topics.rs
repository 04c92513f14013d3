//! Lists rooms and channels, and reports statistics.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use super::Api;
use super::lists::PageText;
use super::query::PageQuery;
#[cfg(feature = "tls")]
use super::tls_view::TlsView;
use crate::http::problem::ApiError;
use crate::protocol::{Json, TopicKind};

/// Maximum number of channels that `GET /api/stats` lists by name. `GET /api/channels` lists all
/// of them, in pages.
const MAX_CHANNELS_IN_STATS: usize = 1000;

#[derive(Debug, Serialize)]
struct Stats {
    active_connections: usize,
    closing_connections: usize,
    channels: BTreeMap<String, usize>,
    channels_total: usize,
    rooms_total: usize,
    connections_total: u64,
    broadcasts_total: u64,
    deliveries_total: u64,
    replayed_total: u64,
    history_bytes: usize,
    outbox_bytes: usize,
    slow_consumers_total: u64,
    largest_evicted_total: u64,
    heartbeat_timeouts_total: u64,
    panics_total: u64,
    limited: BTreeMap<&'static str, u64>,
    uptime_seconds: u64,
    ping_interval_ms: u128,
    pong_timeout_ms: u128,
    #[cfg(feature = "tls")]
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<TlsView>,
    version: &'static str,
}

/// `GET /api/stats`
pub(super) async fn stats(State(api): State<Arc<Api>>) -> Result<Response, ApiError> {
    api.lists.respond_statistics(|| stats_text(&api)).await
}

fn stats_text(api: &Api) -> Result<Vec<u8>, ApiError> {
    let metrics = api.node.metrics();
    let channels = api
        .node
        .topics(TopicKind::Channel, None, MAX_CHANNELS_IN_STATS);
    let stats = Stats {
        active_connections: api.node.connection_count(),
        closing_connections: api.node.closing_count(),
        channels: channels
            .items
            .iter()
            .map(|topic| (topic.name().to_string(), topic.members()))
            .collect(),
        channels_total: channels.total,
        rooms_total: api.node.topics(TopicKind::Room, None, 0).total,
        connections_total: metrics.connections_total.get(),
        broadcasts_total: metrics.broadcasts_total.get(),
        deliveries_total: metrics.deliveries_total.get(),
        replayed_total: metrics.replayed_total.get(),
        history_bytes: api.node.history_bytes(),
        outbox_bytes: api.node.outbox_bytes(),
        slow_consumers_total: metrics.slow_consumers_total.get(),
        largest_evicted_total: metrics.largest_evicted_total.get(),
        heartbeat_timeouts_total: metrics.heartbeat_timeouts_total.get(),
        panics_total: metrics.panics_total.get(),
        limited: metrics
            .limited
            .all()
            .map(|(limit, count)| (limit.as_str(), count))
            .collect(),
        uptime_seconds: api.started.elapsed().as_secs(),
        ping_interval_ms: api.ping_interval.as_millis(),
        pong_timeout_ms: api.pong_timeout.as_millis(),
        #[cfg(feature = "tls")]
        tls: api.tls.get().map(|stats| TlsView::of(stats)),
        version: env!("CARGO_PKG_VERSION"),
    };
    let mut text = Vec::new();
    Json::encode_into(&mut text, &stats)?;
    Ok(text)
}

#[derive(Debug, Serialize)]
struct ChannelView<'a> {
    name: &'a str,
    subscribers: usize,
    events: u64,
}

/// `GET /api/channels?limit=100&after=<name>`
pub(super) async fn channels(
    State(api): State<Arc<Api>>,
    query: PageQuery,
) -> Result<Response, ApiError> {
    api.lists
        .respond(page(&api, TopicKind::Channel, &query))
        .await
}

#[derive(Debug, Serialize)]
struct RoomView<'a> {
    name: &'a str,
    members: usize,
    messages: u64,
}

/// `GET /api/rooms?limit=100&after=<name>`
pub(super) async fn rooms(
    State(api): State<Arc<Api>>,
    query: PageQuery,
) -> Result<Response, ApiError> {
    api.lists.respond(page(&api, TopicKind::Room, &query)).await
}

async fn page(api: &Api, kind: TopicKind, query: &PageQuery) -> Result<Vec<u8>, ApiError> {
    let page = api.node.topics(kind, query.after.as_deref(), query.limit());
    let mut text = PageText::new(match kind {
        TopicKind::Channel => "channels",
        TopicKind::Room => "rooms",
    });
    for topic in &page.items {
        let has_room = match kind {
            TopicKind::Channel => {
                text.push(&ChannelView {
                    name: topic.name(),
                    subscribers: topic.members(),
                    events: topic.publications(),
                })
                .await?
            }
            TopicKind::Room => {
                text.push(&RoomView {
                    name: topic.name(),
                    members: topic.members(),
                    messages: topic.publications(),
                })
                .await?
            }
        };
        if !has_room {
            break;
        }
    }
    let (shown, found) = (text.items(), page.items.len());
    let last = page.items.get(..shown).and_then(<[_]>::last);
    let next = last.filter(|_| page.more || shown < found);
    text.finish(page.total, next.map(|topic| &**topic.name()).as_ref())
}
