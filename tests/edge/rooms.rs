//! Rooms: two-way, limited, announced.

use crate::support::{TestServer, config};

#[tokio::test]
async fn test_join_room() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.join("general", 1).await;
    client.expect_silence().await;
}
