//! Lists rooms and channels, and reports statistics.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::Api;
use super::query::PageQuery;
use crate::hub::Topic;
use crate::node::Page;
use crate::protocol::TopicKind;

/// Maximum number of channels that `GET /api/stats` lists by name. `GET /api/channels` lists all
/// of them, in pages.
const MAX_CHANNELS_IN_STATS: usize = 1000;

#[derive(Debug, Serialize)]
pub(super) struct Stats {
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
    uptime_seconds: u64,
    version: &'static str,
}

/// `GET /api/stats`
pub(super) async fn stats(State(api): State<Arc<Api>>) -> Json<Stats> {
    let metrics = api.node.metrics();
    let channels = api
        .node
        .topics(TopicKind::Channel, None, MAX_CHANNELS_IN_STATS);
    Json(Stats {
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
        uptime_seconds: api.started.elapsed().as_secs(),
        version: env!("CARGO_PKG_VERSION"),
    })
}

#[derive(Debug, Serialize)]
pub(super) struct ChannelView {
    name: String,
    subscribers: usize,
    events: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct ChannelList {
    channels: Vec<ChannelView>,
    total: usize,
    next: Option<String>,
}

/// `GET /api/channels?limit=100&after=<name>`
pub(super) async fn channels(State(api): State<Arc<Api>>, query: PageQuery) -> Json<ChannelList> {
    let page = page(&api, TopicKind::Channel, &query);
    let next = next(&page);
    let channels = page.items.iter().map(|topic| ChannelView {
        name: topic.name().to_string(),
        subscribers: topic.members(),
        events: topic.publications(),
    });
    Json(ChannelList {
        channels: channels.collect(),
        total: page.total,
        next,
    })
}

#[derive(Debug, Serialize)]
pub(super) struct RoomView {
    name: String,
    members: usize,
    messages: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct RoomList {
    rooms: Vec<RoomView>,
    total: usize,
    next: Option<String>,
}

/// `GET /api/rooms?limit=100&after=<name>`
pub(super) async fn rooms(State(api): State<Arc<Api>>, query: PageQuery) -> Json<RoomList> {
    let page = page(&api, TopicKind::Room, &query);
    let next = next(&page);
    let rooms = page.items.iter().map(|topic| RoomView {
        name: topic.name().to_string(),
        members: topic.members(),
        messages: topic.publications(),
    });
    Json(RoomList {
        rooms: rooms.collect(),
        total: page.total,
        next,
    })
}

fn page(api: &Api, kind: TopicKind, query: &PageQuery) -> Page<Arc<Topic>> {
    api.node.topics(kind, query.after.as_deref(), query.limit())
}

fn next(page: &Page<Arc<Topic>>) -> Option<String> {
    let last = page.items.last().filter(|_| page.more);
    last.map(|topic| topic.name().to_string())
}
