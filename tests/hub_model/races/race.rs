//! Any operations, carried out by several workers.

use std::sync::Arc;

use proptest::prelude::*;
use tokio_util::task::TaskTracker;
use wavecast::dialect::Dialects;
use wavecast::hub::{Hub, HubOptions};
use wavecast::node::{Node, NodeOptions};
use wavecast::protocol::CloseCode;
use wavecast::protocol::TopicKind;

use super::connection::Connection;
use super::room_view::rooms_of;
use super::worker::{
    Accepted, CLIENTS, MAX_MEMBERS, Operation, ROOMS, STALLED, operation, room, work,
};
use crate::frames::Received;
use crate::patience::within_a_minute;
use crate::watchdog::watch;

const WORKERS: usize = 4;

/// Runs each list of operations in a worker of its own, and checks the result.
async fn race(shards: usize, operations: Vec<Vec<Operation>>) {
    let tasks = TaskTracker::new();
    let options = HubOptions {
        shards,
        mailbox_capacity: 2,
        outbox_max_bytes: 256 * 1024,
        ..HubOptions::default()
    };
    let limits = NodeOptions {
        max_clients_per_room: MAX_MEMBERS,
        ..NodeOptions::default()
    };
    let node = Arc::new(Node::new(
        Hub::new(&options, Dialects::default(), &tasks),
        limits,
    ));
    // Each room has a witness, which is a member from before the first message until after
    // the last.
    let mut witnesses = Vec::new();
    for index in 0..ROOMS {
        let witness = Connection::open(&node, &tasks, true).await;
        node.join(&witness.client, &room(index), None, None)
            .await
            .unwrap();
        witnesses.push(witness);
    }
    let mut connections = Vec::new();
    for who in 0..CLIENTS {
        connections.push(Connection::open(&node, &tasks, who != STALLED).await);
    }
    let connections = Arc::new(connections);
    let mut workers = Vec::new();
    for (worker, operations) in operations.into_iter().enumerate() {
        let work = work(node.clone(), connections.clone(), worker, operations);
        workers.push(tasks.spawn(work));
    }
    let mut accepted = Vec::new();
    for worker in workers {
        accepted.push(worker.await.unwrap());
    }

    // The clients leave, then the witnesses.
    let names: Vec<String> = connections
        .iter()
        .map(|connection| connection.client.display_name())
        .collect();
    for connection in connections.iter() {
        node.close(&connection.client, CloseCode::GoingAway, None)
            .await
            .unwrap();
    }
    let mut received = Vec::new();
    for connection in Arc::into_inner(connections).unwrap() {
        received.push(connection.task.await.unwrap());
    }
    let mut testimony = Vec::new();
    for witness in witnesses {
        node.close(&witness.client, CloseCode::GoingAway, None)
            .await
            .unwrap();
        testimony.push(witness.task.await.unwrap());
    }
    let hub = node.hub();
    hub.probe().await.unwrap();
    assert_eq!(
        (hub.links(), hub.connections(), hub.clients().len()),
        (0, 0, 0)
    );
    assert_eq!(hub.topics(TopicKind::Room).len(), 0);
    check(&received, &names, &testimony, &accepted);
}

/// Compares what the clients and the witnesses received with what was accepted.
fn check(received: &[Received], names: &[String], testimony: &[Received], accepted: &[Accepted]) {
    for (index, witness) in testimony.iter().enumerate() {
        let name = room(index).as_str().to_owned();
        let mut rooms = rooms_of(witness);
        let whole = rooms.remove(&name).expect("it joined");
        assert!(whole.others.is_empty(), "a `user_left` is missing");
        assert!(
            whole.earlier_members_that_left.is_empty(),
            "a `user_joined` is missing"
        );
        let order = &whole.messages[0];
        for accepted in accepted {
            // Each worker's messages once, in the order in which they were accepted.
            let accepted = accepted.get(&index).cloned().unwrap_or_default();
            let prefix = accepted.first().and_then(|first| first.split_once('-'));
            let prefix = format!("\"{}-", prefix.map_or("none", |(worker, _)| worker));
            let seen = order
                .iter()
                .filter(|(_, content)| content.starts_with(&prefix));
            let seen: Vec<String> = seen.map(|(_, content)| content.replace('"', "")).collect();
            assert_eq!(seen, accepted);
        }
        for (who, received) in received.iter().enumerate() {
            let Some(room) = rooms_of(received).remove(&name) else {
                continue;
            };
            let own = format!("\"{}\"", names[who]);
            for stay in room.messages {
                let Some(first) = stay.first() else { continue };
                let start = order
                    .iter()
                    .position(|said| said == first)
                    .expect("witnessed");
                let others = order[start..].iter().filter(|(from, _)| *from != own);
                let others: Vec<_> = others.take(stay.len()).cloned().collect();
                assert_eq!(stay, others, "one order for all clients, without a gap");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn simultaneous_operations_appear_in_one_order(
        shards in 1..4_usize,
        operations in proptest::collection::vec(
            proptest::collection::vec(operation(), 1..60), WORKERS..=WORKERS),
    ) {
        watch();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            let race = race(shards, operations);
            within_a_minute("the end of the race", race).await;
        });
    }
}
