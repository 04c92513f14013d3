use tokio::time::advance;

use super::super::budget::Budgets;
use super::*;
use crate::dialect::native::NativeText;
use crate::hub::topic::Retention;
use crate::protocol::TopicKind;

const MAX_AGE: Duration = Duration::from_secs(10);

/// A log with `count` publications.
fn log(count: usize) -> TopicLog {
    let limits = HistoryLimits {
        max_age: MAX_AGE,
        ..HistoryLimits::default()
    };
    let budgets = Budgets::new(&Retention::default());
    let budget = budgets.of(TopicKind::Channel);
    let mut log = TopicLog::new(limits, "epoch".into(), budget, Owner::user("ann"));
    for _ in 0..count {
        publish(&mut log);
    }
    log
}

fn publish(log: &mut TopicLog) {
    let source = NativeText::source(r#"{"n":1}"#);
    log.append(&source, &source.plain());
}

#[tokio::test(start_paused = true)]
async fn what_has_expired_is_not_replayed_though_the_sweeper_has_not_dropped_it() {
    let mut log = log(3);
    let request = ResumeRequest {
        since: None,
        last: Some(10),
    };
    let mut replayed = || {
        let (resumption, replay) = log.resume(&request);
        (resumption.replayed, replay.next, replay.newest)
    };
    assert_eq!(replayed(), (3, 1, 3));
    advance(MAX_AGE + Duration::from_millis(1)).await;
    assert_eq!(replayed(), (0, 4, 3));
}

#[tokio::test(start_paused = true)]
async fn what_has_expired_is_on_no_page_though_the_sweeper_has_not_dropped_it() {
    let mut log = log(2);
    advance(MAX_AGE / 2).await;
    publish(&mut log);
    let mut page = || {
        let page = log.page(HistoryRequest::default(), usize::MAX);
        (page.first, page.items.len())
    };
    assert_eq!(page(), (1, 3));
    advance(MAX_AGE / 2 + Duration::from_millis(1)).await;
    assert_eq!(page(), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_replay_ends_where_it_should() {
    let log = log(5);
    let offsets = |next, through| {
        let page = log.replay(next, through, 10, usize::MAX);
        (page.first, page.items.len())
    };
    assert_eq!(offsets(2, 3), (2, 2));
    assert_eq!(offsets(2, 5), (2, 4));
    assert_eq!(offsets(1, 1), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_position_is_kept_from_the_last_publication_on() {
    let mut log = log(1);
    let ttl = Duration::from_secs(24 * 3600);
    advance(ttl / 2).await;
    publish(&mut log);
    let published = Instant::now();
    advance(MAX_AGE + Duration::from_millis(1)).await;
    let (_, due) = log.review(Instant::now(), ttl);
    assert_eq!(due, published + ttl);
}
