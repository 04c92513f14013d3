//! Workers that carry out operations at the same time.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use wavecast::node::Node;
use wavecast::protocol::{CloseCode, ErrorCode, Json, RoomName};
use wavecast::wire::Frame;

use super::connection::Connection;

pub(super) const ROOMS: usize = 2;
pub(super) const CLIENTS: usize = 6;
/// The client that never reads.
pub(super) const STALLED: usize = CLIENTS - 1;
pub(super) const MAX_MEMBERS: usize = CLIENTS;

#[derive(Debug, Clone)]
pub(super) enum Operation {
    /// A client, a room.
    Join(usize, usize),
    /// A client, a room.
    Leave(usize, usize),
    /// A client, a room.
    Say(usize, usize),
    /// The connection's own task and the library clean up the client at the same time.
    Disconnect(usize),
    /// An operator closes a client.
    Close(usize),
    /// Sends far more than the outbox of the stalled client holds.
    Evict,
}

pub(super) fn operation() -> impl Strategy<Value = Operation> {
    let who = 0..CLIENTS;
    let room = 0..ROOMS;
    prop_oneof![
        12 => (who.clone(), room.clone()).prop_map(|(who, room)| Operation::Join(who, room)),
        6 => (who.clone(), room.clone()).prop_map(|(who, room)| Operation::Leave(who, room)),
        16 => (who.clone(), room).prop_map(|(who, room)| Operation::Say(who, room)),
        1 => who.clone().prop_map(Operation::Disconnect),
        1 => who.prop_map(Operation::Close),
        1 => Just(Operation::Evict),
    ]
}

pub(super) fn room(index: usize) -> RoomName {
    RoomName::new(&format!("room{index}")).unwrap()
}

/// The messages of one worker that were accepted, in order, by room.
pub(super) type Accepted = BTreeMap<usize, Vec<String>>;

pub(super) async fn work(
    node: Arc<Node>,
    connections: Arc<Vec<Connection>>,
    worker: usize,
    operations: Vec<Operation>,
) -> Accepted {
    let mut accepted = Accepted::new();
    for (step, operation) in operations.into_iter().enumerate() {
        match operation {
            Operation::Join(who, index) => {
                let joined = node
                    .join(&connections[who].client, &room(index), None, None)
                    .await;
                match joined.map_err(|refusal| refusal.code) {
                    Ok(members) => assert!((1..=MAX_MEMBERS).contains(&members)),
                    Err(code) => assert!(
                        matches!(code, ErrorCode::RoomFull | ErrorCode::NotFound),
                        "{code:?}"
                    ),
                }
            }
            Operation::Leave(who, index) => {
                let left = node
                    .leave(&connections[who].client, &room(index), None)
                    .await;
                let code = left.map_err(|refusal| refusal.code);
                assert!(
                    matches!(code, Ok(()) | Err(ErrorCode::NotInRoom)),
                    "{code:?}"
                );
            }
            Operation::Say(who, index) => {
                let content = format!("{worker}-{step}");
                let encoded = Json::encode(&content).unwrap();
                let client = &connections[who].client;
                if node.say(client, &room(index), &encoded, None).await.is_ok() {
                    accepted.entry(index).or_default().push(content);
                }
            }
            Operation::Disconnect(who) => {
                connections[who].gone.cancel();
                node.disconnect(&connections[who].client).await.unwrap();
            }
            Operation::Close(who) => {
                let client = &connections[who].client;
                node.close(client, CloseCode::ClosedByOperator, None)
                    .await
                    .unwrap();
            }
            Operation::Evict => {
                let client = &connections[STALLED].client;
                let large = Frame::text(format!("\"{}\"", "x".repeat(60_000)).into());
                for _ in 0..10 {
                    node.hub().send(client, large.clone()).await.unwrap();
                }
            }
        }
    }
    accepted
}
