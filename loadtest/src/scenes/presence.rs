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
    let name = options.channel();
    let command = |rest: &str| format!(r#"{{"type":"{rest},"channel":"{name}"}}"#);
    let mut presence = Presence {
        scene: Scene::new(&options),
        figures: Figures::default(),
        joins: Rc::default(),
        subscribe: command(r#"subscribe""#),
        unsubscribe: command(r#"unsubscribe""#),
        watch: command(r#"subscribe","presence":true"#),
        present: vec![false; options.connections as usize],
        options,
    };
    presence.open().await?;
    presence.churn().await;
    presence.settle().await?;
    presence.storm().await;
    let unexpected = {
        let seats = presence.scene.seats.borrow();
        seats.iter().filter(|seat| seat.closed.is_some()).count()
    };
    presence.figures.count("closes.unexpected", unexpected);
    presence.scene.close().await;
    Ok(presence.figures)
}

struct Presence {
    options: Rc<SceneOptions>,
    scene: Scene<Heard>,
    figures: Figures,
    joins: Rc<RefCell<Joins>>,
    /// The commands.
    subscribe: String,
    unsubscribe: String,
    watch: String,
    /// Which of the members are there.
    present: Vec<bool>,
}

impl Presence {
    /// Opens the watchers and the members, who are not there yet.
    async fn open(&mut self) -> Result<(), String> {
        let hear = {
            let joins = Rc::clone(&self.joins);
            move |seat: &mut Seat<Heard>, message: &Message<'_>| {
                hear(seat, message, &mut joins.borrow_mut());
            }
        };
        let (scene, claims) = (&mut self.scene, Claims::default());
        let limit = self.options.connect_timeout;
        scene
            .open(WATCHERS, claims, &self.watch, hear.clone())
            .await;
        let is_told =
            |seat: &Seat<Heard>| seat.state.list.is_some() || !seat.state.refused.is_empty();
        scene.until(limit, |seats| seats.iter().all(is_told)).await;
        if let Some(error) = why_not(scene) {
            return Err(error);
        }
        scene.open(self.options.connections, claims, "", hear).await;
        let is_open = |seat: &Seat<Heard>| seat.socket.is_some();
        scene.until(limit, |seats| seats.iter().all(is_open)).await;
        let seats = scene.seats.borrow();
        let open = seats.iter().filter(|seat| is_open(seat)).count();
        self.figures.count("conns.ready", open);
        self.figures.count("connect.errors", seats.len() - open);
        print::err_line(&format!("{open} sockets are open"));
        Ok(())
    }

    /// A member, by number.
    fn send(&self, member: usize, command: &str) {
        self.scene.seats.borrow()[WATCHERS as usize + member].send(command);
    }

    /// Members come and go, at random.
    async fn churn(&mut self) {
        let options = Rc::clone(&self.options);
        print::err_line(&format!("{} join or leave per second", options.rate));
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
            let who = (random % self.present.len() as u64) as usize;
            self.present[who] = !self.present[who];
            if self.present[who] {
                let user = self.scene.seats.borrow()[WATCHERS as usize + who]
                    .user
                    .clone();
                self.joins.borrow_mut().asked.insert(user, Instant::now());
                self.send(who, &self.subscribe);
            } else {
                self.send(who, &self.unsubscribe);
            }
        }
    }

    /// How long the watchers may take to be told of everything.
    fn patience(&self) -> Duration {
        self.options.timing.linger + self.options.timing.interval + SETTLE
    }

    /// Waits until watchers and tester agree, and compares them.
    async fn settle(&mut self) -> Result<(), String> {
        let truth = users(&self.scene, &self.present);
        let watchers = WATCHERS as usize;
        let all_agree =
            |seats: &[Seat<Heard>]| seats[..watchers].iter().all(|seat| agrees(seat, &truth));
        self.scene.until(self.patience(), all_agree).await;
        settled(&self.scene, &truth, &mut self.figures);
        let told = rest_users(&self.options)?;
        let joins = self.joins.borrow();
        let figures = &mut self.figures;
        figures.count("presence.rest_difference", told.abs_diff(truth.len()));
        figures.count("presence.joins", joins.lag.count() as usize / watchers);
        figures.latency("presence.lag", &joins.lag);
        Ok(())
    }

    /// Waits until all watchers know of so many users.
    async fn until_told(&self, count: usize) {
        let know = |seat: &Seat<Heard>| seat_users(seat) == count as u64;
        let all_know = |seats: &[Seat<Heard>]| seats[..WATCHERS as usize].iter().all(know);
        self.scene.until(self.patience(), all_know).await;
    }

    /// How many messages each watcher has had.
    fn messages(&self) -> Vec<usize> {
        let seats = self.scene.seats.borrow();
        let watchers = seats[..WATCHERS as usize].iter();
        let lists = watchers.filter_map(|seat| seat.state.list.as_ref());
        lists.map(|list| list.messages).collect()
    }

    /// All leave, and then all join at once.
    async fn storm(&mut self) {
        let count = self.present.len();
        print::err_line(&format!("all leave, and {count} join at once"));
        let there = (0..count).filter(|who| self.present[*who]);
        there.for_each(|who| self.send(who, &self.unsubscribe));
        self.until_told(WATCHERS as usize).await;
        let (before, began) = (self.messages(), Instant::now());
        (0..count).for_each(|who| self.send(who, &self.subscribe));
        let everybody = WATCHERS as usize + count;
        self.until_told(everybody).await;
        let took = began.elapsed();
        let interval = self.options.timing.interval;
        sleep(interval * 2).await;
        let after = self.messages();
        let most = after.iter().zip(&before).map(|(now, then)| now - then);
        let most = most.max().unwrap_or(0);
        let allowed = 2.0 * began.elapsed().as_secs_f64() / interval.as_secs_f64() + 10.0;
        let seats = self.scene.seats.borrow();
        let watchers = seats[..WATCHERS as usize].iter();
        let wrong = watchers.filter(|seat| seat_users(seat) != everybody as u64);
        let figures = &mut self.figures;
        figures.count("presence.storm_wrong", wrong.count());
        figures.count("presence.storm_messages", most);
        figures.count(
            "presence.storm_excess",
            most.saturating_sub(allowed as usize),
        );
        figures.seconds("presence.storm_told", took.as_secs_f64());
    }
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
