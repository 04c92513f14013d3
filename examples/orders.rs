//! Everyone who is subscribed to `orders` gets each order that is posted: `cargo run --example orders`.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::Value;
use wavecast::{
    PublishError, Published, WebSocketConfig, WebSocketServer, sse_handler, ws_handler,
};

async fn create_order(
    State(live): State<Arc<WebSocketServer>>,
    Json(order): Json<Value>,
) -> Result<Published, PublishError> {
    live.event("orders")
        .name("order.created")
        .data(&order)
        .send()
        .await
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let live = Arc::new(WebSocketServer::new(WebSocketConfig::default()));
    let app = Router::new()
        .route("/ws", get(ws_handler))
        .route("/sse", get(sse_handler))
        .route("/orders", post(create_order))
        .with_state(live.clone());
    let listener = wavecast::listen(([127, 0, 0, 1], 4000).into())?;
    let shutdown = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    live.serve(listener, app, shutdown).await;
    Ok(())
}
