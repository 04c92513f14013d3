//! `loadtest run presence`: who is there, under churn, as some sockets are told and as the tester knows it; then everybody
//! joins at once.

use super::checks::Figures;
use super::message::Message;
use super::options::SceneOptions;
use super::presence_list::PresenceList;
use super::scene::{Scene, Seat};
use crate::base::print;
use crate::base::tokens::Claims;
use crate::measure::latency::Latency;
use crate::wire::http_client::HttpClient;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Sockets that are told who is there.
const WATCHERS: u32 = 20;
/// In addition to what the rule says, how long the last announcement may take.
const SETTLE: Duration = Duration::from_secs(10);
const API_TIMEOUT: Duration = Duration::from_secs(10);

/// What a socket knows. Those that only come and go know nothing.
#[derive(Default)]
struct Heard {
    list: Option<PresenceList>,
    /// Why its subscription was refused.
    refused: String,
}

/// When each user was told to join, and how long the watchers took to hear of it.
#[derive(Default)]
struct Joins {
    asked: HashMap<String, Instant>,
    lag: Latency,
}

/// Runs the scenario.
///
/// # Errors
/// The run cannot start.
pub(crate) async fn run(options: Rc<SceneOptions>) -> Result<Figures, String> {
    let mut figures = Figures::default();
    let mut scene: Scene<Heard> = Scene::new(&options);
    let joins = Rc::new(RefCell::new(Joins::default()));
    let name = options.channel();
    let subscribe = format!(r#"{{"type":"subscribe","channel":"{name}"}}"#);
    let watch = format!(r#"{{"type":"subscribe","channel":"{name}","presence":true}}"#);
    let unsubscribe = format!(r#"{{"type":"unsubscribe","channel":"{name}"}}"#);
    let hear = {
        let joins = Rc::clone(&joins);
        move |seat: &mut Seat<Heard>, message: &Message<'_>| {
            hear(seat, message, &mut joins.borrow_mut())
        }
    };
    scene
        .open(WATCHERS, Claims::default(), &watch, hear.clone())
        .await;
    let is_told = |seat: &Seat<Heard>| seat.state.list.is_some() || !seat.state.refused.is_empty();
    scene
        .until(options.connect_timeout, |seats| seats.iter().all(is_told))
        .await;
    if let Some(error) = why_not(&scene) {
        return Err(error);
    }
    let watchers = WATCHERS as usize;
    let count = options.connections as usize;
    scene
        .open(options.connections, Claims::default(), "", hear)
        .await;
    scene
        .until(options.connect_timeout, |seats| {
            seats.iter().all(|seat| seat.socket.is_some())
        })
        .await;
    let open = scene
        .seats
        .borrow()
        .iter()
        .filter(|seat| seat.socket.is_some())
        .count();
    figures.count("conns.ready", open);
    figures.count("connect.errors", watchers + count - open);

    print::err_line(&format!(
        "{open} sockets are open; {} join or leave per second",
        options.rate
    ));
    let mut present = vec![false; count];
    let mut random = options.seed | 1;
    let began = Instant::now();
    let toggles = (options.duration.as_secs_f64() * options.rate) as u64;
    for n in 0..toggles {
        let due = Duration::from_secs_f64(n as f64 / options.rate);
        if let Some(early) = due.checked_sub(began.elapsed()) {
            sleep(early).await;
        }
        // xorshift64: who is next.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let who = (random % count as u64) as usize;
        present[who] = !present[who];
        let seat = &scene.seats.borrow()[watchers + who];
        if present[who] {
            joins
                .borrow_mut()
                .asked
                .insert(seat.user.clone(), Instant::now());
            seat.send(&subscribe);
        } else {
            seat.send(&unsubscribe);
        }
    }
    let settle = options.timing.linger + options.timing.interval + SETTLE;
    let truth = users(&scene, &present);
    scene
        .until(settle, |seats| {
            seats[..watchers].iter().all(|seat| agrees(seat, &truth))
        })
        .await;
    settled(&scene, &truth, &mut figures);
    figures.count(
        "presence.rest_difference",
        rest_users(&options)?.abs_diff(truth.len()),
    );
    figures.count(
        "presence.joins",
        joins.borrow().lag.count() as usize / watchers,
    );
    figures.latency("presence.lag", &joins.borrow().lag);

    print::err_line(&format!("all leave, and {count} join at once"));
    for who in 0..count {
        if std::mem::take(&mut present[who]) {
            scene.seats.borrow()[watchers + who].send(&unsubscribe);
        }
    }
    let nobody = users(&scene, &present);
    scene
        .until(settle, |seats| {
            seats[..watchers]
                .iter()
                .all(|seat| seat_users(seat) == nobody.len() as u64)
        })
        .await;
    let messages = |scene: &Scene<Heard>| -> Vec<usize> {
        let seats = scene.seats.borrow();
        let lists = seats[..watchers]
            .iter()
            .filter_map(|seat| seat.state.list.as_ref());
        lists.map(|list| list.messages).collect()
    };
    let (before, began) = (messages(&scene), Instant::now());
    present.fill(true);
    scene.seats.borrow()[watchers..]
        .iter()
        .for_each(|seat| seat.send(&subscribe));
    let everybody = users(&scene, &present);
    scene
        .until(settle, |seats| {
            seats[..watchers]
                .iter()
                .all(|seat| seat_users(seat) == everybody.len() as u64)
        })
        .await;
    let took = began.elapsed();
    sleep(options.timing.interval * 2).await;
    let most = messages(&scene)
        .iter()
        .zip(&before)
        .map(|(now, then)| now - then)
        .max();
    let allowed =
        2.0 * began.elapsed().as_secs_f64() / options.timing.interval.as_secs_f64() + 10.0;
    figures.count("presence.storm_messages", most.unwrap_or(0));
    figures.count(
        "presence.storm_excess",
        most.unwrap_or(0).saturating_sub(allowed as usize),
    );
    figures.seconds("presence.storm_told", took.as_secs_f64());
    let wrong = scene.seats.borrow()[..watchers]
        .iter()
        .filter(|seat| seat_users(seat) != everybody.len() as u64)
        .count();
    figures.count("presence.storm_wrong", wrong);
    let unexpected = scene
        .seats
        .borrow()
        .iter()
        .filter(|seat| seat.closed.is_some())
        .count();
    figures.count("closes.unexpected", unexpected);
    scene.close().await;
    Ok(figures)
}

fn hear(seat: &mut Seat<Heard>, message: &Message<'_>, joins: &mut Joins) {
    let text = match message.kind {
        b"error" if !seat.is_ready => {
            seat.state.refused = String::from_utf8_lossy(message.code).into_owned();
            return;
        }
        b"subscribed" if !message.presence.is_empty() => Message::parse(message.presence),
        b"presence" => Message {
            members: message.members.clone(),
            joined: message.joined.clone(),
            left: message.left.clone(),
            users: message.users,
            connections: message.connections,
            ..Message::default()
        },
        _ => return,
    };
    let list = seat.state.list.get_or_insert_default();
    for user in list.take(text) {
        if let Some(asked) = joins.asked.get(&user) {
            joins.lag.record_ns(asked.elapsed().as_nanos() as u64);
        }
    }
}

/// Why the watchers are told nothing, if so.
fn why_not(scene: &Scene<Heard>) -> Option<String> {
    let seats = scene.seats.borrow();
    let knows_nobody = |seat: &Seat<Heard>| {
        let list = seat.state.list.as_ref();
        list.is_some_and(|list| list.users == 0 && list.connections > 0)
    };
    if seats.iter().any(knows_nobody) {
        return Some("the server knows none of the sockets by a user\n  fix: give tokens with --token-secret-file or --token-command, or run the server with --dev".to_owned());
    }
    let deaf = seats.iter().find(|seat| seat.state.list.is_none())?;
    let errors: Vec<String> = scene.errors.borrow().keys().cloned().collect();
    Some(match deaf.state.refused.as_str() {
        "" if errors.is_empty() => "the server tells nobody who is there".to_owned(),
        "" => format!("no watcher could connect: {}", errors.join("; ")),
        code => format!(
            "a watcher was refused: {code}\n  fix: run the server with a rule for presence: [[channels]] pattern = \"lt.*\", presence = true"
        ),
    })
}

/// Who is there, as the tester knows it.
fn users(scene: &Scene<Heard>, present: &[bool]) -> BTreeSet<String> {
    let seats = scene.seats.borrow();
    let (watchers, members) = seats.split_at(seats.len() - present.len());
    let there = members
        .iter()
        .zip(present)
        .filter(|(_, is_there)| **is_there);
    let all = watchers.iter().chain(there.map(|(seat, _)| seat));
    all.map(|seat| seat.user.clone()).collect()
}

fn seat_users(seat: &Seat<Heard>) -> u64 {
    seat.state.list.as_ref().map_or(0, |list| list.users)
}

/// Whether a watcher knows what the tester knows: the users, or only their number if the server does not list them.
fn agrees(seat: &Seat<Heard>, truth: &BTreeSet<String>) -> bool {
    seat.state.list.as_ref().is_some_and(|list| {
        list.users == truth.len() as u64
            && list.connections == list.users
            && list.members.as_ref().is_none_or(|members| members == truth)
    })
}

fn settled(scene: &Scene<Heard>, truth: &BTreeSet<String>, figures: &mut Figures) {
    let seats = scene.seats.borrow();
    let watchers = &seats[..WATCHERS as usize];
    let wrong = watchers.iter().filter(|seat| !agrees(seat, truth));
    for seat in wrong.clone().take(3) {
        let known = seat
            .state
            .list
            .as_ref()
            .and_then(|list| list.members.as_ref());
        let (more, fewer) = known.map_or((0, 0), |known| {
            (
                known.difference(truth).count(),
                truth.difference(known).count(),
            )
        });
        figures.notes.push(format!(
            "{}: {} users instead of {}, {more} too many, {fewer} missing",
            seat.user,
            seat_users(seat),
            truth.len()
        ));
    }
    figures.count("presence.wrong", wrong.count());
    let unfit = watchers.iter().filter_map(|seat| seat.state.list.as_ref());
    figures.count("presence.unfit", unfit.map(|list| list.wrong).sum());
}

/// The number of users that the API tells.
fn rest_users(options: &SceneOptions) -> Result<usize, String> {
    let mut client =
        HttpClient::new(options.api.clone(), API_TIMEOUT).with_headers(&options.api_headers);
    let path = format!("/api/channels/{}/presence?limit=1", options.channel());
    let reply = client
        .send("GET", &path, b"")
        .map_err(|error| error.to_string())?;
    let users = Message::parse(&reply.body).users;
    users
        .map(|users| users as usize)
        .ok_or_else(|| format!("GET {path}: http {}", reply.status))
}
