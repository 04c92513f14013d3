//! Broadcasts to several topics, and to rooms whose members write to one another.

use wavecast::protocol::TopicKind;

use crate::fleet::Fleet;
use crate::rounds::compare;
use crate::workload::{Topic, Workload};

const BYTES: usize = 128;
const ROUNDS: usize = 101;
/// Many small topics.
const TOPICS: usize = 1000;
const MEMBERS: usize = 10;
/// Broadcasts that wait, each for another of the small topics.
const WAITING: usize = 64;
/// Orders of the small topics.
const ORDERS: u64 = 8;
/// Broadcasts that wait for large topics.
const WAITING_FOR_LARGE: usize = 16;
/// The default limit of a room, and a room as large as the channels.
const ROOMS: [usize; 2] = [100, 1000];
const LARGE: usize = 1000;
/// The bars: the cost that the hub may have, compared with the bare loop and with one topic.
const BAR: f64 = 1.1;
const BAR_OF_ONE_TOPIC: f64 = 1.2;

/// Compares each with the bare loop of the same sends, and with as many deliveries to one topic.
pub(crate) fn table(quick: bool) {
    println!("| what | bare loop, µs | hub, µs | ratio | hub, one topic, µs | ratio |");
    println!("|---|---|---|---|---|---|");
    many_topics(quick);
    interleaved(quick);
    for members in ROOMS {
        room_chat(members, quick);
    }
    println!();
}

fn many_topics(quick: bool) {
    let topics = if quick { WAITING } else { TOPICS };
    let mut fleet = Fleet::new(topics * MEMBERS);
    // The members of a topic are not neighbours.
    let small: Vec<Topic> = (0..topics)
        .map(|index| {
            let members = (0..MEMBERS).map(|member| index + member * topics);
            let name = format!("topic {index}");
            Topic::new(TopicKind::Channel, &name, members.collect(), BYTES)
        })
        .collect();
    for topic in &small {
        fleet.join(topic);
    }
    let distance = topics / WAITING;
    let everywhere = (0..WAITING * MEMBERS).map(|index| index * distance);
    let one = Topic::new(TopicKind::Channel, "one", everywhere.collect(), BYTES);
    fleet.join(&one);
    let workloads: Vec<Workload<'_>> = (0..ORDERS)
        .map(|seed| {
            let chosen = shuffled(topics, seed).into_iter().take(WAITING);
            Workload::new(chosen.map(|index| small[index].publication(None)).collect())
        })
        .collect();
    let name = format!("{topics} topics of {MEMBERS}, {WAITING} waiting in random order");
    row(&name, &mut fleet, &workloads, &one, 1, quick);
}

fn interleaved(quick: bool) {
    let mut fleet = Fleet::new(LARGE);
    let topic = |name| Topic::new(TopicKind::Channel, name, (0..LARGE).collect(), BYTES);
    let two = ["one", "two"].map(topic);
    for topic in &two {
        fleet.join(topic);
    }
    let publications = (0..WAITING_FOR_LARGE).map(|index| two[index % 2].publication(None));
    let workloads = [Workload::new(publications.collect())];
    let name = format!("two topics, the same {LARGE} in both, {WAITING_FOR_LARGE} interleaved");
    row(
        &name,
        &mut fleet,
        &workloads,
        &two[0],
        WAITING_FOR_LARGE,
        quick,
    );
}

fn room_chat(members: usize, quick: bool) {
    let mut fleet = Fleet::new(members);
    let room = Topic::new(TopicKind::Room, "room", (0..members).collect(), BYTES);
    fleet.join(&room);
    let senders = shuffled(members, 0).into_iter().take(WAITING_FOR_LARGE);
    let publications = senders.map(|sender| room.publication(Some(sender)));
    let workloads = [Workload::new(publications.collect())];
    let name = format!("a room of {members}, {WAITING_FOR_LARGE} waiting, each by another member");
    row(
        &name,
        &mut fleet,
        &workloads,
        &room,
        WAITING_FOR_LARGE,
        quick,
    );
}

fn row(
    name: &str,
    fleet: &mut Fleet,
    workloads: &[Workload<'_>],
    one_topic: &Topic,
    waiting: usize,
    quick: bool,
) {
    let reference = Workload::repeated(one_topic, waiting);
    assert_eq!(reference.deliveries, workloads[0].deliveries);
    let rounds = if quick { 1 } else { ROUNDS };
    let cost = compare(fleet, rounds, workloads, Some(&reference));
    // The members of many topics are not neighbours, which costs the bare loop as much.
    let compared = waiting > 1;
    println!(
        "| {name} | {:.2} | {:.2} | {} | {:.2} | {} |",
        cost.bare,
        cost.hub,
        marked(cost.hub_to_bare, BAR, !quick),
        cost.reference,
        marked(cost.hub_to_reference, BAR_OF_ONE_TOPIC, !quick && compared),
    );
}

/// A ratio, marked if it is above its bar.
fn marked(ratio: f64, bar: f64, has_bar: bool) -> String {
    if has_bar && ratio > bar {
        format!("{ratio:.2} (above {bar})")
    } else {
        format!("{ratio:.2}")
    }
}

/// The numbers below `count` in a random order, which is the same in each run.
fn shuffled(count: usize, seed: u64) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..count).collect();
    // SplitMix64.
    let mut state = seed;
    for last in (1..count).rev() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        numbers.swap(last, (mixed ^ (mixed >> 31)) as usize % (last + 1));
    }
    numbers
}
