//! What an application can see of its server.

use wavecast::{
    HistoryError, HistoryLimits, HistoryRequest, NameError, TopicKind, TopicOptions, TopicRules,
    UserId,
};

use crate::support::{TestServer, config, eventually};

#[tokio::test]
async fn clients_are_listed_page_by_page_in_the_order_of_connecting() {
    let server = TestServer::start(config(|config| config.trust_user_parameter = true)).await;
    let ada = server.connect_as("ada").await;
    let _others = server.connect_many(2).await;
    // A client without a connection is not a connection.
    let detached = uuid::Uuid::from_u128(1);
    server.server.join_room("general", detached).await.unwrap();
    assert_eq!(server.server.connection_count(), 3);

    let first = server.server.clients(None, 2);
    assert_eq!((first.items.len(), first.total, first.more), (2, 3, true));
    assert_eq!(
        first.items[0].user().as_ref().map(UserId::as_str),
        Some("ada")
    );
    assert_eq!(first.items[0].remote_addr(), Some(ada.local_addr()));
    assert!(first.items[0].is_connected());
    let last = server.server.clients(Some(first.items[1].id()), 2);
    assert_eq!((last.items.len(), last.total, last.more), (1, 3, false));
    assert_eq!(last.items[0].user(), None);
    let unconnected = server.server.client(detached).expect("the client");
    assert!(!unconnected.is_connected());

    ada.close().await;
    eventually("the end", async || !first.items[0].is_connected()).await;
    eventually("the count", async || server.server.connection_count() == 2).await;
}

#[tokio::test]
async fn rooms_and_channels_are_listed_with_their_members() {
    let server = TestServer::start_default().await;
    let (mut one, mut other) = (server.connect().await, server.connect().await);
    for channel in ["b", "a", "c"] {
        one.subscribe(channel).await;
    }
    other.subscribe("b").await;
    one.join("general", 1).await;

    let edge = &server.server;
    let page = edge.channels(Some("a"), 1);
    assert_eq!((page.items.len(), page.total, page.more), (1, 3, true));
    let channel = &page.items[0];
    assert_eq!((channel.name(), channel.subscribers()), ("b", 2));
    let found = edge.channel("a").expect("the channel");
    assert_eq!(found.subscribers(), 1);
    assert!(edge.channel("general").is_none() && edge.channel("d").is_none());

    let rooms = edge.rooms(None, 10);
    assert_eq!((rooms.items.len(), rooms.total, rooms.more), (1, 1, false));
    assert_eq!(
        (rooms.items[0].name(), rooms.items[0].members()),
        ("general", 1)
    );
}

#[tokio::test]
async fn an_application_reads_a_page_of_history() {
    let server = TestServer::start(config(|config| {
        let kept = TopicOptions {
            history: Some(HistoryLimits::default()),
            ..TopicOptions::default()
        };
        config.topics = TopicRules::default().with(TopicKind::Channel, "*", kept);
    }))
    .await;
    for number in 1..=3 {
        server.server.publish("news", &number).await.unwrap();
    }
    let newest = HistoryRequest::new(None, None, Some(2)).unwrap();
    let page = server.server.channel_history("news", newest).unwrap();
    let page: serde_json::Value = page.decode().unwrap();
    let values: Vec<_> = page["items"].as_array().unwrap().iter().collect();
    assert_eq!(values.len(), 2);
    assert_eq!(values[0]["data"]["value"], 2);
    assert_eq!(page["more"], true);
    // The same as over HTTP.
    assert_eq!(page, server.get("/api/channels/news/history?limit=2").await);

    let none = server
        .server
        .room_history("empty", HistoryRequest::default());
    assert_eq!(none, Err(HistoryError::NoHistory));
    let invalid = server.server.channel_history("", newest);
    assert_eq!(invalid, Err(HistoryError::InvalidChannel(NameError::Empty)));
}
