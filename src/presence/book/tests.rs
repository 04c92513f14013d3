mod property;

use std::time::{Duration, Instant, SystemTime};

use super::*;
use crate::presence::fresh::Announcement;
use crate::protocol::{Identity, Json, PresentUser};

const MS: Duration = Duration::from_millis(1);

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn info(text: &str) -> Info {
    Info::of(&Identity::anonymous().with_info(Json::from(text)))
}

fn options(linger: u64, interval: u64, max_listed: usize) -> PresenceOptions {
    PresenceOptions {
        linger: MS * linger as u32,
        interval: MS * interval as u32,
        max_listed,
    }
}

/// A book that somebody watches, and a clock.
struct Watched {
    book: PresenceBook,
    now: Instant,
}

impl Watched {
    fn new(options: PresenceOptions) -> Self {
        let mut book = PresenceBook::new(options, 1 << 20);
        book.set_watched(true);
        Self {
            book,
            now: Instant::now(),
        }
    }

    fn enter(&mut self, name: &str) -> bool {
        let entering = (&user(name), Info::default());
        self.book.enter(Some(entering), self.now, SystemTime::now())
    }

    fn leave(&mut self, name: &str) -> bool {
        self.book.leave(Some(&user(name)), self.now)
    }

    fn pass(&mut self, ms: u64) {
        self.now += MS * ms as u32;
    }

    /// What is announced now, as text: `+ada -bob 2/3/0`, `=ada,bob …`, or numbers alone.
    fn announced(&mut self) -> Option<String> {
        if !self.book.is_due(self.now) {
            return None;
        }
        let announcement = self.book.take(self.now)?;
        announcement.to_told.as_ref().map(text)
    }
}

fn text(presence: &Presence) -> String {
    let PresenceCounts {
        users,
        connections,
        anonymous,
    } = presence.counts;
    let text: String = match &presence.list {
        PresenceList::Members(members) => format!("={} ", names(members).join(",")),
        PresenceList::Changes { joined, left } => {
            let joined = names(joined).into_iter().map(|name| format!("+{name} "));
            let left = left.iter().map(|name| format!("-{name} "));
            joined.chain(left).collect()
        }
        _ => String::new(),
    };
    text + &format!("{users}/{connections}/{anonymous}")
}

/// What those are told who have heard the last announcement.
fn told(announcement: Option<Announcement>) -> Option<Presence> {
    announcement?.to_told
}

fn names(users: &[PresentUser]) -> Vec<&str> {
    users.iter().map(|present| present.user.as_str()).collect()
}

#[test]
fn the_first_change_is_due_at_once_and_what_follows_together() {
    let mut watched = Watched::new(options(0, 500, 10));
    watched.enter("ada");
    assert_eq!(watched.announced().as_deref(), Some("+ada 1/1/0"));
    watched.pass(1);
    watched.enter("bob");
    watched.enter("eve");
    watched.leave("ada");
    assert_eq!(watched.announced(), None);
    assert_eq!(watched.book.due(), Some(watched.now + 499 * MS));
    watched.pass(499);
    assert_eq!(watched.announced().as_deref(), Some("+bob +eve -ada 2/2/0"));
    watched.pass(600);
    watched.leave("eve");
    assert_eq!(watched.announced().as_deref(), Some("-eve 1/1/0"));
    assert_eq!(watched.book.due(), None);
}

#[test]
fn a_user_with_two_connections_joins_with_the_first_and_leaves_with_the_last() {
    let mut watched = Watched::new(options(0, 0, 10));
    assert!(watched.enter("ada"));
    assert_eq!(watched.announced().as_deref(), Some("+ada 1/1/0"));
    assert!(!watched.enter("ada"));
    assert_eq!(watched.announced(), None);
    assert!(!watched.leave("ada"));
    assert_eq!(watched.announced(), None);
    assert!(watched.leave("ada"));
    assert_eq!(watched.announced().as_deref(), Some("-ada 0/0/0"));
}

#[test]
fn a_user_who_is_back_in_time_was_never_away() {
    let mut watched = Watched::new(options(5000, 500, 10));
    watched.enter("ada");
    watched.announced();
    watched.pass(1000);
    for _ in 0..200 {
        watched.leave("ada");
        watched.pass(4999);
        assert_eq!(watched.announced(), None);
        assert_eq!(text(&watched.book.snapshot(watched.now)), "=ada 1/0/0");
        watched.enter("ada");
        assert_eq!(watched.announced(), None);
    }
    watched.leave("ada");
    watched.pass(5000);
    assert_eq!(watched.announced().as_deref(), Some("-ada 0/0/0"));
    assert_eq!(watched.book.users.len(), 0);
}

#[test]
fn what_changes_nothing_in_the_end_is_not_announced() {
    let mut watched = Watched::new(options(0, 500, 10));
    watched.enter("ada");
    watched.announced();
    watched.enter("bob");
    watched.leave("ada");
    watched.leave("bob");
    watched.enter("ada");
    watched.pass(500);
    assert_eq!(watched.announced(), None);
    assert_eq!(watched.book.due(), None);
}

#[test]
fn above_the_limit_there_are_numbers_alone_and_at_half_of_it_the_users_again() {
    let mut watched = Watched::new(options(0, 0, 4));
    for name in ["a", "b", "c", "d"] {
        watched.enter(name);
    }
    assert_eq!(watched.announced().as_deref(), Some("+a +b +c +d 4/4/0"));
    watched.enter("e");
    assert_eq!(watched.announced().as_deref(), Some("5/5/0"));
    assert_eq!(text(&watched.book.snapshot(watched.now)), "5/5/0");
    watched.leave("a");
    assert_eq!(watched.announced().as_deref(), Some("4/4/0"));
    watched.leave("b");
    watched.leave("c");
    assert_eq!(watched.announced().as_deref(), Some("=d,e 2/2/0"));
    watched.enter("a");
    assert_eq!(watched.announced().as_deref(), Some("+a 3/3/0"));
}

#[test]
fn a_list_of_too_many_bytes_becomes_numbers_too() {
    let mut book = PresenceBook::new(options(0, 0, 1000), 1000);
    book.set_watched(true);
    let now = Instant::now();
    let long = info(&"x".repeat(900));
    book.enter(Some((&user("ada"), long)), now, SystemTime::now());
    assert_eq!(text(&told(book.take(now)).unwrap()), "+ada 1/1/0");
    book.enter(
        Some((&user("bob"), info(&"y".repeat(200)))),
        now,
        SystemTime::now(),
    );
    assert_eq!(text(&told(book.take(now)).unwrap()), "2/2/0");
    book.leave(Some(&user("ada")), now);
    assert_eq!(text(&told(book.take(now)).unwrap()), "=bob 1/1/0");
}

#[test]
fn an_info_is_that_of_the_newest_token() {
    let issued = |text: &str, at: u64| {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(at);
        let identity = Identity::anonymous().with_info(Json::from(text));
        Info::of(&identity.with_issued(at))
    };
    let mut watched = Watched::new(options(0, 0, 10));
    let (ada, now, at) = (user("ada"), watched.now, SystemTime::now());
    let mut enter = |info| {
        watched.book.enter(Some((&ada, info)), now, at);
        let change = told(watched.book.take(now))?;
        let PresenceList::Changes { joined, .. } = change.list else {
            panic!("{change:?}");
        };
        joined[0].info.clone()
    };
    assert_eq!(enter(issued("Ada", 100)), Some(Json::from("Ada")));
    assert_eq!(enter(issued("Old", 99)), None, "an older token");
    assert_eq!(enter(issued("Ada", 101)), None, "the same");
    assert_eq!(enter(issued("Ada L.", 101)), Some(Json::from("Ada L.")));
    watched.book.renew(&ada, issued("Lady Ada", 102), now);
    let change = told(watched.book.take(now)).unwrap();
    assert_eq!(text(&change), "+ada 1/4/0");
}

#[test]
fn connections_without_a_user_are_only_counted_and_announced_after_the_interval() {
    let mut watched = Watched::new(options(5000, 500, 10));
    watched.enter("ada");
    watched.announced();
    watched.pass(1000);
    watched.book.enter(None, watched.now, SystemTime::now());
    assert_eq!(watched.announced(), None);
    watched.pass(500);
    assert_eq!(watched.announced().as_deref(), Some("1/2/1"));
    watched.book.leave(None, watched.now);
    watched.pass(100);
    watched.book.enter(None, watched.now, SystemTime::now());
    watched.pass(500);
    assert_eq!(watched.announced(), None, "nothing has changed");
}

#[test]
fn an_info_that_is_the_same_again_in_the_end_is_not_announced() {
    let mut watched = Watched::new(options(0, 500, 10));
    watched.enter("ada");
    watched.announced();
    let ada = user("ada");
    let (early, _) = watched.book.show(watched.now);
    watched.book.renew(&ada, info("B"), watched.now);
    // Somebody who sees the other one has to be told of the end.
    let (between, knows) = watched.book.show(watched.now);
    watched.book.renew(&ada, Info::default(), watched.now);
    assert_ne!(early, between);
    watched.pass(500);
    let announcement = watched.book.take(watched.now).unwrap();
    assert_eq!(announcement.to_told, None);
    assert_eq!(knows, Knows::Snapshot(0));
    let to_fresh = announcement.to_fresh[0].as_ref();
    assert_eq!(to_fresh.map(text).as_deref(), Some("+ada 1/1/0"));
}

#[test]
fn a_user_who_is_back_with_another_info_is_announced_to_those_who_saw_the_first() {
    let mut watched = Watched::new(options(0, 500, 10));
    watched.enter("ada");
    watched.announced();
    watched.enter("bob");
    let (_, knows) = watched.book.show(watched.now);
    assert_eq!(knows, Knows::Snapshot(0));
    let bob = user("bob");
    watched.leave("bob");
    let at = SystemTime::now();
    watched
        .book
        .enter(Some((&bob, info("Bob"))), watched.now, at);
    watched.pass(500);
    let announcement = watched.book.take(watched.now).unwrap();
    assert_eq!(text(&announcement.to_told.unwrap()), "+bob 2/2/0");
    let to_fresh = announcement.to_fresh[0].as_ref();
    assert_eq!(to_fresh.map(text).as_deref(), Some("+bob 2/2/0"));
}

#[test]
fn those_who_linger_are_bounded_and_the_first_go_early() {
    let mut watched = Watched::new(options(3_600_000, 0, 150));
    for is_watched in [true, false] {
        watched.book.set_watched(is_watched);
        for number in 0..4000 {
            let name = format!("user-{number}");
            watched.enter(&name);
            watched.leave(&name);
            watched.announced();
            assert!(watched.book.users.len() <= 151);
        }
        let users = watched.book.page(None, 1000, watched.now).unwrap().items;
        assert_eq!(users.len(), 150);
        assert_eq!(users[0].present.user.as_str(), "user-3850");
    }
}

#[test]
fn what_comes_and_goes_within_an_interval_is_bounded() {
    let mut watched = Watched::new(options(0, 10_000, 100));
    watched.enter("ada");
    watched.announced();
    let mut latest = Knows::Announced;
    for number in 0..5000 {
        if number < 20 {
            latest = watched.book.show(watched.now).1;
        }
        let name = format!("user-{number}");
        watched.enter(&name);
        watched.leave(&name);
        assert!(watched.book.users.len() <= 202);
    }
    assert_eq!(latest, Knows::Snapshot(15));
    watched.pass(10_000);
    let announcement = watched.book.take(watched.now).unwrap();
    for presence in announcement.to_fresh.into_iter().flatten() {
        assert_eq!(text(&presence), "=ada 1/1/0");
    }
}

#[test]
fn changes_that_take_too_many_bytes_become_the_users_who_are_present() {
    let mut watched = Watched::new(options(0, 10_000, 100));
    watched.book = PresenceBook::new(watched.book.options, 2000);
    watched.book.set_watched(true);
    watched.enter("ada");
    watched.announced();
    for number in 0..20 {
        watched.enter(&format!("user-{number}"));
        watched.book.show(watched.now);
    }
    for number in 0..20 {
        watched.leave(&format!("user-{number}"));
    }
    // Others come and go, so that there is more to be said than is present.
    for number in 0..60 {
        let name = format!("other-{number}");
        watched.enter(&name);
        watched.leave(&name);
    }
    watched.pass(10_000);
    assert!(watched.book.announcement_bytes() <= 2000);
    let announcement = watched.book.take(watched.now).unwrap();
    assert_eq!(announcement.to_told, None);
    let mixed = announcement.to_fresh[15].as_ref().unwrap();
    assert_eq!(text(mixed), "=ada 1/1/0");
}

#[test]
fn where_one_user_is_listed_the_last_one_is_listed_again() {
    let mut watched = Watched::new(options(0, 0, 1));
    watched.enter("ada");
    assert_eq!(watched.announced().as_deref(), Some("+ada 1/1/0"));
    watched.enter("bob");
    assert_eq!(watched.announced().as_deref(), Some("2/2/0"));
    watched.leave("ada");
    assert_eq!(watched.announced().as_deref(), Some("=bob 1/1/0"));
}

#[test]
fn ten_thousand_joins_in_a_second_are_a_few_announcements() {
    let mut watched = Watched::new(PresenceOptions::default());
    let mut announcements = 0;
    for number in 0..10_000 {
        watched.enter(&format!("user-{number}"));
        watched.now += Duration::from_micros(100);
        announcements += usize::from(watched.announced().is_some());
    }
    assert!(announcements <= 3, "{announcements}");
    watched.pass(500);
    let last = watched.announced();
    assert_eq!(last.as_deref(), Some("10000/10000/0"));
}

#[test]
fn an_entry_is_small() {
    // With its places in the two maps, which are about three quarters full: some 130 bytes.
    assert!(size_of::<Entry>() <= 56, "{}", size_of::<Entry>());
}
