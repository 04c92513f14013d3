//! An application that mounts rooms and channels in its own axum router:
//! `cargo run --example embed`, then open a WebSocket to `ws://127.0.0.1:4000/live`, or
//! `curl -N http://127.0.0.1:4000/events?channel=clock`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRef, Path, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use wavecast::{WebSocketConfig, WebSocketServer, sse_handler, ws_handler};

/// What the application's own handlers need; the server is one part of it.
#[derive(Clone, FromRef)]
struct App {
    live: Arc<WebSocketServer>,
    greeting: &'static str,
}

async fn members(State(app): State<App>, Path(room): Path<String>) -> Json<Value> {
    let members = app.live.room(&room).map_or(0, |room| room.members());
    Json(json!({ "greeting": app.greeting, "room": room, "members": members }))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = WebSocketConfig {
        max_clients_per_room: 500,
        ..WebSocketConfig::default()
    };
    let live = Arc::new(WebSocketServer::try_new(config)?);

    // The application publishes whenever it has something to say.
    let clock = live.clone();
    let tasks = tokio_util::task::TaskTracker::new();
    tasks.spawn(async move {
        let mut seconds = 0_u64;
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            seconds += 1;
            if let Err(error) = clock.publish("clock", &json!({ "seconds": seconds })).await {
                eprintln!("not published: {error}");
                break;
            }
        }
    });

    let app = Router::new()
        .route("/live", get(ws_handler))
        .route("/events", get(sse_handler))
        .route("/rooms/{room}", get(members))
        .with_state(App {
            live: live.clone(),
            greeting: "hello",
        });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:4000").await?;
    println!(
        "ws://127.0.0.1:4000/live   http://127.0.0.1:4000/events?channel=clock   \
         http://127.0.0.1:4000/rooms/general"
    );
    axum::serve(listener, app)
        .with_graceful_shutdown(async move {
            // Without a signal to wait for, the application runs until it is killed.
            let _ = tokio::signal::ctrl_c().await;
            live.drain().await;
        })
        .await?;
    Ok(())
}
