//! `loadtest run auth`: a storm of refreshes, revocations and tokens that expire, next to sockets that nothing may happen to.

use super::checks::Figures;
use super::message::Message;
use super::options::SceneOptions;
use super::publishing;
use super::revoking::{self, Revoked};
use super::scene::{Scene, Seat, is_admitted};
use crate::base::print;
use crate::base::tokens::{Claims, Signer, Tokens, unix_now};
use crate::measure::latency::Latency;
use std::ops::Range;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long the server may take to answer a refresh.
const REFRESH: Duration = Duration::from_secs(10);
/// How long all revocations may take.
const REVOKE: Duration = Duration::from_secs(60);
/// How long after the answer to a revocation its connections may be open.
const REVOKED: Duration = Duration::from_secs(1);
/// How much later than at its end, with the leeway, a connection may be closed: many end together, and are closed in turn.
const EXPIRED: Duration = Duration::from_secs(5);
/// At most this many users are revoked, and this many tokens expire.
const MOST_REVOKED: u32 = 1000;
const MOST_EXPIRING: u32 = 1000;
/// How many revoked tokens are tried again.
const TRIED_AGAIN: usize = 50;
const ROUND_OF_REFRESHES: u64 = 2;

/// What a socket has heard.
#[derive(Default)]
struct Heard {
    asked_at: Option<Instant>,
    refresh: Option<Duration>,
    refused: bool,
    warned_at: Option<Instant>,
    events: u64,
    last: u64,
    wrong_order: u64,
}

fn hear(seat: &mut Seat<Heard>, message: &Message<'_>) {
    let heard = &mut seat.state;
    match message.kind {
        b"authenticated" => heard.refresh = heard.asked_at.map(|at| at.elapsed()),
        b"error" => heard.refused = true,
        b"event" if message.event == b"token_expiring" => {
            heard.warned_at.get_or_insert_with(Instant::now);
        }
        b"event" => {
            if let Some(number) = message.number {
                heard.events += 1;
                heard.wrong_order += u64::from(number <= heard.last);
                heard.last = number;
            }
        }
        _ => {}
    }
}

/// Runs the scenario.
///
/// # Errors
/// The run cannot start.
pub(crate) async fn run(options: Rc<SceneOptions>) -> Result<Figures, String> {
    let Tokens::Signed(signer) = options.tokens.clone() else {
        return Err("auth needs tokens that expire when it wants\n  fix: give the secret of the server's HS256 key with --token-secret-file".to_owned());
    };
    let channel = options.channel();
    let mut auth = Auth {
        scene: Scene::new(&options),
        figures: Figures::default(),
        subscribe: format!(r#"{{"type":"subscribe","channel":"{channel}"}}"#),
        options,
    };
    auth.open().await?;
    auth.refresh(&signer).await?;
    let (revoked, revocations) = auth.revoke().await?;
    auth.expire().await;
    let steady = auth.options.connections as usize;
    let others = auth.count(revoked..steady, |seat| seat.closed.is_some());
    auth.figures.count("closes.unexpected", others);
    auth.scene.close().await;
    revocations.take_back(&auth.options);
    Ok(auth.figures)
}

struct Auth {
    options: Rc<SceneOptions>,
    scene: Scene<Heard>,
    figures: Figures,
    /// The command that each socket begins with.
    subscribe: String,
}

impl Auth {
    fn count(&self, seats: Range<usize>, holds: impl Fn(&Seat<Heard>) -> bool) -> usize {
        let all = self.scene.seats.borrow();
        all[seats].iter().filter(|seat| holds(seat)).count()
    }

    /// Opens the sockets that stay, or that are revoked.
    async fn open(&mut self) -> Result<(), String> {
        let count = self.options.connections;
        let (scene, claims) = (&mut self.scene, Claims::default());
        scene.open(count, claims, &self.subscribe, hear).await;
        let limit = self.options.connect_timeout;
        scene
            .until(limit, |seats| seats.iter().all(|seat| seat.is_ready))
            .await;
        let ready = self.count(0..count as usize, |seat| seat.is_ready);
        let figures = &mut self.figures;
        figures.count("conns.ready", ready);
        figures.count("connect.errors", count as usize - ready);
        for (error, count) in self.scene.errors.borrow().iter() {
            figures.notes.push(format!("{count} sockets: {error}"));
        }
        if ready == 0 {
            let why = figures.notes.join("; ");
            return Err(format!("no socket could connect and subscribe: {why}"));
        }
        print::err_line(&format!("{ready} sockets are ready"));
        Ok(())
    }

    /// All sockets refresh their tokens while events are published.
    async fn refresh(&mut self, signer: &Signer) -> Result<(), String> {
        let options = &self.options;
        print::err_line("all refresh their tokens");
        let publishing = publishing::start(options).map_err(|error| error.to_string())?;
        sleep(options.duration / 4).await;
        let claims = Claims {
            id: ROUND_OF_REFRESHES,
            ..Claims::default()
        };
        for seat in self.scene.seats.borrow_mut().iter_mut() {
            let token = signer.token(&seat.user, &claims);
            seat.state.asked_at = Some(Instant::now());
            seat.send(&format!(r#"{{"type":"auth","token":"{token}","id":1}}"#));
        }
        let is_answered = |seat: &Seat<Heard>| {
            seat.state.refresh.is_some() || seat.state.refused || seat.closed.is_some()
        };
        let scene = &self.scene;
        scene
            .until(REFRESH, |seats| seats.iter().all(is_answered))
            .await;
        scene
            .until(options.duration + REFRESH, |_| !publishing.is_empty())
            .await;
        let published = publishing.try_recv().unwrap_or_default();
        let has_all = |seat: &Seat<Heard>| seat.state.events >= published.accepted;
        scene
            .until(options.drain, |seats| seats.iter().all(has_all))
            .await;
        refreshes(&mut self.figures, &scene.seats.borrow(), &published);
        Ok(())
    }

    /// Revokes the users of the first sockets. Returns how many, and the revocations.
    async fn revoke(&mut self) -> Result<(usize, Revoked), String> {
        let count = self.options.connections.div_ceil(2).min(MOST_REVOKED) as usize;
        print::err_line(&format!("revoking {count} users"));
        let users = self.scene.seats.borrow()[..count]
            .iter()
            .map(|seat| seat.user.clone())
            .collect();
        let revoking = revoking::start(&self.options, users).map_err(|error| error.to_string())?;
        self.scene.until(REVOKE, |_| !revoking.is_empty()).await;
        let revocations = revoking.try_recv().unwrap_or_default();
        let are_closed =
            |seats: &[Seat<Heard>]| seats[..count].iter().all(|seat| seat.closed.is_some());
        self.scene.until(REVOKED * 2, are_closed).await;
        let tokens: Vec<String> = {
            let all = self.scene.seats.borrow();
            closes(&mut self.figures, &all[..count], &revocations);
            let tried = all[..count.min(TRIED_AGAIN)].iter();
            tried.map(|seat| seat.token.clone()).collect()
        };
        let mut admitted = 0;
        for (number, token) in tokens.iter().enumerate() {
            admitted += usize::from(is_admitted(&self.options, number, token).await);
        }
        let figures = &mut self.figures;
        figures.count("revoked.errors", revocations.errors);
        figures.count("revoked.admitted", admitted);
        figures.notes.extend(revocations.error.clone());
        Ok((count, revocations))
    }

    /// Opens sockets whose tokens all end in the same second, and sees how they are warned and closed.
    async fn expire(&mut self) {
        let (options, scene) = (&self.options, &mut self.scene);
        let count = options.connections.div_ceil(4).min(MOST_EXPIRING);
        let timing = &options.timing;
        let opening = Duration::from_secs_f64(f64::from(count) / options.connect_rate);
        let end = unix_now() + (timing.token_life + opening).as_secs().max(2);
        print::err_line(&format!("{count} tokens end at once"));
        // The end is a whole second, and this moment is anywhere in one.
        let ends_at = Instant::now() + Duration::from_secs(end - unix_now());
        let claims = Claims {
            expires: Some(end),
            id: 0,
        };
        let first = scene.open(count, claims, &self.subscribe, hear).await;
        let last = ends_at + timing.leeway + EXPIRED;
        let limit = last.saturating_duration_since(Instant::now());
        let are_closed =
            |seats: &[Seat<Heard>]| seats[first..].iter().all(|seat| seat.closed.is_some());
        scene.until(limit, are_closed).await;
        expirations(&mut self.figures, &scene.seats.borrow()[first..], ends_at);
    }
}

fn closes(figures: &mut Figures, seats: &[Seat<Heard>], revocations: &Revoked) {
    let (mut closed, mut miscoded, mut late) = (0, 0, 0);
    for (seat, answered) in seats.iter().zip(&revocations.answered) {
        if let Some((code, at)) = seat.closed {
            closed += 1;
            miscoded += usize::from(code != 4004);
            late += usize::from(at > *answered + REVOKED);
        }
    }
    figures.count("revoked.survivors", seats.len() - closed);
    figures.count("revoked.miscoded", miscoded);
    figures.count("revoked.late", late);
}

fn refreshes(figures: &mut Figures, seats: &[Seat<Heard>], published: &publishing::Published) {
    let mut latency = Latency::default();
    let (mut refused, mut missing, mut reorders) = (0, 0, 0);
    for seat in seats.iter().filter(|seat| seat.is_ready) {
        if let Some(took) = seat.state.refresh {
            latency.record_ns(took.as_nanos() as u64);
        }
        refused += usize::from(seat.state.refused);
        missing += published.accepted.saturating_sub(seat.state.events) as usize;
        reorders += seat.state.wrong_order as usize;
    }
    let answered = latency.count() as usize;
    figures.count(
        "refresh.unanswered",
        seats.iter().filter(|seat| seat.is_ready).count() - answered,
    );
    figures.count("refresh.refused", refused);
    figures.latency("refresh", &latency);
    figures.count("publish.accepted", published.accepted as usize);
    figures.count("publish.errors", published.errors as usize);
    figures.notes.extend(published.error.clone());
    figures.count("loss.silent", missing);
    figures.count("reorders", reorders);
}

fn expirations(figures: &mut Figures, seats: &[Seat<Heard>], ends_at: Instant) {
    let closed = || seats.iter().filter_map(|seat| seat.closed);
    let second = Duration::from_secs(1);
    figures.count("expired.survivors", seats.len() - closed().count());
    let miscoded = closed().filter(|(code, _)| *code != 4003);
    figures.count("expired.miscoded", miscoded.count());
    let early = closed().filter(|(_, at)| *at + second < ends_at);
    figures.count("expired.early", early.count());
    let warned = seats.iter().filter_map(|seat| seat.state.warned_at);
    let warnings: Vec<Instant> = warned.collect();
    figures.count("expired.unwarned", seats.len() - warnings.len());
    let spread = match (warnings.iter().min(), warnings.iter().max()) {
        (Some(first), Some(last)) => last.duration_since(*first),
        _ => Duration::ZERO,
    };
    figures.seconds("expired.warning_spread", spread.as_secs_f64());
}
