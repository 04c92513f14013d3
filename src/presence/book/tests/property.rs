//! The book against a naive model.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// Somebody who watches: what it knows, by the rules of the protocol.
#[derive(Debug, Default)]
struct Watcher {
    /// `None` while there are numbers alone.
    users: Option<BTreeSet<String>>,
    /// What it knows.
    knows: Option<Knows>,
}

impl Watcher {
    /// Beyond a number of snapshots since the last announcement, they are not told apart; only then it
    /// may be told what it knows.
    fn hear(&mut self, presence: &Presence, is_lenient: bool) {
        match &presence.list {
            PresenceList::Members(members) => {
                let names = members.iter().map(|it| it.user.to_string());
                self.users = Some(names.collect());
            }
            PresenceList::Changes { joined, left } => {
                let users = self.users.as_mut().expect("there was a list");
                for present in joined {
                    let is_new = users.insert(present.user.to_string());
                    assert!(is_new || is_lenient, "it knew {present:?}");
                }
                for user in left {
                    let was_known = users.remove(user.as_str());
                    assert!(was_known || is_lenient, "it did not know {user}");
                }
            }
            _ => self.users = None,
        }
        if let Some(users) = &self.users {
            assert_eq!(users.len(), presence.counts.users);
        }
    }
}

/// The naive model: who has how many connections, and who lingers until when.
#[derive(Debug, Default)]
struct Model {
    connections: BTreeMap<String, u32>,
    lingers: BTreeMap<String, Instant>,
}

impl Model {
    fn present(&self, now: Instant) -> BTreeSet<String> {
        let lingering = self.lingers.iter().filter(|(_, end)| **end > now);
        let here = self.connections.keys();
        here.chain(lingering.map(|(user, _)| user))
            .cloned()
            .collect()
    }
}

#[derive(Debug, Clone)]
enum Step {
    Enter(u8),
    Leave(u8),
    Pass(u16),
    Announce,
    Watch,
    Ask,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..8u8).prop_map(Step::Enter),
        4 => (0..8u8).prop_map(Step::Leave),
        3 => (0..400u16).prop_map(Step::Pass),
        3 => Just(Step::Announce),
        1 => Just(Step::Watch),
        1 => Just(Step::Ask),
    ]
}

proptest! {
    /// For everybody who watches, the snapshot and what was announced after it are those who are
    /// present, whenever everything has been announced.
    #[test]
    fn a_snapshot_and_the_announcements_after_it_are_those_who_are_present(
        steps in prop::collection::vec(step(), 0..300),
        linger in prop_oneof![Just(0), Just(50), Just(700)],
        max_listed in prop_oneof![Just(0_usize), Just(1), Just(3), Just(100)],
    ) {
        let options = options(linger, 200, max_listed);
        let mut book = PresenceBook::new(options, 1 << 20);
        let (mut now, at) = (Instant::now(), SystemTime::now());
        let (mut model, mut watchers) = (Model::default(), Vec::<Watcher>::new());
        let mut last_announced: Option<Instant> = None;
        for step in steps.into_iter().chain([Step::Pass(2000), Step::Announce]) {
            match step {
                Step::Enter(number) => {
                    let name = format!("user-{number}");
                    let connections = model.connections.entry(name.clone()).or_default();
                    *connections += 1;
                    let first = *connections == 1;
                    model.lingers.remove(&name);
                    let entering = (&user(&name), Info::default());
                    prop_assert_eq!(book.enter(Some(entering), now, at), first);
                }
                Step::Leave(number) => {
                    let name = format!("user-{number}");
                    let Some(connections) = model.connections.get_mut(&name) else {
                        continue;
                    };
                    *connections -= 1;
                    let last = *connections == 0;
                    if last {
                        model.connections.remove(&name);
                        model.lingers.insert(name.clone(), now + options.linger);
                    }
                    prop_assert_eq!(book.leave(Some(&user(&name)), now), last);
                }
                Step::Pass(ms) => now += MS * u32::from(ms),
                Step::Announce => {
                    if !book.is_due(now) {
                        continue;
                    }
                    if let Some(Announcement { to_told, to_fresh }) = book.take(now) {
                        let since = last_announced.map(|last| now - last);
                        prop_assert!(since.is_none_or(|since| since >= options.interval));
                        last_announced = Some(now);
                        for watcher in &mut watchers {
                            let (own, is_lenient) = match watcher.knows.take() {
                                Some(Knows::Snapshot(index)) => {
                                    let index = usize::from(index);
                                    (&to_fresh[index], index == 15)
                                }
                                _ => (&to_told, false),
                            };
                            if let Some(presence) = own {
                                watcher.hear(presence, is_lenient);
                            }
                        }
                    }
                    let due = book.announcement_due();
                    prop_assert!(due.is_none_or(|due| due > now), "all was announced");
                    let present = model.present(now);
                    for watcher in &watchers {
                        if let Some(users) = &watcher.users {
                            prop_assert_eq!(users, &present);
                        } else {
                            prop_assert!(max_listed == 0 || present.len() > max_listed / 2);
                        }
                    }
                }
                Step::Watch => {
                    book.set_watched(true);
                    let mut watcher = Watcher::default();
                    let (presence, knows) = book.show(now);
                    watcher.hear(&presence, false);
                    watcher.knows = Some(knows);
                    watchers.push(watcher);
                }
                Step::Ask => {
                    if let Some(watcher) = watchers.first_mut() {
                        let (presence, knows) = book.show(now);
                        watcher.hear(&presence, false);
                        watcher.knows = Some(knows);
                    }
                }
            }
            let present = model.present(now);
            prop_assert_eq!(book.counts_at(now).users, present.len());
            let page = book.page(None, usize::MAX, now).unwrap();
            let paged = page.items.iter().map(|item| item.present.user.to_string());
            prop_assert_eq!(paged.collect::<BTreeSet<_>>(), present);
        }
        prop_assert_eq!(book.users.len(), model.connections.len(), "nobody else is kept");
    }
}
