use tokio::task::{JoinHandle, yield_now};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::*;
use crate::hub::client_info::ClientInfo;

const REPLY: usize = 100;

/// Room for four replies of all clients, and for two of each.
fn replies() -> Arc<Replies> {
    let each = REPLY + FRAME_BYTES;
    Arc::new(Replies::new(4 * each, 2 * each))
}

fn client() -> Arc<Client> {
    Arc::new(Client::new(Uuid::now_v7(), ClientInfo::default(), 0, true))
}

/// A client's next command.
fn next_command(replies: &Arc<Replies>, client: &Arc<Client>) -> JoinHandle<()> {
    let (replies, client) = (replies.clone(), client.clone());
    TaskTracker::new().spawn(async move { replies.wait_for(&client).await })
}

/// Lets all tasks run as far as they can.
async fn settle() {
    for _ in 0..100 {
        yield_now().await;
    }
}

/// One client for each reply that fits, which it has not read.
fn full(replies: &Arc<Replies>) -> Vec<(Arc<Client>, ReplyCharge)> {
    let one = |_| {
        let client = client();
        let charge = replies.charge(&client, REPLY);
        (client, charge)
    };
    (0..4).map(one).collect()
}

#[tokio::test]
async fn a_client_waits_when_its_own_share_is_full_and_goes_on_when_it_has_read() {
    let (replies, client) = (replies(), client());
    let first = replies.charge(&client, REPLY);
    assert!(replies.has_room_for(&client));
    let _second = replies.charge(&client, REPLY);
    let waiting = next_command(&replies, &client);
    settle().await;
    assert!(!waiting.is_finished());
    drop(first);
    settle().await;
    assert!(waiting.is_finished());
}

#[tokio::test]
async fn when_all_replies_fill_their_limit_only_clients_without_any_go_on() {
    let replies = replies();
    let mut unread = full(&replies);
    let (one, charge) = unread.pop().expect("a client");
    let waiting = next_command(&replies, &one);
    settle().await;
    assert!(!waiting.is_finished(), "it has a reply to read");
    let other = next_command(&replies, &client());
    settle().await;
    assert!(other.is_finished(), "it has none");

    // Its own last reply is read, while the others fill the limit as before.
    let _more = replies.charge(&client(), REPLY);
    drop(charge);
    settle().await;
    assert!(waiting.is_finished());
}

#[tokio::test]
async fn room_for_all_wakes_each_client_that_waits_for_it_as_long_as_there_is_some() {
    let replies = replies();
    let mut unread = full(&replies);
    let waiting: Vec<_> = unread[..3]
        .iter()
        .map(|(client, _)| next_command(&replies, client))
        .collect();
    let large = TaskTracker::new().spawn({
        let replies = replies.clone();
        async move { replies.wait_for_all().await }
    });
    settle().await;
    assert!(!waiting.iter().any(JoinHandle::is_finished) && !large.is_finished());
    drop(unread.pop());
    settle().await;
    assert!(waiting.iter().all(JoinHandle::is_finished) && large.is_finished());
}

#[tokio::test]
async fn a_short_reply_counts_for_more_than_its_payload() {
    let (replies, client) = (replies(), client());
    let charge = replies.charge(&client, 1);
    assert_eq!(replies.used(), 1 + FRAME_BYTES);
    drop(charge);
    assert_eq!(replies.used(), 0);
}
