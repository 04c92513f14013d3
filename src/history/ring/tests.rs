use std::time::Duration;

use super::*;

fn limits(max_messages: usize, max_bytes: usize) -> HistoryLimits {
    HistoryLimits {
        max_messages,
        max_bytes,
        max_age: Duration::from_secs(10),
    }
}

/// The size of each publication.
const TEN: Size = Size {
    bytes: 10,
    memory: 12,
};

/// A history to which the publications 1 to `count` were pushed, ten bytes each.
fn history_of(count: u64, limits: HistoryLimits) -> HistoryRing<u64> {
    let mut history = HistoryRing::new("e".into(), limits);
    for _ in 0..count {
        history.push(Instant::now(), |offset| (offset, TEN));
    }
    history
}

fn position(offset: u64) -> Position {
    Position::new(offset, "e").unwrap()
}

fn page(history: &HistoryRing<u64>, direction: Direction, limit: usize) -> (Vec<u64>, bool) {
    let page = history.page(HistoryRequest { direction, limit }, usize::MAX);
    if let Some(first) = page.items.first() {
        assert_eq!(page.first, *first);
    }
    (page.items, page.more)
}

#[test]
fn keeps_the_newest_within_both_limits() {
    let history = history_of(10, limits(4, 1000));
    assert_eq!(
        (history.oldest(), history.newest(), history.len()),
        (7, 10, 4)
    );
    let history = history_of(10, limits(100, 35));
    assert_eq!((history.oldest(), history.memory()), (8, 36));
    let history = history_of(3, limits(100, 5));
    assert_eq!(
        (history.oldest(), history.newest(), history.memory()),
        (4, 3, 0)
    );
}

#[test]
fn drops_expired_publications_but_remembers_the_position() {
    let mut history = history_of(3, limits(10, 1000));
    history.expire(Instant::now() + Duration::from_secs(11));
    assert!(history.is_empty());
    assert_eq!(history.missed_since(&position(3)), Ok(0));
    assert_eq!(
        history.missed_since(&position(2)),
        Err(Unrecovered::HistoryTrimmed)
    );
}

#[test]
fn counts_missed_publications_or_says_why_they_cannot_be_replayed() {
    let history = history_of(10, limits(4, 1000));
    assert_eq!(history.missed_since(&position(10)), Ok(0));
    assert_eq!(history.missed_since(&position(6)), Ok(4));
    assert_eq!(
        history.missed_since(&position(5)),
        Err(Unrecovered::HistoryTrimmed)
    );
    assert_eq!(
        history.missed_since(&position(11)),
        Err(Unrecovered::OffsetAhead)
    );
    assert_eq!(
        history.missed_since(&position(u64::MAX)),
        Err(Unrecovered::OffsetAhead)
    );
    assert_eq!(
        history.missed_since(&Position::new(10, "f").unwrap()),
        Err(Unrecovered::EpochChanged)
    );
    let empty = history_of(0, limits(4, 1000));
    assert_eq!(empty.missed_since(&position(0)), Ok(0));
}

#[test]
fn pages_can_be_read_in_both_directions() {
    let history = history_of(10, limits(8, 1000));
    assert_eq!(page(&history, Direction::Newest, 3), (vec![8, 9, 10], true));
    assert_eq!(
        page(&history, Direction::Before(8), 3),
        (vec![5, 6, 7], true)
    );
    assert_eq!(page(&history, Direction::Before(5), 3), (vec![3, 4], false));
    assert_eq!(
        page(&history, Direction::After(0), 3),
        (vec![3, 4, 5], true)
    );
    assert_eq!(page(&history, Direction::After(8), 3), (vec![9, 10], false));
    assert_eq!(page(&history, Direction::After(99), 3), (vec![], false));
    assert_eq!(
        page(&history, Direction::After(u64::MAX), 3),
        (vec![], false)
    );
    assert_eq!(page(&history, Direction::Before(0), 3), (vec![], false));
    assert_eq!(
        page(&history_of(0, limits(1, 1)), Direction::Newest, 3),
        (vec![], false)
    );
}

#[test]
fn a_page_is_limited_in_bytes_but_holds_at_least_one_item() {
    let history = history_of(10, limits(10, 1000));
    let request = |direction| HistoryRequest {
        direction,
        limit: 10,
    };
    assert_eq!(history.page(request(Direction::After(0)), 25).items, [1, 2]);
    assert_eq!(history.page(request(Direction::Newest), 25).items, [9, 10]);
    assert_eq!(history.page(request(Direction::Newest), 1).items, [10]);
    assert_eq!(history.page(request(Direction::After(3)), 0).items, [4]);
}

#[test]
fn releases_the_memory_of_a_burst_while_a_trickle_continues() {
    let mut history = history_of(1000, limits(1000, usize::MAX));
    let later = Instant::now() + Duration::from_secs(11);
    history.push(later, |offset| (offset, TEN));
    assert_eq!((history.len(), history.memory()), (1, 12));
    assert!(
        history.entries.capacity() <= 8,
        "{}",
        history.entries.capacity()
    );
    assert_eq!(page(&history, Direction::Newest, 5), (vec![1001], false));
}
