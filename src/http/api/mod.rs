//! The HTTP API: publishing, history, lists and statistics.

mod batch;
mod connections;
#[cfg(feature = "cli")]
mod description;
mod events;
mod history;
mod lists;
mod presence;
mod query;
mod revocations;
mod router;
mod state;
mod stream;
#[cfg(feature = "tls")]
mod tls_view;
mod topics;
mod unread;
mod users;

pub(super) use self::events::respond_to_publish;
pub use self::lists::Lists;
pub(super) use self::router::ApiRouter;
pub use self::state::Api;
use super::access::Scope::{Admin, Publish, Read};

/// The routes below `/api/`, each with the scope that it needs.
pub(super) fn routes() -> ApiRouter {
    ApiRouter::default()
        .post("/api/events", Publish, events::publish)
        .post("/api/events/batch", Publish, batch::publish_batch)
        .post("/api/events/stream", Publish, stream::publish_stream)
        .get("/api/stats", Read, topics::stats)
        .get("/api/channels", Read, topics::channels)
        .get("/api/channels/{name}/history", Read, history::of_channel)
        .get("/api/channels/{name}/presence", Read, presence::of_channel)
        .get("/api/revocations", Admin, revocations::list)
        .post("/api/revocations", Admin, revocations::revoke)
        .delete("/api/revocations/{id}", Admin, revocations::take_back)
        .get("/api/rooms", Read, topics::rooms)
        .get("/api/rooms/{name}/history", Read, history::of_room)
        .get("/api/rooms/{name}/presence", Read, presence::of_room)
        .get("/api/connections", Read, connections::list)
        .get("/api/connections/{id}", Read, connections::show)
        .delete("/api/connections/{id}", Admin, connections::close)
        .get("/api/users", Read, users::list)
        .get("/api/users/{id}", Read, users::show)
        .delete("/api/users/{id}", Admin, users::close)
}

#[cfg(all(test, feature = "cli"))]
mod tests;
